"""What an unsafe request sends: a form, or a JSON object like one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import anyio
import orjson

from steadfastapi.console.queries import Refused
from steadfastapi.console.visit import Form

if TYPE_CHECKING:
    from starlette.requests import Request

MAX_BODY = 64 * 1024
MAX_FIELDS = 1_000
DEADLINE = 10.0
"""Seconds until the body must be there."""


async def read(request: Request) -> Form:
    """Return the fields of a request's body.

    Raises:
        Refused: 408, 413, 415 or 422: it is late, large, of another kind or broken.
    """
    body = await _body(request)
    if not body:
        return Form()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return _of_json(body)
    if kind == "application/x-www-form-urlencoded":
        return _of_form(body)
    raise Refused(415, "Send application/x-www-form-urlencoded or application/json.")


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    try:
        with anyio.fail_after(DEADLINE):
            async for part in request.stream():
                size += len(part)
                if size > MAX_BODY:
                    raise Refused(413, f"The body has more than {MAX_BODY} bytes.")
                parts.append(part)
    except TimeoutError:
        raise Refused(408, f"The body was not there in {DEADLINE:g} s.") from None
    return b"".join(parts)


def _of_form(body: bytes) -> Form:
    try:
        fields = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="replace",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError:
        raise Refused(422, "The form is broken, or has too many fields.") from None
    return Form(tuple(fields))


def _of_json(body: bytes) -> Form:
    try:
        data = orjson.loads(body)
    except ValueError:
        raise Refused(422, "The body is no JSON.") from None
    if not isinstance(data, dict):
        raise Refused(422, "The body is no JSON object.")
    fields: list[tuple[str, str]] = []
    for name, value in data.items():
        values = value if isinstance(value, list) else [value]
        fields += [(name, _text(name, one)) for one in values if one is not None]
    if len(fields) > MAX_FIELDS:
        raise Refused(422, f"There are more than {MAX_FIELDS} fields.")
    return Form(tuple(fields))


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    raise Refused(422, f"{name[:32]!r} is no text, number, or list of them.")
