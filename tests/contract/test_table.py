"""The error contract as one table: where an error comes from does not matter."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from fastapi import Body, FastAPI

from support.apps import configured
from support.failures import CRASH, CRASHES, FAILURES, Failure
from support.places import ENDPOINTS, HOST, MIDDLEWARE, ORIGIN, Place, with_cors
from support.watch import ask, header

REQUEST_ID = "inbound-0001"
HAS_BODY_LIMIT = hasattr(FastAPI(), "max_body_size")
BIG = b'{"name": "' + b"a" * 100 + b'"}'
MEDIUM = BIG[:45]


@dataclass(frozen=True)
class Row:
    """A request that goes wrong, and its answer."""

    path: str
    status: int
    detail: Any
    method: str = "GET"
    body: bytes | list[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)
    expected: dict[str, str] = field(default_factory=dict)
    escapes: bool = False
    """Whether the server gets the exception too."""


def shop(row: Row, app: FastAPI) -> Row:
    """Add a few routes, some of them in a mounted application."""
    limit: dict[str, Any] = {"max_body_size": 30} if HAS_BODY_LIMIT else {}
    if HAS_BODY_LIMIT:
        app.max_body_size = 60
    for each in (app, sub := FastAPI()):
        each.get("/search")(lambda q: q)
        each.post("/shop")(_named)
    app.post("/small", **limit)(_named)
    app.mount("/m", sub)
    return row


def _named(name: str = Body(embed=True)) -> str:
    return name


def raising(place: Place, failure: Failure, app: FastAPI) -> Row:
    """Let one place of the application raise."""
    return Row(
        place(app, failure.make()),
        failure.status,
        failure.detail,
        expected=failure.headers,
        escapes=failure.escapes,
    )


MISSING = [{"type": "missing", "loc": ["query", "q"], "msg": "Field required"}]
NO_JSON = [{"type": "json_invalid", "loc": ["body", 1], "msg": "JSON decode error"}]
JSON = {"content-type": "application/json"}
FRAMEWORK = {
    "unmatched": Row("/nowhere", 404, "Not Found"),
    "unmatched in a mount": Row("/m/nowhere", 404, "Not Found"),
    "wrong method": Row(
        "/shop", 405, "Method Not Allowed", "DELETE", expected={"allow": "POST"}
    ),
    "wrong method in a mount": Row("/m/shop", 405, "Method Not Allowed", "PUT"),
    "unknown method": Row("/shop", 405, "Method Not Allowed", "BREW"),
    "HEAD where there is none": Row("/search", 405, "Method Not Allowed", "HEAD"),
    "validation": Row("/search", 422, MISSING),
    "validation in a mount": Row("/m/search", 422, MISSING),
    "invalid JSON": Row("/shop", 422, NO_JSON, "POST", b"{oh", JSON),
}


def _too_large(path: str, body: bytes, *, declared: bool) -> Row:
    headers = {"content-length": str(len(body))} if declared else {}
    chunks = [body[:20], body[20:]]
    return Row(path, 413, "Content Too Large", "POST", chunks, headers)


LIMITED = {
    "declared oversize": _too_large("/shop", BIG, declared=True),
    "chunked oversize": _too_large("/shop", BIG, declared=False),
    "declared oversize in a mount": _too_large("/m/shop", BIG, declared=True),
    "chunked oversize in a mount": _too_large("/m/shop", BIG, declared=False),
    "declared oversize of a route": _too_large("/small", MEDIUM, declared=True),
    "chunked oversize of a route": _too_large("/small", MEDIUM, declared=False),
    "declared oversize nowhere": _too_large("/nowhere", BIG, declared=True),
}


def table() -> Iterator[Any]:
    """List what exceptions do at every place, then what the framework refuses.

    Each row says whether `configure` comes first or last.
    """
    for place in (*ENDPOINTS, *MIDDLEWARE):
        escaping = place in MIDDLEWARE  # where Starlette asks no handler
        for name in (*CRASHES, "str detail") if escaping else FAILURES:
            failure = FAILURES[name]
            case = Failure(failure.make) if escaping else failure
            yield _param(place.__name__, name, partial(raising, place, case), False)
            if name in ("ValueError", "str detail"):
                yield _param(place.__name__, name, partial(raising, place, case), True)
    rows = FRAMEWORK | LIMITED if HAS_BODY_LIMIT else FRAMEWORK
    for name, row in rows.items():
        for early in (True, False):
            yield _param("shop", name, partial(shop, row), early)


def _param(place: str, name: str, prepare: Any, early: bool) -> Any:
    order = "configured first" if early else "configured last"
    return pytest.param(prepare, early, id=f"{place}, {name}, {order}")


@pytest.mark.parametrize(("prepare", "early"), list(table()))
def test_every_error_is_json_with_detail(
    prepare: Callable[[FastAPI], Row], early: bool
) -> None:
    """Whatever raised it, an error is JSON with `detail`, a request id and CORS."""
    app = FastAPI()
    if early:
        configured(app)
    with_cors(app)
    row = prepare(app)
    if not early:
        configured(app)

    result = ask(
        app,
        row.method,
        row.path,
        body=row.body,
        headers=[
            ("Host", HOST),
            ("Origin", ORIGIN),
            ("X-Request-ID", REQUEST_ID),
            *row.headers.items(),
        ],
    )

    assert row.status == result.status
    assert [REQUEST_ID] == header(result, "x-request-id")
    assert [ORIGIN] == header(result, "access-control-allow-origin")
    shown = ["Retry-After", "X-Request-ID"]
    exposed = [name for name in shown if header(result, name.lower())]
    assert [", ".join(exposed)] == header(result, "access-control-expose-headers")
    for name, value in row.expected.items():
        assert [value] == header(result, name)
    assert row.escapes == (result.exception is not None)
    if row.status in (204, 304):
        assert b"" == result.body
    else:
        assert ["application/json"] == header(result, "content-type")
        assert [str(len(result.body))] == header(result, "content-length")
        assert {"detail": row.detail} == json.loads(result.body)
    if row.detail == CRASH:
        assert b'{"detail":"Internal server error"}' == result.body
