"""The last log lines of this worker, after their secrets were masked."""

from __future__ import annotations

from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from steadfastapi._scrub import safe_str, scrub_text, truncate

if TYPE_CHECKING:
    from collections.abc import Mapping

SIZE = 2_000
"""Lines that are kept."""
MAX_LINE = 4_096
"""Characters of a line, rendered; a longer one is kept in short. Bounds the ring at
some 16 MB when every line is that long; ordinary ones need 1 MB."""
MAX_EVENT = 1_024
MAX_FIELD = 128
MAX_FIELDS = 24


class Kept(NamedTuple):
    """One line and its place among all lines of this worker."""

    number: int
    line: Mapping[str, Any]


class LogRing:
    """Takes every line of the process; holds no lock, as the process may fork.

    Args:
        size: Lines that are kept.
    """

    def __init__(self, size: int = SIZE) -> None:
        # Number, names, and each value: of plain ones, such tuples are nothing to the
        # garbage collector, which runs the longer the more it has to look at.
        self._kept: deque[tuple[Any, ...]] = deque(maxlen=size)
        self._numbers = count(1)

    def add(self, line: dict[str, Any], exc_info: Any, size: int) -> None:
        """Keep a line. Called for each one, from any thread: under a microsecond.

        Args:
            line: Its fields, cleaned; not changed by anybody from now on.
            exc_info: The exception that it tells of, as `logging` has it, or None.
            size: Characters of the rendered line.
        """
        if size > MAX_LINE or exc_info is not None:
            line = _in_short(line, exc_info, size)
        self._kept.append((next(self._numbers), tuple(line), *line.values()))

    @property
    def latest(self) -> int:
        """Number of the last line; 0 before the first."""
        kept = self._kept.copy()
        return kept[-1][0] if kept else 0

    def since(self, number: int = 0) -> list[Kept]:
        """Return the lines after a number, oldest first; all by default."""
        # One step: the others go on appending.
        kept = self._kept.copy()
        return [Kept(one[0], _line(one)) for one in kept if one[0] > number]

    def lines_of(self, request_id: str) -> list[dict[str, Any]]:
        """Return the lines of one request, oldest first."""
        kept = (_line(one) for one in self._kept.copy() if request_id in one)
        return [line for line in kept if line.get("request_id") == request_id]


def _line(kept: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(kept[1], kept[2:], strict=True))


def _in_short(line: dict[str, Any], exc_info: Any, size: int) -> dict[str, Any]:
    """Return a line without its traceback; a long one without what is long in it."""
    short = {name: value for name, value in line.items() if name != "exception"}
    if size > MAX_LINE:
        small = [item for item in short.items() if len(str(item[1])) <= MAX_FIELD]
        short = dict(small[:MAX_FIELDS])
        short["event"] = truncate(str(line.get("event", "")), MAX_EVENT)
    if exc_info is not None:
        kind, error, _ = exc_info
        text = f"{kind.__name__}: {safe_str(error, MAX_EVENT)}"
        short["exception"] = scrub_text(text, MAX_EVENT)
    return short
