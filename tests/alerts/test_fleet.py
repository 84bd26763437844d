"""One of several replicas tells an alert, and none is lost."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from steadfastapi.alerts import (
    DeliveryError,
    MemoryClaims,
    Notifier,
    RedisClaims,
    fleet,
)
from support.alerts import BRISK, Somebody, balance, opened, resolved, until
from support.faults import refused_port
from support.redis import URL, namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def make() -> Iterator[Callable[..., Notifier]]:
    """Replicas that are stopped afterwards."""
    made: list[Notifier] = []

    def one(alerter: Any, **options: Any) -> Notifier:
        made.append(Notifier([alerter], pace=BRISK, **options))
        return made[-1]

    yield one
    for notifier in made:
        notifier.stop(0.2)


@pytest.mark.parametrize("store", ["memory", "redis"])
def test_replicas_tell_an_alert_once(store: str, make: Callable[..., Notifier]) -> None:
    """Both states, whoever of them is first."""
    replicas = [Somebody() for _ in range(3)]
    with ExitStack() as stack:
        memory = MemoryClaims()
        name = stack.enter_context(namespace()) if store == "redis" else ""
        notifiers = [
            make(one, claims=RedisClaims(URL, namespace=name) if name else memory)
            for one in replicas
        ]
        for state in (opened(), resolved()):
            for notifier in notifiers:
                notifier.notify(state)
            until(lambda: all(_has_settled(one) for one in notifiers))
        told = [one for somebody in replicas for one in somebody.states]

    assert [("probe:db", "open"), ("probe:db", "resolved")] == sorted(told)
    for notifier in notifiers:
        balance(notifier)


def test_a_claim_store_that_is_down_loses_no_alert(
    make: Callable[..., Notifier],
) -> None:
    """Every replica tells it then."""
    replicas = [Somebody() for _ in range(2)]
    with refused_port() as port:
        url = f"redis://127.0.0.1:{port}"
        for somebody in replicas:
            make(somebody, claims=RedisClaims(url, namespace="x")).notify(opened())
        for somebody in replicas:
            somebody.wait_for(1)

    assert [[("probe:db", "open")]] * 2 == [one.states for one in replicas]


class Desk:
    """Claims as a test wants them."""

    def __init__(self, *answers: bool | Exception) -> None:
        self.answers = list(answers)
        self.kept: list[tuple[str, str, float]] = []
        self.claimed: list[tuple[str, str, float]] = []

    def claim(self, key: str, state: str, ttl: float) -> bool:
        """Answer as the test said, yes by default."""
        self.claimed.append((key, state, ttl))
        answer = self.answers.pop(0) if self.answers else True
        if isinstance(answer, Exception):
            raise answer
        return answer

    def keep(self, key: str, state: str, ttl: float) -> None:
        """Remember it."""
        self.kept.append((key, state, ttl))


def test_a_claim_store_that_fails_loses_no_alert(make: Callable[..., Notifier]) -> None:
    """It is told, perhaps by several."""
    somebody, desk = Somebody(), Desk(ConnectionError())
    notifier = make(somebody, claims=desk)
    notifier.notify(opened("probe:1"))
    notifier.notify(opened("probe:2"))
    somebody.wait_for(2)

    assert [("probe:1", "open"), ("probe:2", "open")] == somebody.states
    # One that hangs costs time: it is left alone for a while.
    assert 1 == len(desk.claimed)


def test_what_another_process_never_told_is_told(
    make: Callable[..., Notifier], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It died with the claim: that ends, and the next one takes over."""
    monkeypatch.setattr(fleet, "LEASE", 0.2)
    somebody, desk = Somebody(), Desk(False, True)
    notifier = make(somebody, claims=desk)
    notifier.notify(opened())
    somebody.wait_for(1)

    assert [("somebody probe:db", "open", 0.2)] * 2 == desk.claimed


def test_what_another_process_told_is_left_to_it(
    make: Callable[..., Notifier], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a second look."""
    monkeypatch.setattr(fleet, "LEASE", 0.1)
    somebody, desk = Somebody(), Desk(False, False)
    notifier = make(somebody, claims=desk)
    notifier.notify(opened())
    until(lambda: notifier.tallies["somebody"].waiting == 0)

    assert [] == somebody.told
    assert {"claimed": 1} == notifier.tallies["somebody"].dropped


def test_whoever_claimed_goes_on_trying(make: Callable[..., Notifier]) -> None:
    """A retry prolongs the claim; when it is told, it stays for a day."""
    somebody, desk = Somebody(), Desk()
    somebody.error = DeliveryError("HTTP 500")
    notifier = make(somebody, claims=desk)
    notifier.notify(opened())
    somebody.wait(lambda: somebody.attempts == 2)
    somebody.error = None
    somebody.wait_for(1)
    notifier.notify(resolved())
    somebody.wait_for(2)
    notifier.stop(1.0)

    assert ["open", "resolved"] == [state for _, state, _ in desk.claimed]
    assert ("somebody probe:db", "open", fleet.LEASE) == desk.kept[0]
    assert ("somebody probe:db", "open", fleet.KEEP) in desk.kept
    assert ("somebody probe:db worse", "resolved", fleet.KEEP) == desk.kept[-1]


def test_worse_has_a_claim_of_its_own(make: Callable[..., Notifier]) -> None:
    """That it is open, everybody knows already."""
    somebody, desk = Somebody(), Desk()
    notifier = make(somebody, claims=desk)
    notifier.notify(opened(severity="warning"))
    somebody.wait_for(1)
    notifier.notify(opened(severity="critical"))
    somebody.wait_for(2)

    assert ["somebody probe:db", "somebody probe:db worse"] == [
        key for key, *_ in desk.claimed
    ]


def _has_settled(notifier: Notifier) -> bool:
    """Return whether nothing waits, but for a second look at what another claimed."""
    [channel] = notifier._channels
    with channel._changed:
        return all(
            case.newest is None or case.denials > 0
            for case in channel._queue._cases.values()
        )
