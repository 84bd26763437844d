"""The shop on PostgreSQL, in a database that lives as long as this module."""

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from shop.main import create_app
from shop.settings import Settings

SERVER = os.environ.get(
    "STEADFAST_POSTGRES_URL", "postgresql://root@127.0.0.1:5432/test"
)
ORDER = {"country": "FR", "items": [{"sku": "lamp"}, {"sku": "mug", "quantity": 3}]}


async def _execute(statement: str) -> None:
    url = make_url(SERVER).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(
        url, isolation_level="AUTOCOMMIT", connect_args={"timeout": 30}
    )
    async with engine.connect() as connection:
        await connection.exec_driver_sql(statement)
    await engine.dispose()


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    """Create a database; without a server, skip (or fail where one is required)."""
    name = f"shop_{uuid4().hex}"
    try:
        asyncio.run(_execute(f"CREATE DATABASE {name}"))
    except OSError as error:
        if os.environ.get("STEADFAST_REQUIRE_SERVICES") == "1":
            raise
        pytest.skip(f"PostgreSQL is not reachable: {error}")
    url = make_url(SERVER).set(database=name)
    yield url.render_as_string(hide_password=False)
    asyncio.run(_execute(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def client(database_url: str, tmp_path: Path) -> Iterator[TestClient]:
    """Run the shop with a partner that ships for free."""
    settings = Settings(
        database_url=database_url,
        data_dir=tmp_path,
        partner_url=None,
        admin_token=SecretStr("let-me-in"),
    )
    free = httpx.MockTransport(lambda _: httpx.Response(200, json={"price_cents": 0}))
    with TestClient(create_app(settings, transport=free)) as client:
        yield client


def new_user() -> dict[str, str]:
    """Return somebody the database of this module does not know yet."""
    email = f"{uuid4().hex}@example.org"
    return {"email": email, "name": "Zoë", "password": "correct-horse"}


def sign_in(client: TestClient) -> dict[str, str]:
    """Create a user, log in, and return the header that proves it."""
    user = new_user()
    client.post("/users", json=user)
    answer = client.post("/auth/login", json=user)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_one_of_many_simultaneous_sign_ups_wins(client: TestClient) -> None:
    """The unique constraint makes one user and 409s of simultaneous sign-ups."""
    user = new_user()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.post("/users", json=user), range(4)))
    assert [201, 409, 409, 409] == sorted(answer.status_code for answer in answers)
    details = {answer.json().get("detail") for answer in answers}
    assert {None, "User already exists"} == details


def test_order_lives_from_quote_to_receipt(client: TestClient) -> None:
    """An order, its items, its receipt and its export agree."""
    headers = sign_in(client)
    order = client.post("/orders", json=ORDER, headers=headers).json()
    assert 4_900 + 3 * 1_450 == order["total_cents"]
    path = f"/orders/{order['id']}"
    added = client.post(f"{path}/items", json={"sku": "notebook"}, headers=headers)
    assert 990 == added.json()["unit_price_cents"]
    stored = client.get(path, headers=headers).json()
    assert ["lamp", "mug", "notebook"] == [item["sku"] for item in stored["items"]]
    assert stored["receipt_sent_at"] >= stored["created_at"]
    lines = client.get("/orders/export.csv", headers=headers).text.splitlines()
    assert [str(order["id"])] == [line.split(",")[0] for line in lines[1:]]


def test_reports_and_back_office_count(client: TestClient) -> None:
    """An order raises the numbers of the report and of the back office by one."""
    headers, admin = sign_in(client), {"Authorization": "Bearer let-me-in"}

    def counts() -> tuple[int, int]:
        report = client.get("/reports/daily?delay=0").json()
        stats = client.get("/admin/stats", headers=admin).json()
        return report["orders"], stats["orders"]

    before = counts()
    client.post("/orders", json=ORDER, headers=headers)
    assert (before[0] + 1, before[1] + 1) == counts()


def test_wrong_token_is_refused(client: TestClient) -> None:
    """A token that was never given out is answered with 401."""
    answer = client.get("/users/me", headers={"Authorization": "Bearer made-up"})
    assert 401 == answer.status_code
    assert "Bearer" == answer.headers["WWW-Authenticate"]


def test_a_connection_that_the_server_ends_is_not_noticed(client: TestClient) -> None:
    """As in a failover: the second attempt has another one."""
    answer = client.get("/debug/hiccup")
    assert (200, {"attempts": 2}) == (answer.status_code, answer.json())
