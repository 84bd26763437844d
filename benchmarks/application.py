"""The application that every composition serves: routers in routers, one measured."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

PER_ROUTER = 10
"""Routes of one resource: list, read, create, … and a few actions."""

PATH = "/api/v1/measured/42"
"""The route that is registered last answers it."""


def create_app() -> FastAPI:
    """Return an application without documentation pages and without routes."""
    return FastAPI(title="bench", openapi_url=None)


def add_routes(app: FastAPI, routes: int) -> FastAPI:
    """Include `routes` routes, the measured one last.

    As FastAPI's own template does: a router per resource, all of them in one router
    for the API, that one in the application.
    """
    api = APIRouter()
    for first in range(0, routes - 1, PER_ROUTER):
        resource = APIRouter(prefix=f"/resource{first // PER_ROUTER}")
        for number in range(first, min(first + PER_ROUTER, routes - 1)):
            resource.add_api_route(f"/{{item_id}}/action{number}", _read)
        api.include_router(resource)
    measured = APIRouter(prefix="/measured")
    measured.add_api_route("/{item_id}", _read)
    api.include_router(measured)
    app.include_router(api, prefix="/api/v1")
    return app


async def _read(item_id: int) -> dict[str, int | str]:
    return {"id": item_id, "name": "Enamel mug"}
