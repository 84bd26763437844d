"""Debug: WebSockets, the inbox and the alerts that the application itself sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steadfastapi.dashboards.links import to_logs
from steadfastapi.dashboards.panels import Panel, Target
from steadfastapi.signals import (
    ALERT_DELIVERIES,
    ALERTS_DROPPED,
    INBOX_EVENTS,
    INBOX_QUEUE,
    INBOX_STORE_DOWN,
    WEBSOCKET_CONNECTIONS,
    WEBSOCKET_DURATION,
)

if TYPE_CHECKING:
    from steadfastapi.dashboards.expressions import Queries


def sockets(q: Queries) -> tuple[Panel, ...]:
    """Return the panels about WebSockets."""
    return (
        Panel(
            id=17,
            title="WebSockets that ended",
            description=(
                "By route and code. 1000 and 1001 are goodbyes; 1006 and 1011 are "
                "faults, of the line and of the server: read their lines in the log."
            ),
            unit="ops",
            targets=(Target(query=q.rate(WEBSOCKET_CONNECTIONS, "handler", "code")),),
            links=(to_logs("Logs of WebSockets", '|= "websocket"'),),
            low=0.0,
            width=12,
        ),
        Panel(
            id=117,
            title="WebSockets, time open",
            description=(
                "P95 of those that ended. All of one length: a proxy cuts them off; "
                "raise its timeout, or send a ping more often."
            ),
            unit="s",
            targets=(Target(query=q.quantile(0.95, WEBSOCKET_DURATION, "handler")),),
            low=0.0,
            width=12,
        ),
    )


def errors_told(q: Queries) -> tuple[Panel, ...]:
    """Return the panels about the inbox, and about alerts of the application."""
    return (
        Panel(
            id=16,
            title="Inbox, errors",
            description=(
                "Errors that came, that were kept, and that were dropped. Dropped: "
                "its store is slow or away."
            ),
            unit="ops",
            targets=(Target(query=q.rate(INBOX_EVENTS, "outcome")),),
            low=0.0,
        ),
        Panel(
            id=116,
            title="Inbox, waiting",
            description=(
                "Errors that are not written yet. Near its bound: errors come faster "
                "than the store takes them."
            ),
            targets=(
                Target(query=q.sum(INBOX_QUEUE), legend="waiting"),
                Target(
                    query=q.sum(INBOX_STORE_DOWN), legend="workers that cannot write"
                ),
            ),
            low=0.0,
        ),
        Panel(
            id=18,
            title="Alerts of the application",
            description=(
                "What its own alerters told Slack, PagerDuty and others. Failures: "
                "somebody was not told; look at the address and the token."
            ),
            unit="ops",
            targets=(
                Target(query=q.rate(ALERT_DELIVERIES, "alerter", "outcome")),
                Target(
                    query=q.rate(ALERTS_DROPPED, "alerter", "reason"),
                    legend="not told:",
                ),
            ),
            low=0.0,
        ),
    )
