"""What leaves the process: a bounded queue, one exporter, and honest counts."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)

from steadfastapi._counts import counts
from steadfastapi._export import (
    EXPORT_TIMEOUT,
    MAX_BATCH,
    MAX_QUEUE,
    quieten,
    unobserved,
    within,
)
from steadfastapi._fork import in_children
from steadfastapi._guard import guard
from steadfastapi._otlp import Signal
from steadfastapi._otlp_pause import Pause
from steadfastapi.signals import TELEMETRY_DROPPED
from steadfastapi.tracing.clean import all_sanitized

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence, Sized

    from opentelemetry.sdk.trace import ReadableSpan

COMPONENT = "tracing.exporter"
_PROVIDERS = (
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_TRACES_CREDENTIAL_PROVIDER",
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER",
)
"""Variables that name a session of the operator's own; ours would replace it."""
TRACES = Signal("traces", "Tracing")
SCHEDULE_DELAY = 2_000.0
"""Milliseconds between two exports; `OTEL_BSP_SCHEDULE_DELAY` wins."""


def otlp_exporter(
    url: str, headers: Mapping[str, str] | None, pause: Pause | None = None
) -> SpanExporter:
    """Return an exporter that posts protobuf to `url`.

    Args:
        url: Where to.
        headers: Sent along.
        pause: Takes notice of answers that ask for one.

    Raises:
        Exception: A variable of OpenTelemetry is wrong, e.g. a certificate's path.
    """
    # Brings an HTTP client: only processes that export pay for its import.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )

    quieten(logging.getLogger(OTLPSpanExporter.__module__))
    session = None
    if pause is not None and not any(os.environ.get(name) for name in _PROVIDERS):
        import requests  # noqa: PLC0415 - what the exporter sends with

        session = requests.Session()
        session.hooks["response"].append(pause)
    return OTLPSpanExporter(
        endpoint=url,
        headers=dict(headers) if headers else None,
        timeout=None if TRACES.has_timeout() else EXPORT_TIMEOUT,
        session=session,
    )


def address_of(exporter: object) -> str | None:
    """Return where an OTLP exporter sends to, if that shows."""
    return getattr(exporter, "_endpoint", None)


class GuardedExporter(SpanExporter):
    """Counts what is delivered; contains what the inner exporter raises.

    Args:
        make: Builds the inner exporter. Called anew in a forked child, whose parent
            keeps the connection.
        pause: How long the collector wants to be left alone.
    """

    def __init__(
        self, make: Callable[[], SpanExporter], pause: Pause | None = None
    ) -> None:
        self._make = make
        self._pause = pause or Pause()
        self._closing = threading.Event()
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
        # Here, in the queue's own thread: what comes meanwhile waits there, and is
        # dropped and counted beyond its bound (NB-12).
        while self._pause.holds() and not self._closed:
            self._closing.wait(self._pause.left)
        result = SpanExportResult.FAILURE
        try:
            if self._pid != os.getpid():
                self._inner = self._make()
                self._pid = os.getpid()
            with unobserved():
                result = self._inner.export(all_sanitized(spans))
        except Exception as error:
            guard.swallow(COMPONENT, error)
        finally:
            self.under_way = 0
            if result is SpanExportResult.SUCCESS:
                self.sent += len(spans)
            else:
                self.failed += len(spans)
                _dropped("error", len(spans))
        return result

    @property
    def address(self) -> str | None:
        """Where the spans go to, if that shows."""
        return address_of(self._inner)

    def close(self) -> None:
        """Deliver nothing any more, and give up what is under way."""
        self._closed = True
        self._closing.set()
        guard.call(COMPONENT, self._inner.shutdown)


class Export:
    """The queue in front of one exporter.

    Its thread starts with the first span, so that a process which only prepares and
    forks (gunicorn's `--preload`) has none; a child starts its own.

    Args:
        make: Builds the exporter.
        pause: How long the collector wants to be left alone.
    """

    def __init__(
        self, make: Callable[[], SpanExporter], pause: Pause | None = None
    ) -> None:
        self._exporter = GuardedExporter(make, pause)
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
        else:
            _dropped("queue_full", 1)

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
        delivered = within(seconds, batch.force_flush, COMPONENT)
        return delivered and failed == self._exporter.failed

    def close(self) -> None:
        """Stop at once; what waits is dropped."""
        self._exporter.close()
        _dropped("shutdown", len(self._queue))
        if self._batch is not None:
            # Its thread may sit in a request that nobody answers: do not wait.
            within(0.1, self._batch.shutdown, COMPONENT)

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


def _dropped(reason: str, spans: int) -> None:
    if spans:
        counts.add(TELEMETRY_DROPPED, "otlp_traces", reason, amount=spans)
