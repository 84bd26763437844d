"""What may be an alerter, and what it is called."""

from __future__ import annotations

from typing import Any

import pytest

from steadfastapi.alerts import Alert, Alerter, BaseAlerter, Notifier, WebhookAlerter
from steadfastapi.alerts.alerter import (
    FunctionAlerter,
    as_alerter,
    interval_of,
    name_of,
)
from steadfastapi.exceptions import ConfigurationError
from support.alerts import opened


class SMSAlerter(BaseAlerter):
    """As users write them."""

    def notify(self, alert: Alert) -> None:
        """Tell nobody."""


class Duck:
    """Has what counts."""

    name = "quack quack"

    def notify(self, alert: Alert) -> None:
        """Tell nobody."""


def page(alert: Alert) -> str:
    """Tell nobody."""
    return alert.key


def test_objects_and_functions_are_alerters() -> None:
    """Inheritance is not needed."""
    duck, sms = Duck(), SMSAlerter()
    function = as_alerter(page)

    assert duck is as_alerter(duck)
    assert sms is as_alerter(sms)
    assert isinstance(duck, Alerter)
    assert isinstance(function, FunctionAlerter)
    assert "probe:db" == function.notify(opened())
    assert "FunctionAlerter(page)" == repr(function)
    assert "SMSAlerter()" == repr(sms)


def test_names_are_labels() -> None:
    """Each different, whatever they were given."""
    taken: set[str] = set()
    given: list[Alerter] = [SMSAlerter(), SMSAlerter(), Duck(), FunctionAlerter(page)]
    given += [FunctionAlerter(lambda _: None), WebhookAlerter("https://x.example/")]

    assert ["smsalerter", "smsalerter-2", "custom", "page", "lambda", "webhook"] == [
        name_of(one, taken) for one in given
    ]


@pytest.mark.parametrize("interval", [None, -1, "1", float("nan"), 1e9])
def test_an_interval_that_cannot_be(interval: Any) -> None:
    """Found when the notifier is made."""
    alerter = SMSAlerter()
    alerter.interval = interval
    with pytest.raises(ConfigurationError, match=r"SMSAlerter\.interval is "):
        Notifier([alerter])

    assert 0.0 == interval_of(Duck())


@pytest.mark.parametrize("wrong", [None, 3, "slack", SMSAlerter, WebhookAlerter])
def test_what_is_no_alerter_is_refused(wrong: Any) -> None:
    """With what would be one."""
    with pytest.raises(ConfigurationError, match=r"give an object"):
        as_alerter(wrong)
