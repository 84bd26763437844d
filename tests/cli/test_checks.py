"""What is compared at the end of the demo."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from steadfastapi.cli.checks import Check, Counted, compare, counted, noticed
from steadfastapi.cli.log_reader import LogReader
from steadfastapi.cli.tally import Tally

if TYPE_CHECKING:
    from pathlib import Path

PAGE = """\
# TYPE http_requests counter
http_requests_total{handler="/a",method="GET",status="2xx"} 3.0
http_requests_total{handler="/b",method="GET",status="5xx"} 2.0
# TYPE websocket_connections counter
websocket_connections_total{handler="/ws",code="1000"} 4.0
# TYPE steadfastapi_internal_errors counter
steadfastapi_internal_errors_total{component="x"} 1.0
# TYPE rate_limit_decisions counter
rate_limit_decisions_total{handler="/a",decision="allowed"} 9.0
rate_limit_decisions_total{handler="/a",decision="denied"} 6.0
# TYPE retry_attempts counter
retry_attempts_total{kind="db",operation="x",outcome="retry"} 2.0
retry_attempts_total{kind="db",operation="x",outcome="ok"} 7.0
"""


def line(request_id: str, **fields: object) -> str:
    """Return an access line."""
    event = {"event": "request", "outcome": "ok", "route": "/a"} | fields
    return json.dumps(event | {"request_id": request_id}) + "\n"


@pytest.fixture
def log(tmp_path: Path) -> LogReader:
    """Read an empty log."""
    path = tmp_path / "shop.log"
    path.touch()
    return LogReader(path, "demo-")


def failed(tally: Tally, log: LogReader, service: Counted) -> list[Check]:
    """Return the checks that fail."""
    return [check for check in compare(tally, log, service) if not check.passed]


def test_page_is_summed_up() -> None:
    """Series of one family count together."""
    assert Counted(5, 4, 1, 6, 2) == counted(PAGE)
    assert Counted(0, 0, 0, 0, 0) == counted("")


def test_what_others_asked_is_left_out(tmp_path: Path, log: LogReader) -> None:
    """Visitors and the shop's own calls are not ours, and fail no check."""
    log.sent("demo-1")
    log.sent("demo-2")
    (tmp_path / "shop.log").write_text(
        line("demo-1")
        + line("visitor", outcome="server_error")
        + json.dumps({"level": "error", "request_id": "visitor"})
        + "\nnot JSON\n[]\n"
        + line("partner", route="/partner/shipping")
        + line("demo-2", event="websocket")
        + line("curious", event="websocket")
    )
    log.read()
    tally = Tally(sent=1, sockets=1)
    assert [] == failed(tally, log, Counted(3, 2, 0, 0, 0))
    assert (1, 1, 1) == (log.visitors, log.partner_calls, log.visiting_sockets)
    assert (2, 0) == (log.access_lines, log.error_lines)


def test_half_a_line_waits_for_its_end(tmp_path: Path, log: LogReader) -> None:
    """A line that is being written is read when it is complete."""
    whole = line("demo-1")
    log.sent("demo-1")
    with (tmp_path / "shop.log").open("w") as file:
        file.write(whole[:20])
        file.flush()
        log.read()
        assert (0, {"demo-1"}) == (log.access_lines, log.unmatched)
        file.write(whole[20:])
    log.read()
    assert (1, set(), len(whole)) == (log.access_lines, log.unmatched, log.size)


@pytest.mark.parametrize("lines", [0, 2])
def test_request_without_exactly_one_line_is_named(
    tmp_path: Path, log: LogReader, lines: int
) -> None:
    """A request that was logged twice, or never, fails by its id."""
    log.sent("demo-1")
    (tmp_path / "shop.log").write_text(line("demo-1") * lines)
    log.read()
    (check,) = failed(Tally(sent=1), log, Counted(1, 0, 0, 0, 0))
    assert "requests sent = access lines in the log" == check.name
    assert ("no line, or two: demo-1",) == check.examples


def test_crash_without_error_line_fails(log: LogReader) -> None:
    """A crash that nobody logged fails the check."""
    log.crashed("demo-1")
    tally = Tally(crashes=1)
    (check,) = failed(tally, log, Counted(0, 0, 0, 0, 0))
    assert ("crashes sent = ERROR lines in the log", 1, 0) == (
        check.name,
        check.expected,
        check.found,
    )


def test_lost_counts_fail(log: LogReader) -> None:
    """What /metrics did not count, or steadfastapi did wrong, fails."""
    names = [
        check.name for check in failed(Tally(sockets=1), log, Counted(1, 0, 2, 0, 0))
    ]
    assert names == [
        "requests sent = http_requests_total in /metrics",
        "WebSockets opened = websocket_connections_total",
        "requests sent = access lines in the log",
        "errors of steadfastapi itself",
    ]


def test_complaints_fail_with_their_first_words(log: LogReader) -> None:
    """Answers that were wrong fail by kind; a few are told in words."""
    tally = Tally()
    for number in range(9):
        tally.complain("unanswered", f"number {number}")
    (check,) = failed(tally, log, Counted(0, 0, 0, 0, 0))
    assert ("requests without an answer", 9) == (check.name, check.found)
    assert tuple(f"number {number}" for number in range(5)) == check.examples


def test_a_refusal_that_nobody_counted_fails(log: LogReader) -> None:
    """And a hiccup that a client noticed, or no retry explains."""
    tally = Tally(hiccups=2, hidden_hiccups=2)
    tally.outcomes["limited"] = 3
    names = [c.name for c in failed(tally, log, Counted(0, 0, 0, 2, 1))]
    assert [
        "refused logins = 429s in rate_limit_decisions_total",
        "database hiccups that a retry hid",
    ] == names


@pytest.mark.parametrize(
    ("states", "found"),
    [
        ([], 0),
        (["healthy"], 0),
        (["healthy", "unhealthy"], 1),
        (["unhealthy", "healthy"], 2),
        (["unhealthy", "healthy", "unhealthy", "healthy"], 2),
    ],
)
def test_an_outage_has_to_show_and_to_be_over(states: list[str], found: int) -> None:
    """Either alone is not enough."""
    check = noticed(states)

    assert (found, found == 2) == (check.found, check.passed)
