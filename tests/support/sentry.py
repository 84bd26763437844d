"""A Sentry server that remembers the envelopes it was sent."""

import json
import re
from dataclasses import dataclass
from typing import Any

from support.receiver import HttpReceiver

ENVELOPE_PATH = re.compile(r"/api/\w+/envelope/")


@dataclass(frozen=True)
class EnvelopeItem:
    """One item of an envelope."""

    headers: dict[str, Any]
    payload: bytes

    @property
    def type(self) -> str:
        """What the item is: `event`, `transaction`, `client_report` and so on."""
        return str(self.headers["type"])

    def json(self) -> Any:
        """Decode the payload."""
        return json.loads(self.payload)


@dataclass(frozen=True)
class Envelope:
    """One delivery of the SDK."""

    headers: dict[str, Any]
    items: tuple[EnvelopeItem, ...]


class SentryReceiver(HttpReceiver):
    """Accept `POST /api/<project>/envelope/`.

    Envelopes that were refused (status 400 and above) are not kept; `requests` and
    `raw` see every attempt.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self._envelopes: list[Envelope] = []

    @property
    def dsn(self) -> str:
        """The address for `sentry_sdk.init`."""
        return f"http://public@{self.host}:{self.port}/1"

    def envelopes(self) -> list[Envelope]:
        """Return the accepted envelopes in order of arrival."""
        with self._changed:
            return list(self._envelopes)

    def items(self, kind: str) -> list[dict[str, Any]]:
        """Return the decoded payloads of one item type.

        Args:
            kind: `event`, `transaction`, `client_report`, `log` and so on.
        """
        return [
            item.json()
            for envelope in self.envelopes()
            for item in envelope.items
            if item.type == kind
        ]

    def events(self) -> list[dict[str, Any]]:
        """Return the accepted events in order of arrival."""
        return self.items("event")

    def wait_for_items(
        self, kind: str, n: int, timeout: float = 5.0
    ) -> list[dict[str, Any]]:
        """Wait until `n` items of one type were accepted.

        Args:
            kind: The item type.
            n: The least number.
            timeout: Seconds until `TimeoutError`.

        Returns:
            Every such item so far.
        """
        self._wait(lambda: len(self.items(kind)), n, timeout)
        return self.items(kind)

    def wait_for_events(self, n: int, timeout: float = 5.0) -> list[dict[str, Any]]:
        """Wait until `n` events were accepted.

        Args:
            n: The least number.
            timeout: Seconds until `TimeoutError`.

        Returns:
            Every event so far.
        """
        return self.wait_for_items("event", n, timeout)

    def collect(self, path: str, body: bytes) -> bool:
        """Take one envelope."""
        if not ENVELOPE_PATH.fullmatch(path.partition("?")[0]):
            return False
        self._envelopes.append(parse_envelope(body))
        return True


def parse_envelope(body: bytes) -> Envelope:
    """Split an envelope into its items.

    Follows the envelope format of Sentry's developer documentation: JSON headers on
    lines of their own, payloads of `length` bytes or up to the end of the line.

    Args:
        body: The decompressed request body.

    Returns:
        The envelope with its items in order.
    """
    head, _, rest = body.partition(b"\n")
    items = []
    while rest := rest.lstrip(b"\n"):
        line, _, rest = rest.partition(b"\n")
        headers = json.loads(line)
        size = headers.get("length", rest.find(b"\n") if b"\n" in rest else len(rest))
        items.append(EnvelopeItem(headers, rest[:size]))
        rest = rest[size:]
    return Envelope(json.loads(head), tuple(items))
