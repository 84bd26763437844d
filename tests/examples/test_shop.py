"""The shop on SQLite, with the shipping partner played by the test."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr
from starlette.websockets import WebSocketDisconnect

from shop import models, security
from shop.main import create_app
from shop.routers import export
from shop.settings import Settings

ADA = {"email": "ada@example.org", "name": "Ada", "password": "correct-horse"}
BOB = {"email": "bob@example.org", "name": "Bob", "password": "battery-staple"}
ORDER = {"country": "DE", "items": [{"sku": "mug", "quantity": 2}]}
FRONT_END = "http://localhost:5173"
ADMIN = {"Authorization": "Bearer let-me-in"}

Headers = dict[str, str]
Partner = Callable[[httpx.Request], httpx.Response]


def quote(request: httpx.Request) -> httpx.Response:
    """Answer as the partner does: fifty cents per parcel."""
    parcels = int(request.url.params["parcels"])
    return httpx.Response(200, json={"price_cents": 50 * parcels})


def make_settings(data_dir: Path, **more: object) -> Settings:
    """Return settings that ignore the environment of the machine."""
    values = {
        "database_url": None,
        "data_dir": data_dir,
        "partner_url": None,
        "admin_token": SecretStr("let-me-in"),
        "cors_origins": (FRONT_END,),
    }
    return Settings.model_validate(values | more)


def make_shop(data_dir: Path, partner: Partner = quote, **more: object) -> FastAPI:
    """Build a shop with a partner that is reached without a network."""
    settings = make_settings(data_dir, **more)
    return create_app(settings, transport=httpx.MockTransport(partner))


def serve(app: FastAPI) -> TestClient:
    """Return a client that sees 500s as responses, as browsers do."""
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """Run an empty shop."""
    with serve(make_shop(tmp_path)) as client:
        yield client


def sign_in(client: TestClient, user: dict[str, str] = ADA) -> Headers:
    """Create the user, log in, and return the header that proves it."""
    client.post("/users", json=user)
    answer = client.post("/auth/login", json=user)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_user_is_created_and_found(client: TestClient) -> None:
    """A new user has a public profile without the e-mail address."""
    created = client.post("/users", json=ADA | {"email": "Ada@Example.org"})
    assert 201 == created.status_code
    assert "ada@example.org" == created.json()["email"]
    profile = client.get(f"/users/{created.json()['id']}")
    assert {"id": created.json()["id"], "name": "Ada"} == profile.json()


def test_second_user_with_the_same_email_conflicts(client: TestClient) -> None:
    """The second sign-up with an address is answered with 409."""
    client.post("/users", json=ADA)
    answer = client.post("/users", json=ADA)
    assert 409 == answer.status_code
    assert {"detail": "User already exists"} == answer.json()


def test_one_of_many_simultaneous_sign_ups_wins(client: TestClient) -> None:
    """Simultaneous sign-ups with one address make one user."""
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda _: client.post("/users", json=ADA), range(4))
    assert [201, 409, 409, 409] == sorted(answer.status_code for answer in answers)


@pytest.mark.parametrize(
    "email", ["", "ada", "ada@", "@example.org", "ada@example", "a b@example.org"]
)
def test_bad_email_is_refused(client: TestClient, email: str) -> None:
    """Something that is no e-mail address is answered with a list of errors."""
    answer = client.post("/users", json=ADA | {"email": email})
    assert 422 == answer.status_code
    assert [["body", "email"]] == [error["loc"] for error in answer.json()["detail"]]


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "x" * 101])
def test_bad_name_is_refused(client: TestClient, name: str) -> None:
    """A name that the database could not hold never reaches it."""
    assert 422 == client.post("/users", json=ADA | {"name": name}).status_code


def test_unknown_user_is_not_found(client: TestClient) -> None:
    """An id that nobody has is answered with 404."""
    answer = client.get("/users/999")
    assert 404 == answer.status_code
    assert {"detail": "User not found"} == answer.json()


def test_impossible_id_is_refused(client: TestClient) -> None:
    """An id beyond the integers of the database is answered with 422."""
    assert 422 == client.get(f"/users/{2**31}").status_code


@pytest.mark.parametrize("user", [BOB, ADA | {"password": "wrong-password"}])
def test_wrong_credentials_are_refused(
    client: TestClient, user: dict[str, str]
) -> None:
    """Unknown users and wrong passwords get the same 401."""
    client.post("/users", json=ADA)
    answer = client.post("/auth/login", json=user)
    assert 401 == answer.status_code
    assert "Bearer" == answer.headers["WWW-Authenticate"]
    assert {"detail": "Wrong email or password"} == answer.json()


def test_login_opens_the_account(client: TestClient) -> None:
    """The token of a login belongs to the user who logged in."""
    headers = sign_in(client)
    assert "ada@example.org" == client.get("/users/me", headers=headers).json()["email"]


@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ({}, "Not authenticated"),
        ({"Authorization": "Basic YTpi"}, "Not authenticated"),
        ({"Authorization": "Bearer made-up"}, "Invalid or expired token"),
    ],
)
def test_account_needs_a_token(
    client: TestClient, headers: Headers, detail: str
) -> None:
    """Without a valid token the answer is 401 and how to authenticate."""
    answer = client.get("/users/me", headers=headers)
    assert 401 == answer.status_code
    assert "Bearer" == answer.headers["WWW-Authenticate"]
    assert {"detail": detail} == answer.json()


def test_token_expires(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token is worth nothing once its time is over."""
    monkeypatch.setattr(models, "LIFETIME", timedelta(seconds=-1))
    headers = sign_in(client)
    assert 401 == client.get("/users/me", headers=headers).status_code


