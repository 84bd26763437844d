"""LIMIT-9: who is asking."""

from typing import Any

import anyio
import pytest
from fastapi import FastAPI
from slowapi.util import get_ipaddr, get_remote_address

from steadfastapi import Limiter, Limits
from support.asgi import call
from support.drive import driven
from support.limited import (
    limited,
    statuses,
)

pytestmark = pytest.mark.usefixtures("slowapi_decides_nothing")


@pytest.mark.parametrize("key", [None, get_ipaddr, get_remote_address])
@pytest.mark.parametrize("name", ["x-forwarded-for", "x_forwarded_for", "forwarded"])
def test_limit_9_forged_addresses_win_nothing(key: Any, name: str) -> None:
    """1,000 values from a peer that is no listed proxy stay within the limit."""
    app = FastAPI()
    limiter = Limiter() if key is None else Limiter(key_func=key)
    app.get("/a")(limiter.limit("5/minute")(lambda: "ok"))
    limited(app, metrics=False)

    async def run() -> int:
        passed = 0
        for number in range(1_000):
            address = f"10.{number // 250}.{number % 250}.1"
            value = f"for={address}" if name == "forwarded" else address
            result = await call(app, path="/a", headers=[(name, value)])
            passed += result.status == 200
        return passed

    assert 5 == anyio.run(run)


def test_limit_9_a_real_server_that_trusts_loopback_changes_nothing(
    limiter: Limiter,
) -> None:
    """Uvicorn puts the forged address in the place of a peer on this machine."""
    app = FastAPI()
    app.get("/a")(limiter.limit("5/minute")(lambda: "ok"))
    limited(app)
    with driven(app, "uvicorn") as client:
        found = [
            client.request("GET", "/a", headers={"X-Forwarded-For": forged}).status_code
            for number in range(20)
            for forged in (f"198.51.100.{number}", f"198.51.100.{number}:4{number}")
        ]

    assert 5 == found.count(200)


def test_limit_9_listed_proxies_are_seen_through(limiter: Limiter) -> None:
    """From the right: what the client wrote itself is on the left."""
    app = FastAPI()
    app.get("/a")(limiter.limit("1/minute")(lambda: "ok"))
    limited(app, limits=Limits(trusted_proxies=("10.0.0.0/8",)))
    proxy = {"client": ("10.0.0.1", 1)}

    def through(value: str) -> list[int | None]:
        return statuses(app, "/a", headers=[("x-forwarded-for", value)], scope=proxy)

    assert [200] == through("203.0.113.1, 10.0.0.2")
    assert [429] == through("192.0.2.66, 203.0.113.1, 10.0.0.2")
    assert [200] == through("203.0.113.2, 10.0.0.2")
