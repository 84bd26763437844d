"""One server span per request, in every generation of FastAPI (OTEL-1 to OTEL-3).

Made in the single pass, by what the exchange knows already. FastAPI's own (0.142 and
newer) and contrib's middleware, which each wrap the application once more, cost two
to three times as much; where one of them makes the span, it is adopted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

from opentelemetry.context import attach, detach, get_current
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind, get_current_span, set_span_in_context

from steadfastapi._middleware import ExchangeMiddleware
from steadfastapi.tracing.attributes import attributes_of, method_name
from steadfastapi.tracing.incoming import remote_context
from steadfastapi.tracing.light_span import LightTracer, light_tracer
from steadfastapi.tracing.native import NATIVE_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Tracer, TracerProvider

    from steadfastapi._exchange import Exchange
    from steadfastapi.tracing.native import Exclude

Place = Literal["outside", "inside"]

SPAN_KEY = "steadfastapi.span"
"""Where the server span travels in the ASGI scope; None where there is none."""
OWN_KEY = "steadfastapi.own_span"
"""Where it stands a second time if it is ours to end."""

SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"
"""OpenTelemetry's semantic conventions that the attributes follow."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """Stands for a span that middleware inside of us will start."""

    around: Any
    """The span that was current before."""


class ServerSpans:
    """Starts the server span of each exchange.

    Args:
        app: The FastAPI application.
        provider: Returns the tracer provider, once the plan is applied.
        excluded: Which requests the application leaves out, beyond quiet ones.
    """

    def __init__(
        self, app: Any, provider: Callable[[], TracerProvider], excluded: Exclude
    ) -> None:
        self._app = app
        self._provider = provider
        self._excluded = excluded
        self._tracer: Tracer | None = None
        self._light: LightTracer | None = None
        self._stack: Any = None
        self._contrib_is: Place | None = None

    def start(self, exchange: Exchange) -> Callable[[], None] | None:
        """Start the span, make it current, and give the exchange its ids."""
        scope = exchange.scope
        scope[SPAN_KEY] = None
        if exchange.quiet or self._excluded(scope):
            return None
        if NATIVE_KEY in scope and (
            scope[NATIVE_KEY] is None or scope[NATIVE_KEY].span is not None
        ):
            # FastAPI's own, or that of a FastAPI application around this one; or
            # one around it has left the request out.
            if scope[NATIVE_KEY] is not None:
                adopt(exchange, get_current_span())
            return None
        if self._is_anothers(exchange):
            return None
        context = remote_context(scope)
        tracer = self._tracer or self._make_tracer()
        light = self._light
        if light is not None and light.is_able:
            span = light.start(exchange, context)
        else:
            span = tracer.start_span(
                method_name(exchange.method),
                context=context,
                kind=SpanKind.SERVER,
                attributes=attributes_of(exchange),
            )
        scope[OWN_KEY] = span
        adopt(exchange, span)
        return partial(detach, attach(set_span_in_context(span, context)))

    def _is_anothers(self, exchange: Exchange) -> bool:
        """Adopt the span that something around or inside of us makes, if it does."""
        contrib = self._contrib()
        if contrib is None and not get_current():
            return False  # nothing is around, as a rule
        around = get_current_span()
        if contrib == "inside":
            exchange.scope[SPAN_KEY] = Awaited(around)
        elif contrib == "outside" or _is_of_this_request(around, exchange):
            adopt(exchange, around)
        else:
            return False
        return True

    def _make_tracer(self) -> Tracer:
        provider = self._provider()
        who = "steadfastapi", version("steadfastapi"), SCHEMA_URL
        self._light = light_tracer(provider, InstrumentationScope(*who))
        self._tracer = provider.get_tracer(*who)
        return self._tracer

    def _contrib(self) -> Place | None:
        """Where contrib's middleware stands, by hand or by its `instrument_app`.

        Its flag on the application says less: the stack may be older or younger.
        """
        stack = self._app.middleware_stack
        if stack is not self._stack:
            self._stack = stack
            self._contrib_is = _place_of_contrib(stack)
        return self._contrib_is


def adopt(exchange: Exchange, span: Any) -> None:
    """Make a span the exchange's, and give the exchange its ids."""
    exchange.scope[SPAN_KEY] = span
    context = span.get_span_context()
    if context.is_valid:
        exchange.trace_id = format(context.trace_id, "032x")
        exchange.span_id = format(context.span_id, "016x")
        exchange.sampled = context.trace_flags.sampled


def _is_of_this_request(span: Any, exchange: Exchange) -> bool:
    """Whether something around the application has made the server span already.

    In a request that another one of this process sends, the span is that one's.
    """
    return not exchange.nested and is_open_server_span(span)


def is_open_server_span(span: Any) -> bool:
    """Return whether a span is a server's, and still recorded."""
    return span.is_recording() and getattr(span, "kind", None) is SpanKind.SERVER


def _place_of_contrib(stack: Any) -> Place | None:
    """Look for contrib's middleware, from the outside of the stack to the inside."""
    place: Place = "outside"
    seen: set[int] = set()
    while stack is not None and id(stack) not in seen:
        seen.add(id(stack))
        kind = type(stack)
        if (kind.__module__, kind.__name__) == (
            "opentelemetry.instrumentation.asgi",
            "OpenTelemetryMiddleware",
        ):
            return place
        if kind is ExchangeMiddleware:
            place = "inside"
        stack = getattr(stack, "app", None)
    return None
