"""What the shop cannot do without, for `/health/ready` and those who are on call."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from fastapi import FastAPI
from sqlalchemy import text

from steadfastapi.health import ProbeStatus

if TYPE_CHECKING:
    import httpx

    from shop.database import Sessions

Check = Callable[[], Awaitable[ProbeStatus]]


def database_probe(app: FastAPI) -> Check:
    """Return what asks the database, over the pool that requests use too."""

    async def database() -> ProbeStatus:
        sessions: Sessions | None = getattr(app.state, "sessions", None)
        if sessions is None:  # the lifespan is still opening it
            return ProbeStatus.NO_DATA
        async with sessions() as session:
            await session.execute(text("SELECT 1"))
        return ProbeStatus.HEALTHY

    return database


def partner_probe(app: FastAPI) -> Check:
    """Return what asks the shipping partner's own health page."""

    async def shipping_partner() -> ProbeStatus:
        url: str | None = getattr(app.state, "partner_url", None)
        if url is None:  # nobody has asked for a price yet
            return ProbeStatus.NO_DATA
        http: httpx.AsyncClient = app.state.http
        answer = await http.get(f"{url}/partner/health")
        answer.raise_for_status()
        return ProbeStatus.HEALTHY

    return shipping_partner
