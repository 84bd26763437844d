# mypy: ignore-errors
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from helpdesk.api import admin, tickets
from helpdesk.config import get_settings
from helpdesk.store import Mailer, TicketStore


@asynccontextmanager
async def lifespan(app):
    app.state.store = TicketStore()
    app.state.mailer = Mailer(get_settings().mail_from)
    yield {"started": True}
    app.state.store.closed = True


def create_app(**kwargs):
    app = FastAPI(title="Helpdesk", version="2.3.0", lifespan=lifespan, **kwargs)
    app.state.journal = []
    api = APIRouter(prefix="/api")
    v1 = APIRouter(prefix="/v1")
    v1.include_router(tickets.router)
    v1.include_router(admin.router)
    api.include_router(v1)
    app.include_router(api)
    app.include_router(admin.public)
    return app
