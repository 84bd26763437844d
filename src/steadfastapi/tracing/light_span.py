"""A server span that costs little for as long as only we know it.

The SDK's span has three locks and two bounded lists of its own, and looks at the type
of each attribute: a fifth of all that is added to a request. Most server spans are
touched by nobody but us, who know what they say all at once, at the end. Such a span
is kept as an identity and a time. Whoever else reads it or writes to it gets the
SDK's own, of the same identity, which does the rest.

For our own provider and sampler only, and while no processor was added: a processor is
promised every span when it starts.
"""

from __future__ import annotations

import os
from time import time_ns
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace import Span as SDKSpan
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    TraceFlags,
    get_current_span,
)

from steadfastapi.tracing.attributes import attributes_of, method_name
from steadfastapi.tracing.provider import Provider
from steadfastapi.tracing.sampler import LocalSampler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import TracerProvider
    from opentelemetry.util.types import Attributes, AttributeValue

    from steadfastapi._exchange import Exchange

_TUNED = (
    "OTEL_ATTRIBUTE_",
    "OTEL_SPAN_ATTRIBUTE_",
    "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED",
)
"""Variables by which the operator limits or counts the SDK's spans: then it makes
them all."""


class LightTracer:
    """Starts light server spans.

    Args:
        provider: Ours.
        sampler: Its own.
        scope: Who makes the spans.
    """

    def __init__(
        self, provider: Provider, sampler: LocalSampler, scope: InstrumentationScope
    ) -> None:
        self.provider = provider
        self.scope = scope
        self.pipeline = provider.pipeline
        self._keeps = sampler.keeps
        self._ids = provider.id_generator
        # Known to SDKs that set the flag of random trace ids (W3C Trace Context 2).
        is_random = getattr(self._ids, "is_trace_id_random", None)
        random = TraceFlags.RANDOM_TRACE_ID if is_random and is_random() else 0
        self._root = tuple(TraceFlags(sampled | random) for sampled in (0, 1))
        self._child = tuple(TraceFlags(sampled) for sampled in (0, 1))

    @property
    def is_able(self) -> bool:
        """Whether nobody but us is promised the next span."""
        return self.pipeline.is_ours

    def start(self, exchange: Exchange, context: Context) -> Span:
        """Start the span of an exchange, as the SDK would.

        Args:
            exchange: What it is about.
            context: What the request's headers carry; empty for a root.
        """
        parent: SpanContext | None = None
        state = None
        if context:
            parent = get_current_span(context).get_span_context()
        if parent is None or not parent.is_valid:
            parent = None
            trace_id = self._ids.generate_trace_id()
            flags = self._root
        else:
            trace_id, state = parent.trace_id, parent.trace_state
            random = getattr(parent.trace_flags, "random_trace_id", False)
            flags = self._root if random else self._child
        kept = self._keeps(trace_id)
        own = SpanContext(
            trace_id,
            self._ids.generate_span_id(),
            is_remote=False,
            trace_flags=flags[kept],
            trace_state=state,
        )
        return LightSpan(self, exchange, own, parent) if kept else NonRecordingSpan(own)


class _Touched(SDKSpan):
    """The SDK's span, with an identity that was given out before."""


class LightSpan(Span):
    """A server span that nobody has touched yet, or that passes on to the SDK's.

    Args:
        tracer: Made it.
        exchange: What it is about.
        context: Its identity.
        parent: The caller's.
    """

    kind = SpanKind.SERVER
    _touched: SDKSpan | None = None
    """On the class until there is one; see `_touch`."""

    def __init__(
        self,
        tracer: LightTracer,
        exchange: Exchange,
        context: SpanContext,
        parent: SpanContext | None,
    ) -> None:
        self._tracer = tracer
        self._exchange: Exchange | None = exchange
        self._context = context
        self._parent = parent
        self._started = time_ns()
        self._finished: ReadableSpan | None = None

    @property
    def is_untouched(self) -> bool:
        """Whether all that there is to say is known to the exchange."""
        return self._touched is None and self._tracer.is_able

    def finish(
        self, name: str, attributes: dict[str, AttributeValue], status: Status
    ) -> None:
        """End a span that was not touched.

        Args:
            name: Of method and route.
            attributes: All of them, clean as the SDK would leave them.
            status: How it ended.
        """
        self._exchange = None
        self._finished = ReadableSpan(
            name=name,
            context=self._context,
            parent=self._parent,
            resource=self._tracer.provider.resource,
            attributes=attributes,
            kind=SpanKind.SERVER,
            status=status,
            start_time=self._started,
            end_time=time_ns(),
            instrumentation_scope=self._tracer.scope,
        )
        self._tracer.pipeline.on_end(self._finished)

    def end(self, end_time: int | None = None) -> None:
        """End it as the SDK does."""
        self._touch().end(end_time)
        self._exchange = None

    def get_span_context(self) -> SpanContext:
        """Return the identity; that touches nothing."""
        return self._context

    def is_recording(self) -> bool:
        """Whether it is open."""
        if self._touched is not None:
            return self._touched.is_recording()
        return self._finished is None

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Pass on."""
        self._touch().set_attributes(attributes)

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Pass on."""
        self._touch().set_attribute(key, value)

    def add_event(
        self, name: str, attributes: Attributes = None, timestamp: int | None = None
    ) -> None:
        """Pass on."""
        self._touch().add_event(name, attributes, timestamp)

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Pass on."""
        self._touch().add_link(context, attributes)

    def update_name(self, name: str) -> None:
        """Pass on."""
        self._touch().update_name(name)

    def set_status(self, status: Any, description: str | None = None) -> None:
        """Pass on."""
        self._touch().set_status(status, description)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Pass on."""
        self._touch().record_exception(exception, attributes, timestamp, escaped)

    def __exit__(self, *error: object) -> None:
        """End it, with the exception that leaves the block."""
        span: Any = self._touch()
        span.__exit__(*error)

    def __getattr__(self, name: str) -> Any:
        """Show what the SDK's spans have and the API's do not, e.g. the name."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._finished or self._touch(), name)

    def _touch(self) -> Span:
        """Return the SDK's span; one that ignores everything if this one has ended."""
        exchange = self._exchange
        if self._touched is not None:
            return self._touched
        if exchange is None:
            return INVALID_SPAN
        span = _Touched(
            name=method_name(exchange.method),
            context=self._context,
            parent=self._parent,
            sampler=self._tracer.provider.sampler,
            resource=self._tracer.provider.resource,
            attributes=attributes_of(exchange),
            kind=SpanKind.SERVER,
            span_processor=self._tracer.pipeline,
            limits=self._tracer.provider.limits,
            instrumentation_scope=self._tracer.scope,
        )
        span.start(start_time=self._started)
        # Of threads that touch at once, the first one's is everybody's. A lock would
        # be held for ever in a child that another thread's touch was forked from.
        touched: SDKSpan = vars(self).setdefault("_touched", span)
        return touched


def light_tracer(
    provider: TracerProvider, scope: InstrumentationScope
) -> LightTracer | None:
    """Return a tracer of light spans; None where the SDK must make all spans.

    Args:
        provider: The one in use.
        scope: Who makes the spans.
    """
    if not isinstance(provider, Provider):
        return None
    sampler = provider.sampler
    if type(sampler) is not LocalSampler:
        return None  # one that wants to see name and attributes
    if any(name.startswith(_TUNED) for name in os.environ):
        return None
    return LightTracer(provider, sampler, scope)
