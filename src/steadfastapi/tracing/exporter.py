"""What leaves the process: a bounded queue, one exporter, and honest counts."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)

from steadfastapi._fork import in_children
from steadfastapi._guard import guard
from steadfastapi.tracing.clean import all_sanitized

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence, Sized

    from opentelemetry.sdk.trace import ReadableSpan

MAX_QUEUE = 1_000
"""Spans that wait; beyond it the newest are dropped, and counted (NB-7)."""
MAX_BATCH = 256
SCHEDULE_DELAY = 2_000.0
EXPORT_TIMEOUT = 5.0
"""Milliseconds between two exports, seconds for one: together they keep the time
from a collector's repair to the next delivery below 10 s (NB-6). The variables of
OpenTelemetry, `OTEL_BSP_SCHEDULE_DELAY` and `OTEL_EXPORTER_OTLP_TIMEOUT`, win."""

LOG_INTERVAL = 20.0
"""Seconds between two log lines of one kind about a collector that is down: the
SDK would write one a second."""

_TIMEOUTS = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")


def otlp_exporter(url: str, headers: Mapping[str, str] | None) -> SpanExporter:
    """Return an exporter that posts protobuf to `url`.

    Raises:
        Exception: A variable of OpenTelemetry is wrong, e.g. a certificate's path.
    """
    # Brings an HTTP client: only processes that export pay for its import.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )

    quieten(logging.getLogger(OTLPSpanExporter.__module__))
    timed = any(os.environ.get(name) for name in _TIMEOUTS)
    return OTLPSpanExporter(
        endpoint=url,
        headers=dict(headers) if headers else None,
        timeout=None if timed else EXPORT_TIMEOUT,
    )


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


def address_of(exporter: object) -> str | None:
    """Return where an OTLP exporter sends to, if that shows."""
    return getattr(exporter, "_endpoint", None)


class GuardedExporter(SpanExporter):
    """Counts what is delivered; contains what the inner exporter raises.

    Args:
        make: Builds the inner exporter. Called anew in a forked child, whose parent
            keeps the connection.
    """

    def __init__(self, make: Callable[[], SpanExporter]) -> None:
        self._make = make
        self._inner = make()
        self._pid = os.getpid()
        self._closed = False
        self.sent = 0
        self.failed = 0
        self.under_way = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Deliver a batch; called by one thread at a time."""
        if self._closed:
            return SpanExportResult.FAILURE
        self.under_way = len(spans)
        result = SpanExportResult.FAILURE
        try:
            if self._pid != os.getpid():
                self._inner = self._make()
                self._pid = os.getpid()
            result = self._inner.export(all_sanitized(spans))
        except Exception as error:
            guard.swallow("tracing.exporter", error)
        finally:
            self.under_way = 0
            if result is SpanExportResult.SUCCESS:
                self.sent += len(spans)
            else:
                self.failed += len(spans)
        return result

    @property
    def address(self) -> str | None:
        """Where the spans go to, if that shows."""
        return address_of(self._inner)

    def close(self) -> None:
        """Deliver nothing any more, and give up what is under way."""
        self._closed = True
        guard.call("tracing.exporter", self._inner.shutdown)


class Export:
    """The queue in front of one exporter.

    Its thread starts with the first span, so that a process which only prepares and
    forks (gunicorn's `--preload`) has none; a child starts its own.

    Args:
        make: Builds the exporter.
    """

    def __init__(self, make: Callable[[], SpanExporter]) -> None:
        self._exporter = GuardedExporter(make)
        self._batch: BatchSpanProcessor | None = None
        self._lock = threading.Lock()
        self._accepted = 0
        self._queue: Sized = ()
        in_children(self._after_fork)

    def accept(self, span: ReadableSpan) -> None:
        """Queue a finished span; never waits for the network."""
        context = span.context
        if context is None or not context.trace_flags.sampled:
            return
        batch = self._batch or self._started()
        # No lock: CPython switches threads at calls and jumps only.
        self._accepted += 1
        if len(self._queue) < MAX_QUEUE:  # else the SDK would log each it drops
            batch.on_end(span)

    @property
    def address(self) -> str | None:
        """Where the spans go to, if that shows."""
        return self._exporter.address

    @property
    def dropped(self) -> int:
        """Spans that were accepted, and are neither delivered nor waiting."""
        queued = len(self._queue) + self._exporter.under_way
        return max(0, self._accepted - self._exporter.sent - queued)

    def flush(self, seconds: float) -> bool:
        """Return whether everything that waits was delivered within `seconds`."""
        batch = self._batch
        if batch is None:
            return True
        failed = self._exporter.failed
        return within(seconds, batch.force_flush) and failed == self._exporter.failed

    def close(self) -> None:
        """Stop at once; what waits is dropped."""
        self._exporter.close()
        if self._batch is not None:
            # Its thread may sit in a request that nobody answers: do not wait.
            within(0.1, self._batch.shutdown)

    def _started(self) -> BatchSpanProcessor:
        with self._lock:
            if self._batch is None:
                timed = os.environ.get("OTEL_BSP_SCHEDULE_DELAY")
                self._batch = BatchSpanProcessor(
                    self._exporter,
                    max_queue_size=MAX_QUEUE,
                    max_export_batch_size=MAX_BATCH,
                    schedule_delay_millis=None if timed else SCHEDULE_DELAY,
                )
                inner: Any = getattr(self._batch, "_batch_processor", None)
                self._queue = getattr(inner, "_queue", ())
            return self._batch

    def _after_fork(self) -> None:
        # The SDK empties the queue of the child and starts its thread.
        self._lock = threading.Lock()
        self._accepted = self._exporter.sent = self._exporter.failed = 0


def within(seconds: float, work: Callable[[], object]) -> bool:
    """Return whether `work`, run in a thread of its own, returned True in time.

    The SDK's own deadlines do not hold: `force_flush(1000)` was measured to return
    True after 34 to 50 s (OTEL-10). The thread is a daemon: what hangs in it does
    not keep the process alive.
    """
    result: list[object] = []

    def run() -> None:
        result.append(guard.call("tracing.exporter", work))

    ends_at = time.monotonic() + seconds
    thread = threading.Thread(target=run, name="steadfastapi-flush", daemon=True)
    thread.start()
    thread.join(max(0.0, ends_at - time.monotonic()))
    return result == [True]
