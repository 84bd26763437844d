"""`before_send`: what every Sentry event passes through, whoever captured it.

1. A further event about an exception that this exchange has sent is dropped.
2. What the exchange and the exception know is added (`completion.py`).
3. The application's own hooks run; they may change the event, or drop it.
4. The event is bounded and scrubbed (`event.py`).

The hook is total (NB-11): where one of these steps fails, the failure is counted
and the event leaves without it; in the worst case as a minimal one.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.exceptions import HTTPException

from steadfastapi._exchange import current_exchange
from steadfastapi._guard import guard
from steadfastapi.sentry.bounds import Event, text_of
from steadfastapi.sentry.completion import (
    add_http,
    complete,
    safe_detail,
    trusted,
)
from steadfastapi.sentry.event import MAX_MESSAGE, safe_event

Hint = dict[str, Any]
BeforeSend = Callable[[Event, Hint], Event | None]

SENT_KEY = "steadfastapi.sentry.sent"
"""In the scope of an exchange: one of its exceptions has its event."""

_SENT = "_steadfastapi_sent"


def before_send(event: Event, hint: Hint) -> Event | None:
    """Return `event` complete and scrubbed, for `sentry_sdk.init(before_send=…)`.

    Adds `extra["http_exception_detail"]`, `extra["status_code"]` and the tag
    `http_status` of an `HTTPException`; the transaction, the tags `request_id` and
    `route`, the trace, the request and the bound fields of the exchange.
    `configure` installs it by itself, also in a client that is already there.

    Args:
        event: The event as the SDK made it.
        hint: The SDK's hint; `exc_info` is read.

    Returns:
        A new event of at most 64 KiB; None for a second one about an exception that
        the same exchange has sent already.
    """
    return prepared(event, hint, ())


class Hook:
    """`before_send` with the application's own hooks in the middle.

    Args:
        own: Called in order with the completed event, before it is scrubbed.
    """

    def __init__(self, own: Iterable[BeforeSend]) -> None:
        self.own: list[BeforeSend] = []
        for hook in own:
            self.add(hook)

    def add(self, hook: BeforeSend) -> None:
        """Call `hook` too, once, however often it is added."""
        if hook is not before_send and hook not in self.own:
            self.own.append(hook)

    def __call__(self, event: Event, hint: Hint) -> Event | None:
        """Return the event as it may leave."""
        return prepared(event, hint, self.own)


def prepared(event: Event, hint: Hint, own: Sequence[BeforeSend]) -> Event | None:
    """Return the event as it may leave; None drops it.

    Raises:
        Exception: What failed, under pytest only; see `_guard`.
    """
    failures: list[tuple[str, Exception]] = []
    exception = _exception_of(hint)
    identity = _identity(event)
    exchange_id = _exchange_id(event)
    if exception is not None and is_sent(exception, exchange_id):
        return None
    current: Event = event
    try:
        complete(current, exception)
    except Exception as error:
        failures.append(("sentry.hook", error))
    for hook in own:
        try:
            changed: Any = hook(current, hint)
        except Exception as error:
            failures.append(("sentry.before_send", error))
            continue
        if changed is None:
            return None
        if isinstance(changed, dict):
            current = changed
        else:
            kind = type(changed).__name__
            junk = TypeError(f"before_send returned {kind}: return the event or None")
            failures.append(("sentry.before_send", junk))
    try:
        result = trusted(safe_event(current), current)
    except Exception as error:
        failures.append(("sentry.hook", error))
        result = minimal_event(event, exception)
    if exception is not None:
        mark_sent(exception, exchange_id)
    for component, failure in failures:
        guard.swallow(component, failure)
    return {**result, **identity}


def is_sent(exception: BaseException, exchange_id: str | None) -> bool:
    """Return whether `exception` has had its event in this exchange.

    Outside of any exchange the server tells of it once more, or a middleware of the
    SDK. In a later exchange the same object is a new error: some are raised again
    and again.
    """
    mark = _attributes(exception).get(_SENT)
    return mark is not None and exchange_id in (None, mark)


def mark_sent(exception: BaseException, exchange_id: str | None) -> None:
    """Remember that `exception` has its event."""
    _attributes(exception)[_SENT] = exchange_id
    exchange = current_exchange()
    if exchange is not None:
        exchange.scope[SENT_KEY] = True


def _attributes(exception: BaseException) -> dict[str, Any]:
    """Not getattr and setattr: exceptions may be frozen dataclasses."""
    try:
        return vars(exception)
    except Exception:
        return {}


def minimal_event(event: Any, exception: BaseException | None) -> Event:
    """Return the least that tells of an error, made from nothing that can fail."""
    given: Event = event if isinstance(event, dict) else {}
    minimal: Event = {
        "platform": "python",
        "level": "warning" if given.get("level") == "warning" else "error",
        "extra": {"steadfastapi": "a minimal event, because before_send failed"},
    }
    for name in ("release", "environment", "server_name", "transaction"):
        if type(given.get(name)) is str:
            minimal[name] = text_of(given[name], 200)
    exchange_id = _exchange_id(given)
    if exchange_id is not None:
        minimal["tags"] = {"request_id": exchange_id}
    if exception is None:
        message = given.get("message") or given.get("logentry") or "no message"
        minimal["message"] = text_of(message, MAX_MESSAGE)
        return minimal
    text = text_of(exception, MAX_MESSAGE)
    minimal["exception"] = {
        "values": [{"type": type(exception).__name__, "value": text}]
    }
    if isinstance(exception, HTTPException):
        add_http(minimal, exception, safe_detail(exception))
    return minimal


def _identity(event: Any) -> Event:
    """What the SDK needs back, whatever a hook did to the event."""
    found = event if isinstance(event, dict) else {}
    moment = found.get("timestamp")
    if type(moment) is not str:
        now = moment if isinstance(moment, datetime) else datetime.now(UTC)
        moment = now.isoformat()
    return {"event_id": found.get("event_id") or uuid.uuid4().hex, "timestamp": moment}


def _exception_of(hint: Any) -> BaseException | None:
    exc_info = hint.get("exc_info") if isinstance(hint, dict) else None
    exception = exc_info[1] if isinstance(exc_info, tuple) and exc_info[1:] else None
    return exception if isinstance(exception, BaseException) else None


def _exchange_id(event: Any) -> str | None:
    """The request id; in threads that know only Sentry's scope, from its tag."""
    exchange = current_exchange()
    if exchange is not None:
        return exchange.id
    tags = event.get("tags") if isinstance(event, dict) else None
    found = tags.get("request_id") if isinstance(tags, dict) else None
    return found if type(found) is str else None
