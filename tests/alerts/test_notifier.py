"""Everyone is told once, in the background, and not too often."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import warnings
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from steadfastapi._guard import guard
from steadfastapi.alerts import (
    Alert,
    Notifier,
    Pace,
    SlackAlerter,
    WebhookAlerter,
)
from support.alerts import (
    BRISK,
    LOCAL,
    Somebody,
    balance,
    bodies,
    opened,
    resolved,
    until,
)
from support.faults import BlackHole, refused_port
from support.receiver import HttpReceiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from steadfastapi.alerts.options import EgressOptions


@pytest.fixture
def make() -> Iterator[Callable[..., Notifier]]:
    """Notifiers that are stopped afterwards."""
    made: list[Notifier] = []

    def one(*alerters: Any, **options: Any) -> Notifier:
        made.append(Notifier(alerters, **({"pace": BRISK} | options)))
        return made[-1]

    yield one
    for notifier in made:
        notifier.stop(0.2)


def test_an_alert_reaches_everyone(make: Callable[..., Notifier]) -> None:
    """Objects and functions, sync and async, each in its own thread."""
    somebody, seen = Somebody(), []
    done = threading.Barrier(3)

    def plain(alert: Alert) -> None:
        seen.append(("plain", alert.key))
        done.wait(5)

    async def later(alert: Alert) -> None:
        await asyncio.sleep(0)
        seen.append(("later", alert.key))
        done.wait(5)

    notifier = make(somebody, plain, later)
    notifier.notify(opened())
    done.wait(5)
    somebody.wait_for(1)

    assert ["somebody", "plain", "later"] == notifier.names
    assert [("later", "probe:db"), ("plain", "probe:db")] == sorted(seen)


def test_what_is_over_is_told_when_it_lasts(make: Callable[..., Notifier]) -> None:
    """After `settle` seconds, once."""
    somebody = Somebody()
    notifier = make(somebody)
    started = time.monotonic()
    notifier.notify(opened())
    somebody.wait_for(1)
    notifier.notify(resolved())
    somebody.wait_for(2)

    assert [("probe:db", "open"), ("probe:db", "resolved")] == somebody.states
    assert BRISK.settle <= time.monotonic() - started < 2.0


def test_hc_10_a_thousand_flaps_are_one_open_and_one_resolve(
    make: Callable[..., Notifier],
) -> None:
    """Received by a real server; the last state is what remains."""
    with HttpReceiver() as receiver:
        notifier = make(WebhookAlerter(f"{receiver.endpoint}/hook", **LOCAL))
        notifier.notify(opened())
        receiver.wait_for_requests(1)
        for _ in range(1_000):
            notifier.notify(resolved())
            notifier.notify(opened())
        notifier.notify(resolved())
        until(lambda: notifier.tallies["webhook"].waiting == 0)

        assert ["open", "resolved"] == [one["state"] for one in bodies(receiver)]
        assert 2_002 == notifier.tallies["webhook"].accepted
        balance(notifier)


def test_hc_10_slack_gets_one_message_a_second(make: Callable[..., Notifier]) -> None:
    """Whatever happens."""
    with HttpReceiver() as receiver:
        notifier = make(SlackAlerter(f"{receiver.endpoint}/services/T/B/x", **LOCAL))
        for number in range(3):
            notifier.notify(opened(f"probe:{number}"))
        arrivals = [one.at for one in receiver.wait_for_requests(3)]

    gaps = [later - before for before, later in pairwise(arrivals)]
    assert [] == [gap for gap in gaps if gap < 0.99]


def test_nb_6_the_newest_state_of_each_alert_arrives_after_the_repair(
    make: Callable[..., Notifier],
) -> None:
    """One message for each, less than 10 s later; nobody waited meanwhile."""
    with refused_port() as port:
        notifier = make(WebhookAlerter(f"http://127.0.0.1:{port}/", **LOCAL))
        started = time.monotonic()
        for number in range(20):
            notifier.notify(opened(f"probe:{number}"))
        for number in range(10):
            notifier.notify(resolved(f"probe:{number}"))
        asked = time.monotonic() - started
        until(lambda: notifier.tallies["webhook"].failed >= 2)
    repaired = time.monotonic()
    with HttpReceiver(port) as receiver:
        receiver.wait_for_requests(20, 10.0)
        until(lambda: notifier.tallies["webhook"].waiting == 0)
        told = {body["key"]: body["state"] for body in bodies(receiver)}

        assert 20 == receiver.requests == len(told)
        assert {"open": 10, "resolved": 10} == _count(bodies(receiver))
        assert ["resolved"] * 10 == [told[f"probe:{number}"] for number in range(10)]
    assert time.monotonic() - repaired < 10
    assert asked < 1.0
    balance(notifier)


def test_nb_7_queues_are_bounded(make: Callable[..., Notifier]) -> None:
    """100,000 alerts to a black hole: 1,000 wait, the others are counted."""
    with BlackHole() as hole:
        notifier = make(WebhookAlerter(f"http://127.0.0.1:{hole.port}/", **LOCAL))
        alert = opened()
        for number in range(100_000 // 50):
            notifier.notify(opened(f"probe:{number}"))
            for _ in range(49):
                notifier.notify(alert)
        tally = notifier.tallies["webhook"]

        assert 100_000 == tally.accepted
        assert tally.waiting <= 1_000
        assert 1_000 <= tally.dropped["full"]
        balance(notifier)


def test_one_that_hangs_holds_up_no_other(make: Callable[..., Notifier]) -> None:
    """Each has a thread and a queue of its own."""
    somebody = Somebody()
    with BlackHole() as hole:
        slow: EgressOptions = {**LOCAL, "timeout": 5.0}
        webhook = WebhookAlerter(f"http://127.0.0.1:{hole.port}/", **slow)
        notifier = make(webhook, somebody)
        started = time.monotonic()
        notifier.notify(opened())
        somebody.wait_for(1)

        assert time.monotonic() - started < 2.0


def test_nobody_is_told_in_maintenance(make: Callable[..., Notifier]) -> None:
    """What began and ended meanwhile, never; what is still so, when it ends."""
    somebody, quiet = Somebody(), threading.Event()
    quiet.set()
    notifier = make(somebody, is_quiet=quiet.is_set)
    notifier.notify(opened("probe:gone"))
    notifier.notify(resolved("probe:gone"))
    notifier.notify(opened("probe:stays"))
    until(lambda: notifier.tallies["somebody"].waiting == 1)
    assert [] == somebody.told
    quiet.clear()
    somebody.wait_for(1)
    notifier.notify(opened("probe:next"))
    somebody.wait_for(2)

    assert [("probe:stays", "open"), ("probe:next", "open")] == somebody.states
    balance(notifier)


def test_a_question_about_maintenance_that_fails_is_none(
    make: Callable[..., Notifier], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Better told once too often."""
    monkeypatch.setattr(guard, "contain_under_pytest", True)
    somebody = Somebody()
    make(somebody, is_quiet=lambda: 1 / 0).notify(opened())
    somebody.wait_for(1)

    assert guard.counts["alerts.quiet"] > 0


