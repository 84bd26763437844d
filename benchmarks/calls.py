"""What a retry costs where nothing fails: `db_retry` beside bare Tenacity."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass
from time import process_time
from typing import TYPE_CHECKING, Any

from tenacity import (
    retry,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
)

from steadfastapi import db_retry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CALLS = 2_000
ROUNDS = 15
MICRO = 1e6

by_tenacity: Any = retry(
    stop=stop_after_attempt(3),
    wait=wait_exponential(multiplier=0.1, max=2),
    retry=retry_if_exception_type(ConnectionError),
    reraise=True,
)
"""As the article wires it that the project started from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """µs of processor time of one successful call, beyond the undecorated function."""

    what: str
    bare_tenacity: float
    db_retry: float

    @property
    def share(self) -> float:
        """Of Tenacity's time."""
        return self.db_retry / self.bare_tenacity


def measure() -> list[Call]:
    """Return what an async and a sync call cost, the fastest of alternating rounds."""
    return [
        _compared("an async function", _async_work, _await_all),
        _compared("a sync function", _work, _call_all),
    ]


def _work() -> int:
    return 1


async def _async_work() -> int:
    return 1


def _compared(
    what: str, work: Callable[..., Any], run: Callable[[Callable[..., Any]], float]
) -> Call:
    decorated = (work, by_tenacity(work), db_retry(work))
    best = [float("inf")] * len(decorated)
    for _ in range(ROUNDS):
        for place, function in enumerate(decorated):
            gc.collect()
            best[place] = min(best[place], run(function) / CALLS * MICRO)
    plain, tenacity, ours = best
    return Call(what=what, bare_tenacity=tenacity - plain, db_retry=ours - plain)


def _call_all(function: Callable[[], object]) -> float:
    started = process_time()
    for _ in range(CALLS):
        function()
    return process_time() - started


def _await_all(function: Callable[[], Awaitable[object]]) -> float:
    async def call_all() -> float:
        started = process_time()
        for _ in range(CALLS):
            await function()
        return process_time() - started

    return asyncio.run(call_all())
