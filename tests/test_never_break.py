"""NB-1: whatever fails inside of steadfastapi, nobody outside notices."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.sampling import Sampler

import steadfastapi
from steadfastapi import Limits, Metrics, Plan, Sentry, Tracing, bind, configure
from steadfastapi._lifespan import LifespanPart
from steadfastapi.testing import capture, internal_errors
from support.asgi import AsgiValidator, call
from support.raw import RawResponse, parse_response, raw_request
from support.sabotage import (
    CAUSES,
    Answer,
    Boundary,
    Fault,
    Hostile,
    Keywords,
    awaited,
    comparable,
    components,
    layer,
    shop,
    tracing,
)
from support.sentry import SentryReceiver
from support.server import LiveServer

Sabotage = Callable[[Boundary, str], tuple[FastAPI, Fault]]


BOUNDARIES = {
    "log processor": Boundary("logs.processor", layer(Plan.log_processor)),
    "log cleaning": Boundary("logs.processor", target="logs.pipeline.cleaned"),
    "log renderer": Boundary("logs.renderer", target="logs.pipeline.pipeline.render"),
    "log stream": Boundary(
        "logs.stream",
        target="logs.pipeline.pipeline.stream",
        stand_in=lambda fault: SimpleNamespace(write=fault),
    ),
    "start": Boundary("faulty.start", layer(Plan.on_start)),
    "undo of the start": Boundary(
        "faulty.start", layer(lambda plan, fault: plan.on_start(lambda _: fault))
    ),
    "error": Boundary("faulty.error", layer(Plan.on_error)),
    "response": Boundary("faulty.response", layer(Plan.on_response)),
    "finish": Boundary("faulty.observer", layer(Plan.observe)),
    "instrumentation": Boundary(
        "metrics.observer",
        lambda fault: {"metrics": Metrics(instrumentations=(fault,))},
    ),
    "async instrumentation": Boundary(
        "metrics.instrumentation",
        lambda fault: {"metrics": Metrics(instrumentations=(awaited(fault),))},
    ),
    "route template": Boundary("routes", target="_apply.route_template"),
    "OpenAPI edit": Boundary("openapi", layer(Plan.openapi)),
    "lifespan start": Boundary(
        "lifespan.part",
        layer(lambda plan, f: plan.lifespan(LifespanPart(name="part", start=f))),
    ),
    "lifespan stop": Boundary(
        "lifespan.part",
        layer(lambda plan, f: plan.lifespan(LifespanPart(name="part", stop=f))),
    ),
    "sampler": Boundary(
        "tracing.sampler", tracing(Sampler, "sampler", "should_sample")
    ),
    "span start": Boundary(
        "tracing.processor", tracing(SpanProcessor, "processors", "on_start")
    ),
    "span end": Boundary(
        "tracing.processor", tracing(SpanProcessor, "processors", "on_end")
    ),
    "span flush": Boundary(
        "tracing.processor", tracing(SpanProcessor, "processors", "force_flush")
    ),
    "exporter": Boundary(
        "tracing.exporter", tracing(SpanExporter, "exporter", "export")
    ),
    "span scrubber": Boundary(
        "tracing.processor",
        lambda _: {"tracing": Tracing(instrument=False)},
        target="tracing.processors.sanitized",
    ),
    "propagator": Boundary(
        "tracing.propagator",
        lambda _: {"tracing": Tracing(instrument=False)},
        target="tracing.incoming.get_global_textmap",
    ),
    "Sentry hook": Boundary(
        "sentry.before_send", lambda fault: {"sentry": Sentry(before_send=fault)}
    ),
    "Sentry scrubber": Boundary(
        "sentry.hook", lambda _: {"sentry": Sentry()}, target="sentry.hook.safe_event"
    ),
    "Sentry event": Boundary(
        "sentry.capture",
        lambda _: {"sentry": Sentry()},
        target="sentry.capture.event_from_exception",
    ),
    "log tap": Boundary("logs.tap", layer(Plan.log_tap)),
    "mounts": Boundary("apply", target="_apply.mounted_apps"),
    "limiter key": Boundary(
        "limits.key",
        lambda fault: {"limits": Limits(default=("1000/minute",), key=fault)},
    ),
    "limit decision": Boundary(
        "limits.decision",
        lambda _: {"limits": Limits(default=("1000/minute",))},
        target="limits.enforcer.bucket",
    ),
    "limit survey": Boundary(
        "limits.survey",
        lambda _: {"limits": Limits(default=("1000/minute",))},
        target="limits.gates.places",
    ),
}
"""Every boundary of NB-1."""
ON_THE_WIRE = (
    "log stream",
    "undo of the start",
    "error",
    "response",
    "finish",
    "sampler",
)
"""Those that fail at different moments of the exchange."""
ELSEWHERE = frozenset(
    {
        "alerts",
        "alerts.deliver",
        "alerts.quiet",
        "alerts.thread",
        "checks",
        "console.access",
        "console.announcement",
        "console.frame",
        "console.level",
        "console.oidc",
        "console.overview",
        "console.page",
        "console.routes",
        "console.sessions",
        "counts",
        "events",
        "health.auth",
        "health.check",
        "health.listener",
        "health.poll",
        "health.routes",
        "health.storage",
        "health.watch",
        "inbox.capture",
        "inbox.changes",
        "inbox.entry",
        "inbox.fingerprint",
        "inbox.listener",
        "inbox.log",
        "inbox.loop",
        "inbox.reset",
        "inbox.store",
        "inbox.trail",
        "limits.error_message",
        "limits.hottest",
        "limits.limit",
        "logs.otlp",
        "meter",
        "metrics.damaged_file",
        "metrics.page",
        "metrics.reap",
        "metrics.worker",
        "retries.breaker",
        "retries.predicate",
        "retries.report",
        "retries.transactions",
        "slo.count",
        "tracing.exclude",  # what FastAPI's `telemetry` setting says
        "tracing.libraries",
        "unavailable",
        "watchdog",
        "watchdog.engines",
        "watchdog.pulse",
        "watchdog.sample",
    }
)
"""Guarded calls that these requests never meet; their layers' tests know them."""


