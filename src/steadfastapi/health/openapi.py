"""The health pages in the OpenAPI document, where that was asked for."""

from __future__ import annotations

from inspect import getdoc
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def documented(
    document: dict[str, Any], *, prefix: str, pages: Mapping[str, tuple[Any, list[str]]]
) -> None:
    """Add an operation for each method of each page.

    Args:
        document: The OpenAPI document, which is changed.
        prefix: What the paths begin with.
        pages: Endpoint and methods by the rest of the path.
    """
    paths = document.setdefault("paths", {})
    for path, (endpoint, methods) in pages.items():
        summary, _, rest = (getdoc(endpoint) or "").partition("\n\n")
        for method in methods:
            operation: dict[str, Any] = {
                "tags": ["health"],
                "summary": summary,
                "operationId": f"health{path}_{method}".replace("/", "_").lower(),
                "responses": {"200": {"description": "The state"}},
            }
            if rest:
                operation["description"] = rest
            paths.setdefault(prefix + path, {})[method.lower()] = operation
