"""What a collector's answers say about the next export."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest

from steadfastapi._otlp_pause import MAX_PAUSE, UNSAID, Pause


def answer(status: int, **headers: str) -> Any:
    """Return what a `requests` hook gets."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return SimpleNamespace(status_code=status, headers=named)


def later(seconds: float) -> str:
    """Return an HTTP date."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("status", "said", "least", "most"),
    [
        (429, "30", 1, 30),
        (503, "30", 1, 30),
        (503, "86400", MAX_PAUSE - 29, MAX_PAUSE),
    ],
)
def test_the_pause_is_what_the_header_says(
    status: int, said: str, least: float, most: float
) -> None:
    """In seconds, and bounded (NB-12)."""
    pause = Pause()
    pause(answer(status, Retry_After=said))
    assert least <= pause._until - time.monotonic() <= most
    assert pause.holds()


def test_the_pause_can_be_a_date() -> None:
    """As HTTP allows it."""
    pause = Pause()
    pause(answer(429, Retry_After=later(200)))
    assert 100 <= pause._until - time.monotonic() <= 201


@pytest.mark.parametrize(
    ("status", "said"),
    [(200, "30"), (500, "30"), (429, "soon"), (503, "-1"), (429, "nan")],
)
def test_nothing_else_is_a_pause(status: int, said: str) -> None:
    """Neither another status nor nonsense in the header."""
    pause = Pause()
    pause(answer(status, Retry_After=said))
    assert not pause.holds()


def test_a_429_without_a_header_is_a_minute() -> None:
    """The SDK is told by the header that was missing; a 503 is tried again."""
    pause = Pause()
    pause(answer(503))
    assert not pause.holds()
    refused = answer(429)
    pause(refused)
    assert pause.holds()
    assert f"{UNSAID:.0f}" == refused.headers["Retry-After"]
