"""What tracing does with each exchange."""

from collections.abc import Iterator
from typing import Any

import anyio
from fastapi import APIRouter, BackgroundTasks, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from steadfastapi import current_exchange, testing
from support.asgi import call
from support.spans import ask, attributes, exceptions, servers, traced


def test_the_exchange_has_the_ids_of_its_span() -> None:
    """So that logs, metrics and traces find each other."""
    stack = traced(ratio=0.5)
    with testing.capture(stack.plan.app) as seen:
        ask(stack, *["/hello/ada"] * 40)
    kept = [exchange for exchange in seen.exchanges if exchange.sampled]
    assert 0 < len(kept) < 40
    assert [(e.trace_id, e.span_id) for e in kept] == [
        (f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}")
        for span in stack.tracing.ring
    ]
    assert {32} == {len(exchange.trace_id or "") for exchange in seen.exchanges}


def test_a_quiet_exchange_has_no_ids() -> None:
    """Health checks are untraced."""
    stack = traced()
    with testing.capture(stack.plan.app) as seen:
        ask(stack, "/health")
    assert [(None, None, False)] == [
        (e.trace_id, e.span_id, e.sampled) for e in seen.exchanges
    ]


def test_the_span_says_the_route_of_the_exchange() -> None:
    """Included, nested, mounted, wrong method, opaque: one string everywhere."""
    app, mounted = FastAPI(), FastAPI()
    router, inner = APIRouter(prefix="/p"), APIRouter(prefix="/q")
    inner.add_api_route("/b/{x}", lambda x: x)
    router.include_router(inner)
    app.include_router(router)
    mounted.include_router(router)
    app.mount("/m/{tenant}", mounted)
    app.mount("/opaque", JSONResponse({}))
    stack = traced(app)
    with testing.capture(app) as seen:
        ask(stack, "/p/q/b/1", "/m/acme/p/q/b/1", "/m/acme/none", "/opaque/x", "/none")
        anyio.run(lambda: call(app, "DELETE", "/p/q/b/1"))
    routes = [exchange.route for exchange in seen.exchanges]
    assert routes == [attributes(s).get("http.route") for s in stack.tracing.ring]
    assert [
        f"{exchange.method} {exchange.route}" if exchange.route else exchange.method
        for exchange in seen.exchanges
    ] == servers(stack.tracing.ring)
    assert "/p/q/b/{x}" == routes[0]


def test_an_exception_is_one_event_however_often_it_is_recorded() -> None:
    """The application recorded it too."""
    app = FastAPI()

    @app.get("/crash")
    async def crash() -> None:
        error = ValueError("boom")
        trace.get_current_span().record_exception(error)
        raise error

    stack = traced(app)
    ask(stack, "/crash")
    assert [["ValueError"]] == [exceptions(span) for span in stack.tracing.ring]


def test_an_error_that_a_handler_turned_into_a_500_is_recorded() -> None:
    """And one that became a 400 is not."""
    app = FastAPI()

    @app.exception_handler(LookupError)
    async def answer(request: Request, error: LookupError) -> JSONResponse:
        return JSONResponse({}, int(str(error)))

    @app.get("/{status}")
    async def fail(status: str) -> None:
        raise LookupError(status)

    stack = traced(app)
    ask(stack, "/500", "/400")
    assert [(["LookupError"], StatusCode.ERROR), ([], StatusCode.UNSET)] == [
        (exceptions(span), span.status.status_code) for span in stack.tracing.ring
    ]


def test_the_type_of_an_unhandled_error_is_its_class() -> None:
    """Also where the boundary answers before FastAPI learns of it."""
    app = FastAPI()

    @app.get("/crash")
    def crash() -> None:
        raise LookupError("boom")

    @app.get("/unavailable")
    def unavailable() -> None:
        raise HTTPException(503)

    stack = traced(app)
    ask(stack, "/crash", "/unavailable")
    assert ["LookupError", "503"] == [
        attributes(s).get("error.type") for s in stack.tracing.ring
    ]


