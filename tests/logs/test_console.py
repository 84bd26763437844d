"""Lines for people, in columns."""

from typing import Any

import pytest

from steadfastapi.logs.console import ConsoleRenderer
from support.hostile import BadRepr

TIME = "2026-01-02T03:04:05.678Z"
PLAIN = ConsoleRenderer(colours=False)
COLOURED = ConsoleRenderer(colours=True)


def access(**facts: Any) -> dict[str, Any]:
    """Return the fields of an access line."""
    return {
        "timestamp": TIME,
        "level": "info",
        "event": "request",
        "method": "GET",
        "route": "/users/{user_id}",
        "path": "/users/7",
        "status": 200,
        "duration_ms": 3.21,
        "outcome": "ok",
        "client": "127.0.0.1",
        "request_id": "0123456789abcdef",
    } | facts


def said(event: Any = "unhandled error", **facts: Any) -> dict[str, Any]:
    """Return the fields of another line."""
    return {"timestamp": TIME, "level": "info", "event": event} | facts


CRASH = {
    "level": "error",
    "error_type": "ValueError",
    "method": "GET",
    "route": "/crash",
    "path": "/crash",
    "user_id": 7,
}
SLOW = {"method": "DELETE", "level": "warning", "duration_ms": 2500.0}
LIMITED = {"status": 429, "outcome": "limited"}
ODD = {"x\r": [1, 2]}
SOCKET = {"event": "websocket", "method": "WEBSOCKET", "status": 101, "close_code": 1}
FIELDS = {"logger": "shop", "id": 7, "note": "two words", "empty": "", "none": None}


@pytest.mark.parametrize(
    ("level", "what", "path", "rest", "line"),
    [
        ("INFO", "GET", "/users/7", "200    3.2 ms user_id=7", access(user_id=7)),
        ("WARNING", "DELETE", "/users/7", "200    2.50 s", access(**SLOW)),
        ("INFO", "GET", "/users/7", "429    3.2 ms limited", access(**LIMITED)),
        ("INFO", "WS", "/users/7", "101    3.2 ms close_code=1", access(**SOCKET)),
        ("ERROR", "GET", "/crash", "unhandled error user_id=7", said(**CRASH)),
        (
            *("INFO", "order p", "aced"),
            'id=7 note="two words" empty="" none=None shop',
            said("order placed", **FIELDS),
        ),
        ("INFO", "a\\nb", "", "x\\r=[1, 2]", said("a\nb", **ODD)),
    ],
)
def test_columns_are_aligned(
    level: str, what: str, path: str, rest: str, line: dict[str, Any]
) -> None:
    """Time, level, what; ids and the address of the client are not for a screen."""
    text = PLAIN(line)

    assert "03:04:05.678" == text[:12]
    assert (level, what, path) == (
        text[13:21].rstrip(),
        text[22:29].rstrip(),
        text[30:66].rstrip(),
    )
    assert rest == text[67:]


def test_nothing_is_required() -> None:
    """A processor may have taken anything away, or put anything there."""
    for line in (
        {},
        access(status=None, duration_ms=None, outcome=None),
        said(BadRepr(), a=BadRepr()),
        said(None),
        {"event": "request", "outcome": 7, "status": "x", "duration_ms": "y"},
    ):
        assert "\n" not in PLAIN(dict(line))


@pytest.mark.parametrize(
    ("colour", "facts"),
    [
        ("32", {"status": 201}),
        ("36", {"status": 304}),
        ("33", {"status": 404, "outcome": "client_error"}),
        ("1;31", {"status": 500, "outcome": "server_error"}),
        ("33", {"status": 429, "outcome": "limited"}),
        ("35", {"status": 499, "outcome": "aborted"}),
    ],
)
def test_the_status_has_a_colour(colour: str, facts: dict[str, Any]) -> None:
    """Green is good, yellow the client's, red ours."""
    assert f"\x1b[{colour}m{facts['status']}\x1b[0m" in COLOURED(access(**facts))


def test_times_are_dim_and_slow_ones_are_not() -> None:
    """What is the same on every line steps back."""
    fast, slow = COLOURED(access()), COLOURED(access(level="warning"))

    assert fast.startswith("\x1b[2m03:04:05.678\x1b[0m \x1b[32mINFO    \x1b[0m ")
    assert "\x1b[2m   3.2 ms\x1b[0m" in fast
    assert "\x1b[33m   3.2 ms\x1b[0m" in slow


def test_without_colours_there_is_no_escape() -> None:
    """NO_COLOR, a file, a dumb terminal."""
    error = (ValueError, ValueError("x"), None)

    assert "\x1b" not in PLAIN(access(), error)


def test_the_exception_is_a_block_below() -> None:
    """Each of its lines starts with a bar; a stack stands before it."""
    error = (ValueError, ValueError("a\nb\x1b"), None)
    block = PLAIN(said(stack="Stack\n  here"), error).split("\n")[1:]
    ascii_only = ConsoleRenderer(colours=False, drawing=False)(said(), error)

    assert [
        "    │ Stack",
        "    │   here",
        "    │ ValueError: a",
        "    │ b\\x1b",
    ] == block
    assert "    | ValueError: a" in ascii_only
    assert ascii_only.isascii()


def test_a_long_value_is_cut() -> None:
    """Eight kilobytes of a body fill the screen."""
    line = PLAIN(said(body="x" * 8000))

    assert 1300 > len(line)
    assert "[8000 characters]" in line
