"""Whom Alertmanager pages in the local stack: `http://localhost:8080` shows what came.

Every POST is printed as one line of JSON; `GET /` returns the last hundred, and
`GET /runbooks/<alert>.md` the page that an alert links to.
"""

import html
import json
import re
import signal
import sys
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

RUNBOOKS = Path("/runbooks")
KEPT = 100
MAX_BODY = 1024 * 1024
"""Bytes of one page; Alertmanager's are a few KiB."""


class Sink(ThreadingHTTPServer):
    """Remembers what it is sent.

    Args:
        address: Where to listen.
        runbooks: Folder of the runbooks.
    """

    daemon_threads = True

    def __init__(self, address: tuple[str, int], runbooks: Path = RUNBOOKS) -> None:
        super().__init__(address, Handler)
        self.pages: deque[Any] = deque(maxlen=KEPT)
        self.runbooks = runbooks


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
        """Show the last pages, the newest one last, or a runbook."""
        runbook = re.fullmatch(r"/runbooks/(\w+\.md)", self.path)
        if runbook is None:
            self._answer(200, list(self.server.pages))
            return
        try:
            text = (self.server.runbooks / runbook[1]).read_text("utf-8")
        except FileNotFoundError:
            self._answer(404, {"detail": f"no runbook {runbook[1]}"})
            return
        self._send(200, "text/html; charset=utf-8", readable(text))

    def _answer(self, status: int, content: Any) -> None:
        self._send(status, "application/json", json.dumps(content))

    def _send(self, status: int, kind: str, content: str) -> None:
        body = content.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the pages are the log."""


def readable(markdown: str) -> str:
    """Return Markdown as a page whose links can be clicked."""
    text = re.sub(
        r"\[([^]]+)\]\(([^)]+)\)", r'<a href="\2">\1</a>', html.escape(markdown)
    )
    style = "white-space: pre-wrap; max-width: 50em; margin: 2em auto"
    return f'<!doctype html><meta charset="utf-8"><pre style="{style}">{text}</pre>'


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
