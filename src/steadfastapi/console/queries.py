"""The JSON API's conventions: filters, cursors and answers.

A list answers `{"items": […], "next": cursor or null}`. A cursor is opaque: what
`encode` made of plain values, checked value by value when it comes back. Whatever is
wrong with a question becomes `Refused`, a 4xx with `{"detail": …}` that says what is
right; a page shows the same sentence.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import orjson
from pydantic_core import to_jsonable_python
from starlette.responses import Response

from steadfastapi._scrub import safe_str
from steadfastapi.console import headers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

MAX_QUERY = 4_096
"""Bytes of a query string."""
MAX_VALUE = 512
"""Characters of one filter."""
MAX_PAGE = 200
PAGE = 50
"""Items of a page, where nobody says."""
MAX_CURSOR = 512


class Refused(Exception):  # noqa: N818 - an answer, not an error of ours
    """A request is answered with 4xx or 503, and `{"detail": …}`.

    Args:
        status: Of the answer.
        detail: What is wrong, and what would be right.
        headers: More headers.
    """

    def __init__(
        self, status: int, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


def filters(request: Request, *known: str) -> dict[str, str]:
    """Return the filters that were given; those without a value are left out.

    Args:
        request: With the query string.
        *known: Names that there are.

    Raises:
        Refused: 422, a name is unknown or there twice, or a value is too long; 414,
            all of them are.
    """
    if len(request.scope.get("query_string", b"")) > MAX_QUERY:
        raise Refused(414, f"The query has more than {MAX_QUERY} bytes.")
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            shown = name[:32]
            names = ", ".join(known) or "none"
            raise Refused(422, f"{shown!r} is no filter: use one of {names}.")
        if name in found:
            raise Refused(422, f"{name} is there twice.")
        if len(value) > MAX_VALUE:
            raise Refused(422, f"{name} has more than {MAX_VALUE} characters.")
        if value:
            found[name] = value
    return found


def one_of(given: Mapping[str, str], name: str, known: Sequence[str]) -> str | None:
    """Return a filter that is one of a few words, or None."""
    value = given.get(name)
    if value is not None and value not in known:
        shown = value[:32]
        raise Refused(422, f"{name} is {shown!r}: use one of {', '.join(known)}.")
    return value


def whole(
    given: Mapping[str, str], name: str, *, default: int, least: int, most: int
) -> int:
    """Return a filter that is a whole number within bounds."""
    text = given.get(name)
    if text is None:
        return default
    value = int(text) if text.isascii() and text.isdecimal() else least - 1
    if not least <= value <= most:
        raise Refused(422, f"{name} is {text[:32]!r}: use {least} to {most}.")
    return value


def limit(given: Mapping[str, str]) -> int:
    """Return how many items a page should have: `limit`, at most 200."""
    return whole(given, "limit", default=PAGE, least=1, most=MAX_PAGE)


def encode(*values: str | float) -> str:
    """Return a cursor that says where a page ended."""
    text = base64.urlsafe_b64encode(orjson.dumps(values)).decode()
    return text.rstrip("=")


def decode(cursor: str | None, *kinds: type[str | float]) -> tuple[Any, ...] | None:
    """Return the values of a cursor; None where there is none.

    Args:
        cursor: As it came back.
        *kinds: Type of each value, `str`, `int` or `float`.

    Raises:
        Refused: 422, `encode` has not made this.
    """
    if not cursor:
        return None
    values: Any = None
    if len(cursor) <= MAX_CURSOR:
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            values = orjson.loads(base64.urlsafe_b64decode(padded))
        except ValueError:
            pass  # whatever is wrong with it, the answer is the same
    if isinstance(values, list) and [type(value) for value in values] == list(kinds):
        return tuple(values)
    raise Refused(422, "cursor is broken: take `next` as it was.")


def answer(
    body: Any, status: int = 200, extra: Mapping[str, str] | None = None
) -> Response:
    """Return a JSON response that no cache keeps."""
    return Response(
        orjson.dumps(to_jsonable_python(body, fallback=safe_str)),
        status_code=status,
        media_type="application/json",
        headers={**headers.of_data(), **(extra or {})},
    )


def items(found: Sequence[Any], following: str | None = None, **more: Any) -> Response:
    """Return a list in its envelope.

    Args:
        found: The items of this page.
        following: Cursor of the next page.
        **more: What else belongs to the list, such as `worker=True`.
    """
    return answer({"items": found, "next": following, **more})
