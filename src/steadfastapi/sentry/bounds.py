"""The size of an event: what is given up, and in which order, until it fits."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from steadfastapi._scrub import safe_str, scrub, scrub_text

if TYPE_CHECKING:
    from collections.abc import Callable

Event = dict[str, Any]

MARGIN = 512
"""Characters that the scrubber looks at beyond the cut, so that no cut of ours may
disguise a secret before."""
MAX_EVENT = 63 * 1024
"""Bytes of one event as the SDK encodes it; 1 KiB of the 64 is left for its id, its
time and the envelope (SEC-8)."""


_KEPT = {
    "contexts": ("trace", "runtime"),
    "extra": ("http_exception_detail", "status_code"),
}


def text_of(value: Any, limit: int) -> str:
    """Return at most `limit` characters of `str(value)`, scrubbed."""
    text = value if type(value) is str else safe_str(value, limit + MARGIN)
    return scrub_text(text, limit)


def bounded(event: Event) -> Event:
    """Return `event`, without what helps least where it is too large.

    Raises:
        ValueError: It cannot be made small enough.
    """
    for shorten in (None, *_SHORTER):
        if shorten is not None:
            shorten(event)
        try:
            size = len(json.dumps(event, allow_nan=False, separators=(",", ":")))
        except ValueError:
            # NaN and infinity: the SDK would fail on them in its own thread.
            event.update(json.loads(json.dumps(event), parse_constant=str))
            size = len(json.dumps(event, separators=(",", ":")))
        if size <= MAX_EVENT:
            return event
    raise ValueError(f"the event has {size} bytes after every cut")


def _frames(event: Event) -> list[dict[str, Any]]:
    return [
        frame
        for part in ("exception", "threads")
        for value in (event.get(part) or {}).get("values", ())
        for frame in (value.get("stacktrace") or {}).get("frames", ())
    ]


def _without_library_source(event: Event) -> None:
    for frame in _frames(event):
        if frame.get("in_app") is False:
            for name in ("pre_context", "post_context"):
                frame.pop(name, None)


def _fewer_breadcrumbs(event: Event) -> None:
    crumbs = event.get("breadcrumbs")
    if crumbs:
        crumbs["values"] = crumbs["values"][-10:]
    event.pop("modules", None)


def _smaller(name: str, event: Event) -> None:
    if name in event:
        event[name] = scrub(event[name], limit=200, depth=3)


def _without_source(event: Event) -> None:
    for frame in _frames(event):
        for name in ("pre_context", "context_line", "post_context"):
            frame.pop(name, None)


def _without_most(event: Event) -> None:
    for name in ("threads", "breadcrumbs", "user", "fingerprint", "sdk", "logentry"):
        event.pop(name, None)
    for name, kept in _KEPT.items():
        part = event.get(name) or {}
        event[name] = {key: part[key] for key in kept if key in part}
    exceptions = (event.get("exception") or {}).get("values", ())
    for value in exceptions:
        value["value"] = str(value.get("value"))[:1024]


_SHORTER: tuple[Callable[[Event], None], ...] = (
    _without_library_source,
    _fewer_breadcrumbs,
    partial(_smaller, "contexts"),
    partial(_smaller, "extra"),
    _without_source,
    _without_most,
)
