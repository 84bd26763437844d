"""Microsoft Teams: webhooks of Workflows, and what is left of connectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from steadfastapi.alerts.http import HttpAlerter, Message

if TYPE_CHECKING:
    from steadfastapi.alerts.alert import Alert
    from steadfastapi.alerts.options import EgressOptions, Secret

HOSTS = (
    ".api.powerplatform.com",
    ".logic.azure.com",
    ".logic.azure.us",
    ".webhook.office.com",
    "outlook.office.com",
)

_COLORS = ("good", "accent", "warning", "attention", "attention")
"""By `Alert.level`."""


class TeamsAlerter(HttpAlerter):
    """Posts an adaptive card to a Teams channel.

    Args:
        webhook_url: Of a workflow "Post to a channel when a webhook request is
            received", or of an incoming webhook. A secret.
        **options: See `EgressOptions`.

    Raises:
        ConfigurationError: An argument cannot be used.
    """

    name = "teams"
    interval = 0.5
    """Teams throttles above four requests a second."""

    def __init__(self, webhook_url: Secret, **options: Unpack[EgressOptions]) -> None:
        super().__init__(
            webhook_url, argument="webhook_url", hosts=HOSTS, options=options
        )

    def message(self, alert: Alert) -> Message:
        """Return a card of text runs, in which Teams reads no Markdown."""
        state = "resolved" if not alert.is_open else alert.severity
        title = _text(
            f"{state}: {alert.title}",
            color=_COLORS[alert.level],
            size="medium",
            weight="bolder",
        )
        facts = {"source": alert.source, **alert.labels, "at": alert.at.isoformat()}
        lines = [f"{name}: {value}" for name, value in facts.items() if value]
        body = [title, *(_text(text) for text in (alert.text, *lines) if text)]
        card: dict[str, Any] = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            # A mention would need an entity beside its text: there is none.
            "body": body,
        }
        if alert.link:
            card["actions"] = [
                {"type": "Action.OpenUrl", "title": "Details", "url": alert.link}
            ]
        attachment = {
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": card,
        }
        return Message({"type": "message", "attachments": [attachment]})

    def __repr__(self) -> str:
        return "TeamsAlerter(webhook_url=[redacted])"


def _text(text: str, **style: str) -> dict[str, Any]:
    run = {"type": "TextRun", "text": text, **style}
    return {"type": "RichTextBlock", "inlines": [run]}
