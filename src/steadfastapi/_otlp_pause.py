"""How long a collector that is overloaded wants to be left alone (NB-12)."""

from __future__ import annotations

import math
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

UNSAID = 60.0
"""Seconds after a 429 that does not say how long, as Sentry's clients do it."""
MAX_PAUSE = 300.0
"""Seconds: no header may silence a process for a day."""

_TOO_MANY, _UNAVAILABLE = 429, 503
_HEADER = "Retry-After"


class Pause:
    """Reads the answers of a collector; a hook of a `requests` session."""

    def __init__(self) -> None:
        self._until = 0.0

    def holds(self) -> bool:
        """Return whether nothing may be sent now."""
        return time.monotonic() < self._until

    @property
    def left(self) -> float:
        """Seconds until something may be sent again."""
        return max(0.0, self._until - time.monotonic())

    def __call__(self, response: Any, *_: Any, **__: Any) -> None:
        """Take notice of an answer."""
        status = response.status_code
        said = response.headers.get(_HEADER)
        if status == _TOO_MANY and said is None:
            # The SDK would try again after a second; it obeys this header.
            response.headers[_HEADER] = said = f"{UNSAID:.0f}"
        if status in (_TOO_MANY, _UNAVAILABLE) and said is not None:
            self._until = time.monotonic() + min(_seconds(said), MAX_PAUSE)


def _seconds(said: str) -> float:
    """Return what `Retry-After` says, in seconds from now; 0 for nonsense."""
    try:
        seconds = float(said)
    except ValueError:
        try:
            at = parsedate_to_datetime(said)
        except ValueError:
            return 0.0
        seconds = at.replace(tzinfo=at.tzinfo or UTC).timestamp() - time.time()
    return max(0.0, seconds) if math.isfinite(seconds) else 0.0
