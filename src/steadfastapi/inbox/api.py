"""What application code calls; without an inbox, all of it does nothing.

    from steadfastapi import capture_exception

    try:
        charge(card)
    except CardError as error:
        capture_exception(error, order_id=order.id)

Nothing here waits, and nothing raises.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol

from steadfastapi._exchange import Exchange, current_exchange
from steadfastapi._guard import guard

if TYPE_CHECKING:
    from collections.abc import Mapping


class Collects(Protocol):
    """What the functions of this module give things to."""

    def exception(
        self,
        exception: BaseException,
        *,
        exchange: Exchange | None,
        event: str,
        level: str,
        context: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Take an exception; return the entry's id."""

    def message(  # noqa: PLR0913 - all but the first by name
        self,
        text: str,
        *,
        exchange: Exchange | None,
        event: str,
        level: str,
        template: str = "",
        context: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Take a message; return the entry's id."""

    def close(self) -> None:
        """Take nothing any more, and write nothing."""


_active: list[Collects] = []
"""Inboxes of this process, the youngest last."""


def activate(collector: Collects) -> None:
    """Let `collector` have what belongs to no exchange of another one."""
    deactivate(collector)
    _active.append(collector)


def deactivate(collector: Collects) -> None:
    """Undo `activate`."""
    _active[:] = [one for one in _active if one is not collector]


def reset() -> None:
    """Forget every inbox, and end its thread; for tests."""
    for collector in _active:
        guard.call("inbox.reset", collector.close)
    _active.clear()


def collector_of(exchange: Exchange | None) -> Collects | None:
    """Return the inbox of the application that serves `exchange`.

    Outside of requests, the youngest of this process.
    """
    if exchange is not None:
        for _, watch in exchange.observers.finish:
            collector: Collects | None = getattr(watch, "inbox_collector", None)
            if collector is not None:
                return collector
    return _active[-1] if _active else None


def capture_exception(
    exception: BaseException | None = None, /, *, level: str = "error", **context: Any
) -> str | None:
    """Put an exception into the inbox, which the application goes on without.

    An exception that is raised on all the same is one entry, not two.

    Args:
        exception: The exception; by default the one being handled.
        level: `error` or `warning`.
        **context: Whatever helps to understand it. Secrets are masked.

    Returns:
        Id of the entry; None where there is no inbox, or no room in its queue.
    """
    caught = sys.exc_info()[1] if exception is None else exception
    if caught is None:
        return None
    exchange = current_exchange()
    collector = collector_of(exchange)
    if collector is None:
        return None
    return guard.call(
        "inbox.capture",
        collector.exception,
        caught,
        exchange=exchange,
        event="exception",
        level=level,
        context=context,
    )


def capture_message(
    text: str, /, *, level: str = "error", **context: Any
) -> str | None:
    """Put a message into the inbox.

    Messages are one issue if they differ in numbers and ids only; say what varies in
    the context, and they always are.

    Args:
        text: What happened.
        level: `error` or `warning`.
        **context: Whatever helps to understand it. Secrets are masked.

    Returns:
        Id of the entry; None where there is no inbox, or no room in its queue.
    """
    return _message("message", text, "", level, context)


def push(
    *,
    level: str = "ERROR",
    event: str,
    message: str = "",
    context: Mapping[str, Any] | None = None,
) -> str | None:
    """Put an event of your own into the inbox, as fastapi-flare's `push_log` does.

    Args:
        level: `ERROR` or `WARNING`, in any case.
        event: Its name, by which it is grouped: `payment_failed`.
        message: What happened this time.
        context: Whatever helps to understand it. Secrets are masked.

    Returns:
        Id of the entry; None where there is no inbox, or no room in its queue.
    """
    return _message(event, message, event, level, context or {})


def _message(
    event: str, text: str, template: str, level: str, context: Mapping[str, Any]
) -> str | None:
    exchange = current_exchange()
    collector = collector_of(exchange)
    if collector is None:
        return None
    return guard.call(
        "inbox.capture",
        collector.message,
        text,
        exchange=exchange,
        event=event,
        level=level,
        template=template,
        context=context,
    )
