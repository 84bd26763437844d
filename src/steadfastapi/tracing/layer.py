"""Settings of the traces, and what they add to the plan."""

from __future__ import annotations

import logging
import os
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.trace import NoOpTracerProvider, TracerProvider
from opentelemetry.util.re import parse_env_headers
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from steadfastapi._export import quieten
from steadfastapi._lifespan import LifespanPart
from steadfastapi._otlp import BASE
from steadfastapi._otlp_pause import Pause
from steadfastapi._scrub import scrub_text, scrub_url
from steadfastapi._settings import LayerSettings, conventional_name
from steadfastapi.tracing import libraries, observer, provider
from steadfastapi.tracing.exporter import TRACES, otlp_exporter
from steadfastapi.tracing.incoming import LinkingProvider
from steadfastapi.tracing.native import Excluded, native_config, native_settings
from steadfastapi.tracing.sampler import VARIABLE, ratio_of
from steadfastapi.tracing.server_span import ServerSpans

CHATTY = (
    "opentelemetry.baggage.propagation",
    "opentelemetry.trace.span",
    "opentelemetry.trace.propagation.tracecontext",
)
"""Loggers that write a line for each header that a client has malformed."""

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from steadfastapi._plan import Plan


class Tracing(LayerSettings):
    """Trace each request, and send the traces where an OTLP endpoint is set."""

    model_config = SettingsConfigDict(env_prefix="STEADFAST_TRACING_")
    name: ClassVar[str] = "tracing"
    conventional: ClassVar[dict[str, tuple[str, ...]]] = {
        "endpoint": (TRACES.full, BASE),
        "ratio": (VARIABLE,),
    }

    endpoint: str | None = None
    """Where spans go, by OTLP over HTTP: `http://collector:4318`. `/v1/traces` is
    appended, except to `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, as OpenTelemetry has
    it. Nothing is sent where it is not set."""

    headers: SecretStr | None = None
    """Sent along with each export, e.g. `api-key=…,tenant=…`;
    `OTEL_EXPORTER_OTLP_HEADERS` by default."""

    ratio: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of traces that are kept. Decided here also when a caller has decided
    already, so that no client can force it; by trace id, so that services with the
    same ratio keep the same traces. Understands what `OTEL_TRACES_SAMPLER` says."""

    incoming: Literal["continue", "link"] = "continue"
    """`continue`: a request with a `traceparent` header joins that trace. `link`, for
    the public edge: it starts a trace of its own, linked to the caller's."""

    operation_spans: bool = False
    """Whether FastAPI (0.142 and newer) adds spans for dependencies, endpoint and
    serialisation: three more a request."""

    instrument: bool = True
    """Whether httpx, SQLAlchemy, asyncpg and redis are traced where their
    `opentelemetry-instrumentation-…` package is installed."""

    ring: Annotated[int, Field(ge=0, le=10_000)] = 500
    """Finished spans that are kept in memory, for the console and `stack.tracing`."""

    sampler: Sampler | None = None
    """A sampler of your own; it then decides, also about remote parents."""

    processors: Annotated[tuple[SpanProcessor, ...], NoDecode] = ()
    """Processors of your own; they get scrubbed spans, and may raise without harm."""

    exporter: SpanExporter | None = None
    """An exporter of your own, used instead of OTLP, from the same queue."""

    @field_validator("ratio", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return ratio_of(value) if isinstance(value, str) else value

    def summary(self) -> dict[str, str]:
        """Return what differs from the defaults, without a password in the address."""
        found = super().summary()
        if "endpoint" in found:
            found["endpoint"] = scrub_url(found["endpoint"])
        return found

    def contribute(self, plan: Plan) -> None:
        """Choose the provider, and watch the exchanges."""
        handle = TracingHandle()
        plan.handle(handle)
        if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            plan.note("off: OTEL_SDK_DISABLED=true", "process")
            return
        self._provide(plan, handle)
        self._make_server_span(plan, handle)
        plan.on_response(observer.name_span)
        plan.on_error(observer.record_error)
        plan.observe(observer.finish)
        plan.lifespan(LifespanPart(name="tracing", stop=handle.stop))

    def _provide(self, plan: Plan, handle: TracingHandle) -> None:
        pause = Pause()
        wishes = provider.Wishes(
            service=plan.service,
            ratio=self.ratio,
            ring=self.ring,
            sampler=self.sampler,
            processors=self.processors,
            exporter=self._exporter(plan, pause),
            pause=pause,
            described=(f"spans, {self.ratio:.0%} of traces", self._destination()),
        )
        self._say(plan, wishes)
        traced = libraries.installed() if self.instrument else ()
        if traced:
            plan.note(f"traces {', '.join(traced)} once imported", "process")
        plan.problems += provider.mistakes()

        def set_up() -> None:
            for name in CHATTY:
                quieten(logging.getLogger(name))
            handle.tracing = provider.acquire(plan.app, wishes)
            if self.instrument:
                libraries.instrument(handle.provider)

        plan.set_up(set_up)

    def _say(self, plan: Plan, wishes: provider.Wishes) -> None:
        """Say in the plan which provider is used, and which wishes that leaves open."""
        earlier = provider.of_another()
        if provider.existing(plan.app) is not None:
            plan.note("the application's own tracer provider", "process")
            given = self._given()
            if given:
                plan.warn(
                    f"Tracing({given}) is not used: the application has its own "
                    "tracer provider; give it there."
                )
        elif earlier is not None and not wishes.like(earlier):
            for line in earlier.described:
                plan.note(line, "process")
            plan.warn(
                "This process traces as its first configure() has said: "
                f"{', '.join(earlier.described)}. A process has one tracer provider; "
                "give both applications the same Tracing(…)."
            )
        else:
            for line in wishes.described:
                plan.note(line, "process")

    def _make_server_span(self, plan: Plan, handle: TracingHandle) -> None:
        def of_server() -> TracerProvider:
            if self.incoming == "link":
                return LinkingProvider(handle.provider)
            return handle.provider

        config = native_config(plan.app) or {}
        if config.get("tracing") is False and not self.operation_spans:
            plan.note('off: FastAPI(telemetry={"tracing": False})', "start")
            plan.telemetry["tracing"] = False  # in mounted applications too
            return
        excluded = Excluded(plan, config.get("exclude"))
        if config:
            plan.telemetry |= native_settings(
                excluded, operation_spans=self.operation_spans
            )
            plan.set_up(lambda: plan.telemetry.update(tracer_provider=of_server()))
        if config.get("tracing") and self.operation_spans:
            plan.note("FastAPI's own server and operation spans", "server_span")
        plan.on_start(ServerSpans(plan.app, of_server, excluded.by_user).start)

    def _given(self) -> str:
        """Name the settings of a provider that were given for this layer only."""
        names = ("exporter", "processors", "sampler", "ratio", "endpoint", "headers")
        return ", ".join(
            f"{name}=…"
            for name in names
            if getattr(self, name) != type(self).model_fields[name].default
            and conventional_name(type(self), name) is None
        )

    def _destination(self) -> str:
        if self.exporter is not None:
            return f"sent by {type(self.exporter).__name__}"
        if self.endpoint is None or self._is_none():
            return "not sent"
        return f"sent to {scrub_url(TRACES.url(self.endpoint))}"

    def _exporter(self, plan: Plan, pause: Pause) -> Callable[[], SpanExporter] | None:
        """Return what builds the exporter; report an endpoint that is wrong."""
        own = self.exporter
        if own is not None:
            return lambda: own
        if self.endpoint is None or self._is_none():
            return None
        if not TRACES.is_usable(plan, self.endpoint, self.headers):
            return None
        url = TRACES.url(self.endpoint)
        make = partial(otlp_exporter, url, self._header_map(), pause)
        try:
            built = [make()]
        except Exception as error:
            plan.problem(
                f"The OTLP exporter refuses its settings (OTEL_EXPORTER_OTLP_…): "
                f"{type(error).__name__}: {scrub_text(str(error))}."
            )
            return None
        return lambda: built.pop() if built else make()

    def _is_none(self) -> bool:
        """Whether OpenTelemetry's variables name an endpoint, but no traces for it."""
        return (
            conventional_name(type(self), "endpoint") is not None and TRACES.is_none()
        )

    def _header_map(self) -> Mapping[str, str] | None:
        if self.headers is None:
            return None
        return parse_env_headers(self.headers.get_secret_value(), liberal=True)


class TracingHandle:
    """The tracer provider in use, and the spans that were finished lately."""

    def __init__(self) -> None:
        self.tracing = provider.Tracing(provider=NoOpTracerProvider())
        """Replaced when the plan is applied."""

    @property
    def provider(self) -> TracerProvider:
        """Give it to libraries that want one; also OpenTelemetry's global one."""
        return self.tracing.provider

    @property
    def ring(self) -> list[ReadableSpan]:
        """Finished spans, oldest first, at most `Tracing.ring`; scrubbed."""
        return self.tracing.ring.spans()

    @property
    def dropped(self) -> int:
        """Spans that should have been sent and never will: queue full, or refused."""
        pipeline = self.tracing.pipeline
        export = pipeline.export if pipeline is not None else None
        return 0 if export is None else export.dropped

    def force_flush(self, seconds: float) -> bool:
        """Send what waits; block for at most `seconds`.

        Returns:
            Whether everything was delivered. The SDK's own `force_flush` returns
            True late, and also for what was refused (OTEL-10).
        """
        return self.tracing.flush(seconds)

    def stop(self, seconds: float) -> bool:
        """Deliver at the end of the lifespan; a foreign provider is left alone."""
        return self.tracing.pipeline is None or self.tracing.flush(seconds)
