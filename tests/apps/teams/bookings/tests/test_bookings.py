# mypy: ignore-errors
import pytest
from sqlalchemy.exc import OperationalError
from fastapi.testclient import TestClient

from app import crud, schemas
from app.main import app

SLOT = {
    "who": "ana",
    "starts_at": "2026-05-04T09:00:00",
    "ends_at": "2026-05-04T10:00:00",
}


def make_room(client, name="Fuji"):
    return client.post("/rooms/", json={"name": name, "seats": 6}).json()


def test_root_redirects_to_docs(client):
    response = client.get("/", follow_redirects=False)
    assert response.status_code == 307
    assert response.headers["location"] == "/docs"


def test_docs_page(client):
    assert "Meeting rooms" in client.get("/docs").text


def test_create_room(client):
    response = client.post("/rooms/", json={"name": "Fuji", "seats": 6})
    assert response.status_code == 201
    assert response.json() == {"id": 1, "name": "Fuji", "seats": 6}


def test_create_room_twice(client):
    make_room(client)
    response = client.post("/rooms/", json={"name": "Fuji"})
    assert response.status_code == 400
    assert response.json() == {"detail": "Room already exists"}


def test_read_rooms_paginates(client):
    for name in ("a", "b", "c"):
        make_room(client, name)
    response = client.get("/rooms/", params={"skip": 1, "limit": 1})
    assert [r["name"] for r in response.json()] == ["b"]


def test_read_missing_room(client):
    response = client.get("/rooms/99")
    assert response.status_code == 404
    assert response.json() == {"detail": "Room not found"}


def test_room_id_must_be_int(client):
    response = client.get("/rooms/abc")
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["path", "room_id"]


def test_trailing_slash_redirect(client):
    response = client.get("/rooms", follow_redirects=False)
    assert response.status_code == 307


def test_book_room(client):
    room = make_room(client)
    response = client.post(f"/rooms/{room['id']}/bookings/", json=SLOT)
    assert response.status_code == 201
    assert response.json()["who"] == "ana"


def test_double_booking_conflicts(client):
    room = make_room(client)
    client.post(f"/rooms/{room['id']}/bookings/", json=SLOT)
    response = client.post(f"/rooms/{room['id']}/bookings/", json=SLOT)
    assert response.status_code == 409
    assert response.json()["detail"]["code"] == "ROOM_TAKEN"
    assert response.headers["x-conflict"] == "booking"


def test_booking_order_is_checked(client):
    room = make_room(client)
    response = client.post(
        f"/rooms/{room['id']}/bookings/",
        json={**SLOT, "ends_at": "2026-05-04T08:00:00"},
    )
    assert response.status_code == 422
    assert "ends_at must be after starts_at" in response.text


def test_malformed_json(client):
    response = client.post(
        "/rooms/", content="{", headers={"content-type": "application/json"}
    )
    assert response.status_code == 422


def test_delete_room(client):
    room = make_room(client)
    response = client.delete(f"/rooms/{room['id']}")
    assert response.status_code == 204
    assert response.content == b""
    assert client.get(f"/rooms/{room['id']}").status_code == 404


def test_method_not_allowed(client):
    response = client.put("/rooms/1")
    assert response.status_code == 405
    assert "GET" in response.headers["allow"] or "DELETE" in response.headers["allow"]


def test_export(client):
    room = make_room(client)
    client.post(f"/rooms/{room['id']}/bookings/", json=SLOT)
    response = client.get("/export.csv")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.text.splitlines()[1].startswith("Fuji,ana,")


def test_cors_preflight(client):
    response = client.options(
        "/rooms/",
        headers={
            "Origin": "https://intranet.example.com",
            "Access-Control-Request-Method": "POST",
        },
    )
    assert response.status_code == 200
    assert (
        response.headers["access-control-allow-origin"]
        == "https://intranet.example.com"
    )


def test_broken_report_raises(client):
    with pytest.raises(OperationalError):
        client.get("/broken-report")


def test_broken_report_is_a_500(client, db):
    quiet = TestClient(app, raise_server_exceptions=False)
    assert quiet.get("/broken-report").status_code == 500


def test_crud_without_http(db):
    crud.create_room(db, schemas.RoomCreate(name="Etna"))
    assert crud.get_room_by_name(db, "Etna").seats == 4


def test_openapi_lists_the_paths(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths) == {
        "/rooms/",
        "/rooms/{room_id}",
        "/rooms/{room_id}/bookings/",
        "/export.csv",
        "/broken-report",
    }
