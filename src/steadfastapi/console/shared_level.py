"""The log level of all workers of one machine, switched in one of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson

from steadfastapi._guard import guard
from steadfastapi.console import shared

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EVERY = 1.0
"""Seconds between two looks whether another worker was told: one `stat` each."""
MAX_LOGGERS = 100


class SharedLevel:
    """Switches here, and follows what was switched in another worker.

    Args:
        set_level: Switches in this worker: level, and the logger or None for all.
        file: Where workers tell each other; None where there is one only.
    """

    def __init__(
        self, set_level: Callable[[str, str | None], None], file: Path | None
    ) -> None:
        self._set_level = set_level
        self._file = file
        self._known = 0
        self._levels: dict[str, str] = {}
        self._stopped = False

    @property
    def is_shared(self) -> bool:
        """Whether other workers follow."""
        return self._file is not None

    def switch(self, level: str, logger: str | None) -> None:
        """Switch in this worker, and tell the others.

        Raises:
            ValueError: The level is unknown.
        """
        self._set_level(level, logger)
        if self._file is None:
            return
        self.look()
        name = logger or ""
        if name in self._levels or len(self._levels) < MAX_LOGGERS:
            self._levels[name] = level
        guard.call("console.level", self._tell, self._file)

    def look(self) -> None:
        """Do what another worker was told."""
        if self._file is None:
            return
        try:
            at = self._file.stat().st_mtime_ns
            if at == self._known:
                return
            said: Any = orjson.loads(shared.read(self._file))
            for logger, level in said.items():
                if self._levels.get(logger) != level:
                    self._set_level(level, logger or None)
            self._levels, self._known = dict(said), at
        except FileNotFoundError:
            return  # nobody was told anything
        except Exception as error:
            guard.swallow("console.level", error)

    def start(self) -> None:
        """Look every second from now on."""
        self._stopped = False
        if self._file is not None:
            self._again(asyncio.get_running_loop())

    def stop(self) -> None:
        """Look no more."""
        self._stopped = True

    def _again(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._stopped:
            self.look()
            loop.call_later(EVERY, self._again, loop)

    def _tell(self, file: Path) -> None:
        shared.write(file, orjson.dumps(self._levels))
        self._known = file.stat().st_mtime_ns
