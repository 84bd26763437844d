"""The page: formats, content types, who may read it, and when it cannot be read."""

import ast
import threading
import time
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import from_thread, to_thread
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from steadfastapi import Metrics
from steadfastapi.metrics import multiprocess, page
from steadfastapi.metrics.page import authorised
from steadfastapi.testing import internal_errors
from support.apps import configured
from support.asgi import AsgiResult, call
from support.raw import parse_response, raw_request
from support.scrape import Page
from support.server import LiveServer
from support.traced import TRACE_ID, Traced
from support.valuefiles import NOBODY, names, write
from support.watch import ask, header

SOURCE = Path(page.__file__).parent
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3"
)


def simple(**settings: Any) -> FastAPI:
    """Return an application with one route."""
    app = FastAPI()
    app.add_api_route("/x", lambda: "ok")
    metrics = Metrics(**settings)
    return configured(app, logs=False, metrics=metrics, extra=[Traced()])


def get(app: FastAPI, *headers: tuple[str, str], **more: Any) -> AsgiResult:
    """Scrape."""
    return ask(app, more.pop("method", "GET"), "/metrics", headers=headers, **more)


# Formats


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain;version=0.0.4", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "application/openmetrics-text;version=1.0.0",
            f"{OPENMETRICS}; escaping=underscores",
        ),
        (PROMETHEUS_3, f"{OPENMETRICS}; escaping=allow-utf-8"),
    ],
)
def test_the_page_has_the_format_that_is_asked_for(
    accept: str | None, content_type: str
) -> None:
    """Prometheus 3 refuses a page without a valid content type."""
    result = get(simple(), *([("Accept", accept)] if accept else []))

    assert 200 == result.status
    assert [content_type] == header(result, "content-type")
    assert ["no-store"] == header(result, "cache-control")


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text; version=abc",
        "text/plain; version=1.x",
        f"application/openmetrics-text;version={'1' * 9000}",
        "\xff" * 9000,
        "," * 9000,
    ],
)
def test_an_unreadable_accept_header_gets_plain_text(accept: str) -> None:
    """prometheus_client raises on a version that is no number."""
    result = get(simple(), ("Accept", accept))

    assert 200 == result.status
    assert header(result, "content-type")[0].startswith("text/plain; version=0.0.4")


def test_openmetrics_carries_the_trace_of_a_request() -> None:
    """An exemplar names a trace that can be opened; plain text has none."""
    app = simple()
    ask(app, "GET", "/x")
    accept = ("Accept", "application/openmetrics-text; version=1.0.0")
    parse: Any = text_string_to_metric_families
    families = parse(get(app, accept).body.decode())

    traces = [
        sample.exemplar.labels
        for family in families
        for sample in family.samples
        if sample.exemplar is not None
    ]
    assert [{"trace_id": TRACE_ID}] == traces
    assert TRACE_ID not in get(app).body.decode()


def test_head_tells_the_length_and_sends_nothing() -> None:
    """As for any page; the server drops the body."""
    with LiveServer(simple()) as server:
        data = b"HEAD /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        answer = raw_request(server.host, server.port, data)
    response = parse_response(answer)

    assert 200 == response.status
    assert 1000 < int(response.values(b"content-length")[0])
    assert answer.endswith(b"\r\n\r\n")


def test_no_series_has_a_time_of_creation() -> None:
    """`_created` would be a fifth more series that nobody reads."""
    app = simple()
    ask(app, "GET", "/x")

    assert b"_created" not in get(app).body


# What is served


