"""How templates show times and figures."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTE, HOUR, DAY = 60, 3_600, 86_400
KILO = 1_024
NONE = "–"


def ago(at: float | None, now: float | None = None) -> str:
    """Return how long a Unix time is ago: `now`, `12 s ago`, `3 min ago`, `5 d ago`."""
    if at is None:
        return NONE
    seconds = (time.time() if now is None else now) - at
    return "now" if seconds < 1 else f"{_whole(seconds)} ago"


def _whole(seconds: float) -> str:
    """Return a time in the largest unit of which there are some."""
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{seconds / MINUTE:.0f} min"
    if seconds < 2 * DAY:
        return f"{seconds / HOUR:.0f} h"
    return f"{seconds / DAY:.0f} d"


def when(at: float | None) -> Markup | str:
    """Return a Unix time as `<time>`: how long ago, and exactly in its title."""
    if at is None:
        return NONE
    iso = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        iso, exact(at), ago(at)
    )


def exact(at: float | None) -> str:
    """Return a Unix time as people write it: `2026-11-20 12:00:00 UTC`."""
    if at is None:
        return NONE
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def number(value: float | None) -> str:
    """Return a figure with thin thousands: `12 345`, `0.25`."""
    if value is None:
        return NONE
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}".replace(",", "\u202f")
    return f"{value:,.2f}".replace(",", "\u202f")


def counted(value: int, word: str) -> str:
    """Return how many there are of something: `1 request`, `12 345 requests`."""
    return f"{number(value)} {word}{'' if value == 1 else 's'}"


def duration(seconds: float | None) -> str:
    """Return seconds in the unit that people would use: `850 µs`, `12 ms`, `1.2 s`."""
    if seconds is None:
        return NONE
    if seconds == 0:
        return "0 s"
    if seconds < 0.001:  # noqa: PLR2004
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    if seconds < 2 * MINUTE:
        return f"{seconds:.3g} s"
    return f"{seconds / MINUTE:.0f} min" if seconds < 2 * HOUR else _whole(seconds)


def size(count: float | None) -> str:
    """Return bytes: `512 B`, `1.5 KiB`."""
    if count is None:
        return NONE
    unit = "B"
    for larger in ("KiB", "MiB", "GiB"):
        if count < KILO:
            break
        count, unit = count / KILO, larger
    return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"


def percent(value: float | None) -> str:
    """Return a part of one: `0.25 %`; an error budget can be overspent: `-2 010 %`."""
    if value is None:
        return NONE
    figure = value * 100
    return f"{figure:.3g} %" if abs(figure) < 1_000 else f"{number(round(figure))} %"  # noqa: PLR2004


def every() -> dict[str, Callable[..., Any]]:
    """Return the filters by name."""
    return {
        "ago": ago,
        "when": when,
        "exact": exact,
        "number": number,
        "duration": duration,
        "size": size,
        "percent": percent,
    }
