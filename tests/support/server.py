"""The application under a real uvicorn."""

import signal
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from support._process_runner import ProcessRunner, Stopped
from support._tcp import HOST
from support._thread_runner import ThreadRunner

__all__ = ["LiveServer", "Stopped"]


class LiveServer:
    """Serve an application on a free port of 127.0.0.1 while the context lasts.

    In a thread, the server shares the process of the test: no signals, no output of
    its own. In a subprocess it runs as `python -m uvicorn`, outside pytest's view
    (`PYTEST_CURRENT_TEST` is gone), and its whole process group is killed at the end.

    Args:
        app: The application, or its import string; a subprocess needs the string.
        http: The HTTP parser.
        workers: Worker processes; implies a subprocess. The server counts as up when
            the first worker accepts connections.
        env: Changes to the subprocess's environment; `None` as value removes a name.
        subprocess: Whether to run in a subprocess.
        log_config: As for uvicorn. A thread defaults to none, which leaves logging
            alone; a subprocess to uvicorn's own.
        start_timeout: Seconds for the server to come up.
        cwd: Working directory of the subprocess.
        options: Further uvicorn settings by their Python names, such as `factory=True`,
            `access_log=False`, `timeout_graceful_shutdown=2`; `app_dir` and other
            settings of the command line alone need a subprocess.
    """

    def __init__(  # noqa: PLR0913 - all but the first by name
        self,
        app: Any,
        *,
        http: Literal["h11", "httptools"] = "h11",
        workers: int | None = None,
        env: Mapping[str, str | None] | None = None,
        subprocess: bool = False,
        log_config: dict[str, Any] | str | Path | None = None,
        start_timeout: float = 20.0,
        cwd: Path | None = None,
        **options: Any,
    ) -> None:
        options |= {"http": http, "log_config": log_config}
        self._start_timeout = start_timeout
        self._runner: ProcessRunner | ThreadRunner
        if subprocess or workers is not None:
            if not isinstance(app, str):
                raise TypeError("a subprocess needs an import string")
            options |= {"workers": workers}
            self._runner = ProcessRunner(app, options, env, cwd)
        else:
            if env is not None or cwd is not None:
                raise TypeError("env and cwd need subprocess=True")
            self._runner = ThreadRunner(app, options)
        self.host = HOST

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._runner.port

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        return f"http://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """The process; with workers, their supervisor."""
        return self._runner.pid

    def __enter__(self) -> Self:
        self._runner.start(self._start_timeout)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._runner.close()

    def stop(
        self, sig: signal.Signals = signal.SIGTERM, timeout: float = 30.0
    ) -> Stopped:
        """Ask the server to end and wait until it did.

        Args:
            sig: The signal; a thread ends gracefully whatever it says.
            timeout: Seconds until `TimeoutError`; the default is the grace period of
                a Kubernetes pod.

        Returns:
            Exit code and seconds. uvicorn re-raises the signal, so that a graceful end
            of a subprocess without workers has the code `-sig`.
        """
        return self._runner.stop(sig, timeout)

    def stdout(self) -> str:
        """Return what a subprocess wrote to stdout so far, also after its end."""
        return self._runner.output("stdout")

    def stderr(self) -> str:
        """Return what a subprocess wrote to stderr so far, also after its end."""
        return self._runner.output("stderr")

    def lines(self) -> list[str]:
        r"""Return the non-empty lines of stdout and stderr, in this order.

        Only `\n` ends a line; a stray `\r` or U+2028 stays visible to the test.
        """
        text = f"{self.stdout()}\n{self.stderr()}"
        return [line for line in text.split("\n") if line]

    def wait_for_line(self, text: str, count: int = 1, timeout: float = 10.0) -> None:
        """Wait until `count` lines of a subprocess contain a text.

        Args:
            text: What to look for.
            count: The least number of lines.
            timeout: Seconds until `TimeoutError`.
        """
        deadline = time.monotonic() + timeout
        while sum(text in line for line in self.lines()) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {text!r} ({count} times) in {self.lines()}")
            time.sleep(0.01)

    def worker_pids(self) -> list[int]:
        """Return the live worker processes, oldest first; empty without workers."""
        found = (_worker(entry, self.pid) for entry in Path("/proc").iterdir())
        return sorted(pid for pid in found if pid is not None)


def _worker(entry: Path, parent: int) -> int | None:
    """Return the id of a process in /proc if it is a live worker of `parent`."""
    if not entry.name.isdigit():
        return None
    try:
        stat = (entry / "stat").read_text(errors="replace")
        command = (entry / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command name, in parentheses, may itself hold spaces and parentheses.
    state, ppid, *_ = stat.rpartition(")")[2].split()
    # Not multiprocessing's resource tracker, which is a child as well.
    is_worker = int(ppid) == parent and state != "Z" and b"spawn_main" in command
    return int(entry.name) if is_worker else None
