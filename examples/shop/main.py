"""The application: `uvicorn shop.main:app --app-dir examples`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from shop.admin import create_admin
from shop.database import open_database
from shop.feed import OrderFeed
from shop.outage import Outage
from shop.probes import database_probe, partner_probe
from shop.routers import (
    auth,
    catalog,
    debug,
    live,
    orders,
    partner,
    reports,
    users,
)
from shop.settings import Settings
from steadfastapi import SLOs, configure

PARTNER_TIMEOUT = 2.0


def create_app(
    settings: Settings | None = None,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:
    """Build the shop.

    Args:
        settings: What to run with; the environment decides by default.
        transport: How to reach the shipping partner; over the network by default.

    Returns:
        The application, production ready.
    """
    settings = settings or Settings()
    admin = create_admin()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # A proxy from the environment cannot reach our own socket.
        trust_env = settings.partner_url is not None
        client = httpx.AsyncClient(
            transport=transport, timeout=PARTNER_TIMEOUT, trust_env=trust_env
        )
        stack.watch_client(client, "partner")
        async with client as http, open_database(settings, stack) as sessions:
            app.state.http = http
            # A mounted application has no lifespan of its own.
            app.state.sessions = admin.state.sessions = sessions
            yield

    app = FastAPI(title="Shop", lifespan=lifespan)
    app.state.settings = admin.state.settings = settings
    app.state.feed = OrderFeed()
    app.state.outage = Outage()
    stack = configure(app, slo=SLOs(file=Path(__file__).with_name("slo.yml")))
    stack.health.add(database_probe(app))
    if transport is None:  # else a test plays the partner, and counts what it is asked
        stack.health.add(partner_probe(app), critical=False)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=["Retry-After", "X-Request-ID"],
    )
    for module in (auth, users, catalog, orders, partner, reports, live, debug):
        app.include_router(module.router)
    if not stack.service.production:
        app.include_router(debug.development)
    app.mount("/admin", admin)
    return app


app = create_app()