def test_password_is_not_stored() -> None:
    """A hash verifies its password only, and differs each time."""
    first, second = (security.hash_password("correct-horse") for _ in range(2))
    assert first != second
    assert security.verify_password("correct-horse", first)
    assert not security.verify_password("battery-staple", first)


def test_logged_in_user_is_bound_to_the_request(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a login every log line of the request can say who it was."""
    bound: list[dict[str, object]] = []
    monkeypatch.setattr(security, "bind", lambda **fields: bound.append(fields))
    headers = sign_in(client)
    user_id = client.get("/users/me", headers=headers).json()["id"]
    assert [{"user_id": user_id}] == bound


def test_order_is_priced_and_its_receipt_follows(client: TestClient) -> None:
    """An order adds up goods and shipping; the background task sends the receipt."""
    headers = sign_in(client)
    created = client.post("/orders", json=ORDER, headers=headers)
    assert 201 == created.status_code
    assert 100 == created.json()["shipping_cents"]
    assert 2 * 1_450 + 100 == created.json()["total_cents"]
    assert created.json()["receipt_sent_at"] is None
    stored = client.get(f"/orders/{created.json()['id']}", headers=headers)
    assert stored.json()["receipt_sent_at"] is not None


def test_items_of_an_order_can_be_added_and_listed(client: TestClient) -> None:
    """The nested routes work on the items of one order."""
    headers = sign_in(client)
    order_id = client.post("/orders", json=ORDER, headers=headers).json()["id"]
    items = f"/orders/{order_id}/items"
    added = client.post(items, json={"sku": "lamp"}, headers=headers)
    assert 201 == added.status_code
    listed = client.get(items, headers=headers).json()
    assert ["mug", "lamp"] == [item["sku"] for item in listed]


def test_orders_of_others_are_not_found(client: TestClient) -> None:
    """Users see their own orders only."""
    ada, bob = sign_in(client, ADA), sign_in(client, BOB)
    order_id = client.post("/orders", json=ORDER, headers=ada).json()["id"]
    for path in (f"/orders/{order_id}", f"/orders/{order_id}/items"):
        answer = client.get(path, headers=bob)
        assert 404 == answer.status_code
        assert {"detail": "Order not found"} == answer.json()
    assert [] == client.get("/orders", headers=bob).json()
    assert 1 == len(client.get("/orders", headers=ada).json())


def test_unknown_product_cannot_be_ordered(client: TestClient) -> None:
    """An order of something that is not for sale stores nothing."""
    headers = sign_in(client)
    order = ORDER | {"items": [{"sku": "moon"}]}
    answer = client.post("/orders", json=order, headers=headers)
    assert 404 == answer.status_code
    assert {"detail": "Product not found"} == answer.json()
    assert [] == client.get("/orders", headers=headers).json()


def refuse(request: httpx.Request) -> httpx.Response:
    """Fail to connect."""
    message = "refused"
    raise httpx.ConnectError(message, request=request)


@pytest.mark.parametrize(
    "partner",
    [
        refuse,
        lambda _: httpx.Response(503),
        lambda _: httpx.Response(200, text="<html>"),
        lambda _: httpx.Response(200, json={"price_cents": -1}),
    ],
    ids=["refused", "unavailable", "no-json", "nonsense"],
)
def test_failing_partner_is_a_bad_gateway(tmp_path: Path, partner: Partner) -> None:
    """Whatever the partner does wrong, the order is refused with 502."""
    with serve(make_shop(tmp_path, partner)) as client:
        answer = client.post("/orders", json=ORDER, headers=sign_in(client))
    assert 502 == answer.status_code
    assert {"detail": "Shipping partner unavailable"} == answer.json()


@pytest.mark.parametrize(
    ("partner_url", "asked"),
    [
        (None, "http://testserver/partner/shipping"),
        ("http://partner.example/v2/", "http://partner.example/v2/partner/shipping"),
    ],
)
def test_partner_is_configured_or_the_shop_itself(
    tmp_path: Path, partner_url: str | None, asked: str
) -> None:
    """The Host header of a client never decides whom the shop calls."""
    requests: list[httpx.Request] = []

    def partner(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return quote(request)

    with serve(make_shop(tmp_path, partner, partner_url=partner_url)) as client:
        headers = sign_in(client) | {"Host": "evil.example"}
        client.post("/orders", json=ORDER, headers=headers)
    assert [asked] == [str(request.url).partition("?")[0] for request in requests]


def test_export_streams_every_order(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The export holds a header and a line per order, across the borders of chunks."""
    monkeypatch.setattr(export, "ROWS_PER_CHUNK", 2)
    headers = sign_in(client)
    for _ in range(5):
        client.post("/orders", json=ORDER, headers=headers)
    answer = client.get("/orders/export.csv", headers=headers)
    assert "text/csv; charset=utf-8" == answer.headers["Content-Type"]
    lines = answer.text.splitlines()
    assert "id,created_at,country,shipping_cents" == lines[0]
    assert ["1", "2", "3", "4", "5"] == [line.split(",")[0] for line in lines[1:]]


def test_catalog_lists_products_from_the_thread_pool(client: TestClient) -> None:
    """The synchronous endpoints list the catalog and single products."""
    first = client.get("/catalog").json()[0]
    assert first == client.get(f"/catalog/{first['sku']}").json()
    assert 404 == client.get("/catalog/moon").status_code


def test_partner_prices_by_country_and_parcel(client: TestClient) -> None:
    """The stand-in for the partner knows near and far."""
    near = client.get("/partner/shipping?country=DE&parcels=2")
    far = client.get("/partner/shipping?country=NZ&parcels=2")
    assert [590, 1_390] == [near.json()["price_cents"], far.json()["price_cents"]]
    assert 422 == client.get("/partner/shipping?country=xx&parcels=2").status_code


def test_report_counts_the_orders_of_today(client: TestClient) -> None:
    """The daily report counts orders and products, and is never slower than asked."""
    assert {"orders": 0, "products": 0} == client.get("/reports/daily?delay=0").json()
    client.post("/orders", json=ORDER, headers=sign_in(client))
    assert {"orders": 1, "products": 2} == client.get("/reports/daily?delay=0").json()
    assert 422 == client.get("/reports/daily?delay=60").status_code


def test_back_office_counts_and_audits(client: TestClient) -> None:
    """The mounted application sees the same database."""
    client.post("/orders", json=ORDER, headers=sign_in(client))
    stats = client.get("/admin/stats", headers=ADMIN)
    assert {"users": 1, "orders": 1} == stats.json()
    entries = client.get("/admin/audit/1", headers=ADMIN).json()
    assert ["order", "login"] == [entry["action"] for entry in entries]
    unknown = client.get("/admin/audit/999", headers=ADMIN)
    assert 404 == unknown.status_code
    assert {"detail": "User not found"} == unknown.json()


@pytest.mark.parametrize("path", ["/stats", "/audit/1", "/crash"])
def test_back_office_needs_the_admin_token(client: TestClient, path: str) -> None:
    """No route of the back office answers without the token."""
    wrong = {"Authorization": "Bearer wrong"}
    assert 401 == client.get(f"/admin{path}").status_code
    assert 401 == client.get(f"/admin{path}", headers=wrong).status_code


def test_back_office_is_closed_by_default(tmp_path: Path) -> None:
    """Without a configured token nobody gets into the back office."""
    with serve(make_shop(tmp_path, admin_token=None)) as client:
        answer = client.get("/admin/stats", headers=ADMIN)
    assert 403 == answer.status_code


@pytest.mark.parametrize("path", ["/debug/crash", "/debug/crash-sync", "/admin/crash"])
def test_crash_keeps_the_error_contract(client: TestClient, path: str) -> None:
    """A crash tells the front end that something failed, and nothing else."""
    answer = client.get(path, headers=ADMIN | {"Origin": FRONT_END})
    assert 500 == answer.status_code
    assert {"detail": "Internal server error"} == answer.json()
    assert FRONT_END == answer.headers["Access-Control-Allow-Origin"]


def test_front_end_may_call(client: TestClient) -> None:
    """A preflight from the configured origin is granted, from others it is not."""
    ask = {"Access-Control-Request-Method": "POST"}
    known = client.options("/orders", headers=ask | {"Origin": FRONT_END})
    other = client.options("/orders", headers=ask | {"Origin": "http://evil.example"})
    assert [200, 400] == [known.status_code, other.status_code]


def test_websocket_echoes_without_a_token(client: TestClient) -> None:
    """Anybody may connect and hear an echo."""
    with client.websocket_connect("/ws/orders") as websocket:
        websocket.send_text("hello")
        assert {"type": "echo", "text": "hello"} == websocket.receive_json()


def test_websocket_brings_receipts_to_their_owner_only(client: TestClient) -> None:
    """With a token the news of that user, and of nobody else, come in."""
    ada, bob = sign_in(client, ADA), sign_in(client, BOB)
    token = ada["Authorization"].removeprefix("Bearer ")
    with client.websocket_connect("/ws/orders", ["bearer", token]) as websocket:
        assert "bearer" == str(websocket.accepted_subprotocol)
        client.post("/orders", json=ORDER, headers=bob)
        order = client.post("/orders", json=ORDER, headers=ada).json()
        expected = {"type": "receipt", "order_id": order["id"]}
        assert expected == websocket.receive_json()


def test_websocket_refuses_a_wrong_token(client: TestClient) -> None:
    """A token that is not valid closes the connection with 1008."""
    with (
        pytest.raises(WebSocketDisconnect) as refusal,
        client.websocket_connect("/ws/orders", ["bearer", "made-up"]),
    ):
        pass
    assert 1008 == refusal.value.code


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgres://u@db/shop", "postgresql+asyncpg://u@db/shop"),
        ("postgresql://u@db/shop", "postgresql+asyncpg://u@db/shop"),
        (
            "postgresql://u@db/shop?sslmode=require",
            "postgresql+asyncpg://u@db/shop?ssl=require",
        ),
        ("postgresql+asyncpg://u@db/shop", "postgresql+asyncpg://u@db/shop"),
        ("sqlite:///shop.db", "sqlite+aiosqlite:///shop.db"),
    ],
)
def test_database_url_gets_an_async_driver(
    tmp_path: Path, given: str, used: str
) -> None:
    """The spellings of hosting providers work unchanged."""
    settings = make_settings(tmp_path, database_url=given)
    assert used == str(settings.sqlalchemy_url)


