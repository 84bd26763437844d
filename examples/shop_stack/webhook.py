"""Whom Alertmanager pages in the local stack: `http://localhost:8080` shows what came.

Every POST is printed as one line of JSON; `GET /` returns the last hundred.
"""

import json
import signal
import sys
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEPT = 100
MAX_BODY = 1024 * 1024
"""Bytes of one page; Alertmanager's are a few KiB."""


class Sink(ThreadingHTTPServer):
    """Remembers what it is sent.

    Args:
        address: Where to listen.
    """

    daemon_threads = True

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, Handler)
        self.pages: deque[Any] = deque(maxlen=KEPT)


class Handler(BaseHTTPRequestHandler):
    """Takes and shows pages."""

    server: Sink
    timeout = 10

    def do_POST(self) -> None:
        """Take a page."""
        size = int(self.headers.get("Content-Length") or 0)
        if size > MAX_BODY:
            self._answer(413, {"detail": "too large"})
            return
        try:
            page = json.loads(self.rfile.read(size))
        except ValueError:
            self._answer(400, {"detail": "not JSON"})
            return
        self.server.pages.append(page)
        sys.stdout.write(f"{json.dumps(page)}\n")
        sys.stdout.flush()
        self._answer(200, {})

    def do_GET(self) -> None:
        """Show the last pages, the newest one last."""
        self._answer(200, list(self.server.pages))

    def _answer(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the pages are the log."""


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    with Sink(("0.0.0.0", 8080)) as sink:  # noqa: S104 - Alertmanager is elsewhere
        for number in (signal.SIGINT, signal.SIGTERM):
            # In a thread: `shutdown` waits for the loop that the signal interrupts.
            signal.signal(
                number, lambda *_: threading.Thread(target=sink.shutdown).start()
            )
        sink.serve_forever()


if __name__ == "__main__":
    main()
