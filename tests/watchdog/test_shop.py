"""The shop under the watchdog, as its users see it."""

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from shop.main import create_app
from support.scrape import scrape, until
from support.server import LiveServer

EXAMPLES = Path(__file__).parents[2] / "examples"
ADA = {"email": "ada@example.org", "name": "Ada", "password": "correct-horse"}
ORDER = {"country": "DE", "items": [{"sku": "mug", "quantity": 2}]}
RECEIPT = "Receipts._send"
PAGE = "/debug/block"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The shop in a process of its own."""
    folder = tmp_path_factory.mktemp("shop")
    with LiveServer(
        "shop.main:app",
        subprocess=True,
        app_dir=str(EXAMPLES),
        env={"SHOP_DATA_DIR": str(folder)},
        cwd=folder,
    ) as server:
        yield server


def reports(server: LiveServer) -> list[dict[str, Any]]:
    """Return what the log says of the page; a busy machine may stop others too."""
    lines = [line for line in server.lines() if "the event loop is blocked" in line]
    return [line for line in map(json.loads, lines) if line.get("route") == PAGE]


def seconds_until_reported(server: LiveServer, seconds: float) -> float:
    """Block the shop's event loop, and return when the line was there."""
    before = len(reports(server))
    began = time.time()
    answer = httpx2.get(f"{server.url}{PAGE}?seconds={seconds}", timeout=30)
    until(lambda: len(reports(server)) > before)
    line = reports(server)[-1]

    assert "time.sleep(seconds)  # noqa: ASYNC251 - on purpose" == line["code"]
    assert "examples/shop/routers/debug.py:" in line["at"]
    assert line["at"].endswith(" in block")
    assert answer.headers["x-request-id"] == line["request_id"]
    return datetime.fromisoformat(line["timestamp"]).timestamp() - began


def test_the_blocking_line_is_in_the_log(shop: LiveServer) -> None:
    """With its place, its code and its request, while it still blocks."""
    assert seconds_until_reported(shop, 1.5) > 0.5


@pytest.mark.soak
def test_the_blocking_line_is_there_within_one_second(shop: LiveServer) -> None:
    """Done means: `/debug/block` shows the blocking line within one second."""
    assert max(seconds_until_reported(shop, 1.5) for _ in range(5)) < 1.0


def test_the_shop_counts_what_it_does(shop: LiveServer) -> None:
    """Orders, sign-ups, its database, its partner, and its receipts."""
    with httpx2.Client(base_url=shop.url, timeout=30) as client:
        first = scrape(shop)
        client.post("/users", json=ADA).raise_for_status()
        token = client.post("/auth/login", json=ADA).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        client.post("/orders", json=ORDER, headers=headers).raise_for_status()
    until(lambda: scrape(shop).total("background_tasks_total", task=RECEIPT) > 0)
    page = scrape(shop)

    assert 0 == first.total("business_events_total", event="order_placed")
    assert 1 == page.total("business_events_total", event="order_placed")
    assert 1 == page.total("business_events_total", event="signed_up")
    assert 1 == page.total("background_tasks_total", task=RECEIPT, outcome="ok")
    assert 0 < page.total("db_operation_duration_seconds_count", operation="INSERT")
    assert 0 < page.total("db_operation_duration_seconds_count", operation="COMMIT")
    assert 0 < page.total("db_pool_wait_seconds_count", pool="sqlite")
    assert 15 == page.total("db_pool_size", pool="sqlite")
    calls = "http_client_request_duration_seconds_count"
    assert 1 == page.total(calls, target="partner", method="GET", status="2xx")


def test_nobody_blocks_the_shop_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is for developers."""
    monkeypatch.setenv("ENVIRONMENT", "production")

    assert 404 == TestClient(create_app()).get(PAGE).status_code
