"""Who of several processes tells an alert."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from steadfastapi._fork import in_children

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_CLAIMS = 10_000


class Claims(Protocol):
    """Remembers the last state of each key, for all replicas of an application.

    Both methods may block for a second, and may raise: then the alert is told, and
    perhaps twice, rather than never.
    """

    def claim(self, key: str, state: str, ttl: float) -> bool:
        """Take on a state for `ttl` seconds.

        Returns:
            False if the last state of the key is this one already, whoever claimed it.
        """

    def keep(self, key: str, state: str, ttl: float) -> None:
        """Make a state the key's last one, for `ttl` seconds from now."""


class MemoryClaims:
    """Claims of the notifiers of one process.

    Args:
        clock: Seconds, never going back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._reset()
        in_children(self._reset)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._states: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def claim(self, key: str, state: str, ttl: float) -> bool:
        """Take on a state; False if it is the key's last one already."""
        now = self._clock()
        with self._lock:
            last, until = self._states.get(key, ("", now))
            if last == state and now < until:
                return False
            self._put(key, state, now + ttl)
            return True

    def keep(self, key: str, state: str, ttl: float) -> None:
        """Make a state the key's last one."""
        with self._lock:
            self._put(key, state, self._clock() + ttl)

    def _put(self, key: str, state: str, until: float) -> None:
        self._states[key] = (state, until)
        self._states.move_to_end(key)
        if len(self._states) > MAX_CLAIMS:
            self._states.popitem(last=False)
