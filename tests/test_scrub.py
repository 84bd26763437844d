"""Values made plain, bounded and free of secrets."""

import json
import math
import time
from collections import OrderedDict, UserDict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from steadfastapi._scrub import (
    MASK,
    MAX_ITEMS,
    MAX_SIZE,
    MAX_TEXT,
    safe_repr,
    safe_str,
    scrub,
    scrub_query,
    scrub_text,
    scrub_url,
    truncate,
)
from support.hostile import VALUES, BadRepr


class Colour(StrEnum):
    """A text of another class."""

    RED = "red"


class Size(IntEnum):
    """A number of another class."""

    SMALL = 1


class Login(BaseModel):
    """A body whose repr shows a password."""

    user: str
    password: str
    pin: str


def test_plain_values_stay_as_they_are() -> None:
    """What JSON knows needs no change."""
    value: Any = {"a": [1, -1.5, None, True, False, "x", {"b": []}], "c": {}}

    assert value == scrub(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (Decimal("1.50"), "1.50"),
        (PurePosixPath("/srv/shop"), "/srv/shop"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05+00:00"),
        (timedelta(seconds=90), "0:01:30"),
        (b"\xffabc", "b'\\xffabc'"),
        (Colour.RED, "red"),
        (Size.SMALL, 1),
        ((1, 2), [1, 2]),
        (frozenset({1}), [1]),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (UserDict({"a": 1}), {"a": 1}),
        (OrderedDict(a=1), {"a": 1}),
        ({1: 2, ("a",): 3}, {"1": 2, "('a',)": 3}),
        (2**64 - 1, 2**64 - 1),
        (2**64, str(2**64)),
        (ValueError("x"), "ValueError('x')"),
    ],
)
def test_other_values_become_plain(value: object, expected: object) -> None:
    """As a reader would write them, and of exactly the types that JSON has."""
    clean = scrub(value)

    assert expected == clean
    assert type(expected) is type(clean)


@pytest.mark.parametrize("make", VALUES.values(), ids=VALUES)
def test_whatever_is_given_something_plain_is_returned(make: Any) -> None:
    """No value raises, and the result is JSON of a bounded size."""
    clean = scrub(make())

    assert len(orjson.dumps(encodable(clean))) <= 2 * MAX_SIZE


def encodable(value: Any) -> Any:
    """Return a value whose lone surrogates are gone."""
    return json.loads(json.dumps(value).replace("\\udc80", "?"))


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=20)
    | st.dates()
    | st.builds(BadRepr)
    | st.sampled_from(["password=hunter2", Colour.RED]),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=9) | st.integers(), inner, max_size=5)
        | st.sets(st.integers(), max_size=5)
    ),
    max_leaves=15,
)


def kinds(value: Any) -> set[type]:
    """Return the exact types of everything in a value."""
    if isinstance(value, dict):
        return {dict}.union(*map(kinds, value), *map(kinds, value.values()))
    if isinstance(value, list):
        return {list}.union(*map(kinds, value))
    return {type(value)}


@given(JUNK)
def test_every_copy_is_json(value: Any) -> None:
    """Exact types only, numbers that parsers know, and a second copy is the same."""
    clean = scrub(value)

    assert kinds(clean) <= {dict, list, str, int, float, bool, type(None)}
    assert "hunter2" not in repr(clean)
    if not has_nan(clean):
        assert clean == scrub(clean)


def has_nan(value: Any) -> bool:
    """Return whether a value holds what is unequal to itself."""
    if isinstance(value, dict):
        return any(map(has_nan, value.values()))
    if isinstance(value, list):
        return any(map(has_nan, value))
    return isinstance(value, float) and math.isnan(value)


def test_values_are_hidden_by_name_at_every_depth() -> None:
    """In mappings, in pairs of name and value, as text and as bytes."""
    value: dict[Any, Any] = {
        "password": "hunter2",
        "account": {"owner": [{"apiKey": "hunter2"}]},
        "headers": [("authorization", "hunter2"), ("accept", "*/*")],
        "raw": [(b"X-API-Key", b"hunter2"), [b"cookie", b"hunter2"]],
        b"token": b"hunter2",
        "secret": {"a": "hunter2"},
        "no_password": None,
        "total_tokens": 12,
    }

    expected = {
        "password": MASK,
        "account": {"owner": [{"apiKey": MASK}]},
        "headers": [["authorization", MASK], ["accept", "*/*"]],
        "raw": [["b'X-API-Key'", MASK], ["b'cookie'", MASK]],
        "b'token'": MASK,
        "secret": MASK,
        "no_password": None,
        "total_tokens": 12,
    }

    assert expected == scrub(value)


