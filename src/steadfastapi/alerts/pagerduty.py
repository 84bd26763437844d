"""PagerDuty, by its Events API v2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Unpack

from pydantic import SecretStr

from steadfastapi.alerts.alert import shortened
from steadfastapi.alerts.http import HttpAlerter, Message
from steadfastapi.alerts.options import (
    EgressOptions,
    Secret,
    revealed,
    wrong_key,
    wrong_text,
)

if TYPE_CHECKING:
    from steadfastapi.alerts.alert import Alert

URLS = {
    "us": "https://events.pagerduty.com/v2/enqueue",
    "eu": "https://events.eu.pagerduty.com/v2/enqueue",
}
MAX_DEDUP_KEY = 255
"""Characters; longer keys are refused with 400."""


class PagerDutyAlerter(HttpAlerter):
    """Opens an incident for each alert, and resolves it when it is over.

    Args:
        routing_key: Of an integration "Events API v2". A secret.
        source: What is affected, where the alert does not say.
        region: Where the account lives.
        url: Another address than PagerDuty's, for a relay.
        **options: See `EgressOptions`.

    Raises:
        ConfigurationError: An argument cannot be used.
    """

    name = "pagerduty"
    interval = 0.5
    """PagerDuty takes 120 events a minute from an integration."""

    def __init__(
        self,
        routing_key: Secret,
        *,
        source: str = "steadfastapi",
        region: Literal["us", "eu"] = "us",
        url: Secret | None = None,
        **options: Unpack[EgressOptions],
    ) -> None:
        problems = wrong_key("routing_key", routing_key) + wrong_text("source", source)
        if not source:
            problems.append("source='' is empty; PagerDuty asks for one")
        if region not in URLS:
            problems.append(f"region={region!r}: give one of {', '.join(URLS)}")
        super().__init__(
            URLS.get(region, "") if url is None else url,
            argument="url",
            problems=problems,
            options=options,
        )
        self._key = SecretStr(revealed(routing_key))
        self.source = source
        self.region = region

    def message(self, alert: Alert) -> Message:
        """Return an event; open and resolved ones have the same `dedup_key`."""
        key = f"{alert.source}:{alert.key}" if alert.source else alert.key
        event: dict[str, Any] = {
            "routing_key": self._key.get_secret_value(),
            "event_action": "trigger" if alert.is_open else "resolve",
            "dedup_key": shortened(key, MAX_DEDUP_KEY),
        }
        event["payload"] = {
            "summary": alert.title or alert.key[:MAX_DEDUP_KEY],
            "source": alert.source or self.source,
            "severity": alert.severity if alert.is_open else "info",
            "timestamp": alert.at.isoformat(),
            "custom_details": {**alert.labels, "text": alert.text},
        }
        if alert.link:
            event["links"] = [{"href": alert.link, "text": "Details"}]
        return Message(event)

    def __repr__(self) -> str:
        return f"PagerDutyAlerter(routing_key=[redacted], source={self.source!r})"
