"""What everything that exports telemetry shares: bounds, deadlines, and silence."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from steadfastapi._guard import guard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_QUEUE = 1_000
"""Items that wait; beyond it the newest are dropped, and counted (NB-7)."""
MAX_BATCH = 256
EXPORT_TIMEOUT = 5.0
"""Seconds for one export; with the two between exports, that keeps the time from a
collector's repair to the next delivery below 10 s (NB-6). OpenTelemetry's variable
`OTEL_EXPORTER_OTLP_TIMEOUT` wins."""

LOG_INTERVAL = 20.0
"""Seconds between two log lines of one kind about a collector that is down: the
SDK would write one a second."""


def quieten(logger: logging.Logger) -> None:
    """Let each message of a logger through once in `LOG_INTERVAL` seconds."""
    if not any(isinstance(known, _Seldom) for known in logger.filters):
        logger.addFilter(_Seldom())


class _Seldom(logging.Filter):
    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        template = str(record.msg)
        if now - self._last.get(template, -LOG_INTERVAL) < LOG_INTERVAL:
            return False
        self._last[template] = now
        return True


class _Exporting(threading.local):
    active = False


exporting = _Exporting()
"""Whether this thread is sending telemetry: what it logs meanwhile is not sent in its
turn, or each export would cause the next (NB-14)."""


@contextmanager
def unobserved() -> Iterator[None]:
    """Mark this thread as one that sends telemetry."""
    before = exporting.active
    exporting.active = True
    try:
        yield
    finally:
        exporting.active = before


def within(seconds: float, work: Callable[[], object], component: str) -> bool:
    """Return whether `work`, run in a thread of its own, returned True in time.

    The SDK's own deadlines do not hold: `force_flush(1000)` was measured to return
    True after 34 to 50 s (OTEL-10). The thread is a daemon: what hangs in it does
    not keep the process alive.

    Args:
        seconds: To wait for it.
        work: May block, and raise.
        component: Whose error it is when it raises.
    """
    result: list[object] = []

    def run() -> None:
        result.append(guard.call(component, work))

    ends_at = time.monotonic() + seconds
    thread = threading.Thread(target=run, name="steadfastapi-flush", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no thread to be had, or the interpreter is ending
        return False
    thread.join(max(0.0, ends_at - time.monotonic()))
    return result == [True]
