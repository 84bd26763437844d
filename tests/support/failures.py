"""Everything that can go wrong in an application, and what the client must get."""

import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import fastapi
import pytest
from starlette.exceptions import HTTPException

CRASH = "Internal server error"


@dataclass(frozen=True)
class Failure:
    """What an endpoint raises, and the answer that the contract promises."""

    make: Callable[[], Exception]
    status: int = 500
    detail: Any = CRASH
    headers: dict[str, str] = field(default_factory=dict)
    escapes: bool = True
    """Whether the server gets the exception too."""


class Unspeakable(Exception):  # noqa: N818 - a name for a test
    """An exception that cannot be printed."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class Slotted(Exception):  # noqa: N818 - a name for a test
    """An exception that says no to further attributes."""

    __slots__ = ("code",)

    def __init__(self, code: int) -> None:
        self.code = code

    def __setattr__(self, name: str, value: object) -> None:
        if name != "code":
            raise AttributeError(name)
        super().__setattr__(name, value)


def rate_limit_exceeded(limit: str = "10/minute") -> Exception:
    """Make slowapi's exception, or skip the test."""
    pytest.importorskip("slowapi")
    from limits import parse
    from slowapi.errors import RateLimitExceeded
    from slowapi.wrappers import Limit

    wrapped = Limit(
        parse(limit), lambda: "key", None, False, None, None, None, 1, False
    )
    return RateLimitExceeded(wrapped)


def recursion() -> Exception:
    """Make a recursion error as the interpreter does."""

    def deeper() -> None:
        deeper()

    try:
        deeper()
    except RecursionError as error:
        return error.with_traceback(None)
    raise AssertionError("no limit")


def _unicode() -> Exception:
    try:
        "\ud800".encode()
    except UnicodeError as error:
        return error.with_traceback(None)
    raise AssertionError("no error")


def _http(status: int, detail: Any = None, **more: Any) -> Callable[[], Exception]:
    return partial(fastapi.HTTPException, status, detail, **more)


def _starlette(status: int, detail: Any = None, **more: Any) -> Callable[[], Exception]:
    return partial(HTTPException, status, detail, **more)


CRASHES: dict[str, Failure] = {
    "ValueError": Failure(partial(ValueError, "secret text")),
    "KeyError": Failure(partial(KeyError, "secret")),
    "RecursionError": Failure(recursion),
    "UnicodeError": Failure(_unicode),
    "ExceptionGroup": Failure(
        lambda: ExceptionGroup("two", [ValueError("a"), KeyError("b")])
    ),
    "OSError": Failure(partial(OSError, errno.ENOSPC, "disk full")),
    "ConnectionResetError": Failure(ConnectionResetError),
    "TimeoutError": Failure(TimeoutError),
    "raising __str__": Failure(Unspeakable),
    "__slots__": Failure(partial(Slotted, 7)),
    "AssertionError": Failure(AssertionError),
    "MemoryError": Failure(MemoryError),
    "NotImplementedError": Failure(NotImplementedError),
    "ZeroDivisionError": Failure(ZeroDivisionError),
    "PermissionError": Failure(PermissionError),
    "EOFError": Failure(EOFError),
    "StopIteration": Failure(StopIteration),
    "StopAsyncIteration": Failure(StopAsyncIteration),
    "a detail that is no JSON": Failure(_http(400, object())),
    "a header that is no Latin-1": Failure(_http(400, "a", headers={"X-A": "\u20ac"})),
}
"""What nobody answered on purpose."""

ANSWERS: dict[str, Failure] = {
    "str detail": Failure(
        _http(409, "User already exists"), 409, "User already exists", escapes=False
    ),
    "dict detail": Failure(
        _http(409, {"code": 7, "why": ["a", None]}),
        409,
        {"code": 7, "why": ["a", None]},
        escapes=False,
    ),
    "list detail": Failure(_http(400, ["a", "b"]), 400, ["a", "b"], escapes=False),
    "no detail": Failure(_http(418), 418, "I'm a Teapot", escapes=False),
    "FastAPI's with headers": Failure(
        _http(401, "Who?", headers={"WWW-Authenticate": "Bearer"}),
        401,
        "Who?",
        {"www-authenticate": "Bearer"},
        escapes=False,
    ),
    "Starlette's with headers": Failure(
        _starlette(503, "Busy", headers={"Retry-After": "7"}),
        503,
        "Busy",
        {"retry-after": "7"},
        escapes=False,
    ),
    "Starlette's": Failure(_starlette(404, "No such"), 404, "No such", escapes=False),
    "a deliberate 500": Failure(_http(500, "Sorry"), 500, "Sorry", escapes=False),
    "no body on 204": Failure(_http(204), 204, None, escapes=False),
    "no body on 304": Failure(
        _http(304, headers={"ETag": '"a"'}), 304, None, {"etag": '"a"'}, escapes=False
    ),
    "RateLimitExceeded": Failure(
        rate_limit_exceeded,
        429,
        "Rate limit exceeded: 10 per 1 minute. Please slow down.",
        {"retry-after": "60"},
        escapes=False,
    ),
}
"""What an endpoint says on purpose."""

FAILURES = CRASHES | ANSWERS
