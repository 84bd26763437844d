"""The charts of the Overview: requests and latencies of the last 60 minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steadfastapi.console import filters
from steadfastapi.console.pages import chart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steadfastapi.console.pages.chart import Chart
    from steadfastapi.console.ring_minutes import Minute

NONE = "No requests in the last hour."
EVERY = 15
"""Minutes between two marks."""


def charts(minutes: Sequence[Minute]) -> list[Chart]:
    """Return both charts; none where nothing is counted."""
    return [_requests(minutes), _latencies(minutes)] if minutes else []


def _requests(minutes: Sequence[Minute]) -> Chart:
    frame = chart.Frame(
        id="requests",
        title="Requests a minute",
        times=[one.at for one in minutes],
        written=filters.number,
        every=EVERY,
        least=1,
    )
    fine = [
        max(0, one.requests - one.server_errors - one.client_errors) for one in minutes
    ]
    series = [
        chart.Series(name="answered", style="accent", values=fine),
        chart.Series(
            name="client errors",
            style="warning",
            values=[one.client_errors for one in minutes],
        ),
        chart.Series(
            name="server errors",
            style="error",
            values=[one.server_errors for one in minutes],
        ),
    ]
    total = sum(one.requests for one in minutes)
    failed = sum(one.server_errors for one in minutes)
    most = max(one.requests for one in minutes)
    summary = NONE
    if total:
        summary = (
            f"{filters.counted(total, 'request')} in the last hour, "
            f"at most {filters.number(most)} a minute; "
            f"{filters.counted(failed, 'server error')}."
        )
    return chart.bars(frame, series, summary)


def _latencies(minutes: Sequence[Minute]) -> Chart:
    frame = chart.Frame(
        id="latency",
        title="Latency",
        times=[one.at for one in minutes],
        written=filters.duration,
        every=EVERY,
    )
    series = [
        chart.Series(name="p50", style="accent", values=[one.p50 for one in minutes]),
        chart.Series(name="p95", style="warning", values=[one.p95 for one in minutes]),
        chart.Series(name="p99", style="error", values=[one.p99 for one in minutes]),
    ]
    worst = max((one.p99 for one in minutes if one.p99 is not None), default=None)
    summary = (
        NONE
        if worst is None
        else f"The worst minute's p99 was {filters.duration(worst)}."
    )
    return chart.lines(frame, series, summary)
