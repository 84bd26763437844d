"""What happens to each span in this process: scrubbed, remembered, handed on."""

from __future__ import annotations

import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import SpanProcessor, SynchronousMultiSpanProcessor

from steadfastapi._export import within
from steadfastapi._guard import guard
from steadfastapi._lifespan import SHUTDOWN_DEADLINE
from steadfastapi.tracing.clean import all_sanitized, sanitized, scrub_target
from steadfastapi.tracing.exporter import COMPONENT as EXPORTER
from steadfastapi.tracing.exporter import address_of

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from steadfastapi.tracing.exporter import Export

COMPONENT = "tracing.processor"


class Ring:
    """The most recent finished spans, oldest first, for the console and for tests.

    Spans are scrubbed when somebody looks, not while a client waits.

    Args:
        size: Spans that are kept.
    """

    def __init__(self, size: int) -> None:
        self._raw: deque[ReadableSpan] = deque(maxlen=size)
        self._clean: deque[ReadableSpan] = deque(maxlen=size)
        self._lock = threading.Lock()
        self.append = self._raw.append

    def spans(self) -> list[ReadableSpan]:
        """Return the spans, scrubbed; the same objects at every look."""
        with self._lock:
            new = [self._raw.popleft() for _ in range(len(self._raw))]
            self._clean.extend(all_sanitized(new))
            return list(self._clean)


class Pipeline(SynchronousMultiSpanProcessor):
    """Everything that our own provider does with a span, in one call each.

    Args:
        ring: Remembers finished spans.
        export: Sends them; None where no endpoint is set.
    """

    def __init__(self, ring: Ring, export: Export | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._remember = ring.append
        self.export = export

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Call a processor too, guarded; it gets spans that are already scrubbed."""
        if self.export is not None and _sends_to(span_processor, self.export.address):
            # FastAPI's own automatic export (the default in 0.142): every span
            # would arrive twice.
            return
        super().add_span_processor(GuardedProcessor(span_processor))

    @property
    def is_ours(self) -> bool:
        """Whether no processor was added, to which each start would be announced."""
        return not self._span_processors

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Announce a span, its request target scrubbed, to added processors."""
        if not self._span_processors:
            return
        guard.call(COMPONENT, scrub_target, span)
        for processor in self._span_processors:
            processor.on_start(span, parent_context)

    def _on_ending(self, span: Span) -> None:
        for processor in self._span_processors:
            processor._on_ending(span)  # noqa: SLF001 - the SDK's own hook

    def on_end(self, span: ReadableSpan) -> None:
        """Remember and queue a finished span, for others to see it scrubbed."""
        try:
            if self._span_processors or span.events or span.status.description:
                # Now, for processors that were added; and because an exception's
                # text may be huge, and must not wait in memory before it is cut.
                span = sanitized(span)
            self._remember(span)
            if self.export is not None:
                self.export.accept(span)
        except Exception as error:
            guard.swallow(COMPONENT, error)
            return
        for processor in self._span_processors:
            processor.on_end(span)

    def flush(self, seconds: float) -> bool:
        """Return whether every finished span was delivered within `seconds`."""
        ends_at = monotonic() + seconds
        delivered = self.export is None or self.export.flush(seconds)
        if self._span_processors:
            left = max(0.0, ends_at - monotonic())
            others = super().force_flush
            return (
                within(left, lambda: others(int(left * 1000)), EXPORTER) and delivered
            )
        return delivered

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Do the same by the name that the SDK's provider calls."""
        return self.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Deliver what waits, for a bounded time, and end."""
        self.flush(SHUTDOWN_DEADLINE)
        super().shutdown()
        self.close()

    def close(self) -> None:
        """End at once."""
        if self.export is not None:
            self.export.close()


class Recorder(SpanProcessor):
    """Our part in a provider of the application: scrub early, remember.

    Args:
        ring: Remembers finished spans.
    """

    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    def on_start(
        self,
        span: Span,
        parent_context: Context | None = None,  # noqa: ARG002 - the SDK's signature
    ) -> None:
        """Scrub what the span says about the request's target."""
        guard.call(COMPONENT, scrub_target, span)

    def on_end(self, span: ReadableSpan) -> None:
        """Remember it; what others export is the application's."""
        self._ring.append(span)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002
        """There is nothing to flush, and SDKs before 1.45 want to hear it."""
        return True


class GuardedProcessor(SpanProcessor):
    """A processor that may raise without harm (OTEL-11).

    Args:
        inner: Is called.
    """

    def __init__(self, inner: SpanProcessor) -> None:
        self._inner = inner

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Pass on."""
        try:
            self._inner.on_start(span, parent_context)
        except Exception as error:
            guard.swallow(COMPONENT, error)

    def _on_ending(self, span: Span) -> None:
        try:
            self._inner._on_ending(span)  # noqa: SLF001 - the SDK's own hook
        except Exception as error:
            guard.swallow(COMPONENT, error)

    def on_end(self, span: ReadableSpan) -> None:
        """Pass on."""
        try:
            self._inner.on_end(span)
        except Exception as error:
            guard.swallow(COMPONENT, error)

    def shutdown(self) -> None:
        """Pass on."""
        guard.call(COMPONENT, self._inner.shutdown)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Pass on; a processor that has nothing to flush may return None."""
        try:
            return self._inner.force_flush(timeout_millis) is not False
        except Exception as error:
            guard.swallow(COMPONENT, error)
            return False


def _sends_to(processor: SpanProcessor, address: str | None) -> bool:
    exporter = getattr(processor, "span_exporter", None)
    return address is not None and address_of(exporter) == address
