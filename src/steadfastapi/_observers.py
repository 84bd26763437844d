"""The four moments of an exchange, and who watches them.

| moment   | when                                          | may                     |
|----------|-----------------------------------------------|-------------------------|
| start    | before the application is called              | return an undo callable |
| error    | an exception is seen, the span is still open  |                         |
| response | status and route are known, nothing sent yet  |                         |
| finish   | the last byte has left, or never will         |                         |

Every watcher is a callable of one `Exchange` (`error` also gets the exception), must
not block, and may raise without harm: the guard contains it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steadfastapi._guard import guard

if TYPE_CHECKING:
    from steadfastapi._exchange import Exchange

Observer = Callable[["Exchange"], None]
StartObserver = Callable[["Exchange"], Callable[[], None] | None]
ErrorObserver = Callable[["Exchange", BaseException], None]


@dataclass(frozen=True, slots=True)
class Observers:
    """Who watches, as pairs of component name and callable, in order."""

    start: tuple[tuple[str, StartObserver], ...] = ()
    error: tuple[tuple[str, ErrorObserver], ...] = ()
    response: tuple[tuple[str, Observer], ...] = ()
    finish: tuple[tuple[str, Observer], ...] = ()

    def on_start(self, exchange: Exchange) -> list[tuple[str, Callable[[], None]]]:
        """Announce the start; return what must be undone, innermost last."""
        undos: list[tuple[str, Callable[[], None]]] = []
        for component, watch in self.start:
            try:
                undo = watch(exchange)
            except Exception as error:
                guard.swallow(component, error)
            else:
                if undo is not None:
                    undos.append((component, undo))
        return undos

    def on_error(self, exchange: Exchange, exception: BaseException) -> None:
        """Announce an exception while its span and scopes are still open."""
        for component, watch in self.error:
            try:
                watch(exchange, exception)
            except Exception as error:
                guard.swallow(component, error)

    def on_response(self, exchange: Exchange) -> None:
        """Announce that status and route are known."""
        for component, watch in self.response:
            try:
                watch(exchange)
            except Exception as error:
                guard.swallow(component, error)

    def on_finish(self, exchange: Exchange) -> None:
        """Hand the finished record to everyone."""
        for component, watch in self.finish:
            try:
                watch(exchange)
            except Exception as error:
                guard.swallow(component, error)