def test_stopping_tells_what_is_due(make: Callable[..., Notifier]) -> None:
    """And that something is over, which nobody would tell later."""
    somebody = Somebody()
    notifier = make(somebody, pace=Pace(settle=60, every=60))
    notifier.notify(opened())
    somebody.wait_for(1)
    notifier.notify(resolved())
    notifier.notify(opened("probe:other"))

    assert notifier.stop(2.0)
    assert [
        ("probe:db", "open"),
        ("probe:db", "resolved"),
        ("probe:other", "open"),
    ] == [somebody.states[0], *sorted(somebody.states[1:])]
    notifier.notify(opened("probe:late"))
    assert {"shutdown": 1} == notifier.tallies["somebody"].dropped
    balance(notifier)


def test_stopping_keeps_its_deadline(make: Callable[..., Notifier]) -> None:
    """With a system that hangs; what is left is counted, and it says so."""
    with BlackHole() as hole:
        webhook = WebhookAlerter(f"http://127.0.0.1:{hole.port}/", **LOCAL)
        notifier = make(webhook)
        notifier.notify(opened("probe:1"))
        notifier.notify(opened("probe:2"))
        started = time.monotonic()

        assert not notifier.stop(0.2)
        assert time.monotonic() - started < 1.0
        assert 2 == notifier.tallies["webhook"].dropped["shutdown"]
        balance(notifier)


