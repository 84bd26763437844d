"""Pauses of the garbage collector.

Its callbacks run at any point of any thread, inside of locks too. So they take none:
they add up here, and the watchdog's thread passes on what has come together.
"""

from __future__ import annotations

import gc
from time import perf_counter
from typing import Any

from steadfastapi._counts import counts
from steadfastapi.signals import GC_COLLECTIONS, GC_PAUSE, GENERATIONS

_collections = [0] * len(GENERATIONS)
_pauses = [0.0] * len(GENERATIONS)
_told_collections = [0] * len(GENERATIONS)
_told_pauses = [0.0] * len(GENERATIONS)
_began = 0.0


def watch() -> None:
    """Measure from now on."""
    if _measure not in gc.callbacks:
        gc.callbacks.append(_measure)


def unwatch() -> None:
    """Measure no more."""
    if _measure in gc.callbacks:
        gc.callbacks.remove(_measure)


def sample() -> None:
    """Pass on what was measured since the last time."""
    for generation, name in enumerate(GENERATIONS):
        collections, pause = _collections[generation], _pauses[generation]
        new = collections - _told_collections[generation]
        if new:
            counts.add(GC_COLLECTIONS, name, amount=new)
            seconds = pause - _told_pauses[generation]
            counts.add(GC_PAUSE, name, amount=seconds)
            _told_collections[generation] = collections
            _told_pauses[generation] = pause


def _measure(phase: str, info: dict[str, Any]) -> None:
    global _began  # noqa: PLW0603 - one collection at a time
    if phase == "start":
        _began = perf_counter()
    else:
        generation = info["generation"]
        _collections[generation] += 1
        _pauses[generation] += perf_counter() - _began
