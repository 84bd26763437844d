"""Which sessions ended before their time: asked for each visit, told to all workers.

| kept in                      | holds for                        |
|------------------------------|----------------------------------|
| memory                       | this worker                      |
| a folder of temporary files  | the workers of this machine      |
| Redis, where there is one    | all machines                     |

When Redis does not answer, what this machine knows decides: the console has to open
when Redis is what is broken.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

import anyio

from steadfastapi._guard import guard

if TYPE_CHECKING:
    from collections.abc import Callable

    from steadfastapi.console.shared import Folder

MAX_KEPT = 10_000
"""Sessions; those that end first of themselves are forgotten first."""
DEADLINE = 0.5
"""Seconds for Redis."""


class Everywhere(Protocol):
    """What all machines share."""

    async def add(self, session: str, seconds: float) -> None:
        """Remember a session for so long."""

    async def has(self, session: str) -> bool:
        """Return whether a session is remembered."""


class Revocations:
    """Remembers ended sessions until they would have ended of themselves.

    Args:
        folder: Of this machine.
        everywhere: Of all machines.
        clock: Unix time.
    """

    def __init__(
        self,
        folder: Folder | None = None,
        everywhere: Everywhere | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._here: OrderedDict[str, float] = OrderedDict()
        self._folder = folder
        self._everywhere = everywhere
        self._clock = clock

    async def add(self, session: str, until: float) -> None:
        """Remember a session until a Unix time."""
        self._here[session] = until
        while len(self._here) > MAX_KEPT:
            self._here.popitem(last=False)
        if self._folder is not None:
            guard.call("console.sessions", self._folder.mark, session, until)
        if self._everywhere is not None:
            try:
                with anyio.fail_after(DEADLINE):
                    await self._everywhere.add(session, until - self._clock())
            except Exception as error:
                guard.swallow("console.sessions", error)

    async def has(self, session: str) -> bool:
        """Return whether a session has ended."""
        if session in self._here:
            return True
        if self._folder is not None and guard.call(
            "console.sessions", self._folder.is_marked, session
        ):
            return True
        if self._everywhere is None:
            return False
        try:
            with anyio.fail_after(DEADLINE):
                return await self._everywhere.has(session)
        except Exception as error:
            guard.swallow("console.sessions", error)
            return False
