"""What any other system is told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from steadfastapi.alerts import WebhookAlerter
from steadfastapi.exceptions import ConfigurationError
from support.alerts import LOCAL, bodies, opened
from support.receiver import HttpReceiver

AT = datetime(2026, 3, 30, 12, tzinfo=UTC)


def test_an_alert_is_told_as_it_is() -> None:
    """With the fields that fastapi-watch sends, where it is about a probe."""
    labels = {"probe": "redis", "old_status": "healthy", "new_status": "unhealthy"}
    with HttpReceiver() as receiver:
        alerter = WebhookAlerter(
            url=f"{receiver.endpoint}/hook?token=1",
            headers={"Authorization": "Bearer my-token"},
            **LOCAL,
        )
        alerter.notify(opened(text="timeout", at=AT, labels=labels))
        [request] = receiver.received
        [body] = bodies(receiver)

    assert "/hook?token=1" == request.path
    assert "Bearer my-token" == request.headers["authorization"]
    assert "application/json" == request.headers["content-type"]
    assert body == {
        "key": "probe:db",
        "state": "open",
        "title": "probe:db is down",
        "text": "timeout",
        "severity": "error",
        "source": "shop",
        "timestamp": "2026-03-30T12:00:00+00:00",
        "labels": labels,
        "link": "",
        **labels,
    }


def test_sec_19_address_and_headers_are_secrets() -> None:
    """In repr and errors."""
    url = "https://hooks.example.com/s3cretpath"
    alerter = WebhookAlerter(url, headers={"X-Key": "s3cretvalue"})
    with pytest.raises(ConfigurationError) as error:
        WebhookAlerter(f"http://{url}", headers={"X-Key": "s3cretvalue\n", "a b": "c"})

    assert "WebhookAlerter(url=[redacted])" == repr(alerter)
    assert "s3cret" not in f"{error.value} {vars(alerter)}"
    assert ["'X-Key'", "'a b'"] == [
        problem.split("headers: ")[1].split(" is")[0]
        for problem in error.value.problems
    ]
