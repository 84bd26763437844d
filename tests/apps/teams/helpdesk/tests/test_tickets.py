# mypy: ignore-errors
import logging

import httpx
import pytest
from fastapi.testclient import TestClient

URL = "/api/v1/tickets"


def test_create(client, app):
    r = client.post(URL, json={"subject": "Printer on fire", "priority": "high"})
    assert r.status_code == 201
    assert r.json()["id"] == 1
    assert r.json()["status"] == "open"


def test_background_tasks_run_after_the_unit_of_work(client, app):
    client.post(URL, json={"subject": "Printer", "notify": "bo@example.com"})
    assert "audit 1" in app.state.journal
    assert app.state.mailer.outbox == [
        ("help@example.com", "bo@example.com", "Printer")
    ]


def test_failing_background_task_reaches_the_test(client):
    with pytest.raises(ConnectionError, match="cannot deliver"):
        client.post(URL, json={"subject": "Printer", "notify": "bo@invalid"})


def test_journal_order(client, app):
    client.get(f"{URL}/7")
    assert app.state.journal == ["begin", "rollback", "end"]


def test_not_found(client):
    r = client.get(f"{URL}/7")
    assert (r.status_code, r.json()) == (404, {"detail": "Ticket 7 not found"})


def test_invalid_key(app, caplog):
    with TestClient(app) as anonymous, caplog.at_level(logging.WARNING):
        r = anonymous.get(URL)
    assert r.status_code == 401
    assert r.headers["www-authenticate"] == "Key"
    assert "rejected an API key" in caplog.text


def test_creation_is_logged(client, caplog):
    with caplog.at_level(logging.INFO, logger="helpdesk"):
        client.post(URL, json={"subject": "Printer"})
    assert ("helpdesk.api.tickets", logging.INFO, "ticket 1 created") in (
        caplog.record_tuples
    )


@pytest.mark.parametrize(
    "body", [{}, {"subject": "x"}, {"subject": "xxx", "priority": "urgent"}]
)
def test_validation(client, body):
    r = client.post(URL, json=body)
    assert r.status_code == 422
    assert r.json()["detail"][0]["loc"][0] == "body"


def test_pagination(client):
    for n in range(5):
        client.post(URL, json={"subject": f"ticket {n}"})
    page = client.get(URL, params={"page": 2, "size": 2}).json()
    assert page["total"] == 5
    assert [t["subject"] for t in page["items"]] == ["ticket 2", "ticket 3"]


def test_close_twice(client):
    client.post(URL, json={"subject": "Printer"})
    assert client.post(f"{URL}/1/close").json()["status"] == "closed"
    assert client.post(f"{URL}/1/close").status_code == 409


def test_nested_router(client):
    client.post(URL, json={"subject": "Printer"})
    r = client.post(f"{URL}/1/comments", json={"text": "still burning"})
    assert r.json() == {"count": 1}


def test_language_header(client):
    client.post(URL, json={"subject": "Printer"})
    r = client.get(f"{URL}/1", headers={"Accept-Language": "de,en;q=0.5"})
    assert r.json()["language"] == "de"


def test_stream(client):
    client.post(URL, json={"subject": "Printer"})
    with client.stream("GET", f"{URL}/stream") as r:
        assert list(r.iter_lines()) == ["1;Printer"]


def test_crash_rolls_back(client, app):
    client.post(URL, json={"subject": "Printer"})
    app.state.journal.clear()
    with pytest.raises(RuntimeError, match="rota is empty"):
        client.post(f"{URL}/1/escalate")
    assert "rollback" in app.state.journal


def test_admin_only(client):
    assert client.get("/api/v1/admin/outbox").status_code == 403
    r = client.get("/api/v1/admin/outbox", headers={"X-API-Key": "k-admin"})
    assert r.json() == []


def test_own_health_page(client):
    assert client.get("/health").json() == {"ok": True}


def test_websocket(client):
    with client.websocket_connect("/live") as ws:
        ws.send_json({"a": 1})
        assert ws.receive_json() == {"seen": {"a": 1}}


def test_lifespan_closes_the_store(app):
    with TestClient(app):
        store = app.state.store
        assert not store.closed
    assert store.closed


@pytest.mark.anyio
async def test_async_client(app):
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as ac,
    ):
        r = await ac.get(URL, headers={"X-API-Key": "k-agent"})
    assert r.json() == {"total": 0, "items": []}


def test_operation_ids(app):
    operations = [
        operation["operationId"]
        for path in app.openapi()["paths"].values()
        for operation in path.values()
    ]
    assert len(set(operations)) == len(operations) == 9
