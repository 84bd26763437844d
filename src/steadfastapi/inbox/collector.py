"""Makes sightings of what happens, and hands them to the writer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steadfastapi.inbox.capture import (
    Sighting,
    copied,
    cut,
    faults_of,
    is_captured,
    mark_captured,
    request_of,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steadfastapi._exchange import Exchange
    from steadfastapi.inbox.entry import Level
    from steadfastapi.inbox.writer import Writer

_WARNINGS = frozenset({"warning", "warn", "info", "debug", "notset"})


class Collector:
    """Takes exceptions and messages; calls of it must be guarded.

    Args:
        writer: Gets what was seen.
        logs: Whether ERROR records of the log are wanted.
    """

    def __init__(self, writer: Writer, *, logs: bool = True) -> None:
        self.writer = writer
        self.logs = logs

    def exception(
        self,
        exception: BaseException,
        *,
        exchange: Exchange | None,
        event: str,
        level: str,
        context: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Take an exception, once in an exchange; return the entry's id."""
        if is_captured(exception, exchange):
            return None
        seen = Sighting(event=event, level=level_of(level), faults=faults_of(exception))
        self._complete(seen, exchange, context)
        mark_captured(exception, exchange)
        return self.give(seen)

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
        seen = Sighting(
            event=text_of(event)[:256],
            level=level_of(level),
            message=text_of(text),
            template=cut(template),
        )
        self._complete(seen, exchange, context)
        return self.give(seen)

    def give(self, seen: Sighting) -> str | None:
        """Hand over a sighting; return its id if there was room for it."""
        return seen.id if self.writer.put(seen) else None

    def close(self) -> None:
        """End the writer; what waits is dropped."""
        self.writer.close(0.0)

    @staticmethod
    def _complete(
        seen: Sighting, exchange: Exchange | None, context: Mapping[str, Any] | None
    ) -> None:
        if exchange is not None:
            seen.request = request_of(exchange)
            if exchange.fields:
                seen.fields = copied(exchange.fields.copy())
        if context:
            seen.context = copied(context)


def level_of(level: str) -> Level:
    """Return the level that is kept for any that loggers know."""
    return "warning" if str(level).lower() in _WARNINGS else "error"
