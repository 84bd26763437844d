"""What Teams is told."""

from __future__ import annotations

from typing import Any

import pytest

from steadfastapi.alerts import Alert, TeamsAlerter
from steadfastapi.exceptions import ConfigurationError
from support.alerts import LOCAL, bodies, opened, resolved
from support.receiver import HttpReceiver

HOSTILE = "GET /<at>everyone</at>/[click](https://evil.example)/**bold**"


def card(alert: Alert) -> dict[str, Any]:
    """Return the card that arrives at a receiver."""
    with HttpReceiver() as receiver:
        TeamsAlerter(f"{receiver.endpoint}/workflows/x", **LOCAL).notify(alert)
        [body] = bodies(receiver)
    [attachment] = body["attachments"]
    assert "message" == body["type"]
    assert "application/vnd.microsoft.card.adaptive" == attachment["contentType"]
    content: dict[str, Any] = attachment["content"]
    return content


def test_sec_20_a_path_mentions_nobody() -> None:
    """Text runs know no Markdown, and a mention would need an entity."""
    body = card(opened(HOSTILE, title=HOSTILE, text=HOSTILE, labels={HOSTILE: HOSTILE}))

    assert {"RichTextBlock"} == {block["type"] for block in body["body"]}
    assert {"TextRun"} == {
        run["type"] for block in body["body"] for run in block["inlines"]
    }
    assert "msteams" not in body
    assert "actions" not in body


def test_a_card_says_everything() -> None:
    """Title, text, facts, link."""
    body = card(
        opened(
            text="timeout",
            labels={"probe": "db"},
            link="https://ops.example.com/health",
        )
    )
    texts = [block["inlines"][0]["text"] for block in body["body"]]

    assert ["error: probe:db is down", "timeout", "source: shop", "probe: db"] == (
        texts[:4]
    )
    assert "attention" == body["body"][0]["inlines"][0]["color"]
    assert "https://ops.example.com/health" == body["actions"][0]["url"]


def test_one_that_is_over_is_green() -> None:
    """By the word that adaptive cards have for it."""
    first = card(resolved())["body"][0]["inlines"][0]

    assert ("resolved: probe:db is well", "good") == (first["text"], first["color"])


@pytest.mark.parametrize(
    "host",
    [
        "prod-12.westeurope.logic.azure.com",
        "default1.2.environment.api.powerplatform.com",
        "acme.webhook.office.com",
    ],
)
def test_sec_19_workflows_and_connectors_are_known(host: str) -> None:
    """Other hosts are refused, and the address is a secret."""
    assert "TeamsAlerter(webhook_url=[redacted])" == repr(
        TeamsAlerter(f"https://{host}/workflows/s3cretpath?sig=s3cret")
    )
    with pytest.raises(ConfigurationError) as error:
        TeamsAlerter(f"https://{host}.evil.example/s3cretpath")
    assert "s3cret" not in str(error.value)
