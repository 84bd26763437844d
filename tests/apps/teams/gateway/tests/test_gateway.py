# mypy: ignore-errors
import re

import pytest
from fastapi.testclient import TestClient

from main import app


@pytest.fixture(scope="module")
def client():
    with TestClient(app) as c:
        yield c


@pytest.fixture(scope="module")
def browser():
    with TestClient(app, raise_server_exceptions=False) as c:
        yield c


def test_tenant_reaches_the_endpoint(client):
    r = client.get("/", headers={"X-Tenant": "acme"})
    assert r.json() == {"gateway": True, "tenant": "acme", "var": "acme"}


def test_tenant_is_forgotten(client):
    client.get("/", headers={"X-Tenant": "acme"})
    assert client.get("/").json()["var"] is None


def test_blocked_tenant(client):
    r = client.get("/", headers={"X-Tenant": "blocked"})
    assert (r.status_code, r.json()) == (403, {"error": "tenant blocked"})


def test_middleware_that_raises(browser):
    assert browser.get("/", headers={"X-Tenant": "explode"}).status_code == 500


def test_middleware_that_raises_reaches_the_server(client):
    with pytest.raises(LookupError):
        client.get("/", headers={"X-Tenant": "explode"})


def test_timing_header(client):
    assert re.fullmatch(r"\d\.\d{4}", client.get("/").headers["x-process-time"])


def test_own_request_id_is_sent_once(client):
    r = client.get("/", headers={"X-Request-ID": "abc-12345"})
    assert r.headers.get_list("x-request-id") == ["abc-12345"]


def test_gzip(client):
    assert client.get("/big").headers["content-encoding"] == "gzip"


def test_problem(client):
    r = client.get("/deny")
    assert r.status_code == 402
    assert r.headers["content-type"] == "application/problem+json"
    assert r.json() == {
        "title": "Pay first",
        "instance": "/deny",
        "invoice": "2026-17",
    }


def test_crash(browser):
    assert browser.get("/crash").status_code == 500


def test_no_content(client):
    r = client.get("/nothing")
    assert (r.status_code, r.content) == (204, b"")


def test_unknown_path(client):
    r = client.get("/nowhere")
    assert (r.status_code, r.json()) == (404, {"detail": "Not Found"})


def test_problem_in_a_mount(client):
    r = client.get("/partners/quota/acme?used=11")
    assert r.status_code == 429
    assert r.json()["title"] == "Quota exceeded"
    assert r.json()["limit"] == 10


def test_mount_sees_the_tenant(client):
    r = client.get("/partners/quota/acme", headers={"X-Tenant": "t1"})
    assert r.json()["tenant"] == "t1"


def test_validation_handler_of_a_mount(client):
    r = client.get("/partners/quota/acme?used=many")
    assert r.status_code == 400
    assert list(r.json()) == ["errors"]


def test_crash_handler_of_a_mount(browser):
    r = browser.get("/partners/bug")
    assert (r.status_code, r.json()) == (500, {"title": "Bug", "kind": "KeyError"})


def test_crash_in_a_mount_reaches_the_server(client):
    with pytest.raises(KeyError):
        client.get("/partners/bug")


def test_text_errors_of_a_mount(client):
    r = client.get("/legacy/orders/101")
    assert (r.status_code, r.text) == (404, "oops: no such order")
    assert r.headers["x-legacy"] == "yes"


def test_unknown_path_in_a_mount(client):
    assert client.get("/legacy/nowhere").text == "oops: Not Found"


def test_upload_through_two_base_middlewares(client):
    assert client.post("/legacy/upload", content=b"x" * 70000).json() == {
        "bytes": 70000
    }


def test_starlette_mount(client):
    assert client.get("/tools/ping").text == "pong"


def test_starlette_error(client):
    assert client.get("/tools/teapot").status_code == 418


def test_static(client):
    assert "<h1>Gateway</h1>" in client.get("/static/").text
    assert client.get("/static/none.txt").status_code == 404


def test_mounted_docs(client):
    assert client.get("/partners/openapi.json").json()["info"]["title"] == "Partners"
    assert client.get("/legacy/docs").status_code == 404
