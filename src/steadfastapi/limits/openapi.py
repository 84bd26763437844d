"""OpenAPI that says which operations are limited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steadfastapi._unavailable import DETAIL
from steadfastapi.limits import gates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from steadfastapi._plan import Plan
    from steadfastapi.limits.enforcer import Enforcer
    from steadfastapi.limits.survey import Survey

LIMITED = "Rate limit exceeded"

_RETRY_AFTER: dict[str, Any] = {
    "Retry-After": {
        "description": "Seconds to wait before the next try.",
        "schema": {"type": "integer", "minimum": 1},
    }
}
_LIMITED = _RETRY_AFTER | {
    "RateLimit": {
        "description": "What remains of each limit, and when there is more.",
        "schema": {"type": "string"},
    }
}
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["detail"],
    "properties": {"detail": {"type": "string"}},
}
"""Of a body, where no contract describes it."""


def completing(
    plan: Plan, survey: Survey, enforcer: Enforcer
) -> Callable[[dict[str, Any]], None]:
    """Return the edit that adds what limited operations answer; declared ones stay.

    It completes the documents of mounted applications too: whose document it gets, it
    sees by the ids of the operations.
    """

    def complete(document: dict[str, Any]) -> None:
        survey.read()
        for place in gates.places(plan.app.routes):
            target = survey.target(place.effective)
            if not target.marks:
                continue
            for operation in _operations(document, place.effective):
                responses = operation.setdefault("responses", {})
                if "429" not in responses:
                    responses["429"] = _response(plan, document, LIMITED, _LIMITED)
                if enforcer.denies(target) and "503" not in responses:
                    responses["503"] = _response(plan, document, DETAIL, _RETRY_AFTER)

    return complete


def _operations(document: dict[str, Any], route: Any) -> Iterator[dict[str, Any]]:
    """Yield what the document says of a route; nothing if that is another one."""
    path = getattr(route, "path_format", None)
    known = getattr(route, "operation_id", None) or getattr(route, "unique_id", None)
    methods = document.get("paths", {}).get(path, {})
    for method in getattr(route, "methods", None) or ():
        operation = methods.get(method.lower())
        if operation is not None and operation.get("operationId") == known:
            yield operation


def _response(
    plan: Plan, document: dict[str, Any], description: str, headers: dict[str, Any]
) -> dict[str, Any]:
    if plan.contract is not None:
        return plan.contract.document(document, description, headers)
    return {
        "description": description,
        "headers": headers,
        "content": {"application/json": {"schema": _SCHEMA}},
    }