def test_an_error_of_middleware_is_on_the_span() -> None:
    """The outer boundary reports it."""
    app = FastAPI()

    @app.middleware("http")
    async def broken(request: Request, call_next: Any) -> None:
        raise KeyError("lost")

    stack = traced(app)
    ask(stack, "/hello/ada")
    assert [["KeyError"]] == [exceptions(span) for span in stack.tracing.ring]


def test_an_error_after_the_response_finds_no_open_span() -> None:
    """A background task's error is in the logs; the span has ended."""
    app = FastAPI()

    def fail() -> None:
        raise ValueError("late")

    @app.get("/task")
    async def task(tasks: BackgroundTasks) -> None:
        tasks.add_task(fail)

    stack = traced(app)
    (answer,) = ask(stack, "/task")
    assert (200, "ValueError('late')") == (answer.status, repr(answer.exception))
    assert [([], StatusCode.UNSET)] == [
        (exceptions(span), span.status.status_code) for span in stack.tracing.ring
    ]


def test_a_client_that_leaves_is_no_error() -> None:
    """Whatever the framework calls it; the span says `aborted`."""
    app = FastAPI()

    @app.get("/slow")
    async def slow() -> StreamingResponse:
        async def chunks() -> Any:
            yield b"a"
            await anyio.sleep_forever()

        return StreamingResponse(chunks())

    stack = traced(app)
    anyio.run(lambda: call(app, path="/slow", disconnect_after=2))
    assert [("aborted", StatusCode.UNSET, [])] == [
        (
            attributes(span).get("steadfast.outcome"),
            span.status.status_code,
            exceptions(span),
        )
        for span in stack.tracing.ring
    ]


def test_the_span_is_let_go_when_the_exchange_ends() -> None:
    """An exchange that somebody keeps does not keep its span."""
    stack = traced()
    with testing.capture(stack.plan.app) as seen:
        ask(stack, "/hello/ada")
    assert "steadfastapi.span" not in seen.exchanges[0].scope


def test_a_status_that_is_no_number_counts_as_500() -> None:
    """Exceptions of other libraries have a `status_code` too."""
    app = FastAPI()

    class StrangeError(Exception):
        status_code = "five"

    @app.get("/strange")
    async def strange(request: Request) -> None:
        exchange = current_exchange()
        assert exchange is not None
        exchange.report(StrangeError(), handled=True)

    stack = traced(app)
    ask(stack, "/strange")
    assert 1 == len(exceptions(stack.tracing.ring[0]))


def test_a_stream_that_breaks_is_one_event() -> None:
    """The response has started, and the exception travels on."""
    app = FastAPI()

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        def chunks() -> Iterator[bytes]:
            yield b"a"
            raise ValueError("broken")

        return StreamingResponse(chunks())

    stack = traced(app)
    ask(stack, "/stream")
    assert [(["ValueError"], StatusCode.ERROR)] == [
        (exceptions(span), span.status.status_code) for span in stack.tracing.ring
    ]


def test_the_description_of_a_deliberate_503_stays() -> None:
    """The status that the error has set is not set again."""
    app = FastAPI()

    @app.get("/down")
    def down() -> None:
        raise HTTPException(503, "db is down")

    stack = traced(app)
    ask(stack, "/down")
    (span,) = stack.tracing.ring
    assert "db is down" in (span.status.description or "")


def test_a_second_error_of_the_same_type_is_recorded_too() -> None:
    """One that was caught is not the one that was fatal."""
    app = FastAPI()

    @app.get("/crash")
    async def crash() -> None:
        try:
            raise ValueError("first")
        except ValueError as error:
            trace.get_current_span().record_exception(error)
        raise ValueError("second")

    stack = traced(app)
    ask(stack, "/crash")
    assert [["ValueError", "ValueError"]] == [
        exceptions(span) for span in stack.tracing.ring
    ]
