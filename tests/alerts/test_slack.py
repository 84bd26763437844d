"""What Slack is told."""

from __future__ import annotations

from typing import Any

import pytest

from steadfastapi.alerts import Alert, SlackAlerter
from steadfastapi.exceptions import ConfigurationError
from support.alerts import LOCAL, bodies, opened, resolved
from support.receiver import HttpReceiver

URL = "https://hooks.slack.com/services/T000/B000/s3cretpath"
HOSTILE = "GET /<!channel>/<@U1>/<https://evil.example|click>?a&b"


def told(alert: Alert, **options: Any) -> dict[str, Any]:
    """Return what arrives at a receiver."""
    with HttpReceiver() as receiver:
        url = f"{receiver.endpoint}/services/T000/B000/x"
        SlackAlerter(url, **LOCAL, **options).notify(alert)
        [body] = bodies(receiver)
    return body


def test_sec_20_a_path_mentions_nobody() -> None:
    """Wherever in the message it stands."""
    with HttpReceiver() as receiver:
        url = f"{receiver.endpoint}/services/T000/B000/x"
        SlackAlerter(url, **LOCAL).notify(
            opened(
                HOSTILE,
                title=HOSTILE,
                text=HOSTILE,
                source=HOSTILE,
                labels={HOSTILE: HOSTILE},
            )
        )
        raw = receiver.raw()
        [body] = bodies(receiver)

    assert "&lt;!channel&gt;" in raw
    assert "<" not in raw
    assert not body["unfurl_links"]
    assert [] == body["attachments"][0]["mrkdwn_in"]


def test_an_open_alert_is_red() -> None:
    """With everything that is known."""
    body = told(
        opened(
            text="timeout",
            labels={"probe": "db"},
            link="https://ops.example.com/health",
        ),
        channel="#ops",
    )
    [attachment] = body["attachments"]

    assert ":red_circle: error: probe:db is down" == body["text"]
    assert ("#ops", "steadfastapi") == (body["channel"], body["username"])
    assert "#dc2626" == attachment["color"]
    assert "timeout" == attachment["text"]
    assert "https://ops.example.com/health" == attachment["title_link"]
    assert ["source", "probe"] == [one["title"] for one in attachment["fields"]]


def test_one_that_is_over_is_green() -> None:
    """And one that is not so bad is amber."""
    assert ":large_green_circle: resolved: probe:db is well" == told(resolved())["text"]
    assert "#d97706" == told(opened(severity="warning"))["attachments"][0]["color"]


def test_sec_19_only_slack_unless_said_otherwise() -> None:
    """What speaks like Slack is named."""
    with pytest.raises(ConfigurationError, match=r"host that is not among hosts=…"):
        SlackAlerter("https://chat.example.org/hooks/s3cretpath")

    SlackAlerter(URL)
    SlackAlerter("https://chat.example.org/hooks/x", hosts=["chat.example.org"])


def test_sec_19_the_address_is_a_secret() -> None:
    """It is in no repr, and in no error about itself."""
    alerter = SlackAlerter(URL, channel="#ops")
    with pytest.raises(ConfigurationError) as error:
        SlackAlerter(URL.replace("https", "http"), username="a\nb", channel="c" * 99)

    assert "SlackAlerter(webhook_url=[redacted], channel='#ops')" == repr(alerter)
    assert 2 == len(error.value.problems)
    assert "s3cretpath" not in f"{error.value} {alerter!r} {vars(alerter)}"
