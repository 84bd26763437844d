"""HTTP Basic and API keys, compared in constant time."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING, Any

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health.verdict import GRANTED, Check, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

API_KEY_HEADER = "X-API-Key"


def built_in(auth: Mapping[str, Any]) -> Check:
    """Return the check of `{"type": "basic" | "apikey", …}`.

    Raises:
        ConfigurationError: Something is missing, unknown or empty.
    """
    wanted: dict[str, tuple[set[str], set[str]]] = {
        "basic": ({"username", "password"}, set()),
        "apikey": ({"key"}, {"header"}),
    }
    kind = auth.get("type")
    needed, allowed = wanted.get(str(kind), (set(), set()))
    given = set(auth) - {"type"}
    if kind not in wanted or not needed <= given <= needed | allowed:
        raise ConfigurationError(
            "Health(auth=…): write {'type': 'basic', 'username': …, 'password': …} or "
            "{'type': 'apikey', 'key': …, 'header': 'X-API-Key'}."
        )
    if not all(isinstance(auth[name], str) and auth[name] for name in given):
        raise ConfigurationError(
            f"Health(auth=…): {', '.join(sorted(given))} must be text, and not empty: "
            "an empty secret opens the page to everybody."
        )
    if kind == "basic":
        return _basic(auth["username"], auth["password"])
    return api_key(auth["key"], auth.get("header", API_KEY_HEADER))


def _same(given: str, secret: str) -> bool:
    # Headers are latin-1 as servers decode them; the bytes were the client's UTF-8.
    return hmac.compare_digest(given.encode("latin-1", "replace"), secret.encode())


def _basic(username: str, password: str) -> Check:
    expected = f"{username}:{password}"
    refused = Verdict(
        granted=False, headers={"WWW-Authenticate": 'Basic realm="health"'}
    )

    async def check(request: Request) -> Verdict:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return refused
        try:
            given = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            return refused
        # Both at once, so that the time tells nothing of either.
        same = hmac.compare_digest(given, expected.encode())
        return GRANTED if same else refused

    return check


def _password(encoded: str) -> str:
    """Return the password of Basic credentials, whoever's; empty where there is none.

    As the server would decode a header, to be compared like one.
    """
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return ""
    return given.partition(b":")[2].decode("latin-1")


def api_key(key: str, header: str = API_KEY_HEADER) -> Check:
    """Return the check of a key in a header, as bearer token, or as password."""
    refused = Verdict(granted=False, headers={"WWW-Authenticate": "Bearer"})

    async def check(request: Request) -> Verdict:
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        given = request.headers.get(header, "")
        if not given and scheme.lower() == "bearer":  # what Prometheus can send
            given = bearer.strip()
        elif not given and scheme.lower() == "basic":  # what a browser can ask for
            given = _password(bearer)
        return GRANTED if _same(given, key) else refused

    return check
