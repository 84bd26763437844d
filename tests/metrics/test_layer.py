"""The settings of the metrics, and what they put in the plan."""

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from starlette.testclient import TestClient

from steadfastapi import Metrics, Stack, _service, configure
from steadfastapi.exceptions import ConfigurationError
from steadfastapi.metrics.multiprocess import VARIABLE
from steadfastapi.testing import capture
from support.apps import configured, sub_app
from support.asgi import call_websocket
from support.drive import in_loop
from support.scrape import Page
from support.watch import ask


def stack_of(app: FastAPI | None = None, **settings: Any) -> Stack:
    """Configure an application with metrics alone."""
    metrics = Metrics(**settings)
    return configure(
        app or FastAPI(), logs=False, tracing=False, sentry=False, metrics=metrics
    )


def refusal(**settings: Any) -> str:
    """Return what is said about wrong settings."""
    with pytest.raises(ConfigurationError) as caught:
        Metrics(**settings)
    return str(caught.value)


# Settings


@pytest.mark.parametrize("path", ["metrics", "/metrics/", "/", "/{x}", ""])
def test_the_path_is_absolute_and_fixed(path: str) -> None:
    """The message gives an example."""
    assert "write an absolute path such as /metrics" in refusal(path=path)


@pytest.mark.parametrize(
    "settings",
    [{"token": ""}, {"port": -1}, {"port": 65536}, {"names": "x"}, {"status": "x"}],
)
def test_other_nonsense_is_refused(settings: dict[str, Any]) -> None:
    """When the settings are made; an empty token would open the page to everybody."""
    (name,) = settings

    assert f"Metrics({name}=…)" in refusal(**settings)


def test_every_setting_can_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By its name, in capitals."""
    for name, value in (
        ("PATH", "/internal/metrics"),
        ("TOKEN", "s3cret"),
        ("NAMES", "otel"),
        ("STATUS", "code"),
        ("PORT", "9100"),
        ("HOST", "127.0.0.1"),
    ):
        monkeypatch.setenv(f"STEADFAST_METRICS_{name}", value)
    metrics = Metrics()

    assert ("/internal/metrics", "otel", "code", 9100, "127.0.0.1") == (
        metrics.path,
        metrics.names,
        metrics.status,
        metrics.port,
        metrics.host,
    )
    assert "s3cret" not in f"{metrics!r} {metrics.summary()}"
    assert metrics.token is not None
    assert "s3cret" == metrics.token.get_secret_value()


# The plan


def test_the_plan_says_who_may_read_the_page() -> None:
    """An open page is a decision, so it is shown; a token is not."""
    open_page, closed = str(stack_of()), str(stack_of(token="s3cret"))

    assert "/metrics is open to whoever reaches it" in open_page
    assert "is open" not in closed
    assert "s3cret" not in closed


@pytest.mark.usefixtures("new_worker")
def test_the_plan_says_what_several_workers_lack() -> None:
    """Exemplars are off in multi-process mode."""
    assert "multi-process mode: no exemplars" in str(stack_of())


def test_a_wrong_directory_is_a_problem_of_configure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reported with all others, and nothing is configured."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "missing"))
    app = FastAPI()
    with pytest.raises(ConfigurationError, match="no such directory"):
        stack_of(app)
    monkeypatch.delenv(VARIABLE)

    assert stack_of(app)


def test_another_path_is_as_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page counts none of its scrapes, wherever it is."""
    app = FastAPI()
    stack_of(app, path="/internal/metrics")
    for _ in range(2):
        page = Page(ask(app, "GET", "/internal/metrics").body.decode())

    assert 404 == ask(app, "GET", "/metrics").status
    assert 0 == page.total("http_requests_total")
    assert 0 == page.total("http_requests_inprogress")


