"""Any system that takes JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from steadfastapi.alerts.http import HttpAlerter, Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steadfastapi.alerts.alert import Alert
    from steadfastapi.alerts.options import EgressOptions, Secret

WATCH_FIELDS = ("probe", "old_status", "new_status")
"""Beside `timestamp`, the payload of fastapi-watch's `WebhookAlerter`."""


class WebhookAlerter(HttpAlerter):
    """Posts every alert as JSON.

    The payload has `key`, `state`, `title`, `text`, `severity`, `source`, `timestamp`,
    `labels` and `link`; of health probes also `probe`, `old_status` and `new_status`,
    as fastapi-watch sends them.

    Args:
        url: Where to. A secret.
        headers: Sent along, e.g. `Authorization`; values are secrets.
        **options: See `EgressOptions`.

    Raises:
        ConfigurationError: An argument cannot be used.
    """

    name = "webhook"

    def __init__(
        self,
        url: Secret,
        *,
        headers: Mapping[str, Secret] | None = None,
        **options: Unpack[EgressOptions],
    ) -> None:
        super().__init__(url, argument="url", headers=headers, options=options)

    def message(self, alert: Alert) -> Message:
        """Return the alert as it is."""
        payload = {
            "key": alert.key,
            "state": alert.state,
            "title": alert.title,
            "text": alert.text,
            "severity": alert.severity,
            "source": alert.source,
            "timestamp": alert.at.isoformat(),
            "labels": dict(alert.labels),
            "link": alert.link,
        }
        for name in WATCH_FIELDS:
            if name in alert.labels:
                payload[name] = alert.labels[name]
        return Message(payload)

    def __repr__(self) -> str:
        return "WebhookAlerter(url=[redacted])"
