"""What a request brings along: its caller's trace, to be joined or linked to."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagate import get_global_textmap
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import Getter, TextMapPropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers

from steadfastapi._guard import guard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.util.types import Attributes
    from starlette.types import Scope

_W3C = (TraceContextTextMapPropagator, W3CBaggagePropagator)
"""Propagators of which we know every header that they read."""
_W3C_HEADERS = frozenset({b"traceparent", b"baggage"})


def remote_context(scope: Scope) -> Context:
    """Return the context that the request's headers carry; empty where none do.

    Whatever is current in this process does not count: a request is a root unless
    its headers say otherwise.
    """
    try:
        propagator = get_global_textmap()
        if _is_w3c(propagator) and not _has_w3c_header(scope):
            return Context()
        return propagator.extract(Headers(scope=scope), Context(), _HEADERS)
    except Exception as error:
        guard.swallow("tracing.propagator", error)
        return Context()


def _has_w3c_header(scope: Scope) -> bool:
    for name, _ in scope["headers"]:  # noqa: SIM110 - a generator costs 1 µs a request
        if name in _W3C_HEADERS:
            return True
    return False


@lru_cache(maxsize=1)
def _is_w3c(propagator: TextMapPropagator) -> bool:
    """Whether it is the default, whose headers can be looked for much faster."""
    # The attribute is private: a composite that hides its parts is always asked.
    parts = getattr(propagator, "_propagators", (propagator,))
    return type(propagator) is CompositePropagator and all(
        type(part) in _W3C for part in parts
    )


class _HeadersGetter(Getter[Headers]):
    def get(self, carrier: Headers, key: str) -> list[str] | None:
        values = carrier.getlist(key)
        if key.lower() == "baggage" and values:
            # The propagator reads the first only; a list may come in several lines.
            return [",".join(values)]
        return values or None

    def keys(self, carrier: Headers) -> list[str]:
        return carrier.keys()


_HEADERS = _HeadersGetter()


class LinkingProvider(trace.TracerProvider):
    """Gives out tracers whose server spans are roots, linked to the remote caller.

    Only the server span gets its tracer here. The global propagator stays as it is:
    a queue consumer of the same application trusts who calls it.

    Args:
        inner: The provider in use.
    """

    def __init__(self, inner: trace.TracerProvider) -> None:
        self._inner = inner

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> trace.Tracer:
        """Return the tracer of one library."""
        return _LinkingTracer(
            self._inner.get_tracer(
                instrumenting_module_name,
                instrumenting_library_version,
                schema_url,
                attributes,
            )
        )


class _LinkingTracer(trace.Tracer):
    def __init__(self, inner: trace.Tracer) -> None:
        self._inner = inner

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: trace.SpanKind = trace.SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[trace.Link] | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> trace.Span:
        if kind is trace.SpanKind.SERVER:
            remote = trace.get_current_span(context).get_span_context()
            if remote.is_valid and remote.is_remote:
                context = trace.set_span_in_context(trace.INVALID_SPAN, context)
                links = [*(links or ()), trace.Link(remote)]
        return self._inner.start_span(
            name, context, kind, attributes, links, *args, **kwargs
        )

    def start_as_current_span(self, *args: Any, **kwargs: Any) -> Any:
        return self._inner.start_as_current_span(*args, **kwargs)
