"""The shop behind a real server, where it calls its own socket."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from shop.main import create_app
from shop.settings import Settings

ADA = {"email": "ada@example.org", "name": "Ada", "password": "correct-horse"}
ORDER = {"country": "DE", "items": [{"sku": "mug", "quantity": 2}]}


@pytest.fixture
def base_url(tmp_path: Path) -> Iterator[str]:
    """Serve an empty shop on a free port."""
    settings = Settings(
        database_url=None, data_dir=tmp_path, partner_url=None, admin_token=None
    )
    config = uvicorn.Config(create_app(settings), port=0, log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()
    yield f"http://{host}:{port}"
    server.should_exit = True
    thread.join()


def test_order_is_quoted_over_the_network(base_url: str) -> None:
    """The shop asks itself for the price while the order waits."""
    with httpx.Client(base_url=base_url, trust_env=False) as client:
        client.post("/users", json=ADA)
        token = client.post("/auth/login", json=ADA).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        order = client.post("/orders", json=ORDER, headers={"Host": "evil.example"})
    assert 201 == order.status_code
    assert 490 + 2 * 50 == order.json()["shipping_cents"]


def test_slow_report_holds_nobody_up(base_url: str) -> None:
    """While a report takes its time, other requests are answered."""
    with httpx.Client(base_url=base_url, trust_env=False) as client:
        finished: list[float] = []

        def report() -> None:
            client.get("/reports/daily?delay=1")
            finished.append(time.monotonic())

        thread = threading.Thread(target=report)
        thread.start()
        assert 200 == client.get("/catalog").status_code
        answered = time.monotonic()
        thread.join()
    assert answered < finished[0]
