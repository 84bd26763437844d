"""OpenAPI that tells the truth about errors: `ErrorDetail` on every operation."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from steadfastapi import _unavailable

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

NAME = "ErrorDetail"

ERROR_DETAIL: dict[str, Any] = {
    "title": NAME,
    "type": "object",
    "description": "Every error of this API. Show `detail` to people as it is, or "
    "take it apart where it is a list.",
    "required": ["detail"],
    "properties": {
        "detail": {
            "title": "Detail",
            "description": "What went wrong.",
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {}},
                {"type": "object", "additionalProperties": True},
            ],
        }
    },
}

_REQUEST_ID = {
    "X-Request-ID": {
        "description": "Quote it when you report the problem.",
        "schema": {"type": "string"},
    }
}

_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds after which another try makes sense.",
        "schema": {"type": "integer", "minimum": 1},
    }
}


def error_response(
    description: str,
    *,
    headers: dict[str, Any] | None = None,
    schema: str = NAME,
) -> dict[str, Any]:
    """Return an OpenAPI response object with the body `ErrorDetail`."""
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return {
        "description": description,
        "headers": {**_REQUEST_ID, **(headers or {})},
        "content": {"application/json": {"schema": reference}},
    }


def error_schema(document: dict[str, Any]) -> str:
    """Return the name of the schema of errors, which is in the document then."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schema = NAME
    while schemas.setdefault(schema, deepcopy(ERROR_DETAIL)) != ERROR_DETAIL:
        schema = f"Api{schema}"  # the application has a schema of that name
    return schema


def complete(document: dict[str, Any]) -> None:
    """Add `ErrorDetail` and what every operation may answer; declared ones stay.

    Which operations reach a retried function cannot be seen from outside. A process
    that has none has no 503; in one that has, each operation lists it.
    """
    schema = error_schema(document)
    _forget_echo(document["components"]["schemas"])
    for path in document.get("paths", {}).values():
        for method in METHODS:
            operation = path.get(method)
            if operation is None:
                continue
            responses = operation.setdefault("responses", {})
            responses.setdefault(
                "500", error_response("Internal server error", schema=schema)
            )
            if _unavailable.is_expected():
                responses.setdefault(
                    "503",
                    error_response(
                        _unavailable.DETAIL, headers=_RETRY_AFTER, schema=schema
                    ),
                )


def _forget_echo(schemas: dict[str, Any]) -> None:
    """The contract's 422 entries hold `type`, `loc` and `msg` only."""
    entry = schemas.get("ValidationError")
    properties = entry.get("properties") if isinstance(entry, dict) else None
    # A model of the application may have the name of FastAPI's.
    if isinstance(properties, dict) and {"loc", "msg", "type"} <= properties.keys():
        for echoed in ("input", "ctx"):
            properties.pop(echoed, None)
