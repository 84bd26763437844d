"""A store of each kind."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from support.inbox import STORES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from steadfastapi.inbox.store import Store


@pytest.fixture(params=list(STORES))
def make(request: pytest.FixtureRequest) -> Iterator[Callable[[], Store]]:
    """Open one database again and again, as several processes do."""
    with STORES[request.param]() as opening:
        yield opening


@pytest.fixture
def store(make: Callable[[], Store]) -> Store:
    """Return a new store."""
    made = make()
    made.open()
    return made


@pytest.fixture
def unused_tcp_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Yield a port that accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield int(silent.getsockname()[1])
