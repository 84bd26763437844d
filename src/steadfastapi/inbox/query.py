"""What a store is asked: filters, orders and cursors, checked before it is."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, get_args

import orjson

from steadfastapi.exceptions import BadQueryError
from steadfastapi.inbox.entry import LEVELS, Level

if TYPE_CHECKING:
    from collections.abc import Sequence

State = Literal["open", "resolved", "ignored"]
STATES: tuple[State, ...] = get_args(State)
Sort = Literal["last_seen", "first_seen", "count"]
SORTS: tuple[Sort, ...] = get_args(Sort)

MAX_PAGE = 200
MAX_TEXT = 512
"""Characters of one filter."""
_ID = re.compile(r"[0-9a-f]{16}|[0-9a-f]{32}").fullmatch
_MAX_TIME = 1e11
_KINDS: dict[str, Any] = {"limit": int, "since": float, "until": float}
"""Filters that are no text."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which issues or entries are wanted. Checked when made.

    Raises:
        BadQueryError: A filter is unknown or out of bounds.
    """

    state: State | None = None
    level: Level | None = None
    event: str | None = None
    route: str | None = None
    since: float | None = None
    """Unix time: seen at or after it."""
    until: float | None = None
    """Unix time: first seen before it."""
    release: str | None = None
    issue: str | None = None
    """Entries of this issue only."""
    search: str = ""
    """Every word must begin a word of the entry."""
    sort: Sort = "last_seen"
    """Issues only; entries come newest first."""
    limit: int = 50
    cursor: str | None = None
    """`next` of the page before."""

    def __post_init__(self) -> None:
        """Refuse what no list can be made of."""
        _one_of("state", self.state, STATES)
        _one_of("level", self.level, LEVELS)
        _one_of("sort", self.sort, SORTS)
        for name in ("event", "route", "release", "search"):
            value = getattr(self, name)
            if value is not None and len(value) > MAX_TEXT:
                raise BadQueryError(f"{name} has more than {MAX_TEXT} characters.")
        if self.issue is not None and _ID(self.issue) is None:
            raise BadQueryError("issue is no id of an issue: 16 hex digits.")
        if not 1 <= self.limit <= MAX_PAGE:
            raise BadQueryError(f"limit is {self.limit}: use 1 to {MAX_PAGE}.")
        for name in ("since", "until"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= _MAX_TIME:
                raise BadQueryError(f"{name} is no Unix time.")
        self.after()

    def after(self) -> tuple[float, str] | None:
        """Return value and id of the last one on the page before."""
        if not self.cursor:
            return None
        try:
            padded = self.cursor.encode("ascii") + b"=="
            value, identity = orjson.loads(base64.urlsafe_b64decode(padded))
            if _ID(identity) is not None:
                return float(value), identity
        except (ValueError, TypeError, RecursionError):
            pass  # whatever is wrong with it, the answer is the same
        raise BadQueryError("cursor is broken: take `next` as it was.")


def _one_of(name: str, value: str | None, known: Sequence[str]) -> None:
    if value is not None and value not in known:
        shown = str(value)[:32]
        raise BadQueryError(f"{name} is {shown!r}: use one of {', '.join(known)}.")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of a list, and how to get the rest."""

    items: tuple[T, ...]
    next: str | None
    """Cursor of the next page; None on the last one."""


def page_of(rows: list[tuple[float, str, T]], limit: int) -> Page[T]:
    """Return a page of rows of sort value, id and item, of which one more was asked."""
    shown = rows[:limit]
    if len(rows) <= limit:
        return Page(tuple(item for _, _, item in shown), None)
    value, identity, _ = shown[-1]
    text = base64.urlsafe_b64encode(orjson.dumps([value, identity]))
    return Page(tuple(item for _, _, item in shown), text.decode().rstrip("="))


def known(**filters: Any) -> Query:
    """Return a query of filters by name, as they come from outside.

    Numbers may be text; what is empty counts as not given.

    Raises:
        BadQueryError: A filter is unknown, or is not what it should be.
    """
    given: dict[str, Any] = {}
    for name, value in filters.items():
        if name not in Query.__slots__:
            names = ", ".join(Query.__slots__)
            raise BadQueryError(f"{name[:32]!r} is no filter: use one of {names}.")
        if value is None or value == "":
            continue
        kind = _KINDS.get(name, str)
        try:
            given[name] = kind(value)
        except (TypeError, ValueError, OverflowError):
            shown = str(value)[:32]
            raise BadQueryError(f"{name} is {shown!r}: use a number.") from None
    return Query(**given)
