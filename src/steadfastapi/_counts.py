"""What is counted outside of any layer: retries and breakers work without `configure`.

Whoever has metrics subscribes, and hears of every event from then on; whoever has none
costs nothing. What belongs to the process and not to one application, such as its event
loop or a database engine, is counted here too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from steadfastapi._guard import guard

if TYPE_CHECKING:
    from steadfastapi.signals import Family

Listener = Callable[["Family", tuple[str, ...], float], None]
"""Gets a family, its label values, and by how much a counter rose, what a gauge is
now, or what a histogram measures."""

MAX_DECLARED = 1_000
"""Series that are announced to a new listener; functions are decorated at import, and
this many only by a mistake."""


class Counts:
    """Passes events on to listeners. One per process."""

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()
        self._known: dict[tuple[Family, tuple[str, ...]], float] = {}
        self._lock = threading.Lock()

    def declare(self, family: Family, *labels: str) -> None:
        """Let a series start at 0, so that its first rise is seen as one."""
        self.set(family, 0.0, *labels)

    def add(self, family: Family, *labels: str, amount: float = 1.0) -> None:
        """Count one event, or several at once."""
        for listener in self._listeners:
            try:
                listener(family, labels, amount)
            except Exception as error:
                guard.swallow("counts", error)

    def observe(self, family: Family, value: float, *labels: str) -> None:
        """Add a value to a histogram."""
        self.add(family, *labels, amount=value)

    def set(self, family: Family, value: float, *labels: str) -> None:
        """Say what a gauge is now; whoever subscribes later hears of it too."""
        with self._lock:
            if (family, labels) in self._known or len(self._known) < MAX_DECLARED:
                self._known[family, labels] = value
        for listener in self._listeners:
            try:
                listener(family, labels, value)
            except Exception as error:
                guard.swallow("counts", error)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for every event, and for what is known; returns the undo."""
        with self._lock:
            self._listeners = (*self._listeners, listener)
            known = dict(self._known)
        for (family, labels), value in known.items():
            guard.call("counts", listener, family, labels, value)

        def unsubscribe() -> None:
            with self._lock:
                self._listeners = tuple(
                    one for one in self._listeners if one is not listener
                )

        return unsubscribe

    def reset(self) -> None:
        """Forget who listens, for tests; what is known stays, as decorators do."""
        with self._lock:
            self._listeners = ()


counts = Counts()
"""The counts of this process."""
reset = counts.reset
