"""Follows the shop's log and checks each line off against what was sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

PARTNER = "/partner/"
"""Below it the shop asks itself: for every order, and for its health."""


class LogReader:
    """Reads what was appended since the last time.

    Every request of ours is noted twice, once when it is sent and once when its line
    is found, in either order; the second note removes the first. What is left at the
    end has no line, or one too many. Nothing grows with the length of the demo.

    Args:
        path: The log.
        prefix: How the request ids of our requests begin.
    """

    def __init__(self, path: Path, prefix: str) -> None:
        self._path = path
        self._prefix = prefix
        self._offset = 0
        self.unmatched: set[str] = set()
        """Ids of requests and WebSockets whose access line is missing or surplus."""
        self.unmatched_errors: set[str] = set()
        """Ids of crashes whose ERROR line is missing or surplus."""
        self.access_lines = 0
        """Access lines of our requests, WebSockets included."""
        self.error_lines = 0
        """Lines at level error that belong to our requests."""
        self.partner_calls = 0
        self.visitors = 0
        """Requests that are neither ours nor the shop's: somebody is looking."""
        self.visiting_sockets = 0

    @property
    def size(self) -> int:
        """Bytes of log so far."""
        return self._offset

    def sent(self, request_id: str) -> None:
        """Expect one access line for this request."""
        self.unmatched ^= {request_id}

    def crashed(self, request_id: str) -> None:
        """Expect one ERROR line for this request."""
        self.unmatched_errors ^= {request_id}

    def read(self) -> None:
        """Take in every complete line that is new."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        complete = data.rfind(b"\n") + 1
        self._offset += complete
        for line in data[:complete].splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue  # not ours: the interpreter or the server wrote it
            if isinstance(event, dict):
                self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        request_id = str(event.get("request_id", ""))
        ours = request_id.startswith(self._prefix)
        if "outcome" in event and event.get("event") in ("request", "websocket"):
            if ours:
                self.access_lines += 1
                self.sent(request_id)
            elif event["event"] == "websocket":
                self.visiting_sockets += 1
            elif str(event.get("route")).startswith(PARTNER):
                self.partner_calls += 1
            else:
                self.visitors += 1
        if ours and event.get("level") == "error":
            self.error_lines += 1
            self.crashed(request_id)
