"""The mark of errors that mean "try again later"."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from fastapi import FastAPI

from steadfastapi import _unavailable, circuit_breaker, configure, retry
from steadfastapi._unavailable import mark, retry_after_of
from steadfastapi.testing import internal_errors
from support.asgi import call


@dataclass(frozen=True)
class FrozenError(Exception):
    """Refuses attributes."""

    why: str


class SlottedError(Exception):
    """Has no place for them."""

    __slots__ = ("why",)


class HostileError(Exception):
    """Fails when it is looked at."""

    def __getattribute__(self, name: str) -> object:
        raise RuntimeError(name)

    def __setattr__(self, name: str, value: object) -> None:
        raise RuntimeError(name)


@pytest.mark.parametrize("kind", [ValueError, FrozenError, SlottedError, HostileError])
@pytest.mark.parametrize(
    ("given", "expected"), [(2, 2), (0, 1), (-3.5, 1), (1.2, 2), (1e12, 3_600)]
)
def test_any_error_can_be_marked(
    kind: Callable[[str], Exception], given: float, expected: int
) -> None:
    """By whole seconds, from 1 to an hour."""
    error = kind("down")
    mark(error, given)
    assert expected == retry_after_of(error)


def test_other_errors_have_no_mark() -> None:
    """Nor do those whose attribute somebody else has taken."""
    assert retry_after_of(ValueError()) is None
    assert retry_after_of(HostileError()) is None
    taken = ValueError()
    taken.__steadfastapi_retry_after__ = "soon"  # type: ignore[attr-defined]
    assert retry_after_of(taken) is None


def test_a_group_is_unavailable_when_all_of_it_is() -> None:
    """The longest wait counts; one bug in it makes it a bug."""
    first, second = ValueError(), OSError()
    mark(first, 2)
    mark(second, 7)
    assert 7 == retry_after_of(ExceptionGroup("both", [first, second]))
    assert retry_after_of(ExceptionGroup("bug", [first, KeyError()])) is None


@pytest.mark.anyio
async def test_the_applications_own_handler_wins() -> None:
    """It is asked before the 503 is sent."""
    app = FastAPI()
    configure(app, logs=False)

    @app.get("/")
    async def down() -> None:
        error = OSError()
        mark(error, 9)
        raise error

    result = await call(app)
    assert (503, b'{"detail":"Service temporarily unavailable"}') == (
        result.status,
        result.body,
    )
    assert (b"retry-after", b"9") in result.headers

    own = FastAPI()

    @own.exception_handler(OSError)
    async def handle(_: object, __: Exception) -> None:
        raise ValueError

    own.get("/")(down)
    configure(own, logs=False)
    assert 500 == (await call(own)).status


def responses() -> list[str]:
    """Return what a freshly configured application documents."""
    app = FastAPI()
    app.get("/")(lambda: None)
    configure(app, logs=False)
    return sorted(app.openapi()["paths"]["/"]["get"]["responses"])


def test_the_503_is_documented_where_something_is_retried() -> None:
    """In a process without retries and breakers it cannot happen."""
    assert ["200", "500"] == responses()
    retry(on=ValueError)(responses)
    assert ["200", "500", "503"] == responses()


def test_a_breaker_documents_the_503_too() -> None:
    """With `Retry-After`, and the schema of all errors."""
    circuit_breaker("documented")
    assert _unavailable.is_expected()
    app = FastAPI()
    app.get("/")(lambda: None)
    configure(app, logs=False)
    found = app.openapi()["paths"]["/"]["get"]["responses"]["503"]
    assert {"X-Request-ID", "Retry-After"} == set(found["headers"])
    assert {"$ref": "#/components/schemas/ErrorDetail"} == (
        found["content"]["application/json"]["schema"]
    )


def test_a_mark_that_cannot_be_made_is_contained() -> None:
    """The error goes on without it, and becomes the 500."""
    error = ValueError()
    with internal_errors() as errors:
        mark(error, float("nan"))
    assert ({"unavailable": 1}, None) == (dict(errors), retry_after_of(error))
