"""What an alert is: bounded, scrubbed data, ready for any system."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, get_args

from steadfastapi._scrub import safe_str, scrub_text, scrub_url, truncate

if TYPE_CHECKING:
    from collections.abc import Mapping

State = Literal["open", "resolved"]
Severity = Literal["info", "warning", "error", "critical"]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""The mildest first."""

MAX_KEY = 1024
MAX_TITLE = 256
MAX_TEXT = 4 * 1024
"""Characters; what Slack shows without folding."""
MAX_LABELS = 20
MAX_LABEL_NAME = 64
MAX_LABEL = 256

_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\ud800-\udfff]"
)
"""Control characters, those that turn the direction of writing, halves of pairs."""
_LINK = re.compile(r"https?://[^\s<>|\"'\\]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that people should know, or that is over.

    Every text is cut, secrets in it are masked and control characters removed when the
    alert is created; each alerter escapes it for its own system.

    Args:
        key: What it is about, the same for all its states and on all replicas:
            `probe:orders-db`. One alert of a key is open at a time.
        state: `open`, or `resolved` when it is over.
        title: One line.
        text: What else there is to say.
        severity: How bad it is; of a resolved one, how bad it was.
        source: Who says so, the same on all replicas: the name of the service.
        at: When it happened; without a time zone, in UTC.
        labels: Facts by name; at most `MAX_LABELS`.
        link: Page that says more; anything but http(s) is dropped.

    Raises:
        ValueError: There is no key, or no such state or severity.
    """

    key: str
    state: State
    title: str
    text: str = ""
    severity: Severity = "error"
    source: str = ""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    labels: Mapping[str, str] = field(default_factory=dict)
    link: str = ""

    def __post_init__(self) -> None:
        if not self.key:
            raise ValueError("an alert needs a key: what it is about")
        if self.state not in get_args(State):
            raise ValueError(f"an alert is open or resolved, not {self.state!r}")
        if self.severity not in SEVERITIES:
            raise ValueError(
                f"severity is one of {', '.join(SEVERITIES)}, not {self.severity!r}"
            )
        self._set("key", _clean(shortened(self.key, MAX_KEY), MAX_KEY))
        self._set("title", _line(self.title, MAX_TITLE))
        self._set("text", _clean(self.text, MAX_TEXT))
        self._set("source", _line(self.source, MAX_LABEL))
        self._set("link", _link(self.link))
        if self.at.tzinfo is None:
            self._set("at", self.at.replace(tzinfo=UTC))
        labels = list(self.labels.items())[:MAX_LABELS]
        self._set("labels", MappingProxyType(dict(_label(*one) for one in labels)))

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @property
    def is_open(self) -> bool:
        """Whether it is not over."""
        return self.state == "open"

    @property
    def level(self) -> int:
        """How much it should worry people: 0 is resolved, 4 is critical."""
        return SEVERITIES.index(self.severity) + 1 if self.is_open else 0

    @property
    def size(self) -> int:
        """Bytes that it takes in a queue, about."""
        texts = (self.key, self.title, self.text, self.source, self.link)
        pairs = (text for pair in self.labels.items() for text in pair)
        return sum(len(text.encode(errors="replace")) for text in (*texts, *pairs))

    def by(self, source: str) -> Alert:
        """Return the same, said by `source` where nobody was named."""
        return self if self.source or not source else replace(self, source=source)

    def brief(self) -> Alert:
        """Return the same without its details, where room is scarce."""
        return replace(self, text="", labels={}, link="")

    # What fastapi-watch's alerters read, so that a subclass of theirs goes on working.

    @property
    def probe(self) -> str:
        """Name of the health probe that changed; empty for other alerts."""
        return self.labels.get("probe", "")

    @property
    def old_status(self) -> Any:
        """Status of the probe before."""
        return self.labels.get("old_status", "")

    @property
    def new_status(self) -> Any:
        """Status of the probe now."""
        return self.labels.get("new_status", "")

    @property
    def timestamp(self) -> datetime:
        """When it happened."""
        return self.at


def shortened(key: str, limit: int) -> str:
    """Return a key of at most `limit` characters that is as unique as the long one."""
    if len(key) <= limit:
        return key
    digest = hashlib.sha256(key.encode(errors="replace")).hexdigest()[:32]
    return f"{key[: limit - 33]}-{digest}"


def _clean(text: Any, limit: int) -> str:
    given = text if isinstance(text, str) else safe_str(text, limit)
    return _CONTROL.sub(" ", scrub_text(given, limit))


def _line(text: Any, limit: int) -> str:
    return " ".join(_clean(text, limit).split())


def _label(name: Any, value: Any) -> tuple[str, str]:
    # Named, so that what is a secret by its name is found: `token=…`.
    name = _line(name, MAX_LABEL_NAME)
    line = _line(value, MAX_LABEL)
    shown = scrub_text(f"{name}={line}").removeprefix(f"{name}=")
    # An enum's member stays one: fastapi-watch's alerters read its value.
    return name, value if value == shown else truncate(shown, MAX_LABEL)


def _link(link: str) -> str:
    return scrub_url(link) if link and _LINK.fullmatch(link) else ""
