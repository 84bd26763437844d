"""Filters, cursors and bodies of the JSON API."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from steadfastapi.console import queries
from steadfastapi.console.queries import Refused


def request(query: str) -> Request:
    """Return a request with a query string."""
    return Request(
        {"type": "http", "query_string": query.encode(), "headers": [], "path": "/"}
    )


def test_filters_without_a_value_are_not_given() -> None:
    """As a form sends those that nobody filled in."""
    assert {"level": "error"} == queries.filters(
        request("level=error&route="), "level", "route"
    )


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("lvel=error", 422, "'lvel' is no filter: use one of level, route."),
        ("level=a&level=b", 422, "level is there twice."),
        (f"level={'a' * 513}", 422, "level has more than 512 characters."),
        ("level=a&" * 1_000, 414, "The query has more than 4096 bytes."),
    ],
)
def test_a_question_that_nobody_can_answer_is_refused(
    query: str, status: int, says: str
) -> None:
    """With what would be right."""
    with pytest.raises(Refused) as refused:
        queries.filters(request(query), "level", "route")

    assert (status, says) == (refused.value.status, refused.value.detail)


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1.5", "many", "²", "1e2"])
def test_a_page_has_1_to_200_items(limit: str) -> None:
    """Nothing else is a limit; 50 by default."""
    with pytest.raises(Refused, match="use 1 to 200"):
        queries.limit({"limit": limit})

    assert (50, 200) == (queries.limit({}), queries.limit({"limit": "200"}))


def test_a_word_is_one_of_those_there_are() -> None:
    """Or refused; None where there is none."""
    with pytest.raises(Refused, match="use one of error, warning"):
        queries.one_of({"level": "loud"}, "level", ("error", "warning"))

    assert None is queries.one_of({}, "level", ("error",))


@given(st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=50))
def test_a_cursor_comes_back_as_it_was(at: float, name: str) -> None:
    """Values of the types that were encoded."""
    encodable = name.encode("utf-8", "replace").decode()
    cursor = queries.encode(at, encodable)

    assert (at, encodable) == queries.decode(cursor, float, str)


BROKEN: list[Any] = [
    "x",
    "%%%",
    "ä",
    queries.encode("text"),
    queries.encode(1),
    queries.encode(1.0, 2.0),
    queries.encode(1.0, "a") + "A" * 600,
    orjson.dumps([1.0, "a"]).decode(),
]


@pytest.mark.parametrize("cursor", BROKEN)
def test_a_broken_cursor_is_refused(cursor: str) -> None:
    """Whatever is wrong with it, the answer is the same."""
    with pytest.raises(Refused, match="cursor is broken: take `next` as it was") as why:
        queries.decode(cursor, float, str)

    assert 422 == why.value.status


@given(st.text(max_size=80))
def test_no_text_breaks_the_decoder(cursor: str) -> None:
    """It returns, or refuses."""
    try:
        found = queries.decode(cursor, int)
    except Refused:
        return

    assert found is None or isinstance(found[0], int)


def test_a_list_has_its_items_and_the_next_page() -> None:
    """In one envelope for all lists."""
    answer = queries.items([{"id": "a"}], queries.encode("a"), worker=True)

    assert {
        "items": [{"id": "a"}],
        "next": queries.encode("a"),
        "worker": True,
    } == orjson.loads(answer.body)
