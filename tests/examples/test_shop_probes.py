"""The shop's probes, and the outage that it can play."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi.testclient import TestClient

from shop.main import create_app
from shop.outage import Outage
from shop.probes import database_probe, partner_probe
from shop.settings import Settings
from steadfastapi.health import ProbeStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """The shop on SQLite, in development."""
    monkeypatch.delenv("ENVIRONMENT", raising=False)
    return create_app(
        Settings(
            database_url=None, data_dir=tmp_path, partner_url=None, admin_token=None
        )
    )


@pytest.fixture
def client(shop: FastAPI) -> Iterator[TestClient]:
    """A customer of a shop that runs."""
    with TestClient(shop) as one:
        yield one


def test_an_outage_lasts_for_some_answers() -> None:
    """Not for some time, which passes differently on every machine."""
    outage = Outage()
    before = outage.is_on()
    outage.begin(2)

    assert [False, True, True, False] == [before, *(outage.is_on() for _ in range(3))]


def test_readiness_depends_on_the_database_and_not_on_the_partner(
    client: TestClient,
) -> None:
    """What others run does not take the shop out of rotation."""
    report = client.get("/health/ready").json()

    assert {"database": True, "shipping_partner": False} == {
        probe["name"]: probe["critical"] for probe in report["probes"]
    }
    assert "healthy" == report["status"]


def test_the_partner_can_play_an_outage(shop: FastAPI) -> None:
    """Its health page answers 503 that many times; prices are still there."""
    client = TestClient(shop)  # without a lifespan, and so without probes that ask
    shop.state.http = None
    told = client.post("/debug/outage?answers=2")
    codes = [client.get("/partner/health").status_code for _ in range(3)]
    price = client.get("/partner/shipping?country=DE&parcels=2")

    assert {"partner": "http://testserver/partner/shipping"} == told.json()
    assert [503, 503, 200] == codes
    assert 200 == price.status_code


@pytest.mark.anyio
async def test_the_probes_wait_for_what_they_ask(shop: FastAPI) -> None:
    """Before there is a database, and before anybody asked for a price."""
    assert ProbeStatus.NO_DATA is await database_probe(shop)()
    assert ProbeStatus.NO_DATA is await partner_probe(shop)()


@pytest.mark.anyio
async def test_the_partner_is_asked_where_prices_come_from(shop: FastAPI) -> None:
    """And what it answers counts."""
    asked: list[str] = []

    def partner(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200 if len(asked) == 1 else 503)

    async with httpx.AsyncClient(transport=httpx.MockTransport(partner)) as http:
        shop.state.http, shop.state.partner_url = http, "http://partner.example/v2"
        first = await partner_probe(shop)()
        with pytest.raises(httpx.HTTPStatusError):
            await partner_probe(shop)()

    assert ProbeStatus.HEALTHY is first
    assert ["http://partner.example/v2/partner/health"] * 2 == asked
