"""What PagerDuty is told."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from steadfastapi.alerts import Alert, PagerDutyAlerter
from steadfastapi.exceptions import ConfigurationError
from support.alerts import LOCAL, bodies, opened, resolved
from support.receiver import HttpReceiver

KEY = "0123456789abcdef0123456789abcdef"


def told(*alerts: Alert) -> list[dict[str, Any]]:
    """Return the events that arrive at a receiver."""
    with HttpReceiver() as receiver:
        alerter = PagerDutyAlerter(KEY, url=f"{receiver.endpoint}/v2/enqueue", **LOCAL)
        for alert in alerts:
            alerter.notify(alert)
        return bodies(receiver)


def test_an_incident_opens_and_is_resolved() -> None:
    """By one key."""
    opening, end = told(opened(severity="critical", labels={"a": "b"}), resolved())

    assert ("trigger", "resolve") == (opening["event_action"], end["event_action"])
    assert "shop:probe:db" == opening["dedup_key"] == end["dedup_key"]
    assert KEY == opening["routing_key"]
    assert {
        "summary": "probe:db is down",
        "source": "shop",
        "severity": "critical",
        "custom_details": {"a": "b", "text": ""},
    } == {
        name: opening["payload"][name]
        for name in opening["payload"]
        if name != "timestamp"
    }


def test_hc_10_keys_have_at_most_255_characters() -> None:
    """Long ones stay different, and the same for both states."""
    long = "probe:" + "x" * 500
    events = told(opened(f"{long}1"), resolved(f"{long}1"), opened(f"{long}2"))
    keys = [event["dedup_key"] for event in events]

    assert [255, 255, 255] == [len(key) for key in keys]
    assert keys[0] == keys[1] != keys[2]


def test_a_link_is_shown() -> None:
    """In a list of its own."""
    [event] = told(opened(link="https://ops.example.com/health"))

    assert [{"href": "https://ops.example.com/health", "text": "Details"}] == (
        event["links"]
    )


def test_sec_19_the_key_is_a_secret() -> None:
    """And it goes to PagerDuty only, in the account's region."""
    made = [
        PagerDutyAlerter(SecretStr(KEY)),
        PagerDutyAlerter(routing_key="your-routing-key", region="eu", source="shop"),
    ]

    assert ["events.pagerduty.com", "events.eu.pagerduty.com"] == [
        one._target.host for one in made
    ]
    assert KEY not in repr(made) + str(vars(made[0]))


@pytest.mark.parametrize("key", ["", "two words", "line\n", None, 3, "ключ"])
def test_a_key_that_is_none_is_refused(key: Any) -> None:
    """In one error with everything else, and without the key."""
    with pytest.raises(ConfigurationError) as error:
        PagerDutyAlerter(key, region="mars", source="")  # type: ignore[arg-type]

    assert 4 >= len(error.value.problems) >= 3
    assert "routing_key" in str(error.value)
    assert not key or str(key) not in error.value.problems[0]