def test_metrics_that_are_off_are_not_imported() -> None:
    """Neither they nor prometheus_client cost anything then."""
    code = (
        "import sys; from fastapi import FastAPI; from steadfastapi import configure\n"
        "configure(FastAPI(), metrics=False, tracing=False, sentry=False)\n"
        "prefixes = ('prometheus', 'steadfastapi.metrics')\n"
        "print([name for name in sys.modules if name.startswith(prefixes)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "[]" == done.stdout.splitlines()[-1]


# Several workers


@pytest.mark.parametrize(
    ("variable", "arguments", "count"),
    [
        ("4", ["uvicorn"], 4),
        ("", ["uvicorn", "app:app", "--workers", "3"], 3),
        ("", ["gunicorn", "-w", "2", "app:app"], 2),
        ("", ["uvicorn", "--workers=5"], 5),
        ("", ["gunicorn", "-w6", "app:app"], 6),
        ("2", ["uvicorn", "app:app", "--workers", "3"], 3),
    ],
)
def test_several_workers_without_a_directory_are_warned_of(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    variable: str,
    arguments: list[str],
    count: int,
) -> None:
    """Loudly, with what to set; wherever the count comes from."""
    monkeypatch.setenv("WEB_CONCURRENCY", variable)
    monkeypatch.setattr(sys, "argv", arguments)
    stack = stack_of()

    assert 1 == len(caplog.records)
    assert logging.WARNING == caplog.records[0].levelno
    message = caplog.records[0].getMessage()
    assert message.startswith(f"{count} workers and no {VARIABLE}")
    assert f"Set {VARIABLE} to an empty, writable directory" in message
    assert "every count is wrong" in " ".join(str(stack).split())


def test_the_arguments_of_gunicorn_are_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """`GUNICORN_CMD_ARGS` is how containers set them."""
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--bind 0.0.0.0:80 --workers 7")
    monkeypatch.setattr(sys, "argv", ["gunicorn", "app:app"])
    stack_of()

    assert caplog.records[0].getMessage().startswith("7 workers and no")


def test_arguments_that_gunicorn_would_refuse_are_left_to_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An open quote is no mistake of ours to report."""
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--access-logformat '%(h)s")
    monkeypatch.setattr(sys, "argv", ["uvicorn"])
    stack_of()

    assert [] == caplog.records


def test_a_spawned_worker_knows_its_supervisors_command(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Workers of uvicorn may have a command line of their own."""
    command = ["python", "-m", "uvicorn", "app:app", "--workers", "3"]
    monkeypatch.setattr(_service, "_parent_arguments", lambda: command)
    monkeypatch.setattr(sys, "argv", ["-c"])
    stack_of()

    assert caplog.records[0].getMessage().startswith("3 workers and no")


@pytest.mark.parametrize("workers", ["", "1"])
def test_one_worker_is_not_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, workers: str
) -> None:
    """It needs no directory."""
    monkeypatch.setenv("WEB_CONCURRENCY", workers)
    monkeypatch.setattr(sys, "argv", ["uvicorn"])
    stack_of()

    assert [] == caplog.records


@pytest.mark.usefixtures("new_worker")
def test_several_workers_with_a_directory_are_not_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """They are set up as they should be."""
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    stack_of()

    assert [] == caplog.records


# What is counted


def test_the_names_and_the_status_can_be_chosen() -> None:
    """`names="otel"` and `status="code"` reach the page."""
    pages = []
    for settings in ({"names": "otel"}, {"status": "code"}):
        app = FastAPI()
        app.add_api_route("/x", lambda: "ok", status_code=202)
        stack_of(app, **settings)
        ask(app, "GET", "/x")
        pages.append(Page(ask(app, "GET", "/metrics").body.decode()))

    otel = {"http_route": "/x", "http_response_status_code": "202"}
    name = "http_server_request_duration_seconds_count"
    assert 1 == pages[0].total(name, http_request_method="GET", **otel)
    sizes = "http_server_response_body_size_bytes_sum"
    assert len(json.dumps("ok")) == pages[0].total(sizes, http_route="/x")
    assert 1 == pages[1].total("http_requests_total", handler="/x", status="202")


