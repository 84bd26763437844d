"""What a limit counts by: the ready key functions, and the names of buckets."""

from __future__ import annotations

import inspect
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from slowapi.util import get_ipaddr, get_remote_address
from starlette.requests import HTTPConnection, Request
from starlette.websockets import WebSocket

from steadfastapi._guard import guard
from steadfastapi.limits.client import Clients

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message, Scope

    KeyFunction = Callable[..., Any]

CLIENTS_KEY = "steadfastapi.clients"
"""Where in the scope the application's `Clients` travel, for `by_ip`."""

_DIGEST_BYTES = 16
_no_proxies = Clients()


def by_ip(request: HTTPConnection) -> str:
    """Count by the address of the client.

    Proxies are seen through if they are listed in `Limits(trusted_proxies=…)`; IPv6
    addresses count by their network of 64 bits.

    Args:
        request: The request, or the WebSocket.
    """
    clients: Clients = request.scope.get(CLIENTS_KEY, _no_proxies)
    return clients.address(request.scope)


def by_header(name: str) -> KeyFunction:
    """Count by the value of a header, by the address of those who send none.

    A client that may choose the value gets a new limit with each new one: take a
    header that something in front of the application has verified.

    Args:
        name: Of the header; case makes no difference.
    """

    def key(request: HTTPConnection) -> str:
        return request.headers.get(name, "")

    return key


def by_user(find: Callable[[Any], Any]) -> KeyFunction:
    """Count by the user that `find` sees, by the address where it sees none.

    Args:
        find: Gets the request, sync or async, and returns an id or None. It runs
            before the body is read and before dependencies: read a session, or the
            signature of a token, not the database.
    """

    async def key(request: HTTPConnection) -> str:
        found = find(request)
        if inspect.isawaitable(found):
            found = await found
        return "" if found is None else str(found)

    return key


def default_key(request: HTTPConnection) -> str:
    """Count by what `Limits(key=…)` says; by the address unless it says otherwise.

    Args:
        request: The request, or the WebSocket.
    """
    return by_ip(request)


BY_ADDRESS = frozenset({by_ip, get_remote_address, get_ipaddr})
"""All of these are `by_ip`: slowapi's own take every client behind a proxy for one,
or whatever a client writes into a header (LIMIT-9)."""


@lru_cache(maxsize=1024)
def takes_argument(function: Callable[..., Any]) -> bool:
    """Return whether a function of the user's wants the request."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(
        one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD, one.VAR_POSITIONAL)
        and one.default is one.empty
        for one in parameters
    )


class Caller:
    """Who sent the request that is being decided, found out as far as needed."""

    __slots__ = ("_address", "_clients", "_connection", "_scope")

    def __init__(self, scope: Scope, clients: Clients) -> None:
        self._scope = scope
        self._clients = clients
        self._address: str | None = None
        self._connection: HTTPConnection | None = None

    @property
    def address(self) -> str:
        """The address that counts."""
        if self._address is None:
            self._address = self._clients.address(self._scope)
        return self._address

    @property
    def connection(self) -> HTTPConnection:
        """What the user's functions get; its body cannot be read."""
        if self._connection is None:
            self._scope[CLIENTS_KEY] = self._clients
            if self._scope["type"] == "websocket":
                self._connection = WebSocket(self._scope, _closed, _closed)
            else:
                self._connection = Request(self._scope)
        return self._connection

    async def ask(
        self, component: str, function: Callable[..., Any], default: Any
    ) -> Any:
        """Return what a function of the user's says, or `default` when it raises."""
        try:
            if takes_argument(function):
                answer = function(self.connection)
            else:
                answer = function()
            if inspect.isawaitable(answer):
                answer = await answer
        except Exception as error:
            guard.swallow(component, error)
            return default
        return answer

    async def key(self, function: KeyFunction) -> bytes:
        """Return what a limit counts by: the address, or what `function` says.

        The two cannot be mistaken for each other, whatever a client sends.
        """
        if function not in BY_ADDRESS:
            said = await self.ask("limits.key", function, "")
            if said is not None and said != "":
                return b"k" + str(said).encode("utf-8", "surrogatepass")
        return b"a" + self.address.encode("utf-8", "surrogatepass")


async def _closed(_message: Message | None = None) -> Any:
    raise RuntimeError("a key function cannot use the connection: it is not open yet")


def bucket_base(*parts: str) -> Any:
    """Return the hash of what a bucket is for, to which the client's key is added.

    Every part goes in with its length, so that no two lists of parts look the same
    (LIMIT-15).
    """
    base = blake2b(digest_size=_DIGEST_BYTES)
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        base.update(b"%d:" % len(encoded) + encoded)
    return base


def bucket(base: Any, key: bytes) -> str:
    """Return the name of one client's bucket: 32 hexadecimal digits."""
    full = base.copy()
    full.update(key)
    return str(full.hexdigest())