def test_environment_configures_the_shop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each setting has its variable; an empty one counts as not set."""
    monkeypatch.setenv("DATABASE_URL", "sqlite:///other.db")
    monkeypatch.setenv("SHOP_PARTNER_URL", "http://partner.example")
    monkeypatch.setenv("SHOP_ADMIN_TOKEN", "")
    settings = Settings()
    assert "other.db" == settings.sqlalchemy_url.database
    assert "http://partner.example/" == str(settings.partner_url)
    assert settings.admin_token is None


def test_shop_keeps_its_data_over_a_restart(tmp_path: Path) -> None:
    """The same application can be started twice, on the same data."""
    app = make_shop(tmp_path)
    for expected in (201, 409):
        with serve(app) as client:
            assert expected == client.post("/users", json=ADA).status_code
            assert not app.state.http.is_closed
        assert app.state.http.is_closed


def test_a_database_that_fails_once_is_not_noticed(client: TestClient) -> None:
    """The second attempt passes, and the client waits a little longer."""
    answer = client.get("/debug/hiccup")
    assert (200, {"attempts": 2}) == (answer.status_code, answer.json())


def test_whoever_guesses_passwords_is_refused(client: TestClient) -> None:
    """Twenty logins a minute, then 429 before the body is read."""
    answers = [client.post("/auth/login", json={}) for _ in range(21)]
    assert [422] * 20 + [429] == [answer.status_code for answer in answers]
    assert answers[-1].json() == {
        "detail": "Rate limit exceeded: 20 per 1 minute. Please slow down."
    }
