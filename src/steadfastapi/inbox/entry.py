"""What is kept of one error: bounded, scrubbed, and nothing but plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

import orjson

Level = Literal["warning", "error"]
LEVELS: tuple[Level, ...] = get_args(Level)

Link = Literal["", "cause", "context", "member"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One call in a stack; local variables are never looked at."""

    file: str
    """From the working directory or from `site-packages`."""
    line: int
    function: str
    source: str = ""
    """The line of code, literal secrets in it masked; empty if it is not at hand."""
    in_app: bool = False
    """Whether it belongs to the application: to no package and not to Python."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One exception, or one that led to it."""

    type: str
    """Its qualified name without `builtins`."""
    message: str
    frames: tuple[Frame, ...] = ()
    """Outermost first; the last one raised it."""
    link: Link = ""
    """What it is to the one before: `cause` (`raise … from`), `context` (happened
    while that was handled) or `member` (of a group); empty for the error itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One error, or several that are the same: at most 64 KiB as JSON."""

    id: str
    """32 hex digits; entries sort by time."""
    issue: str
    """16 hex digits: the fingerprint of what belongs together."""
    at: float
    """Unix time of the first of them."""
    level: Level
    event: str
    """What kind of thing happened: `unhandled_exception`, `http_exception`,
    `validation_error`, `log`, … or the name that was pushed."""
    title: str
    """One line for a list."""
    message: str = ""
    faults: tuple[Fault, ...] = ()
    """The error itself first, then what led to it."""
    request: dict[str, Any] = field(default_factory=dict)
    """`id`, `trace_id`, `span_id`, `method`, `route`, `path`, `query` (names only),
    `status`, `outcome`, `duration_ms`, `client`, `user_agent`."""
    fields: dict[str, Any] = field(default_factory=dict)
    """What `bind` added to the exchange."""
    context: dict[str, Any] = field(default_factory=dict)
    """What the caller of `capture_exception` and the like gave, or the log line."""
    user: str | None = None
    """The bound `user_id`."""
    release: str = ""
    environment: str = ""
    worker: str = ""
    """Host and process."""
    repeats: int = 1
    """How many this entry stands for: in a storm, thousands."""
    last_at: float = 0.0
    """Unix time of the last of them."""
    also: tuple[str, ...] = ()
    """Request ids of others that it stands for."""
    users: tuple[str, ...] = ()
    """Users of others that it stands for."""
    trail: dict[str, Any] = field(default_factory=dict)
    """What its process remembered of the request: log lines, spans. Only some entries
    have one."""

    @property
    def route(self) -> str | None:
        """Template of the route, if there was a request that matched one."""
        return self.request.get("route")

    @property
    def status(self) -> int | None:
        """What the client was answered."""
        return self.request.get("status")

    @property
    def culprit(self) -> str:
        """Where the application's own code failed: `shop/orders.py in pay`."""
        for fault in self.faults:
            for frame in reversed(fault.frames):
                if frame.in_app:
                    return f"{frame.file} in {frame.function}"
        return ""

    def as_json(self) -> bytes:
        """Return everything as JSON."""
        return orjson.dumps(self)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain dictionaries and lists."""
        return cast("dict[str, Any]", orjson.loads(self.as_json()))

    @classmethod
    def of(cls, data: dict[str, Any]) -> Entry:
        """Return the entry that `as_dict` described; unknown names are left out."""
        known = {name: data[name] for name in cls.__slots__ if name in data}
        known["faults"] = tuple(_fault(one) for one in data.get("faults", ()))
        for name in ("also", "users"):
            known[name] = tuple(data.get(name, ()))
        return cls(**known)


def _fault(data: dict[str, Any]) -> Fault:
    frames = tuple(Frame(**frame) for frame in data.get("frames", ()))
    return Fault(**{**data, "frames": frames})
