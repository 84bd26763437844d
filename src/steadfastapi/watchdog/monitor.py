"""The one thread of the watchdog, whatever number of applications the process serves.

It looks when a beat is overdue, not at every beat: about twice a second while all is
well.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

from steadfastapi._fork import in_children
from steadfastapi._guard import guard
from steadfastapi.watchdog import background, engines, garbage
from steadfastapi.watchdog.pulse import Pulse

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLE_INTERVAL = 5.0
"""Seconds; half of the shortest usual scrape interval."""
SHORTEST = 0.02
"""Seconds between two looks at least."""
OVERSLEPT = 0.2
"""Seconds by which the thread itself woke too late: the whole process was stopped or
starved, and its loops get a moment to catch up."""

SAMPLES: tuple[Callable[[], None], ...] = (
    garbage.sample,
    background.sample,
    engines.sample,
)


class Monitor:
    """Watches the event loops of this process."""

    def __init__(self) -> None:
        self._begin()
        in_children(self._begin)  # threads and loops stay with the parent

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._pulses: tuple[Pulse, ...] = ()
        self._users = 0
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._sampled_at = 0.0

    @property
    def lag(self) -> float:
        """The longest lag of any event loop in the last seconds."""
        return max((pulse.lag for pulse in self._pulses), default=0.0)

    def join(self, blocked_after: float) -> Pulse | None:
        """Watch the running event loop; one of asyncio, as uvloop's are.

        Args:
            blocked_after: Seconds; of several applications the shortest counts.

        Returns:
            What `leave` takes.
        """
        with self._lock:
            # First: the thread sleeps until the earliest of what it knows.
            pulse = self._pulse(blocked_after)
            if self._thread is None:
                self._thread = self._started()
                garbage.watch()
            self._users += 1
        return pulse

    def leave(self, pulse: Pulse | None, deadline: float) -> bool:
        """Stop for one application; the last one ends the thread.

        Returns:
            Whether it ended within `deadline` seconds.
        """
        with self._lock:
            if pulse is not None and pulse.users:
                pulse.users -= 1
            self._pulses = tuple(one for one in self._pulses if one.users)
            self._users = max(0, self._users - 1)
            thread = self._thread
            if self._users or thread is None:
                return True
            self._stopping.set()
            self._thread = None
            garbage.unwatch()
        thread.join(deadline)
        return not thread.is_alive()

    def _started(self) -> threading.Thread:
        self._stopping = threading.Event()
        thread = threading.Thread(
            target=self._run,
            args=(self._stopping,),
            name="steadfastapi-watchdog",
            daemon=True,
        )
        thread.start()
        return thread

    def _pulse(self, blocked_after: float) -> Pulse | None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # trio's
            return None
        pulse = next((one for one in self._pulses if one.loop is loop), None)
        if pulse is None:
            pulse = Pulse(blocked_after)
            self._pulses = (*self._pulses, pulse)
        pulse.users += 1
        pulse.blocked_after = min(pulse.blocked_after, blocked_after)
        return pulse

    def _run(self, stopping: threading.Event) -> None:
        self._sampled_at = 0.0
        overslept = False
        while True:
            wanted = self._pause()
            before = time.monotonic()
            if stopping.wait(wanted):
                break
            now = time.monotonic()
            overslept = now - before - wanted > OVERSLEPT and not overslept
            if not overslept:
                guard.call("watchdog", self._look, now)
        guard.call("watchdog", self._sample)  # what happened since the last one

    def _pause(self) -> float:
        """Return the seconds until there is something to see."""
        now = time.monotonic()
        due = [pulse.alarm_at for pulse in self._pulses]
        due.append(self._sampled_at + SAMPLE_INTERVAL)
        return max(SHORTEST, min(due) - now)

    def _look(self, now: float) -> None:
        for pulse in self._pulses:
            pulse.check(now)
        if now - self._sampled_at >= SAMPLE_INTERVAL:
            self._sampled_at = now
            self._sample()

    def _sample(self) -> None:
        for sample in SAMPLES:
            guard.call("watchdog.sample", sample)


monitor = Monitor()
"""The monitor of this process."""
