"""What tracing does with each exchange: its name, route, error and end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Status, StatusCode, get_current_span

from steadfastapi._scrub import safe_str
from steadfastapi.tracing.attributes import attributes_of, method_name
from steadfastapi.tracing.clean import (
    EXCEPTION,
    OUTCOME,
    describe,
    exception_event,
    type_name,
)
from steadfastapi.tracing.light_span import LightSpan
from steadfastapi.tracing.native import NATIVE_KEY, tell_native
from steadfastapi.tracing.server_span import (
    OWN_KEY,
    SPAN_KEY,
    Awaited,
    adopt,
    is_open_server_span,
)

if TYPE_CHECKING:
    from steadfastapi._exchange import Exchange

SERVER_ERROR = 500
_UNSET = Status(StatusCode.UNSET)
_FAILED = Status(StatusCode.ERROR)


def name_span(exchange: Exchange) -> None:
    """Give an adopted span, and FastAPI's records, the route of all other records.

    FastAPI's own includes `root_path` (ROUTE-9) and knows a mount's prefix only in
    part; where both agree there is nothing to do.
    """
    route = exchange.route
    scope = exchange.scope
    native = scope.get(NATIVE_KEY)
    if native is not None and route is not None:
        if native.route == route:
            return
        native.route = route  # FastAPI writes it to span and metric at the end
    if OWN_KEY in scope:
        return
    span = _adopted(exchange)
    if span is None or not is_open_server_span(span):
        return
    if route is None:
        # Contrib names it by the raw path, which a client chooses (OTEL-6).
        span.update_name(method_name(exchange.method))
    else:
        span.update_name(f"{method_name(exchange.method)} {route}")
        span.set_attribute("http.route", route)


def record_error(exchange: Exchange, exception: BaseException) -> None:
    """Put one exception event on the server span: unhandled, or a status >= 500."""
    if exchange.handled and _status(exchange, exception) < SERVER_ERROR:
        return
    span = _adopted(exchange)
    if span is None or not span.is_recording():
        return
    kind = type_name(exception)
    event = exception_event(exception)
    if not _is_recorded(span, event):
        span.add_event(EXCEPTION, event)
    if not exchange.handled:
        span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR, describe(f"{kind}: {safe_str(exception)}"))
    if not exchange.handled:
        tell_native(exchange.scope, exception)


def finish(exchange: Exchange) -> None:
    """End the span that is ours; let go of one that is not.

    The scope outlives the request by the time that Python needs to find its cycles.
    """
    scope = exchange.scope
    span = scope.pop(SPAN_KEY, None)
    own = scope.pop(OWN_KEY, None)
    if own is not None:
        if type(own) is LightSpan and own.is_untouched:
            _finish_light(exchange, own)
        else:
            _finish_sdk(exchange, own)
    elif (
        exchange.outcome == "aborted"
        and span is not None
        and not isinstance(span, Awaited)
        and is_open_server_span(span)
    ):
        # FastAPI takes it for an error; see `sanitized`.
        span.set_attribute(OUTCOME, "aborted")


def _finish_light(exchange: Exchange, span: LightSpan) -> None:
    name = method_name(exchange.method)
    if exchange.route is not None:
        name = f"{name} {exchange.route}"
    span.finish(
        name,
        {**attributes_of(exchange), **_result_of(exchange)},
        _FAILED if exchange.outcome == "server_error" else _UNSET,
    )


def _finish_sdk(exchange: Exchange, span: Any) -> None:
    try:
        if span.is_recording():
            _complete(exchange, span)
    finally:
        span.end()


def _complete(exchange: Exchange, span: Any) -> None:
    """Write down how it ended."""
    first_name = method_name(exchange.method)
    # A span of the API alone need not show its name. Another one than the first is
    # what the application called it.
    if exchange.route is not None and getattr(span, "name", first_name) == first_name:
        span.update_name(f"{first_name} {exchange.route}")
    if exchange.outcome == "server_error":
        known = getattr(span, "status", None)
        if known is None or known.status_code is StatusCode.UNSET:
            span.set_status(StatusCode.ERROR)
    span.set_attributes(_result_of(exchange))


def _result_of(exchange: Exchange) -> dict[str, Any]:
    """Return the attributes that are known at the end."""
    found: dict[str, Any] = {}
    if exchange.route is not None:
        found["http.route"] = exchange.route
    status = exchange.status or SERVER_ERROR
    if exchange.kind == "http" or status >= 400:  # noqa: PLR2004 - refused handshake
        found["http.response.status_code"] = status
    if exchange.outcome == "aborted":
        found[OUTCOME] = "aborted"
    elif exchange.outcome == "server_error" and (
        exchange.error is None or exchange.handled
    ):
        found["error.type"] = str(status)  # else the class of the exception
    return found


def _adopted(exchange: Exchange) -> Any:
    """Return the span, that of a middleware inside of us as soon as there is one."""
    span = exchange.scope.get(SPAN_KEY)
    if not isinstance(span, Awaited):
        return span
    inner = get_current_span()
    if inner is span.around or not is_open_server_span(inner):
        return None
    adopt(exchange, inner)
    return inner


def _is_recorded(span: Any, event: dict[str, str]) -> bool:
    """Whether the application has recorded the exception itself."""
    wanted = event["exception.type"], event["exception.message"]
    return any(
        known.name == EXCEPTION
        and tuple(
            (known.attributes or {}).get(name)
            for name in ("exception.type", "exception.message")
        )
        == wanted
        for known in getattr(span, "events", ())
    )


def _status(exchange: Exchange, exception: BaseException) -> int:
    """The status of the response, or the one that the exception asks for."""
    status = exchange.status
    if status is None:
        status = getattr(exception, "status_code", SERVER_ERROR)
    return status if isinstance(status, int) else SERVER_ERROR
