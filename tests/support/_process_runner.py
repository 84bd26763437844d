"""uvicorn in a process group of its own."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from support._tcp import HOST

POLL = 0.02


class Stopped(NamedTuple):
    """How a server ended."""

    code: int
    """Exit code; negative for a signal, as in `subprocess`."""
    seconds: float
    """From the signal to the end."""


class ProcessRunner:
    """Run `python -m uvicorn` in a process group of its own."""

    def __init__(
        self,
        target: str,
        options: dict[str, Any],
        env: Mapping[str, str | None] | None,
        cwd: Path | None,
    ) -> None:
        self._target = target
        self._options = options
        self._env = environment(env)
        self._cwd = cwd
        self._kept: dict[str, str] = {}
        self.port = 0

    @property
    def pid(self) -> int:
        """The process that leads the group."""
        return self._process.pid

    def start(self, timeout: float) -> None:
        """Reserve a port, spawn uvicorn and wait until it accepts."""
        self._folder = tempfile.TemporaryDirectory()
        if isinstance(self._options.get("log_config"), dict):
            config = Path(self._folder.name, "log.json")
            config.write_text(json.dumps(self._options["log_config"]))
            self._options["log_config"] = config
        with contextlib.ExitStack() as stack:
            # Bound but not listening, with SO_REUSEADDR on both sides: nobody else
            # gets the port before uvicorn has it, and early connections are refused.
            held = stack.enter_context(socket.socket())
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind((HOST, 0))
            self.port = held.getsockname()[1]
            options = {"host": HOST, "port": self.port} | self._options
            self._process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", self._target, *arguments(options)],
                stdin=subprocess.DEVNULL,
                stdout=stack.enter_context(self._file("stdout").open("ab")),
                stderr=stack.enter_context(self._file("stderr").open("ab")),
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,
            )
            try:
                self._await_connection(timeout)
            except BaseException:
                self.close()
                raise

    def stop(self, sig: signal.Signals, timeout: float) -> Stopped:
        """Signal the leader and wait for it."""
        begin = time.monotonic()
        self._process.send_signal(sig)
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(
                f"uvicorn still runs {timeout} s after {sig.name}:\n{self._tail()}"
            ) from None
        return Stopped(code, time.monotonic() - begin)

    def close(self) -> None:
        """Kill what is left of the group and keep the output."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._kept = {name: self.output(name) for name in ("stdout", "stderr")}
        self._folder.cleanup()

    def output(self, stream: str) -> str:
        """Return what was written to one stream so far."""
        if stream in self._kept:
            return self._kept[stream]
        return self._file(stream).read_bytes().decode(errors="backslashreplace")

    def _file(self, stream: str) -> Path:
        return Path(self._folder.name, stream)

    def _tail(self) -> str:
        return (self.output("stdout") + self.output("stderr"))[-4000:]

    def _await_connection(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            with (
                contextlib.suppress(ConnectionRefusedError),
                socket.create_connection((HOST, self.port), timeout),
            ):
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._process.wait(POLL)
                raise RuntimeError(f"uvicorn exited with {code}:\n{self._tail()}")
        raise TimeoutError(f"uvicorn not up after {timeout} s:\n{self._tail()}")


def environment(changes: Mapping[str, str | None] | None) -> dict[str, str]:
    """Build a child's environment: not under pytest, same import path."""
    env: dict[str, str | None] = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTEST_")
    }
    env["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    env |= dict(changes or {})
    return {name: value for name, value in env.items() if value is not None}


def arguments(options: Mapping[str, Any]) -> Iterator[str]:
    """Turn keyword options into uvicorn's command-line flags."""
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            yield f"--{flag}" if value else f"--no-{flag}"
        elif isinstance(value, list | tuple):
            yield from (f"--{flag}={item}" for item in value)
        elif value is not None:
            yield f"--{flag}={value}"
