"""What wrk says is read, and a run with failed requests is none."""

from __future__ import annotations

import pytest

from benchmarks import load

SAID = """Running 2s test @ http://127.0.0.1:8000/api/v1/measured/42
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     3.10ms  400.00us  12.00ms   92.10%
    Req/Sec     5.20k   120.00     5.40k    80.00%
  Latency Distribution
     50%  980.00us
     75%    3.20ms
     90%    3.50ms
     99%    1.17s 
  10432 requests in 2.00s, 2.19MB read
Requests/sec:   5214.33
Transfer/sec:      1.10MB
"""  # noqa: W291 - as wrk prints it


def test_units_become_milliseconds() -> None:
    """The unit is chosen for each line."""
    assert load.Round(rate=5214.33, p50=0.98, p99=1170.0) == load.parse(SAID)


@pytest.mark.parametrize(
    "line",
    [
        "  Non-2xx or 3xx responses: 7",
        "  Socket errors: connect 0, read 0, write 0, timeout 3",
    ],
)
def test_failed_requests_are_no_throughput(line: str) -> None:
    """A server that refuses quickly would win every comparison."""
    with pytest.raises(RuntimeError, match="wrk"):
        load.parse(f"{SAID}{line}\n")


def test_rows_are_medians_of_the_rounds() -> None:
    """With the slowest and the fastest beside, and multiples of the others' medians."""

    def rounds(*rates: float) -> list[load.Round]:
        return [load.Round(rate=rate, p50=1.0, p99=rate / 100) for rate in rates]

    given = {
        "bare": rounds(9_000, 1_000, 8_000),
        "usual_sentry": rounds(900, 1_000, 1_100),
        "steadfast": rounds(4_000, 5_000, 3_000),
    }
    bare, _, ours = load.summarise(1, given)

    assert (8_000, 1_000, 9_000) == (bare.rate, bare.lowest, bare.highest)
    assert (0.5, None, 4.0) == (ours.of_bare, ours.of_usual, ours.of_usual_sentry)
    assert ours.p99 == pytest.approx(40)
