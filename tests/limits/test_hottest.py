"""Who is near a limit, for people who look."""

from typing import Any

import pytest

from steadfastapi.limits import hottest
from steadfastapi.limits.demands import Demand, Standing, Verdict
from steadfastapi.limits.hottest import Hottest
from steadfastapi.limits.marks import Priced
from steadfastapi.signals import OTHER

NOBODY: Any = None
LIMIT = Priced(NOBODY, "10 per 1 minute", 10, 60)


def note(
    hot: Hottest, who: str, left: int, *, wait: float = 0.0, route: str = "/route"
) -> None:
    """Note one decision about a client."""
    demand = Demand(f"bucket-{who}", 10, 60, 1)
    verdict = Verdict(granted=wait == 0.0, standings=[Standing(left, 30.0, wait)])
    hot.note(route, [(LIMIT, demand, f"a{who}".encode())], verdict)


def test_the_most_refused_come_first_then_the_most_used() -> None:
    """What nobody has asked for ten minutes is left out."""
    now = [1_000.0]
    hot = Hottest(clock=lambda: now[0])
    note(hot, "past", 0, wait=3.0)
    now[0] += hottest.RECENT + 1
    note(hot, "calm", 9)
    note(hot, "busy", 1)
    note(hot, "over", 0, wait=3.0)

    assert [("over", 1), ("busy", 0), ("calm", 0)] == [
        (one.who, one.denied) for one in hot.buckets(10)
    ]
    assert ["over"] == [one.who for one in hot.buckets(1)]


def test_it_is_bounded_whoever_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The buckets that are asked least go; routes beyond a thousand are one."""
    monkeypatch.setattr(hottest, "MAX_BUCKETS", 10)
    monkeypatch.setattr(hottest, "MAX_ROUTES", 2)
    hot = Hottest()
    for _ in range(3):
        note(hot, "often", 5)
    for number in range(50):
        note(hot, str(number), 9, route=f"/{number}")

    assert len(hot.buckets(100)) <= 10
    assert "often" in {one.who for one in hot.buckets(100)}
    assert {"/route", "/0", OTHER} == {one.route for one in hot.routes()}


def test_a_failing_storage_that_closes_a_route_is_counted() -> None:
    """It has no standings to tell of."""
    hot = Hottest()
    demand = Demand("bucket", 10, 60, 1)
    hot.note("/r", [(LIMIT, demand, b"a")], Verdict(granted=False, unavailable=True))

    (route,) = hot.routes()
    assert ((0, 0, 1), []) == (
        (route.allowed, route.denied, route.unavailable),
        hot.buckets(10),
    )


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        (b"a203.0.113.7", "203.0.113.7"),
        (b"a", "unknown"),
        (b"kcanary-key", "key bucketof"),
    ],
)
def test_what_may_be_a_secret_is_not_shown(key: bytes, shown: str) -> None:
    """An address is; a key of any other kind is the start of its bucket's hash."""
    hot = Hottest()
    verdict = Verdict(granted=True, standings=[Standing(9, 60.0, 0.0)])
    hot.note("/r", [(LIMIT, Demand("bucketofone", 10, 60, 1), key)], verdict)

    assert [shown] == [one.who for one in hot.buckets(1)]
