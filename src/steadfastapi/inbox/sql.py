"""Conditions of a query, for databases that take them with `?` or with `$1`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steadfastapi.inbox.query import Query

ISSUE_COLUMNS = (
    "id, title, level, event, route, culprit, state, count, users, first_seen, "
    "last_seen, resolved_in, state_at"
)


class Conditions:
    """Collects conditions and their values; values never become SQL.

    Args:
        numbered: Whether placeholders are `$1`, `$2`, … as PostgreSQL has them.
    """

    def __init__(self, *, numbered: bool) -> None:
        self.values: list[Any] = []
        self._parts: list[str] = []
        self._numbered = numbered

    def add(self, condition: str, *values: Any) -> None:
        """Add a condition, `{}` where its values belong."""
        self._parts.append(condition.format(*(self.put(value) for value in values)))

    def put(self, value: Any) -> str:
        """Add a value; return its placeholder."""
        self.values.append(value)
        return f"${len(self.values)}" if self._numbered else "?"

    def text(self) -> str:
        """Return the WHERE clause, or nothing."""
        return f" WHERE {' AND '.join(self._parts)}" if self._parts else ""


def issue_conditions(query: Query, where: Conditions) -> None:
    """Add what a query wants of issues, but for its search."""
    for column in ("state", "level", "event", "route"):
        value = getattr(query, column)
        if value is not None:
            where.add(f"{column} = {{}}", value)
    if query.issue is not None:
        where.add("id = {}", query.issue)
    if query.since is not None:
        where.add("last_seen >= {}", query.since)
    if query.until is not None:
        where.add("first_seen < {}", query.until)
    if query.release is not None:
        where.add(
            "EXISTS (SELECT 1 FROM issue_releases r "
            "WHERE r.issue = issues.id AND r.release = {})",
            query.release,
        )
    after = query.after()
    if after is not None:
        # `sort` is one of `SORTS`, and never what a client wrote.
        where.add(f"({query.sort}, id) < ({{}}, {{}})", *after)


def entry_conditions(query: Query, where: Conditions) -> None:
    """Add what a query wants of entries, but for its search."""
    for column in ("issue", "level", "event", "route", "release"):
        value = getattr(query, column)
        if value is not None:
            where.add(f"{column} = {{}}", value)
    if query.since is not None:
        where.add("at >= {}", query.since)
    if query.until is not None:
        where.add("at < {}", query.until)
    after = query.after()
    if after is not None:
        where.add("n < {}", int(after[0]))
