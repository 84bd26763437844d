"""Slack's incoming webhooks, and what speaks like them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from steadfastapi.alerts.http import HttpAlerter, Message
from steadfastapi.alerts.options import EgressOptions, Secret, wrong_text

if TYPE_CHECKING:
    from steadfastapi.alerts.alert import Alert

HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")

_COLORS = ("#16a34a", "#64748b", "#d97706", "#dc2626", "#dc2626")
_MARKS = (
    ":large_green_circle:",
    ":large_blue_circle:",
    ":large_yellow_circle:",
    ":red_circle:",
    ":red_circle:",
)
"""By `Alert.level`."""


class SlackAlerter(HttpAlerter):
    """Posts to a Slack channel, at most one message a second.

    Args:
        webhook_url: Of an incoming webhook. A secret: whoever has it can post.
        channel: In place of the webhook's own, where the webhook is old enough to
            allow that.
        username: Shown as the sender, where the webhook allows that.
        **options: See `EgressOptions`; `hosts` is needed for a system that only
            speaks like Slack, such as Mattermost.

    Raises:
        ConfigurationError: An argument cannot be used.
    """

    name = "slack"
    interval = 1.0
    """Slack takes one message a second from a webhook."""

    def __init__(
        self,
        webhook_url: Secret,
        *,
        channel: str | None = None,
        username: str = "steadfastapi",
        **options: Unpack[EgressOptions],
    ) -> None:
        problems = wrong_text("username", username, 80)
        problems += wrong_text("channel", channel, 80) if channel is not None else []
        super().__init__(
            webhook_url,
            argument="webhook_url",
            hosts=HOSTS,
            problems=problems,
            options=options,
        )
        self.channel = channel
        self.username = username

    def message(self, alert: Alert) -> Message:
        """Return text with a colored attachment; nothing in it mentions anyone."""
        state = "resolved" if not alert.is_open else alert.severity
        fields = [
            {"title": escaped(name), "value": escaped(value), "short": len(value) < 40}  # noqa: PLR2004
            for name, value in (*_facts(alert), *alert.labels.items())
        ]
        attachment: dict[str, Any] = {
            "color": _COLORS[alert.level],
            "fallback": escaped(alert.title),
            "text": escaped(alert.text),
            "fields": fields,
            "mrkdwn_in": [],
            "ts": int(alert.at.timestamp()),
        }
        if alert.link:
            attachment |= {"title": "Details", "title_link": escaped(alert.link)}
        payload = {
            "username": self.username,
            "text": f"{_MARKS[alert.level]} {state}: {escaped(alert.title)}",
            "attachments": [attachment],
            # What a link in somebody's path leads to is not fetched and shown.
            "unfurl_links": False,
            "unfurl_media": False,
            "link_names": False,
        }
        return Message(payload | ({"channel": self.channel} if self.channel else {}))

    def __repr__(self) -> str:
        return f"SlackAlerter(webhook_url=[redacted], channel={self.channel!r})"


def escaped(text: str) -> str:
    """Return `text` so that Slack reads no mention, link or command in it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _facts(alert: Alert) -> list[tuple[str, str]]:
    return [("source", alert.source)] if alert.source else []