def test_what_the_application_registers_itself_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ours first; a family of our name in the default registry stays out."""
    default = CollectorRegistry()
    monkeypatch.setattr(page, "REGISTRY", default)
    Counter("orders", "Orders.", registry=default).inc(4)
    Counter("http_requests", "Somebody else's.", registry=default).inc(99)
    app = simple()
    ask(app, "GET", "/x")
    found = Page(get(app).body.decode())

    assert 4 == found.total("orders_total")
    assert 1 == found.total("http_requests_total")


@pytest.mark.usefixtures("new_worker")
def test_several_workers_are_one_page(tmp_path: Path) -> None:
    """What the dead counted and what the application registers itself included."""
    write(tmp_path, "counter", NOBODY, "orders_total", 2)
    Counter("orders", "Written by a test.", registry=None).inc(3)
    app = simple()
    ask(app, "GET", "/x")
    found = Page(get(app).body.decode())

    assert 5 == found.total("orders_total")
    assert 1 == found.total("http_requests_total")
    assert f"counter_{NOBODY}.db" not in names(tmp_path)


@pytest.mark.usefixtures("new_worker")
def test_a_scrape_without_the_lock_tidies_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And serves all the same."""
    monkeypatch.setattr(multiprocess, "LOCK_TIMEOUT", 0.02)
    app = simple()
    write(tmp_path, "counter", NOBODY, "orders_total", 2)
    with multiprocess.locked(tmp_path):
        found = Page(get(app).body.decode())

    assert 2 == found.total("orders_total")
    assert f"counter_{NOBODY}.db" in names(tmp_path)


@pytest.mark.usefixtures("new_worker")
def test_a_directory_that_is_gone_is_a_503(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prometheus sees the target as down; the application has no error."""
    app = simple()
    monkeypatch.setenv(multiprocess.VARIABLE, str(tmp_path / "gone"))
    with internal_errors() as errors:
        result = get(app)

    assert 503 == result.status
    assert b'{"detail":"Metrics are unavailable"}' == result.body
    assert {"metrics.page": 1} == errors


def test_a_scrape_does_not_wait_for_the_applications_threads() -> None:
    """With every common thread taken, the page is still served."""
    app = simple()

    async def run() -> int | None:
        to_thread.current_default_thread_limiter().total_tokens = 1
        release = threading.Event()
        started = anyio.Event()

        def block() -> None:
            from_thread.run_sync(started.set)
            release.wait(30)

        async with anyio.create_task_group() as group:
            group.start_soon(to_thread.run_sync, block)
            await started.wait()
            result = await call(app, "GET", "/metrics")
            release.set()
        return result.status

    assert 200 == anyio.run(run)


# Who may read it


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (None, 401),
        ("Bearer wrong", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("Basic czNjcmV0", 401),
        ("s3cret-ü", 401),
        ("Bearer s3cret-ü", 200),
        ("bearer  s3cret-ü ", 200),
    ],
)
def test_a_token_is_asked_for(given: str | None, status: int) -> None:
    """Whole, and nothing but the token, as bytes."""
    headers = [] if given is None else [(b"Authorization", given.encode())]
    result = ask(simple(token="s3cret-ü"), "GET", "/metrics", headers=headers)

    assert status == result.status
    expected = ["Bearer"] if status == 401 else []
    assert expected == header(result, "www-authenticate")
    if status == 401:
        assert b'{"detail":"Not authenticated"}' == result.body


def test_without_a_token_everybody_may_read() -> None:
    """The plan says so."""
    assert authorised("", None)
    assert not authorised("", "secret")
    assert not authorised("Bearer \u20ac", "secret")  # not latin-1: no real server


def test_no_secret_is_compared_with_the_equality_operator() -> None:
    """`==` stops at the first difference, and tells by its time how far it got."""
    suspicious = []
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Compare):
                continue
            if not any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
                continue
            words = {
                getattr(part, "id", getattr(part, "attr", "")).strip("_")
                for part in ast.walk(node)
            }
            if words & {"token", "secret", "password", "api_key", "get_secret_value"}:
                suspicious.append(f"{path}:{node.lineno}")

    assert [] == suspicious


def test_a_real_server_serves_it() -> None:
    """Over the wire, while requests go on."""
    with LiveServer(simple()) as server:
        for target in ("/x", "/metrics"):
            data = f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            answer = raw_request(server.host, server.port, data.encode())
    found = Page(parse_response(answer).body.decode())

    assert 1 == found.total("http_requests_total", handler="/x", status="2xx")
    assert 0 == found.total("http_requests_inprogress")
    assert time.time() - 60 < found.total("app_start_time_seconds") <= time.time()
