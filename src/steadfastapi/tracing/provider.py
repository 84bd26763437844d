"""Process-wide set-up of tracing; idempotent, and undone by `reset`.

A process has one tracer provider. The application's own, where it has one, is used
and never replaced (OTEL-9); else the first `configure` makes ours, and every later
one uses it.
"""

from __future__ import annotations

import os
import weakref
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, Tracer, TracerProvider
from opentelemetry.util._once import Once

from steadfastapi._export import within
from steadfastapi._fork import in_children
from steadfastapi._resource import INSTANCE_ID, instance_id, resource_of
from steadfastapi.tracing import libraries
from steadfastapi.tracing.clean import MAX_VALUE
from steadfastapi.tracing.exporter import COMPONENT, Export
from steadfastapi.tracing.processors import Pipeline, Recorder, Ring
from steadfastapi.tracing.sampler import GuardedSampler, LocalSampler

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fastapi import FastAPI
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.util.types import Attributes

    from steadfastapi._otlp_pause import Pause
    from steadfastapi._service import Service


class Provider(TracerProvider):
    """The SDK's provider, with a `service.instance.id` of its own in every process.

    Args:
        resource: Describes the service.
        sampler: Decides which traces are kept.
        pipeline: Takes every span.
    """

    def __init__(
        self, *, resource: Resource, sampler: Sampler, pipeline: Pipeline
    ) -> None:
        self.limits = SpanLimits(max_span_attribute_length=_value_limit())
        super().__init__(
            resource=resource,
            sampler=sampler,
            active_span_processor=pipeline,
            span_limits=self.limits,
            # The SDK's handler waits up to 30 s for a silent collector (OTEL-10);
            # the lifespan flushes, with a deadline.
            shutdown_on_exit=False,
        )
        self.pipeline = pipeline
        self._handed_out: weakref.WeakSet[Tracer] = weakref.WeakSet()
        # After the SDK's own hook, which newer versions have.
        in_children(self._after_fork)

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> trace.Tracer:
        """Return the tracer of one library."""
        tracer = super().get_tracer(
            instrumenting_module_name,
            instrumenting_library_version,
            schema_url,
            attributes,
        )
        if isinstance(tracer, Tracer):
            self._handed_out.add(tracer)
        return tracer

    def _after_fork(self) -> None:
        self._resource = self.resource.merge(Resource({INSTANCE_ID: instance_id()}))
        for tracer in self._handed_out:
            tracer.resource = self._resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a layer's settings ask of a provider of ours.

    Args:
        service: Identity of what is served.
        ratio: Share of traces that are kept.
        ring: Finished spans that are remembered.
        sampler: The user's own; wins over `ratio`.
        processors: The user's own.
        exporter: Builds what spans are sent with; None sends nothing.
        pause: What that exporter tells of answers that ask for one.
        described: Sampling and destination, in words.
    """

    service: Service
    ratio: float = 1.0
    ring: int = 0
    sampler: Sampler | None = None
    processors: Sequence[SpanProcessor] = ()
    exporter: Callable[[], SpanExporter] | None = None
    pause: Pause | None = None
    described: tuple[str, ...] = ()

    def like(self, other: Wishes) -> bool:
        """Return whether two applications wish for the same."""
        return (self.sampler, self.processors, self.described) == (
            other.sampler,
            other.processors,
            other.described,
        )


@dataclass(slots=True, kw_only=True)
class Tracing:
    """The provider in use, and what is ours in it."""

    provider: trace.TracerProvider
    ring: Ring = field(default_factory=lambda: Ring(0))
    pipeline: Pipeline | None = None
    """None where the provider is the application's."""

    def flush(self, seconds: float) -> bool:
        """Return whether all finished spans were delivered within `seconds`."""
        if self.pipeline is not None:
            return self.pipeline.flush(seconds)
        flush: Any = getattr(self.provider, "force_flush", None)
        if flush is None:
            return True
        return within(seconds, lambda: flush(int(seconds * 1000)), COMPONENT)


_ours: Tracing | None = None
_wishes: Wishes | None = None
"""What `_ours` was built with."""
_adopted: weakref.WeakKeyDictionary[Any, Tracing] = weakref.WeakKeyDictionary()


def existing(app: FastAPI) -> trace.TracerProvider | None:
    """Return the application's own provider: given to FastAPI, or the global one."""
    settings: Any = getattr(app, "_telemetry", None)
    given = settings.get("tracer_provider") if isinstance(settings, dict) else None
    found: trace.TracerProvider = given or trace.get_tracer_provider()
    if isinstance(found, trace.ProxyTracerProvider | Provider):
        return None
    return found


def of_another() -> Wishes | None:
    """Return what an earlier `configure` of this process has built ours with."""
    return _wishes if _ours is not None else None


def acquire(app: FastAPI, wishes: Wishes) -> Tracing:
    """Return the provider to use: the application's, else the process's, else new."""
    global _ours, _wishes
    own = existing(app)
    if own is not None:
        return _adopt(own, wishes)
    if _ours is None:
        _ours, _wishes = _build(wishes), wishes
        trace.set_tracer_provider(_ours.provider)
    return _ours


def reset() -> None:
    """Give the process back as it was found: provider, instrumented libraries."""
    global _ours
    ours, _ours = _ours, None
    _adopted.clear()
    if ours is not None and trace.get_tracer_provider() is ours.provider:
        forget_global()
    libraries.uninstrument()
    if ours is not None and ours.pipeline is not None:
        with suppress(Exception):  # an exporter that a test broke on purpose
            ours.pipeline.close()


def forget_global() -> None:
    """Undo `set_tracer_provider`, which can be called once only."""
    trace._TRACER_PROVIDER = None  # noqa: SLF001 - as the SDK's own tests do
    trace._TRACER_PROVIDER_SET_ONCE = Once()  # noqa: SLF001


def _build(wishes: Wishes) -> Tracing:
    sampler: Sampler = LocalSampler(wishes.ratio)
    if wishes.sampler is not None:
        sampler = GuardedSampler(wishes.sampler, sampler)
    ring = Ring(wishes.ring)
    make = wishes.exporter
    pipeline = Pipeline(ring, None if make is None else Export(make, wishes.pause))
    for processor in wishes.processors:
        pipeline.add_span_processor(processor)
    provider = Provider(
        resource=resource_of(wishes.service),
        sampler=sampler,
        pipeline=pipeline,
    )
    return Tracing(provider=provider, ring=ring, pipeline=pipeline)


def _adopt(provider: trace.TracerProvider, wishes: Wishes) -> Tracing:
    tracing = _adopted.get(provider)
    if tracing is None:
        tracing = Tracing(provider=provider, ring=Ring(wishes.ring))
        add: Any = getattr(provider, "add_span_processor", None)
        if add is not None:
            add(Recorder(tracing.ring))
        _adopted[provider] = tracing
    return tracing


def mistakes() -> list[str]:
    """Say which of OpenTelemetry's variables the SDK would refuse later."""
    found = []
    try:
        SpanLimits()
    except ValueError as error:
        found.append(f"OTEL_…_LIMIT: {error}; write a whole number.")
    delay = os.environ.get("OTEL_BSP_SCHEDULE_DELAY", "")
    if delay and not delay.strip().isdecimal():
        found.append(
            f"OTEL_BSP_SCHEDULE_DELAY is {delay!r}: write milliseconds, e.g. 2000."
        )
    return found


def _value_limit() -> int | None:
    """Characters of one attribute; the operator's where OpenTelemetry's is set."""
    names = (
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    )
    return None if any(os.environ.get(name) for name in names) else MAX_VALUE
