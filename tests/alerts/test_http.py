"""What all alerters that post have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from steadfastapi.alerts import (
    DeliveryError,
    OpsGenieAlerter,
    PagerDutyAlerter,
    SlackAlerter,
    TeamsAlerter,
    WebhookAlerter,
)
from steadfastapi.alerts.http import MAX_RETRY_AFTER
from support.alerts import LOCAL, opened, resolved
from support.canaries import Canaries
from support.faults import BlackHole, refused_port
from support.names import Names
from support.receiver import HttpReceiver

if TYPE_CHECKING:
    from collections.abc import Callable

    from steadfastapi.alerts.http import HttpAlerter

MAKERS: dict[str, Callable[..., HttpAlerter]] = {
    "slack": SlackAlerter,
    "teams": TeamsAlerter,
    "pagerduty": lambda url, **options: PagerDutyAlerter("key", url=url, **options),
    "opsgenie": lambda url, **options: OpsGenieAlerter("key", url=url, **options),
    "webhook": WebhookAlerter,
}
each_alerter = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


@each_alerter
def test_sec_20_no_secret_is_told(make: Callable[..., HttpAlerter]) -> None:
    """The canaries of an error, in every text of an alert."""
    canaries = Canaries()
    leak = (
        f"postgresql://shop:{canaries.database_password}@db/ failed: "
        f"token={canaries.exception_token} {canaries.provider_key} "
        f"Authorization: Bearer {canaries.bearer}"
    )
    texts: dict[str, Any] = {
        "title": leak,
        "text": leak,
        "source": leak,
        "labels": {"error": leak, "x-api-key": canaries.x_api_key},
        "link": f"https://ops.example.com/?token={canaries.query_token}",
    }
    with HttpReceiver() as receiver:
        alerter = make(f"{receiver.endpoint}/hook", **LOCAL)
        alerter.notify(opened(leak, **texts))
        alerter.notify(resolved(leak, **texts))

        assert 2 == receiver.requests
        assert {} == canaries.find(receiver.raw())


@each_alerter
def test_sec_19_a_name_that_leads_inside_is_refused(
    make: Callable[..., HttpAlerter], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For good, and before a byte is sent."""
    names = Names(monkeypatch)
    names.add("hooks.example.com", ["169.254.169.254"])
    alerter = make("https://hooks.example.com/s3cret", hosts=["hooks.example.com"])
    with pytest.raises(DeliveryError, match="not public") as error:
        alerter.notify(opened())

    assert error.value.permanent
    assert [] == names.connected
    assert "example" not in str(error.value)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("100000", MAX_RETRY_AFTER),
        ("-1", 0.0),
        ("nan", 0.0),
        ("soon", 0.0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", MAX_RETRY_AFTER),
        ("Fri, 01 Jan 2100 00:00:00 -0000", MAX_RETRY_AFTER),
        ("Sat, 01 Jan 2000 00:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_understood(header: str, seconds: float) -> None:
    """Within reason."""
    with HttpReceiver() as receiver:
        receiver.respond_with(429, {"Retry-After": header})
        with pytest.raises(DeliveryError, match="HTTP 429") as error:
            WebhookAlerter(receiver.endpoint, **LOCAL).notify(opened())

    assert seconds == error.value.retry_after
    assert not error.value.permanent


def test_what_does_not_answer_may_answer_later() -> None:
    """Errors name the class, and no address."""
    with BlackHole() as hole, refused_port() as port:
        for one in (hole.port, port):
            alerter = WebhookAlerter(f"http://127.0.0.1:{one}/s3cret", **LOCAL)
            with pytest.raises(DeliveryError) as error:
                alerter.notify(opened())

            assert not error.value.permanent
            assert "127.0.0.1" not in str(error.value)
            assert "s3cret" not in str(error.value)
