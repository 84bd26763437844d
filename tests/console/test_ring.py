"""Which exchanges are remembered, what of them, and what a successful one costs."""

from __future__ import annotations

import gc
import time
import weakref
from typing import Any

import pytest

from steadfastapi._exchange import Exchange
from steadfastapi.console import ring_minutes
from steadfastapi.console.ring import MAX_FIELD, MAX_FIELDS, MAX_PATH, Ring
from steadfastapi.console.ring_minutes import BOUNDS, Minutes, percentile


def finished(seconds: float = 0.01, **facts: Any) -> Exchange:
    """Return a finished exchange that took so long."""
    facts = {"id": "r" * 32, "kind": "http", "method": "GET", "status": 200, **facts}
    facts.setdefault("scope", {"headers": []})
    facts.setdefault("path", "/pay/7")
    facts.setdefault("client", None)
    exchange = Exchange(**facts)
    exchange.end = exchange.start + seconds
    return exchange


def seen(ring: Ring, *exchanges: Exchange) -> list[str]:
    """Let exchanges pass; return the ids of what is kept."""
    for exchange in exchanges:
        ring.begin(exchange)
        ring(exchange)
    return [one.id for one in ring.everything()]


def test_failures_and_slow_ones_are_always_kept() -> None:
    """Whatever room the sample has."""
    ring = Ring(per_second=0, slow_after=0.5)

    kept = seen(
        ring,
        finished(id="fine", started_at=1),
        finished(id="failed", status=500, outcome="server_error", started_at=2),
        finished(id="refused", status=404, outcome="client_error", started_at=3),
        finished(id="limited", status=429, outcome="limited", started_at=4),
        finished(id="gone", status=499, outcome="aborted", started_at=5),
        finished(0.6, id="slow", started_at=6),
    )

    assert ["slow", "gone", "limited", "refused", "failed"] == kept


def test_a_flood_of_one_kind_drives_out_no_other() -> None:
    """A scanner's 404s leave the 500 where it is."""
    ring = Ring(3)
    failed = finished(id="failed", status=500, outcome="server_error", started_at=1)

    kept = seen(
        ring,
        failed,
        *(
            finished(id=f"scan{n}", status=404, outcome="client_error", started_at=n)
            for n in range(2, 50)
        ),
    )

    assert ["scan49", "scan48", "scan47", "failed"] == kept


def test_of_the_others_some_are_kept_each_second() -> None:
    """The budget is renewed with the second."""
    ring = Ring(per_second=2)
    start = float(int(time.perf_counter()) + 1)

    kept = seen(
        ring,
        *(
            finished(0, id=f"{second}.{n}", start=start + second, started_at=second + n)
            for second in (0, 1)
            for n in (0.1, 0.2, 0.3)
        ),
    )

    assert ["1.0.2", "1.0.1", "0.0.2", "0.0.1"] == kept


def test_quiet_exchanges_are_not_counted() -> None:
    """Health checks and the console itself are not the application's traffic."""
    ring = Ring()

    kept = seen(ring, finished(quiet=True, status=503, outcome="server_error"))

    assert [] == kept
    assert 0 == ring.in_flight
    assert 0 == ring.minutes.whole_hour().requests


def test_in_flight_counts_what_has_not_finished() -> None:
    """WebSockets, which last for hours, are not among them."""
    ring = Ring()
    socket = finished(kind="websocket", method="WEBSOCKET")
    one, other = finished(), finished()

    for exchange in (socket, one, other):
        ring.begin(exchange)
    ring(one)

    assert 1 == ring.in_flight


def test_a_streamed_response_is_slow_when_its_first_byte_was() -> None:
    """An event stream of an hour is no slow request."""
    ring = Ring(per_second=0, slow_after=1)
    stream = finished(3600, streamed=True)
    stream.first_byte = stream.start + 0.01

    assert [] == seen(ring, stream)
    hour = ring.minutes.whole_hour()
    assert hour.p99 is not None
    assert hour.p99 < 0.02


def test_nothing_that_is_kept_holds_a_scope_or_an_exception() -> None:
    """Bodies, requests and tracebacks go when the request goes."""

    class State:
        pass

    class Huge:
        pass

    ring = Ring()
    state, value, error = State(), Huge(), ValueError("secret")
    exchange = finished(
        status=500, outcome="server_error", error=error, scope={"state": state}
    )
    exchange.bind(order=value, user_id=7)
    seen(ring, exchange)
    references = [weakref.ref(one) for one in (state, value, exchange.scope["state"])]
    (kept,) = ring.everything()

    del state, value, error, exchange
    gc.collect()

    assert [None, None, None] == [reference() for reference in references]
    assert "ValueError" == kept.error
    assert (("order", "<Huge>"), ("user_id", 7)) == kept.fields