def test_what_arrives_too_late_is_counted_once(
    make: Callable[..., Notifier],
) -> None:
    """As lost: the process has said so already."""
    release, returned = threading.Event(), threading.Event()

    def dawdle(alert: Alert) -> None:
        release.wait(5)
        returned.set()

    notifier = make(dawdle)
    [channel] = notifier._channels
    notifier.notify(opened())
    thread = channel._thread
    assert not notifier.stop(0.1)
    release.set()
    assert thread is not None
    thread.join(5)

    assert returned.is_set()
    assert (0, {"shutdown": 1}) == (
        notifier.tallies["dawdle"].delivered,
        notifier.tallies["dawdle"].dropped,
    )
    balance(notifier)


def test_a_notifier_starts_again(make: Callable[..., Notifier]) -> None:
    """As an application does in tests."""
    somebody = Somebody()
    notifier = make(somebody)
    notifier.notify(opened("probe:1"))
    somebody.wait_for(1)
    notifier.stop(1.0)
    notifier.start()
    notifier.notify(opened("probe:2"))
    somebody.wait_for(2)

    assert [("probe:1", "open"), ("probe:2", "open")] == somebody.states


@pytest.mark.anyio
async def test_async_alerters_run_on_the_loop_of_the_application(
    make: Callable[..., Notifier],
) -> None:
    """Where their clients live; a slow one is cancelled."""
    loops: list[Any] = []
    told = asyncio.Event()

    async def alerter(alert: Alert) -> None:
        loops.append(asyncio.get_running_loop())
        told.set()

    notifier = make(alerter)
    notifier.start()
    notifier.notify(opened())
    await asyncio.wait_for(told.wait(), 5)

    assert [asyncio.get_running_loop()] == loops
    assert await asyncio.to_thread(notifier.stop, 2.0)


def test_a_forked_worker_tells_its_own_alerts(make: Callable[..., Notifier]) -> None:
    """Those of its parent, the parent tells."""
    with HttpReceiver() as receiver:
        notifier = make(WebhookAlerter(f"{receiver.endpoint}/", **LOCAL))
        notifier.notify(opened("probe:parent"))
        receiver.wait_for_requests(1)
        with warnings.catch_warnings():
            # Python 3.12 and newer warn of threads: they are what is tested.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            notifier.notify(opened("probe:child"))
            os._exit(0 if notifier.stop(3.0) else 1)
        assert 0 == os.waitpid(child, 0)[1]
        receiver.wait_for_requests(2)

        assert ["probe:parent", "probe:child"] == [
            one["key"] for one in bodies(receiver)
        ]
        assert 1 == notifier.tallies["webhook"].accepted


def test_no_thread_is_there_before_the_first_alert(
    make: Callable[..., Notifier],
) -> None:
    """A process that prepares and forks has none."""
    before = threading.active_count()
    notifier = make(Somebody(), Somebody())
    notifier.start()

    assert before == threading.active_count()
    assert ["somebody", "somebody-2"] == notifier.names


def _count(told: list[dict[str, Any]]) -> dict[str, int]:
    states = [one["state"] for one in told]
    return {state: states.count(state) for state in dict.fromkeys(states)}
