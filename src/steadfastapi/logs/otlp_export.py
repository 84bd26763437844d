"""The queue of log lines in front of an OTLP exporter.

The SDK's batch processor makes a record of each line while the request waits (some
13 µs) and knows no bound in bytes; here a request appends to a queue, and a thread
makes the records. Encoding, sending and repeating are the SDK's.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk._logs.export import LogRecordExportResult

from steadfastapi._counts import counts
from steadfastapi._export import (
    MAX_BATCH,
    MAX_QUEUE,
    exporting,
    unobserved,
    within,
)
from steadfastapi._fork import in_children
from steadfastapi._guard import guard
from steadfastapi._scrub import safe_str, scrub_text
from steadfastapi.logs.otlp_records import Waiting, records
from steadfastapi.logs.tracebacks import MAX_MESSAGE, ExcInfo, traceback_text
from steadfastapi.signals import TELEMETRY_DROPPED

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.resources import Resource

    from steadfastapi._otlp_pause import Pause

COMPONENT = "logs.otlp"
DELAY = 2.0
"""Seconds between two exports, unless a batch is full before."""
MAX_BYTES = 8 * 1024 * 1024
"""Characters of lines that wait (NB-7)."""


class LogExport:
    """Sends lines; a tap of the log pipeline.

    Its thread starts with the first line, so that a process which only prepares and
    forks (gunicorn's `--preload`) has none; a child starts its own.

    Args:
        make: Builds the exporter. Called anew in a forked child, whose parent keeps the
            connection.
        resource: Who sends, asked for each batch: tracing's provider decides it.
        pause: How long the collector wants to be left alone.
    """

    def __init__(
        self,
        make: Callable[[], LogRecordExporter],
        resource: Callable[[], Resource],
        pause: Pause,
    ) -> None:
        self._make = make
        self._resource = resource
        self._pause = pause
        self._queue: deque[Waiting] = deque()
        self._closed = False
        self._retired = False
        self.sent = 0
        self._begin()
        in_children(self._begin)

    def _begin(self) -> None:
        self._exporter: LogRecordExporter | None = None
        self._queue.clear()
        self._put = self._taken = 0
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._sending = threading.Lock()
        # A lock that nobody owns: unlike an event, it can be released while the
        # garbage collector, run by that very call, makes somebody else log.
        self._wake = threading.Lock()
        self._wake.acquire()

    def __call__(self, line: dict[str, Any], error: ExcInfo | None, size: int) -> None:
        """Queue a line; never waits for the network."""
        if exporting.active or self._closed:
            return
        waiting = len(self._queue)
        if waiting >= MAX_QUEUE or self._put - self._taken + size > MAX_BYTES:
            _dropped("queue_full", 1)
            return
        described = None if error is None else _described(line, error)
        self._queue.append(Waiting(line, time.time_ns(), described, size))
        # No lock: CPython switches threads at calls and jumps only.
        self._put += size
        if self._thread is None:
            self._start()
        if waiting + 1 == MAX_BATCH:
            self._notify()

    @property
    def waiting(self) -> int:
        """Lines that are not yet sent."""
        return len(self._queue)

    def flush(self, seconds: float) -> bool:
        """Return whether everything that waits was delivered within `seconds`."""
        if self._thread is None and not self._queue:
            return True
        return within(seconds, self._deliver, COMPONENT)

    def stop(self, seconds: float) -> bool:
        """Deliver at the end of the lifespan; what cannot be is dropped."""
        delivered = self.flush(seconds)
        if not delivered:
            self._drop("shutdown")
        return delivered

    def retire(self) -> None:
        """End the thread once everything that waits is sent: another took over."""
        self._retired = True
        self._notify()

    def close(self) -> None:
        """Take no more lines, and end the thread; what waits is dropped."""
        self._closed = True
        self._drop("shutdown")
        if self._exporter is not None:
            guard.call(COMPONENT, self._exporter.shutdown)
        self._notify()

    def _start(self) -> None:
        if not self._starting.acquire(blocking=False):
            return  # somebody is at it; it may be this very thread
        try:
            if self._thread is None:
                thread = threading.Thread(
                    target=self._work, name="steadfastapi-logs", daemon=True
                )
                thread.start()
                self._thread = thread
        except RuntimeError:
            pass  # no thread to be had: the next line tries; stdout has this one
        finally:
            self._starting.release()

    def _notify(self) -> None:
        with suppress(RuntimeError):  # it is awake already
            self._wake.release()

    def _work(self) -> None:
        while not self._closed:
            self._wake.acquire(timeout=DELAY)
            guard.call(COMPONENT, self._deliver)
            if self._retired and not self._queue:
                return

    def _deliver(self) -> bool:
        """Send everything that waits; return whether all of it arrived."""
        with self._sending, unobserved(), suppress_instrumentation():
            complete = True
            while self._queue and not self._pause.holds():
                complete = self._send(self._batch()) and complete
            return complete and not self._queue

    def _batch(self) -> list[Waiting]:
        batch: list[Waiting] = []
        while len(batch) < MAX_BATCH:
            try:
                one = self._queue.popleft()
            except IndexError:  # empty, or somebody drops what waits
                break
            self._taken += one.size
            batch.append(one)
        return batch

    def _send(self, batch: list[Waiting]) -> bool:
        result = LogRecordExportResult.FAILURE
        try:
            if self._exporter is None:
                self._exporter = self._make()
            result = self._exporter.export(records(batch, self._resource()))
        except Exception as error:
            guard.swallow(COMPONENT, error)
        finally:
            if result is LogRecordExportResult.SUCCESS:
                self.sent += len(batch)
            else:
                _dropped("error", len(batch))
        return result is LogRecordExportResult.SUCCESS

    def _drop(self, reason: str) -> None:
        while batch := self._batch():
            _dropped(reason, len(batch))


def _described(line: dict[str, Any], error: ExcInfo) -> dict[str, str]:
    """Return the attributes of an exception: its traceback must not wait in a queue."""
    kind, exception, _ = error
    described = {
        "exception.type": kind.__qualname__,
        "exception.message": scrub_text(safe_str(exception, MAX_MESSAGE), MAX_MESSAGE),
    }
    if "exception" not in line:  # the console's renderer draws it by itself
        described["exception.stacktrace"] = traceback_text(error)
    return described


def _dropped(reason: str, lines: int) -> None:
    if lines:
        counts.add(TELEMETRY_DROPPED, "otlp_logs", reason, amount=lines)
