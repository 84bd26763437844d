"""The way to one alerter: retries, pauses, claims, and what is given up."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import pytest

from steadfastapi._counts import counts
from steadfastapi._egress import MAX_SECONDS
from steadfastapi.alerts import Alert, WebhookAlerter, channel
from steadfastapi.alerts.channel import MAX_PAUSE, Channel
from steadfastapi.signals import ALERT_DELIVERIES, ALERTS_DROPPED
from support.alerts import BRISK, LOCAL, Somebody, bodies, opened
from support.receiver import HttpReceiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def make() -> Iterator[Callable[..., Channel]]:
    """Channels that are closed afterwards."""
    made: list[Channel] = []

    def one(alerter: Any, **options: Any) -> Channel:
        given = {"pace": BRISK, "claims": None, "is_quiet": lambda: False}
        made.append(Channel("hook", alerter, **(given | options)))
        return made[-1]

    yield one
    for each in made:
        each.close(time.monotonic() + 0.2)


def settled(one: Channel, seconds: float = 10.0) -> None:
    """Wait until nothing waits."""
    ends_at = time.monotonic() + seconds
    while one.count().waiting:
        assert time.monotonic() < ends_at, one.count()
        time.sleep(0.005)


def test_nb_6_the_longest_way_back_is_less_than_ten_seconds() -> None:
    """An attempt that hangs through the repair, and the pause after it."""
    assert MAX_PAUSE + MAX_SECONDS < 10


@pytest.mark.parametrize("status", [500, 503, 429, 408, None])
def test_what_may_be_over_soon_is_tried_again(
    status: int | None, make: Callable[..., Channel]
) -> None:
    """Also an answer that never came: twice is better than never."""
    with HttpReceiver() as receiver:
        receiver.respond_with(status, times=1)
        hook = make(WebhookAlerter(receiver.endpoint, **LOCAL))
        hook.put(opened(), quiet=False)
        receiver.wait_for_requests(2)
        settled(hook)

        assert 1 == len(bodies(receiver))
    assert (1, 1, {}) == (
        hook.count().delivered,
        hook.count().failed,
        hook.tally.dropped,
    )


@pytest.mark.parametrize("status", [302, 400, 403, 404, 410])
def test_what_is_refused_for_good_is_given_up(
    status: int, make: Callable[..., Channel]
) -> None:
    """The next alert has its chance."""
    with HttpReceiver() as receiver:
        receiver.respond_with(status, {"Location": receiver.endpoint}, times=1)
        hook = make(WebhookAlerter(receiver.endpoint, **LOCAL))
        hook.put(opened("probe:1"), quiet=False)
        hook.put(opened("probe:2"), quiet=False)
        receiver.wait_for_requests(2)
        settled(hook)

        assert ["probe:2"] == [one["key"] for one in bodies(receiver)]
    assert {"rejected": 1} == hook.count().dropped


@pytest.mark.parametrize("header", ["1", "date"])
def test_a_system_is_left_alone_for_as_long_as_it_asks(
    header: str, make: Callable[..., Channel]
) -> None:
    """In seconds or until a date; nobody is asked meanwhile."""
    if header == "date":
        moment = time.time() + 2
        header = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(moment))
    with HttpReceiver() as receiver:
        receiver.respond_with(429, {"Retry-After": header}, times=1)
        hook = make(WebhookAlerter(receiver.endpoint, **LOCAL))
        hook.put(opened("probe:1"), quiet=False)
        hook.put(opened("probe:2"), quiet=False)
        first, second, *_ = receiver.wait_for_requests(3)

        assert 0.9 <= second.at - first.at < 3


def test_one_that_always_fails_holds_up_no_other(
    make: Callable[..., Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They take turns; after an hour it is given up."""
    monkeypatch.setattr(channel, "GIVE_UP_AFTER", 0.3)
    told: list[str] = []

    def picky(alert: Alert) -> None:
        if alert.key == "probe:bad":
            raise ValueError("cannot read that")
        told.append(alert.key)

    from steadfastapi.alerts.alerter import FunctionAlerter

    hook = make(FunctionAlerter(picky))
    hook.put(opened("probe:bad"), quiet=False)
    hook.put(opened("probe:good"), quiet=False)
    settled(hook)

    assert ["probe:good"] == told
    assert {"expired": 1} == hook.count().dropped


def test_failures_are_logged_seldom_and_without_secrets(
    make: Callable[..., Channel], caplog: pytest.LogCaptureFixture
) -> None:
    """As a warning: an error would be captured, and be an alert of its own."""
    caplog.set_level(logging.DEBUG, "steadfastapi.alerts")
    with HttpReceiver() as receiver:
        receiver.respond_with(500, times=2)
        url = f"{receiver.endpoint}/s3cretpath"
        hook = make(WebhookAlerter(url, headers={"X-Key": "s3cretvalue"}, **LOCAL))
        hook.put(opened(), quiet=False)
        receiver.wait_for_requests(3)
        settled(hook)

    assert ["alert not delivered by hook: HTTP 500; tried again"] == caplog.messages
    assert ["WARNING"] == [record.levelname for record in caplog.records]
    assert "s3cret" not in str([vars(record) for record in caplog.records])


def test_texts_of_other_errors_are_not_logged(
    make: Callable[..., Channel], caplog: pytest.LogCaptureFixture
) -> None:
    """They name addresses."""
    somebody = Somebody()
    somebody.error = OSError("https://hooks.example.com/s3cret")
    hook = make(somebody)
    hook.put(opened(), quiet=False)
    somebody.wait(lambda: somebody.attempts > 1)

    assert ["alert not delivered by hook: OSError; tried again"] == caplog.messages


def test_everything_is_counted(make: Callable[..., Channel]) -> None:
    """In families that the metrics listen to."""
    heard: dict[tuple[str, ...], float] = {}

    def hear(family: Any, labels: tuple[str, ...], value: float) -> None:
        if family in (ALERT_DELIVERIES, ALERTS_DROPPED) and labels[0] == "hook":
            heard[family.name, *labels] = heard.get((family.name, *labels), 0) + value

    stop = counts.subscribe(hear)
    try:
        with HttpReceiver() as receiver:
            receiver.respond_with(500, times=1)
            hook = make(WebhookAlerter(receiver.endpoint, **LOCAL))
            hook.put(opened(), quiet=False)
            hook.put(opened(), quiet=False)
            receiver.wait_for_requests(2)
            settled(hook)
            hook.put(opened(), quiet=False)
    finally:
        stop()

    assert 1 == heard["alert_deliveries", "hook", "ok"]
    assert 1 == heard["alert_deliveries", "hook", "retry"]
    assert 2 == sum(value for key, value in heard.items() if key[0] == "alerts_dropped")


def test_without_a_thread_the_next_alert_tries_again(
    make: Callable[..., Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process may have no thread to spare for a while (TP-8)."""
    from steadfastapi._guard import guard

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(guard, "contain_under_pytest", True)
    somebody = Somebody()
    hook = make(somebody)
    with monkeypatch.context() as patch:
        patch.setattr("threading.Thread.start", refuse)
        hook.put(opened("probe:1"), quiet=False)
    hook.put(opened("probe:2"), quiet=False)
    somebody.wait_for(2)

    assert [("probe:1", "open"), ("probe:2", "open")] == somebody.states
