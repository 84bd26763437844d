"""Background tasks of Starlette and FastAPI, which nobody waits for.

There is no hook in them: a response runs its own, out of sight of any middleware. So
their `__call__` is wrapped, once in a process, when the first application starts.
"""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any

from fastapi.background import BackgroundTasks as FastAPITasks
from starlette.background import BackgroundTask, BackgroundTasks

from steadfastapi._counts import counts
from steadfastapi.signals import (
    BACKGROUND_DURATION,
    BACKGROUND_OLDEST,
    BACKGROUND_PENDING,
    BACKGROUND_TASKS,
    OTHER,
)

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_NAMES = 100
MAX_PENDING = 10_000
"""Tasks whose age is known; more of them at one time are not looked at."""

_names: set[str] = set()
_pending: dict[int, tuple[str, float]] = {}
"""Name, and `time.monotonic()` when its response was sent, by the id of a task."""
_originals: list[tuple[Any, Any]] = []
"""Classes, and what was theirs."""


def install() -> None:
    """Watch all background tasks of this process."""
    if _originals:
        return
    _wrap(BackgroundTask, _watching_one)
    _wrap(BackgroundTasks, _watching_all)
    if "__call__" in vars(FastAPITasks):  # 0.142 and newer, which trace each task
        _wrap(FastAPITasks, _watching_all)


def reset() -> None:
    """Take the wraps off again, for tests."""
    while _originals:
        owner, original = _originals.pop()
        owner.__call__ = original
    _names.clear()
    _pending.clear()


def _wrap(owner: Any, wrap: Callable[[Any], Any]) -> None:
    _originals.append((owner, owner.__call__))
    owner.__call__ = wrap(owner.__call__)


def sample() -> None:
    """Tell how many wait or run, and how old the oldest is."""
    now = time.monotonic()
    ages: dict[str, list[float]] = {name: [] for name in list(_names)}
    for name, since in list(_pending.values()):
        ages.setdefault(name, []).append(now - since)
    for name, each in ages.items():
        counts.set(BACKGROUND_PENDING, len(each), name)
        counts.set(BACKGROUND_OLDEST, max(each, default=0.0), name)


def _watching_one(original: Any) -> Any:
    @functools.wraps(original)
    async def call(self: BackgroundTask) -> None:
        name = _expect(self)
        began = time.perf_counter()
        outcome = "cancelled"
        try:
            await original(self)
            outcome = "ok"
        except Exception:
            outcome = "error"
            raise
        finally:
            _pending.pop(id(self), None)
            seconds = time.perf_counter() - began
            counts.add(BACKGROUND_TASKS, name, outcome)
            counts.observe(BACKGROUND_DURATION, seconds, name)

    return call


def _watching_all(original: Any) -> Any:
    @functools.wraps(original)
    async def call(self: BackgroundTasks) -> None:
        tasks = list(self.tasks)
        for task in tasks:
            _expect(task)
        try:
            await original(self)
        finally:
            for task in tasks:  # after one that failed, the others never run
                _pending.pop(id(task), None)

    return call


def _expect(task: BackgroundTask) -> str:
    """Let a task wait from now on, unless it does already; returns its name."""
    known = _pending.get(id(task))
    if known is not None:
        return known[0]
    name = _name_of(getattr(task, "func", task))
    if len(_pending) < MAX_PENDING:
        _pending[id(task)] = name, time.monotonic()
    return name


def _name_of(function: Any) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    name = str(name).replace("<locals>.", "")
    if name in _names:
        return name
    if len(_names) >= MAX_NAMES:
        name = OTHER
    _names.add(name)
    for outcome in BACKGROUND_TASKS.values["outcome"]:
        counts.declare(BACKGROUND_TASKS, name, outcome)
    return name
