"""Where Sentry's envelopes end in every composition that has Sentry: nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentry_sdk.transport import Transport

if TYPE_CHECKING:
    from sentry_sdk.envelope import Envelope

DSN = "https://public@sentry.invalid/1"


class NoOpTransport(Transport):
    """Takes every envelope and sends none."""

    def capture_envelope(self, envelope: Envelope) -> None:
        """Forget it."""

    def on_dropped_event(self, reason: str) -> None:
        """Do nothing: the HTTP transports have this, and steadfastapi relies on it."""
