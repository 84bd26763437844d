"""Which paths belong to a group."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette._utils import get_route_path

from steadfastapi._predicates import QUIET_PATHS, path_in_app, under

SEGMENTS = st.lists(st.text("abz-.~", min_size=1), min_size=1, max_size=4)


QUIET = under("/internal", exactly=QUIET_PATHS)


@pytest.mark.parametrize(
    "path", ["/internal", "/internal/", "/internal/a/b", "/health", "/health/live"]
)
def test_a_prefix_covers_itself_and_what_lies_below(path: str) -> None:
    """By whole segments; an exact path covers itself."""
    assert QUIET(path)


@pytest.mark.parametrize(
    "path",
    [
        "/healthy-foods",
        "/health/records",
        "/health/",
        "/api/health",
        "/healt",
        "/HEALTH",
        "/internals",
        "/an/internal",
        "internal",
        "/",
        "",
    ],
)
def test_a_prefix_covers_nothing_else(path: str) -> None:
    """No searched pattern, no other case, nothing below an exact path."""
    assert not QUIET(path)


def test_a_trailing_slash_of_a_prefix_makes_no_difference() -> None:
    """People write both."""
    with_slash, without = under("/a/"), under("/a")
    paths = ["/a", "/a/", "/a/b", "/ab"]

    assert [True, True, True, False] == [with_slash(path) for path in paths]
    assert [True, True, True, False] == [without(path) for path in paths]


def test_the_root_covers_itself_only() -> None:
    """Else it would cover every path."""
    root = under("/")

    assert [True, False] == [root("/"), root("/a")]


def test_no_prefix_covers_nothing() -> None:
    """Not even the root."""
    assert [False, False] == [under()(path) for path in ("/", "/a")]


@given(SEGMENTS, SEGMENTS)
def test_below_a_prefix_means_its_segments_come_first(
    prefix: list[str], path: list[str]
) -> None:
    """For any prefix and path."""
    expected = path[: len(prefix)] == prefix

    assert expected == under("/" + "/".join(prefix))("/" + "/".join(path))


@pytest.mark.parametrize(
    ("path", "root_path", "expected"),
    [
        ("/a", None, "/a"),
        ("/a", "", "/a"),
        ("/api/a", "/api", "/a"),
        ("/a", "/api", "/a"),
        ("/api", "/api", ""),
        ("/apis/a", "/api", "/apis/a"),
        ("/a", "/", "/a"),
    ],
)
def test_the_path_in_the_app_is_the_one_starlette_routes(
    path: str, root_path: str | None, expected: str
) -> None:
    """Whether the server leaves the prefix in the path or not."""
    scope: dict[str, Any] = {"path": path}
    if root_path is not None:
        scope["root_path"] = root_path

    assert expected == path_in_app(scope)
    assert expected == get_route_path(scope)
