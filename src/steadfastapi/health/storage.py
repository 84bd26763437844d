"""Where results and state changes are kept, and what else may keep them."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from steadfastapi.health.model import AlertRecord, ProbeResult

HISTORY = 120
"""Results kept of each probe: two minutes of checks every second."""
ALERTS = 120
"""State changes kept, of all probes together."""
MAX_NAMES = 1_000


@runtime_checkable
class ProbeStorage(Protocol):
    """The eight methods of fastapi-watch's storage; no inheritance needed.

    Every method but `clear_latest` is async. What they raise is counted, and fails no
    check. A storage may have more, which are used where they exist:

    - `async set_maintenance(until: float | None)`: Unix time, infinity for no end,
      None for none;
    - `async get_maintenance() -> float | None`;
    - `async claim_alert(key: str, value: str, ttl_seconds: float) -> bool`: whether
      nobody else has claimed the same value of the key;
    - `async aclose()`.
    """

    async def get_latest(self, name: str) -> ProbeResult | None:
        """Return the last result of a probe."""

    async def get_all_latest(self) -> dict[str, ProbeResult]:
        """Return the last result of every probe."""

    async def set_latest(self, result: ProbeResult) -> None:
        """Keep a result as the last one of its probe."""

    def clear_latest(self) -> None:
        """Forget the last results."""

    async def append_history(self, result: ProbeResult) -> None:
        """Keep a result in the history of its probe."""

    async def get_history(self) -> dict[str, list[ProbeResult]]:
        """Return the history of every probe, oldest first."""

    async def append_alert(self, alert: AlertRecord) -> None:
        """Keep a state change."""

    async def get_alerts(self) -> list[AlertRecord]:
        """Return the state changes, oldest first."""


class MemoryStorage:
    """Keeps everything in this process, bounded.

    Args:
        history: Results of each probe.
        alerts: State changes of all probes together.
    """

    def __init__(self, history: int = HISTORY, alerts: int = ALERTS) -> None:
        self._size = history
        self._latest: dict[str, ProbeResult] = {}
        self._history: dict[str, deque[ProbeResult]] = {}
        self._alerts: deque[AlertRecord] = deque(maxlen=alerts)
        self._maintenance: float | None = None

    async def get_latest(self, name: str) -> ProbeResult | None:
        """Return the last result of a probe."""
        return self._latest.get(name)

    async def get_all_latest(self) -> dict[str, ProbeResult]:
        """Return the last result of every probe."""
        return dict(self._latest)

    async def set_latest(self, result: ProbeResult) -> None:
        """Keep a result as the last one of its probe."""
        self.keep(result)

    def clear_latest(self) -> None:
        """Forget the last results."""
        self._latest.clear()

    async def append_history(self, result: ProbeResult) -> None:
        """Keep a result in the history of its probe."""
        self.remember(result)

    async def get_history(self) -> dict[str, list[ProbeResult]]:
        """Return the history of every probe, oldest first."""
        return {name: list(results) for name, results in self._history.items()}

    async def append_alert(self, alert: AlertRecord) -> None:
        """Keep a state change."""
        self._alerts.append(alert)

    async def get_alerts(self) -> list[AlertRecord]:
        """Return the state changes, oldest first."""
        return list(self._alerts)

    # What needs no waiting, for the runner itself.

    def keep(self, result: ProbeResult) -> None:
        """Keep a result as the last one of its probe."""
        if result.name in self._latest or len(self._latest) < MAX_NAMES:
            self._latest[result.name] = result

    def remember(self, result: ProbeResult) -> None:
        """Keep a result in the history of its probe."""
        history = self._history.get(result.name)
        if history is None:
            if len(self._history) >= MAX_NAMES:
                return
            history = self._history[result.name] = deque(maxlen=self._size)
        history.append(result)

    def note(self, alert: AlertRecord) -> None:
        """Keep a state change."""
        self._alerts.append(alert)


InMemoryProbeStorage = MemoryStorage
"""fastapi-watch's name."""

Operation = Callable[[], Awaitable[None]]
