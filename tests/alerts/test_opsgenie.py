"""What OpsGenie is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steadfastapi.alerts import Alert, OpsGenieAlerter
from steadfastapi.exceptions import ConfigurationError
from support.alerts import LOCAL, opened, resolved
from support.receiver import HttpReceiver, ReceivedRequest

KEY = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"


def told(alert: Alert) -> tuple[ReceivedRequest, dict[str, Any]]:
    """Return the request that arrives at a receiver, and its body."""
    with HttpReceiver() as receiver:
        url = f"{receiver.endpoint}/v2/alerts"
        OpsGenieAlerter(KEY, url=url, **LOCAL).notify(alert)
        [request] = receiver.received
    return request, json.loads(request.body)


def test_an_alert_is_created() -> None:
    """With the key in a header."""
    request, body = told(
        opened(
            "probe:" + "x" * 900,
            title="t" * 200,
            severity="critical",
            link="https://a.example/",
        )
    )

    assert "/v2/alerts" == request.path
    assert f"GenieKey {KEY}" == request.headers["authorization"]
    assert (512, 130, "P1") == (
        len(body["alias"]),
        len(body["message"]),
        body["priority"],
    )
    assert {"link": "https://a.example/"} == body["details"]


def test_it_is_closed_by_its_alias() -> None:
    """Which cannot lead anywhere else."""
    request, body = told(resolved("probe:../a b?c=/d"))

    assert (
        "/v2/alerts/shop%3Aprobe%3A..%2Fa%20b%3Fc%3D%2Fd/close?identifierType=alias"
        == request.path
    )
    assert "probe:../a b?c=/d is well" == body["note"]


def test_every_region_has_its_address() -> None:
    """Jira Service Management goes on when OpsGenie has ended."""
    hosts = [
        OpsGenieAlerter(api_key=KEY, region=region)._target.host
        for region in ("us", "eu", "jsm")
    ]

    assert ["api.opsgenie.com", "api.eu.opsgenie.com", "api.atlassian.com"] == hosts


def test_sec_19_the_key_is_a_secret() -> None:
    """Also one that cannot be sent."""
    alerter = OpsGenieAlerter(KEY)
    with pytest.raises(ConfigurationError) as error:
        OpsGenieAlerter(f"{KEY}\n", region="mars")  # type: ignore[arg-type]

    assert "OpsGenieAlerter(api_key=[redacted], source='steadfastapi')" == repr(alerter)
    assert KEY not in f"{error.value} {vars(alerter)}"
    assert "region='mars'" in str(error.value)
