"""What the Issues page and its API ask of the inbox: filters and changes."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from steadfastapi.console import queries
from steadfastapi.console.queries import Refused
from steadfastapi.exceptions import BadQueryError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from steadfastapi.console.sources import Sources
    from steadfastapi.console.visit import Visit
    from steadfastapi.inbox.handle import InboxHandle
    from steadfastapi.inbox.query import Page
    from steadfastapi.inbox.store import Issue

FILTERS = (
    *("state", "level", "event", "route", "release", "search"),
    *("since", "until", "sort", "limit", "cursor"),
)
OFF = "The inbox is off: remove inbox=False from configure()."
ALL = "all"
"""The state of issues in any state."""
STATES = ("open", "resolved", "ignored", ALL)
ACTIONS = ("resolve", "ignore", "reopen")
MAX_CHANGED = 200
"""Issues that are changed at one time."""
MAX_RELEASE = 200
_ID = re.compile(r"[0-9a-f]{16}").fullmatch
_AGO = re.compile(r"([1-9]\d{0,4})([mhd])").fullmatch
_SECONDS = {"m": 60, "h": 3_600, "d": 86_400}


def inbox_of(sources: Sources) -> InboxHandle:
    """Return the inbox.

    Raises:
        Refused: 404, it is off.
    """
    if sources.inbox is None:
        raise Refused(404, OFF)
    return sources.inbox


async def found(
    inbox: InboxHandle, given: Mapping[str, str], *, state: str = ALL
) -> Page[Issue]:
    """Return a page of issues.

    Args:
        inbox: Is asked.
        given: Filters by name; `since` and `until` also as `24h`, or as ISO 8601.
        state: Where they name none.

    Raises:
        BadQueryError: A filter is not what it should be.
        StoreError: The store does not answer.
    """
    asked: dict[str, Any] = {"state": state, **given}
    if queries.one_of(asked, "state", STATES) == ALL:
        del asked["state"]
    for name in ("since", "until"):
        if name in asked:
            asked[name] = moment(asked[name], name)
    return await inbox.list(**asked)


def moment(text: str, name: str) -> float:
    """Return the Unix time that a filter says.

    Args:
        text: `15m`, `24h`, `7d` ago, Unix time, or ISO 8601, in UTC if it has no zone.
        name: Of the filter.

    Raises:
        BadQueryError: It says none.
    """
    ago = _AGO(text)
    if ago:
        return time.time() - int(ago[1]) * _SECONDS[ago[2]]
    try:
        return float(text)
    except ValueError:
        pass  # then it should be a date
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise BadQueryError(
            f"{name} is {text[:32]!r}: use 24h, 7d, 2026-01-31T12:00 or Unix time."
        ) from None


def identity(text: Any) -> str:
    """Return the id of an issue.

    Raises:
        Refused: 404, no issue can have this one.
    """
    if not isinstance(text, str) or _ID(text) is None:
        raise Refused(404, "There is no such issue.")
    return text


def identities(given: Sequence[str]) -> list[str]:
    """Return ids of issues that were ticked.

    Raises:
        Refused: 422, there are none, too many, or other things among them.
    """
    if not 0 < len(given) <= MAX_CHANGED:
        raise Refused(422, f"Give 1 to {MAX_CHANGED} issues.")
    if not all(_ID(one) for one in given):
        raise Refused(422, "An issue's id has 16 hex digits.")
    return list(dict.fromkeys(given))


async def change(visit: Visit, action: str, issues: list[str]) -> int:
    """Resolve, ignore or reopen issues; return how many there were.

    Raises:
        Refused: 422, the action or the release is wrong.
        StoreError: The store does not answer.
    """
    inbox = inbox_of(visit.sources)
    release = visit.form.get("release").strip()
    if action not in ACTIONS:
        raise Refused(422, f"action is one of {', '.join(ACTIONS)}.")
    if len(release) > MAX_RELEASE:
        raise Refused(422, f"release has more than {MAX_RELEASE} characters.")
    if action == "resolve":
        changed = await inbox.resolve(issues, release=release or None)
    elif action == "ignore":
        changed = await inbox.ignore(issues)
    else:
        changed = await inbox.reopen(issues)
    more = {"release": release} if release and action == "resolve" else {}
    visit.audit(f"{action} issues", issues=issues, changed=changed, **more)
    return changed