def test_what_is_kept_is_nothing_to_the_garbage_collector() -> None:
    """Thousands of tracked objects would make each of its full runs longer."""
    ring = Ring()
    for number in range(50):
        exchange = finished(status=500, outcome="server_error")
        exchange.bind(user_id=number, cart="c-7")
        seen(ring, exchange)
    gc.collect()

    assert 50 == len(ring.everything())
    assert [] == [flat for flat in ring._failed if gc.is_tracked(flat)]


def test_what_is_kept_of_one_is_bounded() -> None:
    """Path, fields and their values."""
    ring = Ring()
    exchange = finished(path="/" + "x" * 100_000)
    exchange.bind(**{f"field{n}": "y" * 10_000 for n in range(60)})
    seen(ring, exchange)
    (kept,) = ring.everything()

    assert MAX_PATH == len(kept.path)
    assert MAX_FIELDS == len(kept.fields)
    assert {MAX_FIELD} == {len(value) for _, value in kept.fields}


def test_the_latest_of_a_repeated_id_is_found() -> None:
    """A client may send the same one again."""
    ring = Ring()
    seen(ring, *(finished(id="same-one", path=f"/{n}", started_at=n) for n in (1, 2)))

    found = ring.find("same-one")

    assert found is not None
    assert "/2" == found.path
    assert ring.find("another") is None


def test_minutes_count_and_forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """60 of them, empty ones included."""
    wall = [600.0]
    clock = [100.0]
    monkeypatch.setattr(ring_minutes, "time", lambda: wall[0])
    monkeypatch.setattr(ring_minutes, "perf_counter", lambda: clock[0])
    minutes = Minutes()
    minutes.current.buckets[0] += 3
    minutes.current.server_errors += 1

    wall[0], clock[0] = wall[0] + 120, clock[0] + 120
    assert clock[0] >= minutes.ends_at
    minutes.roll(clock[0])
    minutes.current.buckets[1] += 1

    assert [0, 3, 0, 1] == [one.requests for one in minutes.last()[-4:]]
    assert 4 == minutes.whole_hour().requests
    assert 1 == minutes.whole_hour().server_errors
    wall[0], clock[0] = wall[0] + 3_600, clock[0] + 3_600
    assert 60 == len(minutes.last())
    assert 0 == minutes.whole_hour().requests


def test_minutes_take_constant_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the process runs."""
    wall = [0.0]
    monkeypatch.setattr(ring_minutes, "time", lambda: wall[0])
    monkeypatch.setattr(ring_minutes, "perf_counter", lambda: wall[0])
    minutes = Minutes()
    for _ in range(500):
        wall[0] += 60
        minutes.roll(wall[0])

    assert 60 == len(minutes._kept)


@pytest.mark.parametrize("seconds", [0.001, 0.02, 0.3, 4.0])
def test_percentiles_are_right_within_a_bucket(seconds: float) -> None:
    """30 % is the width of one."""
    ring = Ring()
    seen(ring, *(finished(seconds) for _ in range(100)))

    found = ring.minutes.whole_hour().p50

    assert found is not None
    assert abs(found - seconds) <= 0.3 * seconds


def test_percentiles_beyond_the_last_bound_are_at_least_that() -> None:
    """Nothing else is known of them."""
    buckets = [0] * len(BOUNDS) + [5]

    assert BOUNDS[-1] == percentile(buckets, 0.5)
    assert percentile([0] * (len(BOUNDS) + 1), 0.5) is None


def test_a_successful_exchange_costs_two_microseconds_at_most() -> None:
    """The least of many rounds, on a machine that does other things, too: 0.4 here."""
    ring = Ring()
    exchanges = [finished() for _ in range(200)]

    def all_of_them() -> float:
        started = time.perf_counter()
        for exchange in exchanges:
            ring.begin(exchange)
            ring(exchange)
        return (time.perf_counter() - started) / len(exchanges)

    assert min(all_of_them() for _ in range(50)) < 10e-6


@pytest.mark.soak
def test_a_successful_exchange_costs_less_than_2_microseconds() -> None:
    """The median, on a machine that does nothing else; one that is kept included."""
    ring = Ring(per_second=10**9)
    exchanges = [finished() for _ in range(5_000)]
    times = []
    for exchange in exchanges:
        started = time.perf_counter()
        ring.begin(exchange)
        ring(exchange)
        times.append(time.perf_counter() - started)

    assert sorted(times)[len(times) // 2] < 2e-6
