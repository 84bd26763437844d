"""The servers that run a configured application, and how each is started."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from support._tcp import HOST
from support.services import require

if TYPE_CHECKING:
    from collections.abc import Iterable

APP = "support.servers_app:app"


@dataclass(frozen=True)
class Server:
    """One way to serve.

    Args:
        name: For test ids.
        needs: Modules that must be installed.
        options: Of `python -m <needs[0]>`; `{host}` and `{port}` are filled in.
        workers: Processes that serve.
        finishes: Whether requests in flight are answered at the end.
    """

    name: str
    needs: tuple[str, ...]
    options: str
    workers: int = 1
    finishes: bool = True

    def command(self, port: int) -> list[str]:
        """Return the command line for a port."""
        options = self.options.format(host=HOST, port=port).split()
        return [sys.executable, "-m", self.needs[0], *options, APP]

    def missing(self) -> str | None:
        """Return a module that is not installed."""
        return next((name for name in self.needs if find_spec(name) is None), None)


# Access logs are on where they can be: one line a request is our promise.
_UVICORN = "--host {host} --port {port} "
_HYPERCORN = "--bind {host}:{port} --access-logfile - "
_GRANIAN = "--interface asgi --host {host} --port {port} --access-log "
_GUNICORN = "--bind {host}:{port} --access-logfile - --workers 2 "
_UVICORN_WORKER = _GUNICORN + "--worker-class uvicorn_worker.UvicornWorker "

SERVERS = (
    Server("uvicorn-h11", ("uvicorn", "h11"), _UVICORN + "--http h11"),
    Server(
        "uvicorn-httptools", ("uvicorn", "httptools"), _UVICORN + "--http httptools"
    ),
    Server("uvicorn-workers", ("uvicorn",), _UVICORN + "--workers 2", 2),
    Server("hypercorn", ("hypercorn",), _HYPERCORN),
    # Its supervisor sends SIGTERM, which the workers do not handle, to all others as
    # soon as the first has ended (hypercorn 0.18, `run.py`).
    Server(
        "hypercorn-workers",
        ("hypercorn",),
        _HYPERCORN + "--workers 2",
        2,
        finishes=False,
    ),
    Server("granian", ("granian",), _GRANIAN),
    Server("granian-workers", ("granian",), _GRANIAN + "--workers 2", 2),
    Server("gunicorn", ("gunicorn", "uvicorn_worker"), _UVICORN_WORKER, 2),
    Server(
        "gunicorn-preload",
        ("gunicorn", "uvicorn_worker"),
        _UVICORN_WORKER + "--preload",
        2,
    ),
    Server("gunicorn-asgi", ("gunicorn",), _GUNICORN + "--worker-class asgi", 2),
)

ALWAYS = {"uvicorn-h11", "gunicorn-preload"}
"""In every run of the tests; the others in `make proof`."""


def _each(servers: Iterable[Server]) -> pytest.MarkDecorator:
    found = [
        pytest.param(
            one, id=one.name, marks=[] if one.name in ALWAYS else pytest.mark.proof
        )
        for one in servers
    ]
    return pytest.mark.parametrize("server", found)


EVERY_SERVER = _each(SERVERS)
EVERY_THAT_FINISHES = _each(one for one in SERVERS if one.finishes)


def installed(server: Server) -> Server:
    """Return a server; the test that needs a missing one is skipped by name."""
    missing = server.missing()
    require(missing or server.name, missing is None)
    return server
