"""OpenAPI tells the truth about errors, before and after the application is served."""

import json
import timeit
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.testclient import TestClient

from steadfastapi import Contract, configure
from support.apps import configured
from support.watch import ask

REFERENCE = {"$ref": "#/components/schemas/ErrorDetail"}
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


class Item(BaseModel):
    """Something to post."""

    name: str


def shop() -> FastAPI:
    """Build an application with every method, a router and declared responses."""
    app, router = FastAPI(), APIRouter()
    app.api_route("/all", methods=[method.upper() for method in METHODS])(lambda: "")
    app.post("/items/{number}")(_item)
    router.get("/r", responses={500: {"description": "Mine"}})(lambda: "")
    router.get("/s", responses={404: {"description": "Gone"}})(lambda: "")
    app.include_router(router, prefix="/p")
    return app


async def _item(number: int, item: Item) -> None:
    """Take an item."""


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return each operation by method and path."""
    return {
        f"{method} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def schema_of_500(document: dict[str, Any], operation: str) -> Any:
    """Return the schema of the body of a 500."""
    response = operations(document)[operation]["responses"]["500"]
    return response["content"]["application/json"]["schema"]


@pytest.mark.filterwarnings("ignore:Duplicate Operation ID")
def test_every_operation_documents_the_500() -> None:
    """Each method of each path may answer 500 with `ErrorDetail` and a request id."""
    document = configured(shop()).openapi()

    found = operations(document)
    assert len(METHODS) + 3 == len(found)
    for name, operation in found.items():
        if name != "get /p/r":
            assert REFERENCE == schema_of_500(document, name)
            assert ["X-Request-ID"] == list(operation["responses"]["500"]["headers"])


@pytest.mark.filterwarnings("ignore:Duplicate Operation ID")
def test_error_detail_describes_what_the_contract_sends() -> None:
    """Generated clients find one schema, an object that has `detail`."""
    document = configured(shop()).openapi()

    schema = document["components"]["schemas"]["ErrorDetail"]
    kinds = [kind["type"] for kind in schema["properties"]["detail"]["anyOf"]]
    assert ["detail"] == schema["required"]
    assert ["string", "array", "object"] == kinds


@pytest.mark.filterwarnings("ignore:Duplicate Operation ID")
def test_declared_responses_stay() -> None:
    """What the application declares, also for 500, is documented as it said."""
    found = operations(configured(shop()).openapi())

    assert {"description": "Mine"} == found["get /p/r"]["responses"]["500"]
    assert {"description": "Gone"} == found["get /p/s"]["responses"]["404"]
    responses = found["post /items/{number}"]["responses"]
    assert ["200", "422", "500"] == sorted(responses)


@pytest.mark.filterwarnings("ignore:Duplicate Operation ID")
def test_a_422_is_documented_without_its_echo() -> None:
    """`ValidationError` has what the contract sends, and neither input nor context."""
    document = configured(shop()).openapi()

    schema = document["components"]["schemas"]["ValidationError"]
    assert {"loc", "msg", "type"} == set(schema["properties"])


@pytest.mark.filterwarnings("ignore:Duplicate Operation ID")
def test_the_rest_of_the_document_is_unchanged() -> None:
    """Without what the contract adds, the document is that of the bare application."""
    document = json.loads(json.dumps(configured(shop()).openapi()))
    bare = json.loads(json.dumps(shop().openapi()))

    del document["components"]["schemas"]["ErrorDetail"]
    for operation in operations(document).values():
        if operation["responses"]["500"] != {"description": "Mine"}:
            del operation["responses"]["500"]
    for echo in ("input", "ctx"):
        bare["components"]["schemas"]["ValidationError"]["properties"].pop(echo, None)
    assert bare == document


@pytest.mark.filterwarnings("ignore:Duplicate Operation ID")
def test_the_document_is_completed_once() -> None:
    """A second call returns the same object, in less than a millisecond."""
    app = configured(shop())
    first = app.openapi()

    assert first is app.openapi()
    # The best of five: a busy machine interrupts any single one.
    assert min(timeit.repeat(app.openapi, number=1, repeat=5)) < 0.001


def test_routes_added_later_are_documented() -> None:
    """A document that FastAPI builds anew is completed anew."""
    app = configured(FastAPI())
    app.openapi()
    app.get("/later")(lambda: "")
    app.openapi_schema = None

    assert REFERENCE == schema_of_500(app.openapi(), "get /later")


def test_the_served_document_is_the_completed_one() -> None:
    """`/openapi.json` and `app.openapi()` agree, before and after the start."""
    app = configured(FastAPI())
    app.get("/x")(lambda: "")
    before = app.openapi()

    with TestClient(app) as client:
        served = client.get("/openapi.json").json()

    assert REFERENCE == schema_of_500(before, "get /x")
    assert before == served == app.openapi()


@pytest.mark.parametrize("early", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("cached", [True, False])
def test_a_document_of_the_applications_own_is_completed(
    cached: bool, early: bool
) -> None:
    """`app.openapi = …`, before or after `configure`, is documented when served."""
    app = FastAPI()
    app.get("/x")(lambda: "")

    def own() -> dict[str, Any]:
        if app.openapi_schema is None or not cached:
            app.openapi_schema = get_openapi(
                title="Own", version="7", routes=app.routes
            )
        return app.openapi_schema

    if early:
        app.openapi = own  # type: ignore[method-assign]
    configured(app)
    if not early:
        app.openapi = own  # type: ignore[method-assign]

    for _ in range(2):
        document = json.loads(ask(app, "GET", "/openapi.json").body)
        assert "Own" == document["info"]["title"]
        assert REFERENCE == schema_of_500(document, "get /x")


def test_an_own_document_built_on_ours_is_completed_once() -> None:
    """User code that calls the document of before and adds to it loses nothing."""
    app, edits = FastAPI(), list[Any]()

    class Editor:
        """A foreign layer that must see each document once."""

        name = "editor"

        def contribute(self, plan: Any) -> None:
            """Count the edits."""
            plan.openapi(edits.append)

    app.get("/x")(lambda: "")
    configured(app, extra=[Editor()])
    before = app.openapi

    def own() -> dict[str, Any]:
        document = before()
        document["info"]["x-own"] = True
        return document

    app.openapi = own  # type: ignore[method-assign]
    document = json.loads(ask(app, "GET", "/openapi.json").body)

    assert document["info"]["x-own"]
    assert REFERENCE == schema_of_500(document, "get /x")
    assert 1 == len(edits)


def test_the_document_of_a_mounted_application_is_completed_too() -> None:
    """Its errors are answered in the same contract."""
    app, mounted = FastAPI(), FastAPI()
    mounted.add_api_route("/c", lambda: None)
    app.mount("/m", mounted)
    configure(app, tracing=False, sentry=False)
    document = TestClient(app).get("/m/openapi.json").json()

    assert "500" in document["paths"]["/c"]["get"]["responses"]
    assert "ErrorDetail" in document["components"]["schemas"]


def test_a_schema_called_error_detail_stays_the_applications() -> None:
    """The contract's then has another name, and every 500 refers to that one."""

    class ErrorDetail(BaseModel):
        """The application's own idea of an error."""

        code: int

    app = FastAPI()
    app.get("/x", responses={409: {"model": ErrorDetail}})(lambda: "")
    document = configured(app).openapi()

    schemas = document["components"]["schemas"]
    assert ["code"] == schemas["ErrorDetail"]["required"]
    assert ["detail"] == schemas["ApiErrorDetail"]["required"]
    reference = {"$ref": "#/components/schemas/ApiErrorDetail"}
    assert reference == schema_of_500(document, "get /x")


