"""Debug: single requests, by their traces and log lines."""

from __future__ import annotations

from steadfastapi.dashboards.expressions import PER_INTERVAL, Expression
from steadfastapi.dashboards.links import cell, to_dashboard, to_logs, to_trace
from steadfastapi.dashboards.panels import Panel, Target
from steadfastapi.dashboards.variables import DEBUG

SPAN_METRICS = "traces_spanmetrics_calls_total"
"""Counted by Tempo from the spans that it receives, not by us."""
SLOW_MS = 500
LINES = '{service_name=~"$job"} | trace_id=~"$trace_id.*"'
_TRACES = (
    '{ resource.service.name =~ "$job" && span.http.route =~ "$route" '
    f"&& (status = error || duration > {SLOW_MS}ms) }}"
)


def requests() -> tuple[Panel, ...]:
    """Return the panels about single requests: traces, their lines, their spans."""
    chosen = to_dashboard("Show it here", DEBUG, DEBUG, {"trace_id": cell("traceID")})
    calls = f'rate({SPAN_METRICS}{{service=~"$job"}}[{PER_INTERVAL}])'
    return (
        Panel(
            id=1,
            title="Slow and failed traces",
            description=(
                f"Traces that failed or took more than {SLOW_MS} ms. A click shows the "
                "trace and its log lines below."
            ),
            kind="table",
            source="tempo",
            unit="none",
            targets=(Target(query=Expression(_TRACES)),),
            links=(chosen,),
            width=12,
            height=10,
            mark="T",
        ),
        Panel(
            id=2,
            title="Trace",
            description=(
                "The trace whose id stands at the top. The longest bar without a bar "
                "below it is where the time goes."
            ),
            kind="traces",
            source="tempo",
            targets=(Target(query=Expression("$trace_id")),),
            links=(to_logs("Logs of the trace", '| trace_id="${trace_id}"'),),
            width=12,
            height=10,
            mark="T",
        ),
        Panel(
            id=4,
            title="Logs",
            description=(
                "Lines of the chosen trace, level and text; of all requests while "
                "these are empty. A line of an error carries its traceback."
            ),
            kind="logs",
            source="loki",
            unit="none",
            targets=(
                Target(
                    query=Expression(f'{LINES} | detected_level=~"$level" |= "$search"')
                ),
            ),
            links=(to_trace("Trace", cell("trace_id")),),
            width=24,
            height=10,
            mark="L",
        ),
        Panel(
            id=5,
            title="Log volume",
            description=(
                "Lines by level. A peak shows when it began; drag over it to see only "
                "that time."
            ),
            source="loki",
            targets=(
                Target(
                    query=Expression(
                        f"sum by (detected_level) (count_over_time({LINES} [$__auto]))",
                        ("detected_level",),
                    )
                ),
            ),
            stacked=True,
            width=12,
            mark="L",
        ),
        Panel(
            id=3,
            title="Spans",
            description=(
                "Operations a second as Tempo counts them. One that multiplies while "
                "requests do not: a query in a loop."
            ),
            unit="ops",
            targets=(
                Target(
                    query=Expression(f"sum by (span_name) ({calls})", ("span_name",))
                ),
            ),
            width=12,
            mark="T",
        ),
    )