def test_every_route_can_fail_visibly_from_the_start() -> None:
    """Direct, included and mounted routes have a 5xx of 0; pages of ours have none."""
    app = FastAPI(openapi_url=None)
    app.add_api_route("/x", lambda: "ok", methods=["GET", "POST"])
    router = APIRouter()
    router.add_api_route("/y/{z:path}", lambda: "ok")
    app.include_router(router, prefix="/p")
    app.mount("/m", sub_app())
    stack_of(app)
    with TestClient(app) as client:
        page = Page(client.get("/metrics").text)

    prepared = {
        (sample.labels["handler"], sample.labels["method"])
        for sample in page.named("http_requests_total", status="5xx")
        if not sample.labels["handler"].startswith(("/m/docs", "/m/open", "/m/redoc"))
    }
    assert {
        ("/x", "GET"),
        ("/x", "POST"),
        ("/p/y/{z}", "GET"),
        ("/m/c/{z}", "GET"),
        ("/m/sr/d/{w}", "GET"),
    } == prepared
    assert 0 == page.total("http_requests_total")


def test_a_prepared_series_is_the_one_that_is_counted() -> None:
    """Templates from the list of routes are those of the requests."""
    app = FastAPI(openapi_url=None)

    def fail() -> None:
        raise ValueError

    router = APIRouter(prefix="/r")
    router.add_api_route("/{y:int}", fail)
    app.include_router(router, prefix="/p")
    app.mount("/m/{tenant}", sub_app())
    stack_of(app)
    with TestClient(app, raise_server_exceptions=False) as client:
        client.get("/p/r/1")
        client.get("/m/acme/c/1")
        page = Page(client.get("/metrics").text)

    failed = page.named("http_requests_total", status="5xx", handler="/p/r/{y}")
    assert [1.0] == [sample.value for sample in failed]
    series = page.named("http_requests_total", handler="/m/{tenant}/c/{z}")
    assert ["5xx", "2xx"] == [sample.labels["status"] for sample in series]


def test_log_lines_are_counted_by_level() -> None:
    """All five levels are there from the start."""
    app = configured(FastAPI())
    with capture(app) as seen:
        logging.getLogger("shop").error("out of stock")
        logging.getLogger("shop").warning("nearly out of stock")
        page = Page(ask(app, "GET", "/metrics").body.decode())

    assert 1 == seen.metric("log_events_total", level="error")
    assert 1 == seen.metric("log_events_total", level="warning")
    levels = [s.labels["level"] for s in page.named("log_events_total")]
    assert ["debug", "info", "warning", "error", "critical"] == levels


def test_a_log_line_of_an_unknown_level_is_counted_nowhere() -> None:
    """A level of its own would be a label of its own."""
    app = configured(FastAPI())
    with capture(app) as seen:
        logging.getLogger("shop").log(35, "between the levels")

    assert 1 == len(seen.logs)
    assert 1 >= seen.metric("log_events_total")


def test_a_websocket_is_counted_by_its_template() -> None:
    """With the code that ended it; its requests are none."""
    app = FastAPI()

    @app.websocket("/ws/{room}")
    async def ws(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close(4321)

    stack_of(app)
    in_loop(call_websocket, app, "/ws/1")
    page = Page(ask(app, "GET", "/metrics").body.decode())

    labels = {"handler": "/ws/{room}", "code": "4xxx"}
    assert 1 == page.total("websocket_connections_total", **labels)
    name = "websocket_connection_duration_seconds_count"
    assert 1 == page.total(name, handler="/ws/{room}")
    assert 0 == page.total("http_requests_total")


def test_the_stack_has_the_registry() -> None:
    """For tests of the application, and for families of its own."""
    stack = stack_of()

    assert 0 == stack.metrics.registry.get_sample_value("http_requests_inprogress")
    assert stack.metrics.port is None
