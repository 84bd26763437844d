"""Every metric family, once.

Observers, dashboards, rules and tests read them here; no other module contains a
metric name. The default naming is prometheus-fastapi-instrumentator's, so that the
dashboards and rules of its users go on working; `names="otel"` follows the
OpenTelemetry semantic conventions (HTTP metrics, 1.44).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Naming = Literal["default", "otel"]
Kind = Literal["counter", "gauge", "histogram", "summary"]
GaugeMode = Literal["livesum", "livemax", "livemin", "min"]

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
UNMATCHED = "none"
"""`handler` of a request that no route matched: one series, whatever the path."""
OTHER = "other"
"""Value of a label whose family is full, or of a type beyond the first hundred."""

DURATION_BUCKETS = (
    0.005,
    0.01,
    0.025,
    0.05,
    0.075,
    0.1,
    0.25,
    0.5,
    0.75,
    1.0,
    2.5,
    5.0,
    7.5,
    10.0,
)
"""Seconds; the advice of the OpenTelemetry HTTP metrics conventions."""
_DECISION_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05)
"""Seconds; a decision about a rate limit has 0.05."""
_DEPENDENCY_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
_CONNECTION_BUCKETS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
SIZE_BUCKETS = tuple(float(4**power) for power in range(4, 14))
"""Bytes, 256 to 64 Mi; used where `names="otel"` asks for histograms."""


LABELS = {
    "handler": "route template with every prefix, `none` where no route matched",
    "method": "one of the nine of RFC 9110 and RFC 5789, or `OTHER`",
    "status": 'status class, or the code with `status="code"`; 499 is aborted',
    "phase": "`before_response` or `streaming`",
    "type": "class of an exception: the first hundred, then `other`",
    "code": "close code of RFC 6455, `3xxx`, `4xxx`, or what refused the handshake",
    "level": "one of `LOG_LEVELS`",
    "result": "`allowed`, `limited` (429) or `denied` (503, the storage fails)",
    "component": "name of one of our pieces",
    "family": "name of a family",
    "kind": "`db`, `http` or `custom`: which retry",
    "operation": "name of a function that is retried, or of its retry",
    "outcome": "`ok`, `retry` (another attempt follows) or `fail`",
    "reason": (
        "`attempts` or `deadline`; of alerts, why one was not told; of the inbox "
        "`full`, `refused`, `broken` or `shutdown`"
    ),
    "breaker": "name of a circuit breaker",
    "alerter": "name of an alerter: `slack`, `pagerduty`, of your own …",
    "check": "name of a health probe",
    "hard": "`true` where readiness depends on it, else `false`",
    "version": "of the application",
    "revision": "of the application",
    "environment": "of the application",
    "python": "version",
    "fastapi": "version",
}
"""What each label can hold: always a closed set, and never what a client sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric family.

    Args:
        name: Its name; counters without `_total`.
        kind: Its type.
        help: One sentence for people who meet it in Prometheus.
        labels: Names of `LABELS`.
        buckets: Upper bounds of a histogram.
        mode: How a gauge is summed up over worker processes. Always one that forgets
            dead workers, or a minimum that they cannot raise (PROM-5).
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    mode: GaugeMode = "livesum"


