"""A Sentry event made safe to send: bounded first, then scrubbed, plain JSON.

The SDK's own scrubber knows dictionary keys only, and only whole ones (SENTRY-9);
here every text passes through the same patterns as the logs. What a part may hold is
decided before it is scrubbed, so that the time depends on our bounds (SEC-8).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from steadfastapi._scrub import (
    MASK,
    is_secret_name,
    safe_str,
    scrub,
    scrub_query,
    scrub_url,
)
from steadfastapi.sentry.bounds import MARGIN, Event, bounded, text_of
from steadfastapi.sentry.exceptions import cleaned_exceptions, cleaned_threads

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_MESSAGE = 8 * 1024
MAX_TEXT = 2 * 1024
"""Characters of one value in `extra` and `contexts`."""
MAX_TAG = 160
"""Sentry refuses tags above 200 characters; a truncated one says so in 30."""
MAX_HEADER = 1024
MAX_BREADCRUMBS = 50
MAX_MODULES = 256

HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "content-length",
        "content-type",
        "host",
        "origin",
        "user-agent",
    }
)
"""Request headers that may leave. A list of what to hide would miss the next
`X-Customer-Key`."""

_DROPPED = frozenset({"_meta", "_experiments"})
"""`_meta` annotates the structure that the SDK built, which is not this one."""


def safe_event(event: Event) -> Event:
    """Return a copy of `event` that holds no secret and at most 63 KiB.

    Parts that are not what Sentry expects, after somebody's hook, are left out.

    Raises:
        ValueError: It cannot be made small enough.
    """
    result: Event = {}
    for name, value in event.items():
        if name in _DROPPED or value is None:
            continue
        part = _PARTS.get(name, scrub)(value)
        if part is not None:
            result[name] = part
    return bounded(result)


def _mapping(value: Any, limit: int = MAX_TEXT, depth: int = 5) -> Any:
    return scrub(value, limit=limit, depth=depth) if isinstance(value, dict) else None


def _contexts(value: Any) -> Any:
    """Contexts are mappings; the SDK fails on a trace that is none."""
    contexts = _mapping(value)
    if contexts is None:
        return None
    return {name: one for name, one in contexts.items() if isinstance(one, dict)}


def _tags(value: Any) -> Any:
    if not isinstance(value, dict):
        return None
    tags: dict[str, Any] = {}
    for key, item in list(value.items())[:128]:
        name = safe_str(key, MAX_TAG)
        tags[name] = MASK if is_secret_name(name) else text_of(item, MAX_TAG)
    return tags


def _timestamp(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if type(value) in (str, int, float) else None


def _message(value: Any) -> str:
    return text_of(value, MAX_MESSAGE)


def _log_entry(value: Any) -> Any:
    """The formatted message says what the parameters are; alone they say too much."""
    if not isinstance(value, dict):
        return None
    return {
        name: text_of(value[name], MAX_TEXT)
        for name in ("message", "formatted")
        if value.get(name) is not None
    }


def _modules(value: Any) -> Any:
    if not isinstance(value, dict):
        return None
    pairs = list(value.items())[:MAX_MODULES]
    return {safe_str(name, 64): safe_str(version, 64) for name, version in pairs}


def _breadcrumbs(value: Any) -> Any:
    found = value.get("values") if isinstance(value, dict) else value
    if not isinstance(found, list):
        return None
    crumbs = [_crumb(crumb) for crumb in found[-MAX_BREADCRUMBS:]]
    return {"values": [crumb for crumb in crumbs if crumb]}


def _crumb(crumb: Any) -> dict[str, Any]:
    if not isinstance(crumb, dict):
        return {}
    clean: dict[str, Any] = {
        name: text_of(crumb[name], 128)
        for name in ("type", "category", "level")
        if crumb.get(name) is not None
    }
    if crumb.get("message") is not None:
        clean["message"] = text_of(crumb["message"], 1024)
    moment = _timestamp(crumb.get("timestamp"))
    if moment is not None:
        clean["timestamp"] = moment
    data = crumb.get("data")
    if isinstance(data, dict) and data:
        clean["data"] = {
            **scrub(data, limit=512, depth=3),
            **{
                name: clean_up(safe_str(data[name], MAX_TEXT + MARGIN))
                for name, clean_up in (("url", scrub_url), ("http.query", scrub_query))
                if data.get(name)
            },
        }
    return clean


def cleaned_request(value: Any) -> Any:
    """Return what may leave of a request: no body, no cookies, listed headers."""
    if not isinstance(value, dict):
        return None
    request: dict[str, Any] = {}
    if value.get("method"):
        request["method"] = safe_str(value["method"], 32)
    if value.get("url"):
        request["url"] = scrub_url(safe_str(value["url"], MAX_TEXT + MARGIN))
    if value.get("query_string"):
        request["query_string"] = scrub_query(safe_str(value["query_string"], 1024))
    headers = value.get("headers")
    if isinstance(headers, dict):
        request["headers"] = {
            name: text_of(text, MAX_HEADER)
            for name, text in headers.items()
            if isinstance(name, str) and name.lower() in HEADERS
        }
    return request


_PARTS: dict[str, Callable[[Any], Any]] = {
    "breadcrumbs": _breadcrumbs,
    "contexts": _contexts,
    "exception": cleaned_exceptions,
    "extra": _mapping,
    "logentry": _log_entry,
    "message": _message,
    "modules": _modules,
    "request": cleaned_request,
    "tags": _tags,
    "threads": cleaned_threads,
    "timestamp": _timestamp,
    "user": _mapping,
}
