"""The exceptions of an event: one chain, without locals, bounded and scrubbed."""

from __future__ import annotations

import linecache
from typing import Any

from steadfastapi._scrub import scrub, scrub_text
from steadfastapi.sentry.bounds import text_of

MAX_EXCEPTIONS = 10
MAX_FRAMES = 50
"""Frames of all exceptions of one event together (SEC-8)."""
MAX_VALUE = 8 * 1024
MAX_CHAINED_VALUE = 2 * 1024
MAX_LINE = 256
CONTEXT = 5
"""Lines of source before and after the line of a frame."""

SOURCE_WANTED = ""
"""`context_line` of a frame whose source is still to be read. The SDK would read and
split the whole file again for every frame of every error; `linecache` has it."""

NOISE = frozenset({"EndOfStream", "WouldBlock"})
"""What anyio's streams raise inside of Starlette's BaseHTTPMiddleware: chained to
the real error they split one issue into several (sentry-python#2410)."""

_TEXTS = ("filename", "abs_path", "function", "module", "package", "platform")
_AROUND = ("pre_context", "post_context")


def cleaned_exceptions(section: Any) -> Any:
    """Return the `exception` part; the exception that was raised stands last."""
    values = _without_noise(_values(section))[-MAX_EXCEPTIONS:]
    if not values:
        return None
    room = MAX_FRAMES
    cleaned: list[dict[str, Any]] = []
    for value in reversed(values):
        limit = MAX_CHAINED_VALUE if cleaned else MAX_VALUE
        clean = _exception(value, limit, room)
        room -= len(clean.get("stacktrace", {}).get("frames", ()))
        cleaned.append(clean)
    cleaned.reverse()
    return {"values": cleaned}


def cleaned_threads(section: Any) -> Any:
    """Return the `threads` part, which holds stacks without an exception."""
    cleaned = []
    for value in _values(section)[:2]:
        kept = {
            name: value[name]
            for name in ("id", "crashed", "current")
            if type(value.get(name)) in (int, bool)
        }
        stacktrace = _stacktrace(value.get("stacktrace"), MAX_FRAMES // 2)
        cleaned.append({**kept, **({"stacktrace": stacktrace} if stacktrace else {})})
    return {"values": cleaned} if cleaned else None


def _values(section: Any) -> list[dict[str, Any]]:
    found = section.get("values") if isinstance(section, dict) else section
    if not isinstance(found, list):
        return []
    return [value for value in found if isinstance(value, dict)]


def _without_noise(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not values:
        return values
    *chained, raised = values
    kept = [value for value in chained if not _is_noise(value)]
    if len(kept) == len(chained):
        return values
    # Only the members of a group name their parent; the others form one line.
    parents = {
        mechanism["exception_id"]: mechanism.get("parent_id")
        for mechanism in map(_mechanism, filter(_is_noise, chained))
        if type(mechanism.get("exception_id")) is int
    }
    for mechanism in map(_mechanism, kept):
        for _ in parents:  # several in a row may be gone
            parent = mechanism.get("parent_id")
            if type(parent) is int and parent in parents:
                mechanism["parent_id"] = parents[parent]
    return [*kept, raised]


def _is_noise(value: dict[str, Any]) -> bool:
    module = value.get("module")
    return value.get("type") in NOISE and str(module).partition(".")[0] == "anyio"


def _mechanism(value: dict[str, Any]) -> dict[str, Any]:
    mechanism = value.get("mechanism")
    return mechanism if isinstance(mechanism, dict) else {}


def _exception(value: dict[str, Any], limit: int, room: int) -> dict[str, Any]:
    clean: dict[str, Any] = {
        name: text_of(value[name], 200)
        for name in ("type", "module")
        if value.get(name) is not None
    }
    clean["value"] = text_of(value.get("value") or "", limit)
    mechanism = _mechanism(value)
    if mechanism:
        clean["mechanism"] = scrub(mechanism, limit=256, depth=3)
    if isinstance(value.get("thread_id"), int):
        clean["thread_id"] = value["thread_id"]
    stacktrace = _stacktrace(value.get("stacktrace"), room)
    if stacktrace:
        clean["stacktrace"] = stacktrace
    return clean


def _stacktrace(stacktrace: Any, room: int) -> dict[str, Any] | None:
    found = stacktrace.get("frames") if isinstance(stacktrace, dict) else None
    if not isinstance(found, list) or room <= 0:
        return None
    if len(found) > room:
        # Who called stands first, what failed last: a recursion fills the middle.
        outer = room // 5
        found = [*found[:outer], *found[outer - room :]]
    return {"frames": [_frame(frame) for frame in found if isinstance(frame, dict)]}


def _frame(frame: dict[str, Any]) -> dict[str, Any]:
    """Return a frame by a list of what may leave; `vars` is not on it (SENTRY-9)."""
    clean: dict[str, Any] = {
        name: frame[name][:512] for name in _TEXTS if type(frame.get(name)) is str
    }
    for name in ("lineno", "colno", "in_app"):
        if type(frame.get(name)) in (int, bool):
            clean[name] = frame[name]
    if frame.get("context_line") == SOURCE_WANTED:
        frame = _source(clean)
    if type(frame.get("context_line")) is str:
        clean["context_line"] = _line(frame["context_line"])
    for name in _AROUND:
        lines = frame.get(name)
        if isinstance(lines, list):
            found = [line for line in lines[:CONTEXT] if type(line) is str]
            clean[name] = [_line(line) for line in found]
    return clean


def _source(frame: dict[str, Any]) -> dict[str, Any]:
    """Return the lines around a frame; of a library's only the line itself."""
    lines = linecache.getlines(frame.get("abs_path", ""))
    here = frame.get("lineno", 0) - 1
    if not 0 <= here < len(lines):
        return {}
    source: dict[str, Any] = {"context_line": lines[here]}
    if frame.get("in_app") is not False:
        source["pre_context"] = lines[max(0, here - CONTEXT) : here]
        source["post_context"] = lines[here + 1 : here + 1 + CONTEXT]
    return source


def _line(line: str) -> str:
    """Mask literals in a line of source; `token = read()` says nothing secret."""
    line = line[:MAX_LINE].rstrip()
    if '"' in line or "'" in line:
        return scrub_text(line, MAX_LINE)
    return line
