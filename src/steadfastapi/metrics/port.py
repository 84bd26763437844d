"""The page on a port of its own, served by a thread."""

from __future__ import annotations

import json
import socket
import threading
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client.exposition import ThreadingWSGIServer

from steadfastapi._guard import guard
from steadfastapi.metrics import multiprocess
from steadfastapi.metrics.page import authorised, exposition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from steadfastapi.metrics.registry import Families

POLL_INTERVAL = 0.1
"""Seconds until the thread notices that it shall stop."""

READ_TIMEOUT = 10.0
"""Seconds for a scraper to send its request."""


class OwnPort:
    """Serves the page beside the application.

    Args:
        families: What is served, besides the default registry.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        path: Path of the page.
        token: What a scraper must send as `Authorization: Bearer …`.
    """

    def __init__(
        self, families: Families, *, host: str, port: int, path: str, token: str | None
    ) -> None:
        self._families = families
        self._address = host, port
        self._path = path
        self._token = token
        self._server: Any = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int | None:
        """Where it listens; None while it does not."""
        return None if self._server is None else self._server.server_port

    def start(self) -> None:
        """Listen.

        Raises:
            OSError: The port is taken.
        """
        host, port = self._address
        self._server = make_server(
            host, port, self._application, _server_for(host), _SilentHandler
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            args=(POLL_INTERVAL,),
            name="steadfastapi-metrics-port",
            daemon=True,
        )
        self._thread.start()

    def stop(self, deadline: float) -> bool:
        """Stop listening."""
        if self._server is None or self._thread is None:
            return True
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(deadline)
        self._server = None
        return not self._thread.is_alive()

    def _application(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        status, headers, body = self._answer(environ)
        start_response(status, [*headers, ("Content-Length", str(len(body)))])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    def _answer(
        self, environ: dict[str, Any]
    ) -> tuple[str, list[tuple[str, str]], bytes]:
        if environ.get("PATH_INFO") != self._path:
            return _refusal("404 Not Found", "Not Found")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _refusal("405 Method Not Allowed", "Method Not Allowed")
        if not authorised(environ.get("HTTP_AUTHORIZATION", ""), self._token):
            return _refusal(
                "401 Unauthorized", "Not authenticated", ("WWW-Authenticate", "Bearer")
            )
        page = guard.call(
            "metrics.page", exposition, self._families, environ.get("HTTP_ACCEPT", "")
        )
        if page is None:
            return _refusal("503 Service Unavailable", "Metrics are unavailable")
        body, content_type = page
        return (
            "200 OK",
            [("Content-Type", content_type), ("Cache-Control", "no-store")],
            body,
        )


def _refusal(
    status: str, detail: str, *headers: tuple[str, str]
) -> tuple[str, list[tuple[str, str]], bytes]:
    content_type = ("Content-Type", "application/json")
    return status, [content_type, *headers], json.dumps({"detail": detail}).encode()


def _server_for(host: str) -> type[ThreadingWSGIServer]:
    class Server(ThreadingWSGIServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # Every worker serves the page of all, so any of them may answer.
        allow_reuse_port = multiprocess.active() and hasattr(socket, "SO_REUSEPORT")

        def server_bind(self) -> None:
            # Without the reverse look-up of `HTTPServer`, which waits for DNS.
            TCPServer.server_bind(self)
            self.server_name, self.server_port = str(host), self.server_address[1]
            self.setup_environ()

    return Server


class _SilentHandler(WSGIRequestHandler):
    timeout = READ_TIMEOUT

    def log_message(self, *_: Any) -> None:
        """Write nothing: a scrape is no news."""
