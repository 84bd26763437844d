"""Which differences of two responses the error contract promises.

What is not explained here counts as a difference: the list is closed, and each line
of it is a sentence of the documentation.
"""

from __future__ import annotations

from typing import Any

CRASHED = 500
REFUSAL = 429
INVALID = 422
ERRORS = 400

REQUEST_ID = "every response carries X-Request-ID"
EXPOSED = "scripts of other origins may read X-Request-ID"
CRASH = 'an unhandled exception is answered with {"detail": "Internal server error"}'
THROUGH = "a 500 passes through the application's middleware, and ends the connection"
NO_ECHO = "a 422 does not repeat what was sent"
JSON_ERROR = 'every error is JSON with the key "detail"'
OPENAPI = "OpenAPI documents the errors"
LIMITED = "a limited route tells its limits in headers"
REFUSED = "a limited route answers 429 beyond its limit"
PAGE = "a page that steadfastapi adds, where the application has none"

PAGES = ("/metrics", "/health", "/ops")
ECHOED = ("input", "ctx", "url")
LIMITS = frozenset({"ratelimit", "ratelimit-policy", "retry-after"})


def promised(before: dict[str, Any], after: dict[str, Any]) -> list[str] | None:
    """Explain how two responses to one request differ.

    Returns:
        Reasons; empty if they are equal, None if something is left unexplained.
    """
    if _is_page(before, after):
        return [PAGE]
    if _is_refusal(before, after):
        return [REFUSED]
    body = _body(before, after)
    headers = _headers(before, after)
    same = all(before[key] == after[key] for key in ("status", "raised"))
    if body is None or headers is None or not same:
        return None
    return [*body, *headers]


def _body(before: dict[str, Any], after: dict[str, Any]) -> list[str] | None:
    """Explain media type and body."""
    if before["body"] == after["body"] and before["media"] == after["media"]:
        return []
    status, now = after["status"] or 0, after["body"]
    if status == CRASHED and before["media"] == "text/plain":
        return [CRASH] if now == {"detail": "Internal server error"} else None
    if status == INVALID and _without_echo(before["body"]) == now:
        return [NO_ECHO]
    was_text = before["media"] in ("text/plain", "")
    if status >= ERRORS and was_text and isinstance(now, dict) and "detail" in now:
        return [JSON_ERROR]
    if isinstance(now, dict) and "openapi" in now and _only_adds(before["body"], now):
        return [OPENAPI]
    return None


def _headers(before: dict[str, Any], after: dict[str, Any]) -> list[str] | None:
    """Explain names of headers that came or went."""
    added, gone = list(after["headers"]), []
    for name in before["headers"]:
        if name in added:
            added.remove(name)
        else:
            gone.append(name)
    reasons = []
    if "x-request-id" in added:
        added.remove("x-request-id")
        reasons.append(REQUEST_ID)
    if "access-control-expose-headers" in added:
        added.remove("access-control-expose-headers")
        reasons.append(EXPOSED)
    if {"ratelimit", "ratelimit-policy"} <= set(added):
        added = [name for name in added if name not in LIMITS]
        reasons.append(LIMITED)
    if (added or gone) and after["status"] == CRASHED and after["raised"]:
        added.clear()
        if "content-length" in gone:  # compressed, or passed on in chunks
            gone.remove("content-length")
        reasons.append(THROUGH)
    return None if added or gone else reasons


def _without_echo(body: Any) -> Any:
    if isinstance(body, dict):
        kept = {key: value for key, value in body.items() if key not in ECHOED}
        return {key: _without_echo(value) for key, value in kept.items()}
    if isinstance(body, list):
        return [_without_echo(entry) for entry in body]
    return body


def _only_adds(before: Any, after: Any) -> bool:
    """Return whether all keys of a document are there still, of the same types."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return bool(before == after) or isinstance(before, list)
    echoed = {"ctx", "input"}  # of the schema of a 422
    return all(
        (key in after and _only_adds(value, after[key])) or key in echoed
        for key, value in before.items()
    )


def _is_refusal(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Only where the application has put a limit, and there the headers say so."""
    first = before["status"] != REFUSAL and after["status"] == REFUSAL
    return first and set(after["headers"]) >= LIMITS


def _is_page(before: dict[str, Any], after: dict[str, Any]) -> bool:
    is_ours = any(
        after["path"] == page or after["path"].startswith(f"{page}/") for page in PAGES
    )
    return is_ours and before["status"] == 404 and after["status"] != 404  # noqa: PLR2004
