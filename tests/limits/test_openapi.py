"""OpenAPI lists what limited operations answer, and only those."""

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from steadfastapi import Limiter, Limits
from support.limited import limited


def shop() -> FastAPI:
    """Return an application with limited and unlimited operations."""
    limiter = Limiter()
    app, mounted = FastAPI(), FastAPI()
    router = APIRouter(prefix="/r")
    decorated = limiter.limit("5/minute")

    @decorated
    def endpoint() -> str:
        return "ok"

    @limiter.limit("5/minute", when_storage_fails="deny")
    def closed() -> str:
        return "ok"

    app.get("/limited")(endpoint)
    app.get("/closed")(closed)
    app.get("/free")(lambda: "ok")
    app.get("/own", responses={429: {"description": "mine"}})(endpoint)
    router.post("/limited")(endpoint)
    app.include_router(router, prefix="/p")
    mounted.get("/limited")(endpoint)
    mounted.get("/free")(lambda: "ok")
    app.mount("/m", mounted)
    return app


def paths(app: FastAPI, path: str = "/openapi.json") -> dict[str, Any]:
    """Return the operations of a document."""
    with TestClient(app) as client:
        found: dict[str, Any] = client.get(path).json()["paths"]
    return {
        f"{method} {name}": operation["responses"]
        for name, operations in found.items()
        for method, operation in operations.items()
    }


def test_limited_operations_list_the_429() -> None:
    """With `Retry-After` and the schema of errors; declared ones stay."""
    found = paths(limited(shop()))
    response = found["get /limited"]["429"]

    assert {"get /limited", "get /closed", "get /own", "post /p/r/limited"} == {
        name for name, responses in found.items() if "429" in responses
    }
    assert {"X-Request-ID", "Retry-After", "RateLimit"} == set(response["headers"])
    schema = response["content"]["application/json"]["schema"]
    assert {"$ref": "#/components/schemas/ErrorDetail"} == schema
    assert "mine" == found["get /own"]["429"]["description"]


def test_the_document_of_a_mounted_application_lists_them_too() -> None:
    """Its own operations."""
    found = paths(limited(shop()), "/m/openapi.json")

    assert ["get /limited"] == [name for name in found if "429" in found[name]]


def test_with_default_limits_every_operation_lists_it() -> None:
    """Since every operation is limited."""
    found = paths(limited(shop(), limits=Limits(default=("5/minute",))))

    assert all("429" in responses for responses in found.values())


def test_a_route_that_closes_lists_the_503() -> None:
    """Where there is a storage that can fail."""
    shared = Limits(storage="redis://127.0.0.1:1")
    found = paths(limited(shop(), limits=shared))

    assert ["get /closed"] == [name for name in found if "503" in found[name]]
    assert "get /closed" not in [
        name for name, responses in paths(limited(shop())).items() if "503" in responses
    ]


def test_without_a_contract_the_schema_is_written_out() -> None:
    """Nothing refers to what is not there."""
    found = paths(limited(shop(), contract=False))
    schema = found["get /limited"]["429"]["content"]["application/json"]["schema"]

    assert ["detail"] == schema["required"]
