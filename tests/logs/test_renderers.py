"""Lines as JSON."""

import json
import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadfastapi.logs.renderers import plain, render_json
from support.hostile import BadRepr
from support.lines import RAW, parse


def test_the_order_of_the_fields_is_kept() -> None:
    """First things first; the exception comes last."""
    error = (ValueError, ValueError("x"), None)

    assert '{"b":1,"a":2}' == render_json({"b": 1, "a": 2})
    assert '{"b":1,"exception":"ValueError: x"}' == render_json({"b": 1}, error)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, [math.nan]])
def test_what_is_no_number_is_null(value: Any) -> None:
    """`NaN` is no JSON; half of all parsers stop at it."""
    assert parse(render_json({"a": value}))["a"] in (None, [None])


def test_a_lone_surrogate_is_spelt_out() -> None:
    """UTF-8 has no such character; the rest of the line stays as it was."""
    line = {"a": "é\udc80", "b\udc80": [{"c": "\udc80"}, 1]}

    assert {"a": "é\\udc80", "b\\udc80": [{"c": "\\udc80"}, 1]} == parse(
        render_json(line)
    )


@given(st.dictionaries(st.text(), st.text(), max_size=3))
def test_every_text_survives_on_one_line(line: dict[str, str]) -> None:
    """Nothing raw, and nothing changed for whoever parses it."""
    rendered = render_json(dict(line))

    assert None is RAW.search(rendered)
    assert "\n" not in rendered
    if not any(
        "\ud800" <= c <= "\udfff" for text in (*line, *line.values()) for c in text
    ):
        assert line == json.loads(rendered)


def test_it_is_as_fast_as_orjson_where_it_can_be() -> None:
    """Plain ASCII is not looked at a second time."""
    line = {"event": "request", "path": "/users/7", "status": 200, "é": "é"}

    assert orjson.dumps(line).decode() == render_json(line)


def test_a_value_that_is_no_json_is_printed() -> None:
    """Cleaned lines have none; whoever calls the renderer by itself is served too."""
    assert "BadRepr" in render_json({"a": BadRepr()})


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("a\\nb\\r\\tc", "a\nb\r\tc"),
        ("\\x1b[31m\\x00\\x7f\\x85\\x9b", "\x1b[31m\x00\x7f\x85\x9b"),
        ("\\u2028\\u202e\\u2066\\ud800", "\u2028\u202e\u2066\ud800"),
        ("é€😀 \\ \"'", "é€😀 \\ \"'"),
    ],
)
def test_plain_text_commands_no_terminal(expected: str, text: str) -> None:
    """Controls, line ends and what turns the direction of text are spelt out."""
    assert expected == plain(text)