def test_the_repr_of_a_model_hides_its_secrets() -> None:
    """Pydantic prints every field."""
    login = Login(user="ada", password="hunter 2", pin="1234")

    assert f"Login(user='ada', password='{MASK}', pin='{MASK}')" == scrub(login)


def test_a_key_that_holds_a_secret_is_masked_too() -> None:
    """Somebody took a query for a name."""
    assert {f"a?token={MASK}": MASK} == scrub({"a?token=hunter2": 1})


def test_a_text_is_cut_to_its_limit() -> None:
    """Its start stays, and how long it was."""
    text = scrub_text("x" * 10_000_000)

    assert MAX_TEXT == len(text)
    assert text.endswith("x… [10000000 characters]")


def test_a_secret_on_the_cut_is_found() -> None:
    """Cut in two it would be too short to be recognised."""
    for offset in range(60):
        key = "sk-live-" + "hunter2" * 4
        text = scrub_text("x" * (100 - offset) + " " + key + " " * 9000, 100)
        assert "hunter" not in text
        assert 100 >= len(text)


@given(st.text(max_size=80), st.integers(0, 60))
def test_nothing_is_longer_than_its_limit(text: str, limit: int) -> None:
    """The note about what is missing counts as well."""
    assert len(truncate(text, limit)) <= limit
    assert len(scrub_text(text, limit)) <= limit
    assert truncate(text, limit) == truncate(truncate(text, limit), limit)


def test_masking_does_not_exceed_the_limit() -> None:
    """What is masked grows: `pwd=x` to twice its length."""
    assert 100 == len(scrub_text("pwd=x," * 16, 100))


def test_collections_are_cut() -> None:
    """Whoever logs a million items gets the first ones, and their number."""
    assert f"… {1_000_000 - MAX_ITEMS} more" == scrub([0] * 1_000_000)[MAX_ITEMS]
    assert "744 more" == scrub({str(n): n for n in range(1000)})["…"]
    assert MAX_ITEMS + 1 == len(scrub([0] * 1_000_000))


def test_together_values_are_bounded() -> None:
    """A hundred texts of 8 KiB are too much, each alone is not."""
    assert MAX_SIZE * 1.1 > len(json.dumps(scrub(["x" * 8000] * 100)))


def test_the_copy_of_a_bomb_takes_milliseconds() -> None:
    """Four lists that hold each other are a hundred million items (SEC-8)."""
    begin = time.thread_time()
    scrub(VALUES["a bomb"]())

    assert 0.1 > time.thread_time() - begin


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ""),
        ("page=2&q=shoes", f"page={MASK}&q={MASK}"),
        ("token=a=b", f"token={MASK}"),
        ("c2VjcmV0", MASK),
        ("&&", f"{MASK}&{MASK}&{MASK}"),
    ],
)
def test_a_query_keeps_its_names_only(query: str, expected: str) -> None:
    """Every value may be personal; what has no name may be a secret."""
    assert expected == scrub_query(query)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/users/7", "/users/7"),
        ("https://a.example/x?q=1#token=b", f"https://a.example/x?q={MASK}"),
        ("https://ada:hunter2@a.example/x", f"https://{MASK}@a.example/x"),
        ("/cb#access_token=hunter2", f"/cb#access_token={MASK}"),
    ],
)
def test_a_url_keeps_its_path(url: str, expected: str) -> None:
    """Without user, password and values."""
    assert expected == scrub_url(url)


def test_what_cannot_be_printed_says_so() -> None:
    """By its type and the error, without its text."""
    assert "<BadRepr, repr raised RuntimeError>" == safe_repr(BadRepr())
    assert "<BadRepr, str raised RuntimeError>" == safe_str(BadRepr())


def test_interrupts_pass() -> None:
    """Whoever presses Ctrl-C while a value is printed means it."""

    class Interrupting:
        def __repr__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scrub(Interrupting())


def test_64_kib_of_attack_take_milliseconds() -> None:
    """Through the public function, without a smaller limit to hide behind (SEC-9)."""
    text = ("password://a:b@ " * 5000)[: 64 * 1024]
    times = []
    for _ in range(5):
        begin = time.thread_time()
        scrub_text(text, 64 * 1024)
        times.append(time.thread_time() - begin)

    assert 0.015 >= min(times)
