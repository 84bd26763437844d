"""Start and stop of everything that lives as long as the application.

Parts start before the application's own lifespan and stop after it. Stopping has
one deadline for all parts together, runs in threads off the event loop, and says
honestly whether everything was delivered: an exporter whose backend is silent must
not hold a rolling deployment (OTEL-10).
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.to_thread

from steadfastapi._guard import guard
from steadfastapi.exceptions import ConfigurationError

SHUTDOWN_DEADLINE = 5.0
"""Seconds for all parts together; well inside the 30 s that Kubernetes grants."""

Lifespan = Callable[[Any], AbstractAsyncContextManager[Mapping[str, Any] | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LifespanPart:
    """Something that starts and stops with the application.

    Args:
        name: Names the part in logs and counters.
        start: Called on the event loop before the application starts; must not wait.
        stop: Called in a thread with the seconds it has; blocking is allowed.
            Returns False when something was left undelivered.
    """

    name: str
    start: Callable[[], None] | None = None
    stop: Callable[[float], bool] | None = None


class Lifespans:
    """All parts of one stack."""

    def __init__(
        self,
        parts: Sequence[LifespanPart],
        deadline: float = SHUTDOWN_DEADLINE,
        checks: Sequence[Callable[[], None]] = (),
    ) -> None:
        self._parts = tuple(parts)
        self._checks = tuple(checks)
        self._deadline = deadline
        self._stopped: bool | None = None
        self._lock = threading.Lock()

    def around(self, inner: Lifespan) -> Lifespan:
        """Return `inner`, the application's lifespan, with the parts around it."""

        @asynccontextmanager
        async def lifespan(app: Any) -> AsyncIterator[Mapping[str, Any] | None]:
            self._check()
            self.start()
            try:
                async with inner(app) as state:
                    yield state
            finally:
                with anyio.CancelScope(shield=True):
                    try:
                        await anyio.to_thread.run_sync(self.stop)
                    except RuntimeError:
                        self.stop()  # no thread to be had: it ends at once

        return lifespan

    def _check(self) -> None:
        """Let a mistake in the configuration stop the start, and no mistake of ours."""
        for check in self._checks:
            try:
                check()
            except ConfigurationError:
                raise
            except Exception as error:
                guard.swallow("checks", error)

    def start(self) -> None:
        """Start every part; one that fails leaves the application running."""
        self._stopped = None
        for part in self._parts:
            if part.start is not None:
                guard.call(f"lifespan.{part.name}", part.start)

    def stop(self, deadline: float | None = None) -> bool:
        """Stop every part side by side, and wait no longer than the deadline.

        Args:
            deadline: Seconds; the stack's own when None.

        Returns:
            Whether everything was delivered in time. A second call returns the
            first one's answer.
        """
        with self._lock:
            if self._stopped is None:
                self._stopped = self._stop(
                    self._deadline if deadline is None else deadline
                )
            return self._stopped

    def _stop(self, deadline: float) -> bool:
        ends_at = time.monotonic() + deadline
        delivered: list[bool] = []

        def run(part: LifespanPart, stop: Callable[[float], bool]) -> None:
            result = guard.call(f"lifespan.{part.name}", stop, deadline)
            delivered.append(bool(result))

        # Daemons: an exporter that hangs for ever must not keep the process alive.
        threads = [
            threading.Thread(
                target=run,
                args=(part, part.stop),
                name=f"steadfastapi-stop-{part.name}",
                daemon=True,
            )
            for part in self._parts
            if part.stop is not None
        ]
        for thread in threads:
            with suppress(RuntimeError):  # no thread to be had: not delivered
                thread.start()
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0.0, ends_at - time.monotonic()))
        return len(delivered) == len(threads) and all(delivered)
