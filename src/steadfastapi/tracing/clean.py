"""Spans made safe to show and to send: no secret, no query value, bounded texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Status, StatusCode

from steadfastapi._guard import guard
from steadfastapi._scrub import (
    MASK,
    is_secret_name,
    safe_str,
    scrub_query,
    scrub_text,
    scrub_url,
    truncate,
)
from steadfastapi._tracebacks import account_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from opentelemetry.sdk.trace import Span

OUTCOME = "steadfast.outcome"
"""Span attribute: `aborted` where the client went away before the response's end."""
EXCEPTION = "exception"
"""Name of the event that OpenTelemetry's conventions give to an exception."""

MAX_MESSAGE = 2 * 1024
MAX_STACK = 6 * 1024
"""Characters. With `MAX_QUEUE` spans that each carry one exception, the queue of the
exporter stays within 8 MiB (NB-7)."""
MAX_VALUE = 8 * 1024
_NOTE = 64
_WINDOW = 24 * 1024
"""Characters that are scrubbed before a text is cut: a secret that the cut would
split, and so disguise, is found first."""

_TARGETS: Mapping[str, Callable[[str], str]] = {
    "url.query": scrub_query,
    "url.full": scrub_url,
    "http.url": scrub_url,
    "http.target": scrub_url,
}
"""What says where a request goes, and how each is cleaned."""
TRUSTED = frozenset(
    {
        "http.flavor",
        "http.host",
        "http.method",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "http.scheme",
        "http.status_code",
        "error.type",
        "net.host.port",
        "net.peer.ip",
        "net.peer.port",
        "network.protocol.name",
        "network.protocol.version",
        "server.address",
        "server.port",
        "url.scheme",
        OUTCOME,
    }
)
"""Attributes that FastAPI, contrib and we write: closed sets, or of checked form."""


def scrub_target(span: Span) -> None:
    """Mask the query values of a span that is still open (OTEL-13)."""
    attributes = span.attributes or {}
    for name in _TARGETS.keys() & attributes:
        span.set_attribute(name, _clean(name, attributes[name]))


def sanitized(span: ReadableSpan) -> ReadableSpan:
    """Return a finished span as it may be shown: itself if there is nothing to hide."""
    attributes = _copy(span.attributes)
    changes = _changes(attributes)
    found = span.events
    events = tuple(_clean_event(event) for event in found) if found else found
    status = _clean_status(span.status, aborted=OUTCOME in attributes)
    if not changes and status is span.status and _same(events, found):
        return span
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={**attributes, **changes} if changes else attributes,
        events=events,
        links=span.links,
        kind=span.kind,
        status=status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def all_sanitized(spans: Iterable[ReadableSpan]) -> list[ReadableSpan]:
    """Return finished spans as they may be shown; one that cannot be is left out."""
    result = []
    for span in spans:
        try:
            result.append(sanitized(span))
        except Exception as error:
            guard.swallow("tracing.processor", error)
    return result


def exception_event(error: BaseException) -> dict[str, str]:
    """Return the attributes of an exception event: no locals, bounded, scrubbed."""
    return {
        "exception.type": type_name(error),
        "exception.message": _bounded(safe_str(error, _WINDOW), MAX_MESSAGE),
        "exception.stacktrace": _stack(error),
    }


def describe(text: str) -> str:
    """Return the description of a status, scrubbed and bounded."""
    return _bounded(text, MAX_MESSAGE)


def type_name(error: BaseException) -> str:
    """Return the qualified name of an exception's class, as conventions want it."""
    kind = type(error)
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def _stack(error: BaseException) -> str:
    try:
        lines = account_of(
            type(error), error, error.__traceback__, message=_WINDOW
        ).format()
        text = "".join(truncate(line, MAX_MESSAGE) for line in lines)
    except Exception as failure:
        return f"(traceback unreadable: {type(failure).__name__})"
    # The end is what matters: the innermost frames and the exception itself.
    return scrub_text(text[-_WINDOW:], _WINDOW)[-MAX_STACK:]


def _bounded(text: str, limit: int) -> str:
    clean = scrub_text(text, _WINDOW)
    # What was cut before, and says so, is left as it is.
    return clean if len(clean) <= limit + _NOTE else truncate(clean, limit)


def _copy(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a plain dictionary: much faster to look into than what the SDK has."""
    copy: Callable[[], dict[str, Any]] | None = getattr(attributes, "copy", None)
    return dict(attributes or {}) if copy is None else copy()


def _changes(attributes: dict[str, Any]) -> dict[str, Any]:
    changes = {}
    for name, value in attributes.items():
        if name not in TRUSTED:
            clean = _clean(name, value)
            if clean is not value and clean != value:
                changes[name] = clean
    return changes


def _clean(name: str, value: Any) -> Any:
    """Return `value` itself where it is harmless."""
    kind = type(value)
    if kind is int or kind is float or kind is bool:
        return value
    if is_secret_name(name):
        return MASK
    if kind is str:
        target = _TARGETS.get(name)
        return scrub_text(value, MAX_VALUE) if target is None else target(value)
    return _clean_items(name, value)


def _clean_items(name: str, value: Any) -> Any:
    if isinstance(value, tuple | list):
        items = tuple(_clean(name, item) for item in value)
        return value if _same(items, value) else items
    return value


def _same(new: Sequence[object], old: Sequence[object]) -> bool:
    return all(one is other for one, other in zip(new, old, strict=True))


def _clean_status(status: Status, *, aborted: bool) -> Status:
    if aborted:
        # FastAPI calls it an error that a client went away; it is none of ours
        # (OTEL-5: ERROR only for 500 and above).
        return Status(StatusCode.UNSET)
    text = status.description
    if not text:
        return status
    clean = describe(text)
    return status if clean == text else Status(status.status_code, clean)


def _clean_event(event: Event) -> Event:
    attributes = _copy(event.attributes)
    changes = _changes(attributes)
    if not changes:
        return event
    return Event(event.name, {**attributes, **changes}, event.timestamp)
