"""What the traps of the limits share."""

import pytest
import slowapi

from steadfastapi import Limiter


@pytest.fixture
def slowapi_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let slowapi's own checks raise (LIMIT-16)."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("slowapi's own check was called")

    for name in (
        "_check_request_limit",
        "_Limiter__evaluate_limits",
        "_inject_headers",
        "_inject_asgi_headers",
    ):
        monkeypatch.setattr(slowapi.Limiter, name, fail)


@pytest.fixture
def limiter() -> Limiter:
    """A limiter of this test alone."""
    return Limiter()
