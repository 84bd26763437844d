"""What a forked child has to do again."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def in_children(method: Callable[[], None]) -> None:
    """Call a bound method in every forked child, as long as its object lives.

    Python cannot take back what `register_at_fork` was given.
    """
    reference = weakref.WeakMethod(method)

    def call() -> None:
        living = reference()
        if living is not None:
            living()

    if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
        os.register_at_fork(after_in_child=call)


FORK_WAITS = 1.0
"""Seconds that a fork waits for what must not be cut in two."""


class Whole:
    """Something that a fork does not cut in two: `with whole.lock: …`.

    A fork waits until nobody is inside, for a bounded time.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._forking = threading.local()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._wait,
                after_in_parent=self._go_on,
                after_in_child=self._begin,
            )

    def _wait(self) -> None:
        self._forking.held = self.lock.acquire(timeout=FORK_WAITS)

    def _go_on(self) -> None:
        if self._forking.held:
            self.lock.release()

    def _begin(self) -> None:
        self.lock = threading.RLock()
