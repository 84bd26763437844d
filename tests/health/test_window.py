"""Calls of the last seconds."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadfastapi.health.window import Window


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_what_is_old_is_forgotten_without_traffic() -> None:
    """Call by call, as time passes."""
    clock = Clock()
    window = Window(60, 100, clock)
    window.record(0.1, "ValueError")
    clock.now += 30
    window.record(0.2)
    rates = [window.summary().error_rate]
    clock.now += 31
    rates.append(window.summary().error_rate)
    clock.now += 30
    rates.append(window.summary().error_rate)

    assert [0.5, 0.0, 0.0] == rates
    assert (0, 2, 1) == (window.summary().calls, window.total, window.total_errors)


def test_quantiles_are_of_the_nearest_rank() -> None:
    """Of a hundred calls, the 50th, 95th and 99th."""
    window = Window(60, 1_000)
    for number in range(100, 0, -1):
        window.record(number / 1000)
    summary = window.summary(slow_after=0.09)

    assert [0.05, 0.095, 0.099] == [summary.quantile(q) for q in (0.5, 0.95, 0.99)]
    assert pytest.approx(0.0505) == summary.mean
    assert 11 == summary.slow


def test_a_summary_names_errors_and_statuses() -> None:
    """Classes of errors, families of statuses."""
    window = Window(60, 100)
    for error, status in (("", 200), ("", 404), ("HTTP 503", 503), ("ValueError", 0)):
        window.record(0.01, error, status)
    summary = window.summary()

    assert {"HTTP 503": 1, "ValueError": 1} == summary.error_types
    assert {"2xx": 1, "4xx": 1, "5xx": 1} == summary.statuses


def test_calls_per_minute_are_those_of_the_window() -> None:
    """Of a full one, over the time that it reaches back."""
    clock = Clock()
    roomy, full = Window(60, 100, clock), Window(60, 10, clock)
    for _ in range(30):
        clock.now += 1
        roomy.record(0.01)
        full.record(0.01)

    assert 30.0 == roomy.summary().per_minute
    assert pytest.approx(60, rel=0.2) == full.summary().per_minute


def test_an_empty_window_says_nothing() -> None:
    """Without a division by zero."""
    summary = Window(60, 10).summary()

    assert (0, 0.0, 0.0, 0.0) == (
        summary.calls,
        summary.error_rate,
        summary.mean,
        summary.quantile(0.99),
    )


def test_hits_and_misses_decay_too() -> None:
    """A cache that was emptied an hour ago is warm again."""
    clock = Clock()
    window = Window(60, 100, clock)
    window.record_cache(hit=False)
    clock.now += 59
    window.record_cache(hit=True)
    before = window.cache()
    clock.now += 2

    assert [(1, 1), (1, 0)] == [before, window.cache()]


def test_threads_count_exactly() -> None:
    """Sync functions are watched in the thread pool."""
    window = Window(60, 10)

    def work() -> None:
        for _ in range(1_000):
            window.record(0.0, "E")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (4_000, 4_000, 4_000, 10) == (
        window.total,
        window.total_errors,
        window.consecutive_errors,
        window.summary().calls,
    )


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 9), st.booleans())))
def test_a_summary_is_of_exactly_the_recent_calls(
    calls: list[tuple[float, float, bool]],
) -> None:
    """Whatever the pauses, up to the size of the window."""
    clock, size = Clock(), 8
    window = Window(60, size, clock)
    times = []
    for pause, seconds, failed in calls:
        clock.now += pause
        window.record(seconds, "E" if failed else "")
        times.append((clock.now, seconds, failed))
    kept = [call for call in times[-size:] if call[0] >= clock.now - 60]
    summary = window.summary()

    assert (len(kept), sum(failed for _, _, failed in kept)) == (
        summary.calls,
        summary.errors,
    )
    assert tuple(sorted(seconds for _, seconds, _ in kept)) == summary.seconds
