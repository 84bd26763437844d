"""An issue as Markdown, for a ticket.

Everything that came from outside stands in code spans and fences longer than any run
of backticks in it, where Markdown knows no links, images, HTML and mentions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from steadfastapi.console import filters

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_FRAMES = 30
MAX_LINES = 30
MAX_VALUE = 500
_RUNS = re.compile("`+")
_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_REQUEST = ("id", "trace_id", "method", "route", "path", "status", "duration_ms")


def as_markdown(
    issue: Any, entry: Any | None, lines: Iterable[Mapping[str, Any]] = ()
) -> str:
    """Return an issue with its latest entry.

    Args:
        issue: An issue of the inbox.
        entry: Its latest entry, if there is one.
        lines: Log lines of its request.
    """
    parts = [f"## {code(issue.title)}", "", *_facts(issue)]
    if entry is not None:
        parts += ["", *_entry(entry)]
    shown = [_line(one) for one in list(lines)[-MAX_LINES:]]
    if shown:
        parts += ["", "### Log lines of the request", "", fenced("\n".join(shown))]
    return "\n".join(parts) + "\n"


def code(text: Any) -> str:
    """Return a text as a code span on one line."""
    flat = _BREAKS.sub(" ", str(text)).strip()[:MAX_VALUE] or " "
    fence = "`" * (_longest(flat) + 1)
    gap = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{gap}{flat}{gap}{fence}"


def fenced(text: str) -> str:
    """Return a text as a block of code."""
    fence = "`" * max(3, _longest(text) + 1)
    return f"{fence}text\n{text.rstrip()}\n{fence}"


def _longest(text: str) -> int:
    return max((len(run) for run in _RUNS.findall(text)), default=0)


def _facts(issue: Any) -> list[str]:
    facts = [
        ("Issue", f"{code(issue.id)}, {issue.state}, {issue.level}"),
        ("Route", code(issue.route) if issue.route else ""),
        ("Where", code(issue.culprit) if issue.culprit else ""),
        ("Happened", _how_often(issue)),
        ("First seen", filters.exact(issue.first_seen)),
        ("Last seen", filters.exact(issue.last_seen)),
        ("Releases", ", ".join(code(one) for one in issue.releases)),
    ]
    return [f"- **{name}:** {value}" for name, value in facts if value]


def _how_often(issue: Any) -> str:
    users = filters.counted(issue.users, "known user")
    return f"{filters.counted(issue.count, 'time')}, to {users}"


def _entry(entry: Any) -> list[str]:
    parts = ["### Latest", ""]
    request = {name: entry.request[name] for name in _REQUEST if name in entry.request}
    for name, value in {**request, **entry.fields, **entry.context}.items():
        parts.append(f"- {code(name)}: {code(value)}")
    if entry.message:
        parts += ["", fenced(entry.message)]
    for fault in entry.faults:
        stack = [_frame(frame) for frame in fault.frames[-MAX_FRAMES:]]
        link = f" ({fault.link})" if fault.link else ""
        parts += ["", f"### {code(fault.type)}{link}", ""]
        parts.append(fenced("\n".join([*stack, fault.message])))
    return parts


def _frame(frame: Any) -> str:
    place = f"{frame.file}:{frame.line} in {frame.function}"
    return f"{place}\n    {frame.source}" if frame.source else place


def _line(line: Mapping[str, Any]) -> str:
    rest = " ".join(
        f"{name}={value}"
        for name, value in line.items()
        if name not in ("timestamp", "level", "event")
    )
    head = f"{line.get('timestamp', '')} {line.get('level', '')}"
    return f"{head} {line.get('event', '')} {rest}".strip()[: 2 * MAX_VALUE]
