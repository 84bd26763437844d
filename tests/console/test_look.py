"""Templates: what they show is text, and their figures read well."""

from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError
from starlette.requests import Request

from steadfastapi._service import Service
from steadfastapi.console import assets, filters, look

pytestmark = pytest.mark.anyio

SERVICE = Service(name='<script>"shop"', version="1")


def request(**headers: str) -> Request:
    """Return a request."""
    return Request(
        {
            "type": "http",
            "path": "/",
            "root_path": "/r",
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        }
    )


async def test_a_page_needs_no_console() -> None:
    """The health layer uses the look by itself, at addresses of its own."""
    used = look.Look(service=SERVICE, base="/health", static="/health/static")
    answer = await used.page(
        request(), "refused.html", status=503, code=503, detail="<b>away</b>"
    )
    page = bytes(answer.body).decode()

    assert 503 == answer.status_code
    assert (
        f"/r/health/static/{assets.every()['console.css'].digest}/console.css" in page
    )
    assert "&lt;b&gt;away&lt;/b&gt;" in page
    assert '<script>"shop"' not in page
    assert "<nav" not in page


async def test_a_name_that_a_template_has_misspelled_is_an_error() -> None:
    """And not an empty place on the page."""
    used = look.Look(service=SERVICE, base="", static="/static")
    with pytest.raises(UndefinedError, match="code"):
        await used.page(request(), "refused.html", detail="away")


@pytest.mark.parametrize(
    ("cookie", "shown"),
    [("dark", ' data-theme="dark"'), ('"><script>', ""), ("auto", "")],
)
async def test_colours_follow_the_cookie_or_the_system(cookie: str, shown: str) -> None:
    """Whatever else is in the cookie is nothing."""
    used = look.Look(service=SERVICE, base="", static="/static")
    answer = await used.page(
        request(cookie=f"steadfast-theme={cookie}"), "refused.html", code=1, detail=""
    )

    assert f'<html lang="en"{shown}>' in bytes(answer.body).decode()


def test_addresses_are_quoted_and_leave_out_what_is_empty() -> None:
    """Filters that nobody set make no address longer."""
    used = look.Look(service=SERVICE, base="/ops", static="/static")

    assert "/r/ops/issues?search=a%26b%22&level=error" == used.url(
        request(), "/issues", search='a&b"', level="error", state="", cursor=None
    )


@pytest.mark.parametrize(
    ("function", "value", "shown"),
    [
        ("number", 1_234_567, "1\u202f234\u202f567"),
        ("number", 0.25, "0.25"),
        ("number", None, "–"),
        ("duration", 0.0, "0 s"),
        ("duration", 0.0000421, "42 µs"),
        ("duration", 0.0123, "12.3 ms"),
        ("duration", 1.5, "1.5 s"),
        ("duration", 600.0, "10 min"),
        ("duration", 90_000.0, "25 h"),
        ("size", 512, "512 B"),
        ("size", 1_536, "1.5 KiB"),
        ("size", 5 * 1024**3, "5.0 GiB"),
        ("size", 5_000 * 1024**3, "5000.0 GiB"),
        ("percent", 0.0123, "1.23 %"),
        ("percent", -20.06, "-2\u202f006 %"),
        ("percent", None, "–"),
        ("when", None, "–"),
        ("exact", None, "–"),
        ("exact", 1_795_176_000.5, "2026-11-20 12:00:00 UTC"),
    ],
)
def test_figures_read_well(function: str, value: Any, shown: str) -> None:
    """Units that people would use; a dash for what is not known."""
    assert shown == str(filters.every()[function](value))


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "now"),
        (0.2, "now"),
        (59, "59 s ago"),
        (61, "1 min ago"),
        (7_300, "2 h ago"),
        (200_000, "2 d ago"),
    ],
)
def test_times_are_told_from_now(seconds: float, shown: str) -> None:
    """In one unit."""
    assert shown == filters.ago(1_000_000.0, 1_000_000.0 + seconds)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 times"), (1, "1 time"), (2_345, "2\u202f345 times")],
)
def test_what_is_counted_has_its_plural(value: int, shown: str) -> None:
    """With the same thousands as every other figure."""
    assert shown == filters.counted(value, "time")


def test_a_time_has_its_exact_value_too() -> None:
    """For machines, and in a title."""
    assert '<time datetime="2026-11-20T12:00:00.500+00:00"' in str(
        filters.when(1_795_176_000.5)
    )


def test_no_template_marks_anything_as_safe() -> None:
    """Nor has a style or a script of its own: the policy would stop it."""
    folder = Path(str(look.__file__)).parent / "templates"
    forbidden = ("|safe", "| safe", "autoescape", " style=", "<style", "onclick=")
    found = [
        f"{file.name}: {word}"
        for file in sorted(folder.glob("*.html"))
        for word in forbidden
        if word in file.read_text(encoding="utf-8")
    ]

    assert [] == found