HTTP_REQUESTS = Family(
    name="http_requests",
    kind="counter",
    help="Finished HTTP requests by route template, method and status class.",
    labels=("handler", "method", "status"),
)
HTTP_REQUEST_DURATION = Family(
    name="http_request_duration_seconds",
    kind="histogram",
    help="Seconds from the first to the last byte of an HTTP exchange.",
    labels=("handler", "method", "status"),
    buckets=DURATION_BUCKETS,
)
HTTP_REQUEST_SIZE = Family(
    name="http_request_size_bytes",
    kind="summary",
    help="Bytes of request body that the application read.",
    labels=("handler",),
)
HTTP_RESPONSE_SIZE = Family(
    name="http_response_size_bytes",
    kind="summary",
    help="Bytes of response body.",
    labels=("handler",),
)
HTTP_IN_PROGRESS = Family(
    name="http_requests_inprogress",
    kind="gauge",
    help="HTTP requests being served; scrapes and health checks excluded.",
)
HTTP_RESPONSE_START = Family(
    name="http_response_start_seconds",
    kind="histogram",
    help="Seconds until the first byte of a streamed response.",
    labels=("handler",),
    buckets=DURATION_BUCKETS,
)
HTTP_ABORTED = Family(
    name="http_requests_aborted",
    kind="counter",
    help="Requests whose client went away (499 in the logs), by phase.",
    labels=("handler", "phase"),
)
HTTP_EXCEPTIONS = Family(
    name="http_exceptions",
    kind="counter",
    help="Exceptions that became a server error, by type.",
    labels=("handler", "type"),
)
WEBSOCKET_CONNECTIONS = Family(
    name="websocket_connections",
    kind="counter",
    help="WebSocket connections that ended, by route template and code.",
    labels=("handler", "code"),
)
WEBSOCKET_DURATION = Family(
    name="websocket_connection_duration_seconds",
    kind="histogram",
    help="Seconds that a WebSocket connection was open.",
    labels=("handler",),
    buckets=_CONNECTION_BUCKETS,
)
RATE_LIMIT_DECISIONS = Family(
    name="rate_limit_decisions",
    kind="counter",
    help="Requests that were measured by a rate limit, by route template and result.",
    labels=("handler", "result"),
)
RATE_LIMIT_DECISION_DURATION = Family(
    name="rate_limit_decision_duration_seconds",
    kind="histogram",
    help="Seconds that a decision waited for the shared storage of the rate limits.",
    buckets=_DECISION_BUCKETS,
)
RATE_LIMIT_STORAGE_ERRORS = Family(
    name="rate_limit_storage_errors",
    kind="counter",
    help="Questions that the storage of the rate limits did not answer in time.",
)
RATE_LIMIT_STORAGE_DOWN = Family(
    name="rate_limit_storage_down",
    kind="gauge",
    help="Workers that limit by themselves since the storage does not answer.",
)
LOG_EVENTS = Family(
    name="log_events",
    kind="counter",
    help="Log lines written, by level.",
    labels=("level",),
)
INTERNAL_ERRORS = Family(
    name="steadfastapi_internal_errors",
    kind="counter",
    help="Errors of steadfastapi itself that it kept from the application.",
    labels=("component",),
)
LABEL_OVERFLOW = Family(
    name="steadfastapi_label_overflow",
    kind="counter",
    help="Look-ups of labels that were folded because a family was full.",
    labels=("family",),
)
RETRY_ATTEMPTS = Family(
    name="retry_attempts",
    kind="counter",
    help="Attempts of retried functions, the first ones included, by how they ended.",
    labels=("kind", "operation", "outcome"),
)
RETRY_EXHAUSTED = Family(
    name="retry_exhausted",
    kind="counter",
    help="Calls that failed for good, for their attempts or their time were used up.",
    labels=("kind", "operation", "reason"),
)
RETRY_BUDGET_DENIED = Family(
    name="retry_budget_denied",
    kind="counter",
    help="Calls that failed because the budget allowed no retry.",
    labels=("kind",),
)
CIRCUIT_BREAKER_STATE = Family(
    name="circuit_breaker_state",
    kind="gauge",
    help="State: 0 closed, 1 half-open, 2 open; the worst of all workers.",
    labels=("breaker",),
    mode="livemax",
)
HEALTH_CHECK_UP = Family(
    name="health_check_up",
    kind="gauge",
    help="Whether a health probe is up, 1 or 0, in the worst of all workers.",
    labels=("check", "hard"),
    mode="livemin",
)
HEALTH_CHECK_DURATION = Family(
    name="health_check_duration_seconds",
    kind="histogram",
    help="Seconds that a health probe's check took, failures included.",
    labels=("check",),
    buckets=_DEPENDENCY_BUCKETS,
)
HEALTH_CHECK_LAST_SUCCESS = Family(
    name="health_check_last_success_timestamp_seconds",
    kind="gauge",
    help="Unix time of a health probe's last check that did not fail.",
    labels=("check",),
    mode="livemax",
)
ALERT_DELIVERIES = Family(
    name="alert_deliveries",
    kind="counter",
    help="Attempts to tell somebody about an alert, by how they ended.",
    labels=("alerter", "outcome"),
)
ALERTS_DROPPED = Family(
    name="alerts_dropped",
    kind="counter",
    help="Alerts that were not told, by reason; most of them had nothing new in them.",
    labels=("alerter", "reason"),
)
INBOX_WRITTEN = Family(
    name="inbox_entries_written",
    kind="counter",
    help="Errors that the inbox has kept, repeated ones included.",
)
INBOX_DROPPED = Family(
    name="inbox_entries_dropped",
    kind="counter",
    help="Errors that the inbox has not kept, by reason.",
    labels=("reason",),
)
INBOX_QUEUED = Family(
    name="inbox_entries_queued",
    kind="gauge",
    help="Errors that wait to be written.",
)
INBOX_STORE_DOWN = Family(
    name="inbox_store_down",
    kind="gauge",
    help="Workers whose inbox cannot write to its store.",
)
APP_INFO = Family(
    name="app_info",
    kind="gauge",
    help="What is running; the value is always 1.",
    labels=("version", "revision", "environment", "python", "fastapi"),
    mode="livemax",
)
APP_START_TIME = Family(
    name="app_start_time_seconds",
    kind="gauge",
    help="Unix time at which the first worker of this version started.",
    labels=("version", "revision"),
    mode="min",
)
WORKER_UP = Family(
    name="worker_up", kind="gauge", help="Worker processes that are running."
)
WORKER_MEMORY = Family(
    name="worker_resident_memory_bytes",
    kind="gauge",
    help="Resident memory of all workers.",
)
WORKER_OPEN_FDS = Family(
    name="worker_open_fds", kind="gauge", help="Open file descriptors of all workers."
)
WORKER_MAX_FDS = Family(
    name="worker_max_fds",
    kind="gauge",
    help="File descriptors that all workers together may open.",
)
WORKER_CPU = Family(
    name="worker_cpu_seconds",
    kind="counter",
    help="CPU time of all workers, user and system.",
)

