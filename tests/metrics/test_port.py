"""The page on a port of its own."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from steadfastapi import Metrics, configure
from steadfastapi.metrics import port as port_module
from steadfastapi.metrics.port import OwnPort
from steadfastapi.metrics.registry import Families, families_of
from steadfastapi.testing import internal_errors
from support.raw import RawResponse, parse_response, raw_request
from support.scrape import Page


@contextmanager
def listening(families: Families | None = None, **changes: Any) -> Iterator[OwnPort]:
    """Serve a page on a free port."""
    options: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": 0,
        "path": "/metrics",
        "token": None,
    }
    options |= changes
    own = OwnPort(families or families_of("default"), **options)
    own.start()
    try:
        yield own
    finally:
        assert own.stop(5.0)


def get(own: OwnPort, target: str = "/metrics", *headers: str) -> RawResponse:
    """Fetch a path."""
    assert own.port is not None
    method, _, path = target.rpartition(" ")
    lines = [f"{method or 'GET'} {path} HTTP/1.1", "Host: a", *headers, "", ""]
    return parse_response(
        raw_request("127.0.0.1", own.port, "\r\n".join(lines).encode())
    )


def test_the_application_serves_its_page_on_the_other_port() -> None:
    """While it runs; its own port has no such page then."""
    app = FastAPI()
    app.add_api_route("/x", lambda: "ok")
    stack = configure(
        app,
        logs=False,
        tracing=False,
        sentry=False,
        metrics=Metrics(port=0, host="127.0.0.1"),
    )
    assert stack.metrics.port is None
    with TestClient(app) as client:
        client.get("/x")
        assert 404 == client.get("/metrics").status_code
        url = ("127.0.0.1", stack.metrics.port or 0)
        data = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
        response = parse_response(raw_request(*url, data))

    assert 200 == response.status
    page = Page(response.body.decode())
    assert 1 == page.total("http_requests_total", handler="/x")
    assert stack.metrics.port is None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(url, 1)


def test_it_has_the_same_formats() -> None:
    """OpenMetrics when asked, the length always."""
    with listening() as own:
        accept = "Accept: application/openmetrics-text; version=1.0.0"
        openmetrics, text = get(own, "/metrics", accept), get(own)

    kinds = [response.values(b"content-type")[0] for response in (openmetrics, text)]
    assert kinds[0].startswith(b"application/openmetrics-text; version=1.0.0")
    assert kinds[1].startswith(b"text/plain; version=0.0.4")
    assert [b"no-store"] == text.values(b"cache-control")
    assert [str(len(text.body)).encode()] == text.values(b"content-length")


@pytest.mark.parametrize(
    ("target", "status", "detail"),
    [
        ("/", 404, b"Not Found"),
        ("/metrics/more", 404, b"Not Found"),
        ("POST /metrics", 405, b"Method Not Allowed"),
    ],
)
def test_it_serves_nothing_else(target: str, status: int, detail: bytes) -> None:
    """Refusals are in the contract's form."""
    with listening() as own:
        response = get(own, target)

    assert status == response.status
    assert b'{"detail": "' + detail + b'"}' == response.body


def test_it_waits_for_no_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """It starts on the event loop, where nothing may wait."""

    def wait(_: str) -> str:
        raise AssertionError

    monkeypatch.setattr(socket, "getfqdn", wait)
    with listening() as own:
        assert 200 == get(own).status


def test_head_sends_no_body() -> None:
    """And the length all the same."""
    with listening() as own:
        response = get(own, "HEAD /metrics")

    assert 200 == response.status
    assert b"" == response.body
    assert 0 < int(response.values(b"content-length")[0])


def test_the_token_is_asked_for_there_too() -> None:
    """A second door needs the same key."""
    with listening(token="secret") as own:
        refused = get(own, "/metrics", "Authorization: Bearer wrong")
        allowed = get(own, "/metrics", "Authorization: Bearer secret")

    assert 401 == refused.status
    assert [b"Bearer"] == refused.values(b"www-authenticate")
    assert 200 == allowed.status


def test_a_page_that_cannot_be_made_is_a_503(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, and the thread goes on serving."""

    def fail(*_: object) -> None:
        raise OSError

    with listening() as own, internal_errors() as errors:
        with monkeypatch.context() as patch:
            patch.setattr(port_module, "exposition", fail)
            assert 503 == get(own).status
        assert 200 == get(own).status
    assert {"metrics.page": 1} == errors


def test_a_port_that_is_taken_leaves_the_application_running() -> None:
    """The error is counted and logged, the requests are served."""
    with listening() as own:
        app = FastAPI()
        app.add_api_route("/x", lambda: "ok")
        settings = Metrics(port=own.port, host="127.0.0.1")
        configure(app, logs=False, tracing=False, sentry=False, metrics=settings)
        with internal_errors() as errors, TestClient(app) as client:
            assert 200 == client.get("/x").status_code

    assert {f"lifespan./metrics on port {settings.port}": 1} == errors


@pytest.mark.usefixtures("new_worker")
def test_all_workers_listen_on_the_same_port(tmp_path: Path) -> None:
    """Each serves the page of all, so it does not matter who answers."""
    families = families_of("default")
    with listening(families) as first, listening(families, port=first.port) as second:
        assert first.port == second.port
        assert 200 == get(first).status


def test_stopping_what_never_started_is_fine() -> None:
    """As when the port was taken."""
    own = OwnPort(
        families_of("default"), host="127.0.0.1", port=0, path="/metrics", token=None
    )
    assert own.stop(1.0)


def test_an_ipv6_address_is_listened_on() -> None:
    """Where the machine has one."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    with listening(host="::1") as own:
        assert own.port is not None
        socket.create_connection(("::1", own.port), 5).close()
