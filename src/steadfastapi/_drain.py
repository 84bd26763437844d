"""Draining: tell the load balancer first, stop accepting later.

A server that is told to stop closes its listener at once, and the lifespan ends
after that; whoever still routes requests here then meets a closed port (HEALTH-4).
So the signal is held back: readiness turns at once, and the server hears of it when
the load balancer has had the time to look.
"""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class SharedFlag(Protocol):
    """A number in memory that several processes share; 0 until one of them drains."""

    value: int


class Drain:
    """Whether this process is on its way out.

    `begin` is called by the signal, or by an authenticated request of a preStop
    hook; readiness asks `begun`.
    """

    def __init__(self) -> None:
        self._begun = threading.Event()
        self._timers: list[threading.Timer] = []
        self._shared: SharedFlag | None = None

    @property
    def begun(self) -> bool:
        """Whether no new traffic should be sent here any more."""
        shared = self._shared
        return self._begun.is_set() or (shared is not None and bool(shared.value))

    def begin(self) -> None:
        """Announce the end; requests are still served."""
        self._begun.set()

    def share(self, flag: SharedFlag) -> None:
        """Drain with all processes that share `flag`, which their parent made."""
        self._shared = flag

    def begin_elsewhere(self) -> None:
        """Let the other processes of this server drain too, where a flag is shared."""
        if self._shared is not None:
            self._shared.value = 1

    def reset(self) -> None:
        """Take everything back, for tests and for an application that starts again."""
        self._begun.clear()
        self._shared = None
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def hold_back(self, seconds: float) -> Callable[[], None]:
        """Let SIGTERM reach the server `seconds` after it came.

        Later ones change nothing: supervisors like to repeat themselves. SIGINT
        stays the server's. Works where the server has set a handler of its own with
        `signal.signal`, as uvicorn does, also under gunicorn; elsewhere only
        readiness turns.

        Args:
            seconds: The time that load balancers have; 0 changes nothing.

        Returns:
            What puts the server's handler back.
        """
        if seconds <= 0 or threading.current_thread() is not threading.main_thread():
            return _nothing
        server: Any = signal.getsignal(signal.SIGTERM)
        if not callable(server):
            return _nothing

        def hold(number: int, _frame: Any) -> None:
            if self._timers:
                return
            self.begin()
            timer = threading.Timer(seconds, server, (number, None))
            timer.daemon = True
            self._timers.append(timer)
            timer.start()

        def put_back() -> None:
            if signal.getsignal(signal.SIGTERM) is hold:
                signal.signal(signal.SIGTERM, server)

        signal.signal(signal.SIGTERM, hold)
        return put_back


drain = Drain()
"""Of this process."""


def _nothing() -> None:
    """Where no handler was replaced."""