FAMILIES: tuple[Family, ...] = tuple(
    value for value in tuple(globals().values()) if isinstance(value, Family)
)
"""Every family above."""

_OTEL_LABELS = {
    "handler": "http_route",
    "method": "http_request_method",
    "status": "http_response_status_code",
    "type": "error_type",
}
_OTEL_NAMES = {
    HTTP_REQUEST_DURATION.name: "http_server_request_duration_seconds",
    HTTP_IN_PROGRESS.name: "http_server_active_requests",
    HTTP_REQUEST_SIZE.name: "http_server_request_body_size_bytes",
    HTTP_RESPONSE_SIZE.name: "http_server_response_body_size_bytes",
    WORKER_MEMORY.name: "process_memory_usage_bytes",
    WORKER_CPU.name: "process_cpu_time_seconds",
    WORKER_OPEN_FDS.name: "process_unix_file_descriptor_count",
}


def named(family: Family, naming: Naming) -> Family | None:
    """Return a family as it is called in a naming; None where it has no place.

    With `names="otel"` requests are counted by the duration's `_count`, and status
    labels hold the exact code, as the conventions ask.
    """
    if naming == "default":
        return family
    if family is HTTP_REQUESTS:
        return None
    labels = tuple(_OTEL_LABELS.get(label, label) for label in family.labels)
    renamed = replace(
        family, name=_OTEL_NAMES.get(family.name, family.name), labels=labels
    )
    if family in (HTTP_REQUEST_SIZE, HTTP_RESPONSE_SIZE):
        return replace(renamed, kind="histogram", buckets=SIZE_BUCKETS)
    return renamed
