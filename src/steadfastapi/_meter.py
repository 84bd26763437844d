"""Counts of pieces that know no metrics layer: it listens if it is on.

A layer says what happened in the words of `signals`; the metrics layer connects its
families in its `contribute`. Without it, nothing is counted, and nothing is imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from steadfastapi._guard import guard

if TYPE_CHECKING:
    from steadfastapi.signals import Family


class Children(Protocol):
    """Hands out the child of a label set, as the metrics layer's families do."""

    def child(self, family: Family, *values: str) -> Any:
        """Return the child, the same object each time."""


class Meter:
    """Passes counts on, or drops them while nobody listens."""

    def __init__(self) -> None:
        self._families: Children | None = None

    def connect(self, families: Children) -> None:
        """Count in `families` from now on."""
        self._families = families

    def declare(self, family: Family, *labels: str) -> None:
        """Let a series start at 0, so that its first rise is seen as one."""
        if self._families is not None:
            guard.call("meter", self._families.child, family, *labels)

    def count(self, family: Family, *labels: str) -> None:
        """Add 1 to a counter."""
        if self._families is not None:
            try:
                self._families.child(family, *labels).inc()
            except Exception as error:
                guard.swallow("meter", error)

    def add(self, family: Family, amount: float, *labels: str) -> None:
        """Add several to a counter at once."""
        if self._families is not None:
            try:
                self._families.child(family, *labels).inc(amount)
            except Exception as error:
                guard.swallow("meter", error)

    def observe(self, family: Family, value: float, *labels: str) -> None:
        """Add a value to a histogram or summary."""
        if self._families is not None:
            try:
                self._families.child(family, *labels).observe(value)
            except Exception as error:
                guard.swallow("meter", error)

    def set(self, family: Family, value: float, *labels: str) -> None:
        """Set a gauge."""
        if self._families is not None:
            try:
                self._families.child(family, *labels).set(value)
            except Exception as error:
                guard.swallow("meter", error)
