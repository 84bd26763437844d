"""The rules of an HTTP connection, for `support.conformance`."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from support.asgi import Message, Scope

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+").fullmatch
"""A field name (RFC 9110, 5.6.2), in the lower case that ASGI asks for."""
VALUE = re.compile(
    rb"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*"
    rb"[\x21-\x7e\x80-\xff])?)?"
).fullmatch
"""A field value (RFC 9110, 5.5); h11 refuses every other one."""

SINGLE = frozenset(
    {
        *(b"access-control-allow-origin", b"connection", b"content-length"),
        *(b"content-type", b"location", b"ratelimit", b"retry-after"),
        *(b"transfer-encoding", b"x-request-id"),
    }
)
"""Fields that a response has once, or not at all."""

BODILESS = frozenset({204, 304})
"""RFC 9110, 6.4.1; h11 refuses a body."""

EXTENSIONS = {
    "http.response.push": {"new", "started"},
    "http.response.early_hint": {"new"},
    "http.response.debug": {"new", "started"},
    "http.response.zerocopysend": {"started"},
    "http.response.pathsend": {"started"},
    "http.response.trailers": {"trailers"},
}
"""Messages that need an extension of the server, and the states they may come in."""


def header_problem(headers: Any, single: frozenset[bytes] = SINGLE) -> str | None:
    """Return what is wrong with headers as an application sends them."""
    try:
        pairs = [(name, value) for name, value in headers]
    except (TypeError, ValueError):
        return f"headers {headers!r} are no pairs"
    for name, value in pairs:
        if type(name) is not bytes or type(value) is not bytes:
            return f"header {name!r}: {value!r} is not bytes"
        if not TOKEN(name):
            return f"header name {name!r} is no token in lower case"
        if not VALUE(value):
            return f"header {name!r} has a value that parsers refuse: {value!r}"
    counts = Counter(name for name, _ in pairs)
    twice = [name for name in single if counts[name] > 1]
    return f"header {twice[0]!r} comes {counts[twice[0]]} times" if twice else None


class HttpRules:
    """One request and its response."""

    def __init__(self, scope: Scope) -> None:
        self._extensions = scope.get("extensions") or {}
        self._method = scope["method"]
        self._state = "new"
        self._uploaded = self._gone = False
        self._trailers = self._chosen = False
        self._announced: int | None = None
        self._length = 0
        self._bodiless = False

    def received(self, message: Message) -> str | None:
        """Body chunks until one is the last, then nothing but the disconnect."""
        kind = message["type"]
        if kind == "http.disconnect":
            self._gone = True
            return None
        if kind != "http.request":
            return f"receives {kind!r}"
        if self._gone:
            return "receives a body after the disconnect"
        if self._uploaded:
            return "receives a body after its end"
        if not isinstance(message.get("body", b""), bytes):
            return f"receives a body of {type(message['body']).__name__}"
        self._uploaded = not message.get("more_body", False)
        return None

    def sent(self, message: Message) -> str | None:
        """Start, body, trailers if announced, each in its place."""
        kind = message.get("type")
        if kind == "http.response.start":
            return self._start(message)
        if kind == "http.response.body":
            return self._body(message)
        if kind in EXTENSIONS:
            return self._extension(kind, message)
        return f"sends {kind!r}"

    def finished(self) -> str | None:
        """Nothing may be left open, unless nobody is there to see it."""
        if self._state != "complete" and not self._gone:
            return f"returns in the state {self._state!r}"
        return None

    def _start(self, message: Message) -> str | None:
        if self._state != "new":
            return f"starts a response in the state {self._state!r}"
        self._state = "started"
        status = message.get("status")
        # A bool is an int; 1xx is the server's to send.
        if not isinstance(status, int) or isinstance(status, bool):
            return f"status {status!r} is no number"
        if not 200 <= status <= 599:
            return f"status {status} is none of a final response"
        trailers = message.get("trailers", False)
        if type(trailers) is not bool:
            return f"trailers is {trailers!r}"
        self._trailers = trailers
        if self._trailers and "http.response.trailers" not in self._extensions:
            return "announces trailers, which the server has not offered"
        self._bodiless = status in BODILESS
        headers = list(message.get("headers", ()))
        problem = header_problem(headers)
        return problem or self._announce(dict(headers))

    def _announce(self, headers: dict[bytes, bytes]) -> str | None:
        length = headers.get(b"content-length")
        if length is None:
            return None
        if not length.isdigit():
            return f"content-length is {length!r}"
        if b"transfer-encoding" in headers:
            return "has both a length and an encoding"
        self._announced = int(length)
        return None

    def _body(self, message: Message) -> str | None:
        if self._state != "started":
            return f"sends a body in the state {self._state!r}"
        if self._chosen:
            return "sends a body beside a file"
        body = message.get("body", b"")
        more = message.get("more_body", False)
        if not isinstance(body, bytes) or type(more) is not bool:
            return f"body is {type(body).__name__}, more_body {more!r}"
        self._length += len(body)
        if self._bodiless and body:
            return "sends a body where the status allows none"
        return None if more else self._end()

    def _end(self) -> str | None:
        self._state = "trailers" if self._trailers else "complete"
        exact = self._method != "HEAD" and not self._bodiless and not self._chosen
        if exact and self._announced is not None and self._announced != self._length:
            return f"announces {self._announced} bytes and sends {self._length}"
        return None

    def _extension(  # noqa: PLR0911 - a sentence for each rule
        self, kind: str, message: Message
    ) -> str | None:
        if kind not in self._extensions:
            return f"sends {kind!r}, which the server has not offered"
        if self._state not in EXTENSIONS[kind]:
            return f"sends {kind!r} in the state {self._state!r}"
        if kind == "http.response.trailers":
            more = message.get("more_trailers", False)
            self._state = "trailers" if more else "complete"
            return header_problem(message.get("headers", ()))
        if kind == "http.response.pathsend":
            if self._length or self._chosen:
                return "sends a file beside a body"
            self._chosen = True
            return self._end()
        if kind == "http.response.zerocopysend" and not message.get("more_body", False):
            self._chosen = True
            return self._end()
        return None
