"""Settings of the watchdog, and what it adds to the plan.

What watches is imported when the application starts: neither `configure` nor a process
that never serves pays for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from steadfastapi._lifespan import LifespanPart
from steadfastapi._settings import LayerSettings

if TYPE_CHECKING:
    from steadfastapi._plan import Plan
    from steadfastapi.watchdog.monitor import Monitor
    from steadfastapi.watchdog.pulse import Pulse


class Watchdog(LayerSettings):
    """Say which line of code blocks the event loop; watch pools and tasks."""

    model_config = SettingsConfigDict(env_prefix="STEADFAST_WATCHDOG_")
    name: ClassVar[str] = "watchdog"

    blocked_after: float = Field(default=0.5, ge=0.1, le=60.0)
    """Seconds that the event loop must stand still to be reported, with the stack of
    the code that blocks it."""

    def contribute(self, plan: Plan) -> None:
        """Watch while the application runs."""
        handle = WatchdogHandle(self.blocked_after)
        plan.lifespan(
            LifespanPart(name="the watchdog", start=handle.start, stop=handle.stop)
        )
        plan.handle(handle)
        plan.note(f"reports what blocks the event loop for {self.blocked_after:g} s")


class WatchdogHandle:
    """`stack.watchdog`: one application's part in the watchdog of the process.

    Args:
        blocked_after: Seconds, see `Watchdog`.
    """

    def __init__(self, blocked_after: float) -> None:
        self._blocked_after = blocked_after
        self._monitor: Monitor | None = None
        self._pulse: Pulse | None = None

    @property
    def lag(self) -> float:
        """Seconds: the longest lag of the event loop in the last 15 s."""
        return 0.0 if self._monitor is None else self._monitor.lag

    def watch_engine(self, engine: Any, name: str | None = None) -> None:
        """Watch a SQLAlchemy engine; see `Stack.watch_engine`."""
        from steadfastapi.watchdog.engines import watch_engine  # noqa: PLC0415

        watch_engine(engine, name)

    def watch_client(self, client: Any, target: str | None = None) -> None:
        """Time the calls of an httpx client; see `Stack.watch_client`."""
        from steadfastapi.watchdog.clients import watch_client  # noqa: PLC0415

        watch_client(client, target)

    def start(self) -> None:
        """Watch the running event loop."""
        from steadfastapi.watchdog import background  # noqa: PLC0415
        from steadfastapi.watchdog.monitor import monitor  # noqa: PLC0415

        background.install()
        self._pulse = monitor.join(self._blocked_after)
        self._monitor = monitor

    def stop(self, deadline: float) -> bool:
        """Watch no more; returns whether that took less than `deadline` seconds."""
        monitor, self._monitor = self._monitor, None
        pulse, self._pulse = self._pulse, None
        return monitor is None or monitor.leave(pulse, deadline)
