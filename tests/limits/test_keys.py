"""The ready key functions, and what a limit counts by."""

from typing import Any

import anyio
import pytest
from starlette.requests import Request

from steadfastapi import by_header, by_ip, by_user
from steadfastapi.limits.client import Clients
from steadfastapi.limits.keys import Caller, default_key, takes_argument

SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "path": "/",
    "query_string": b"",
    "headers": [(b"x-api-key", b"secret"), (b"x-forwarded-for", b"198.51.100.1")],
    "client": ("10.0.0.1", 1),
    "user": "ada",
}


def key(function: Any, clients: Clients | None = None) -> bytes:
    """Return what a limit counts by."""
    caller = Caller(dict(SCOPE), clients or Clients())
    return anyio.run(caller.key, function)


async def find_async(request: Request) -> str | None:
    """Return the user."""
    user: str = request.scope["user"]
    return user


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (by_ip, b"a10.0.0.1"),
        (default_key, b"k10.0.0.1"),
        (by_header("X-Api-Key"), b"ksecret"),
        (by_header("X-Other"), b"a10.0.0.1"),
        (by_user(lambda request: request.scope["user"]), b"kada"),
        (by_user(lambda request: None), b"a10.0.0.1"),
        (by_user(lambda request: 7), b"k7"),
        (by_user(find_async), b"kada"),
        (lambda: "fixed", b"kfixed"),
        (lambda request: 0, b"k0"),
        (lambda request: "", b"a10.0.0.1"),
        (lambda request: "\ud800", "k\ud800".encode("utf-8", "surrogatepass")),
    ],
)
def test_a_key_is_what_the_function_says_or_the_address(
    function: Any, expected: bytes
) -> None:
    """Marked as one or the other, so that neither can be forged."""
    assert expected == key(function)


def test_by_ip_sees_through_listed_proxies_inside_of_other_functions() -> None:
    """People combine it with what else they know."""
    listed = Clients.of(("10.0.0.0/8",))

    assert b"a198.51.100.1" == key(by_ip, listed)
    assert b"kada@198.51.100.1" == key(
        lambda request: f"{request.scope['user']}@{by_ip(request)}", listed
    )
    assert "10.0.0.1" == by_ip(Request(dict(SCOPE)))


def test_a_key_function_cannot_read_the_body() -> None:
    """The limit is decided before it."""

    async def reading(request: Request) -> str:
        return str(await request.body())

    with pytest.raises(RuntimeError, match="Receive channel"):
        key(reading)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda: "", False),
        (lambda request: "", True),
        (lambda anything: "", True),
        (lambda request=None: "", False),
        (lambda *args: "", True),
        (print, True),
        (str.upper, True),
        (dict, True),
    ],
)
def test_who_takes_an_argument_is_given_the_request(
    function: Any, expected: bool
) -> None:
    """Where it must be given."""
    assert expected == takes_argument(function)
