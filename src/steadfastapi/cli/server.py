"""The shop's process: uvicorn as everybody starts it, its output in a file."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

GRACE = 10.0
"""Seconds from SIGTERM to SIGKILL."""
DRAIN = 5
"""Seconds that uvicorn waits for open connections, well within `GRACE`."""
TAIL_BYTES = 64 * 1024
TAIL_WIDTH = 400
_NOISE = re.compile(r"[\s^~]*$|\s*File \"<frozen importlib")
"""Lines of a traceback that say nothing."""
_LINK = re.compile(rb"^Console: (http\S+)\r?$", re.MULTILINE)


class ServerError(Exception):
    """The shop's process ended, never came up, or does not answer."""


class Server:
    """`python -m uvicorn shop.main:app` in a session of its own.

    A Ctrl-C of the terminal reaches the demo only, which ends the server when its
    customers have left.

    Args:
        app_dir: The directory that holds the package `shop`.
        folder: Where the log goes, and the working directory.
        host: The address to listen on.
        port: The port to listen on.
        env: The environment of the process.
    """

    def __init__(
        self,
        *,
        app_dir: Path,
        folder: Path,
        host: str,
        port: int,
        env: Mapping[str, str],
    ) -> None:
        self.log = folder / "shop.log"
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments
                [
                    *(sys.executable, "-m", "uvicorn", "shop.main:app"),
                    *("--app-dir", str(app_dir), "--host", host, "--port", str(port)),
                    *("--timeout-graceful-shutdown", str(DRAIN)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=folder,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def check(self) -> None:
        """Raise if the process has ended.

        Raises:
            ServerError: It has; the message holds the end of its log.
        """
        code = self._process.poll()
        if code is not None:
            how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
            raise ServerError(f"The shop ended with {how}. {self.last_words()}")

    def console_link(self) -> str | None:
        """Return the address that opens the console, which the shop has printed."""
        with self.log.open("rb") as file:
            found = _LINK.search(file.read(TAIL_BYTES))
        return found[1].decode() if found else None

    def last_words(self) -> str:
        """Return the last lines of the log, readable."""
        lines = tail(self.log)
        if not lines:
            return "It wrote no log."
        return "Its last log lines:\n" + "\n".join(f"  {line}" for line in lines)

    def stop(self) -> None:
        """End the process: SIGTERM, and SIGKILL if it is still there after `GRACE`."""
        if self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            pass
        finally:  # also when somebody is too impatient to wait
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()


def tail(log: Path, count: int = 12) -> list[str]:
    """Return the last lines of a log, JSON lines as people would write them."""
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL_BYTES))
        text = file.read().decode("utf-8", "replace")
    lines = [readable for line in text.splitlines() for readable in _readable(line)]
    telling = [line[:TAIL_WIDTH] for line in lines if not _NOISE.match(line)]
    return telling[-count:]


def _readable(line: str) -> list[str]:
    try:
        event = json.loads(line)
    except ValueError:
        return [line]
    if not isinstance(event, dict):
        return [line]
    head = f"{event.get('level', '')}: {event.get('event', '')}"
    if "path" in event:
        head += f" {event.get('method')} {event['path']} {event.get('status', '')}"
    return [head.rstrip(), *str(event.get("exception") or "").splitlines()]