LEFT_ALONE = {
    "json": partial(call, path="/ok"),
    "stream": partial(call, path="/stream"),
    "body": partial(call, method="POST", path="/echo", body=[b"a", b"b"]),
    "conflict": partial(call, path="/conflict"),
}
CONTRACT = {
    "crash": partial(call, path="/crash"),
    "unmatched": partial(call, path="/nowhere"),
    "wrong method": partial(call, method="PUT", path="/ok"),
    "invalid": partial(call, path="/search"),
}
DOCUMENT = {"document": partial(call, path="/openapi.json")}
"""Slow to make, so asked for only where it matters."""


async def _answers(app: FastAPI, *, document: bool) -> dict[str, Answer]:
    requests = LEFT_ALONE | CONTRACT | (DOCUMENT if document else {})
    async with app.router.lifespan_context(app):
        return {
            name: Answer.of(await drive(AsgiValidator(app)))
            for name, drive in requests.items()
        }


@cache
def expected() -> dict[str, Answer]:
    """Return the answers of the bare application, and of a healthy configured one."""
    healthy = shop()
    configure(healthy, tracing=False, sentry=False)
    with_contract = asyncio.run(_answers(healthy, document=True))
    bare = asyncio.run(_answers(shop(), document=False))
    return with_contract | {name: bare[name] for name in LEFT_ALONE}


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    """Return the address of a Sentry that works."""
    with SentryReceiver() as receiver:
        yield receiver.dsn


@pytest.fixture
def sabotage(dsn: str, monkeypatch: pytest.MonkeyPatch) -> Sabotage:
    """Return a function that configures an application one of whose parts fails."""

    def make(boundary: Boundary, cause: str) -> tuple[FastAPI, Fault]:
        monkeypatch.setenv("SENTRY_DSN", dsn)
        app, fault = shop(), Fault(CAUSES[cause])
        off: Keywords = {"tracing": False, "sentry": False}
        configure(app, **(off | boundary.keywords(fault)))
        if boundary.target:
            where = f"steadfastapi.{boundary.target}"
            monkeypatch.setattr(where, boundary.stand_in(fault))
        return app, fault

    return make


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("boundary", BOUNDARIES.values(), ids=BOUNDARIES)
def test_a_boundary_that_fails_changes_no_answer(
    boundary: Boundary, cause: str, sabotage: Sabotage
) -> None:
    """Every message is that of the control; each failure is counted by its name."""
    control = expected()
    app, fault = sabotage(boundary, cause)
    document = boundary.component == "openapi"
    with internal_errors() as counted:
        answers = asyncio.run(_answers(app, document=document))

    for name, answer in answers.items():
        assert (name, control[name].messages) == (name, answer.messages)
        assert (name, control[name].exception) == (name, answer.exception)
        assert (name, 1) == (name, answer.request_ids)
    assert fault.calls > 0
    assert {boundary.component: fault.calls} == counted


@cache
def on_the_wire() -> list[RawResponse]:
    """Return what a socket gets of a success, and of a crash in contract."""
    healthy = shop()
    configure(healthy, tracing=False, sentry=False)
    return [_served(shop(), "/ok")[0], _served(healthy, "/crash")[0]]


def _served(app: FastAPI, *paths: str) -> list[RawResponse]:
    answers = []
    with LiveServer(app) as live:
        for path in paths:
            request = f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
            answer = parse_response(raw_request(live.host, live.port, request))
            answers.append(replace(answer, headers=comparable(answer.headers)))
    return answers


@pytest.mark.parametrize("name", ON_THE_WIRE)
def test_a_boundary_that_fails_changes_no_byte_on_the_wire(
    name: str, sabotage: Sabotage
) -> None:
    """Over a real socket too, status, headers and body are those of the control."""
    control = on_the_wire()
    app, _ = sabotage(BOUNDARIES[name], "ValueError")
    with internal_errors():
        assert control == _served(app, "/ok", "/crash")


def test_bound_values_that_fail_change_no_answer() -> None:
    """A hostile value costs its own text in the log, and nothing else."""
    app = FastAPI()

    @app.get("/x")
    async def endpoint() -> str:
        bind(value=Hostile(), **{"a b": object})
        return "a"

    configure(app, tracing=False, sentry=False)

    with capture(app) as seen:
        result = asyncio.run(call(app, path="/x"))

    assert (200, b'"a"', None) == (result.status, result.body, result.exception)
    assert ["request"] == [line["event"] for line in seen.logs]


def test_the_table_knows_every_guarded_call() -> None:
    """A new place that contains errors fails here until a test covers it."""
    source = Path(steadfastapi.__file__).parent
    found = {
        name
        for file in source.rglob("*.py")
        for name in components(file.read_text("utf-8"))
    }
    tested = {boundary.component for boundary in BOUNDARIES.values()}

    assert found == (found & tested) | ELSEWHERE