def test_the_document_can_be_left_alone() -> None:
    """`Contract(openapi=False)` adds nothing; errors are in contract all the same."""
    app, bare = FastAPI(), FastAPI()
    for each in (app, bare):
        each.post("/x/{number}")(_item)
    configure(app, tracing=False, sentry=False, contract=Contract(openapi=False))

    assert bare.openapi() == app.openapi()
    assert b'{"detail":"Not Found"}' == ask(app, "GET", "/nowhere").body


def test_a_model_with_the_name_of_fastapis_keeps_its_fields() -> None:
    """Only what FastAPI itself would echo is taken out."""

    class ValidationError(BaseModel):
        input: str
        ctx: str

    app = FastAPI()
    app.add_api_route("/x", lambda: None, response_model=ValidationError)
    configure(app, tracing=False, sentry=False)
    schema = app.openapi()["components"]["schemas"]["ValidationError"]
    assert {"input", "ctx"} == set(schema["properties"])


def test_a_document_that_somebody_changes_is_not_another_applications() -> None:
    """The schema of errors is copied."""
    first, second = configured(FastAPI()), configured(FastAPI())
    for app in (first, second):
        app.add_api_route("/x", lambda: None)
    first.openapi()["components"]["schemas"]["ErrorDetail"]["title"] = "X"
    assert "ErrorDetail" in second.openapi()["components"]["schemas"]


def test_an_edit_of_a_layer_is_for_the_application_itself() -> None:
    """Documents of mounts are edited where the layer says so."""

    class Servers:
        name = "servers"

        def contribute(self, plan: Any) -> None:
            plan.openapi(lambda document: document.update(servers=[{"url": "/x"}]))

    app, mounted = FastAPI(), FastAPI()
    app.mount("/m", mounted)
    configure(app, tracing=False, sentry=False, extra=[Servers()])
    client = TestClient(app)
    assert [{"url": "/x"}] == client.get("/openapi.json").json()["servers"]
    assert [{"url": "/m"}] == client.get("/m/openapi.json").json()["servers"]
