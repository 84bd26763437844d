"""Every metric family, once.

Observers, dashboards, rules and tests read them here; no other module contains a
metric name. The default naming is prometheus-fastapi-instrumentator's, so that the
dashboards and rules of its users go on working; `names="otel"` follows the
OpenTelemetry semantic conventions (HTTP metrics, 1.44).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Naming = Literal["default", "otel"]
Kind = Literal["counter", "gauge", "histogram", "summary"]
GaugeMode = Literal["livesum", "livemax", "livemin", "min"]

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
OTHER_METHOD = "OTHER"
METHODS = (
    "CONNECT",
    "DELETE",
    "GET",
    "HEAD",
    "OPTIONS",
    "PATCH",
    "POST",
    "PUT",
    "TRACE",
    OTHER_METHOD,
)
"""RFC 9110, RFC 5789, and one for all others (PROM-1)."""
GENERATIONS = ("0", "1", "2")
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
_STORAGE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1)
"""Seconds; a decision about a rate limit has 0.05."""
_LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
_TASK_BUCKETS = (0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0)
_DEPENDENCY_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
_CONNECTION_BUCKETS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
SIZE_BUCKETS = tuple(float(4**power) for power in range(4, 14))
"""Bytes, 256 to 64 Mi; used where `names="otel"` asks for histograms."""


LABELS = {
    "handler": "route template with every prefix, `none` where no route matched",
    "method": "one of the nine of RFC 9110 and RFC 5789, or `OTHER`",
    "status": (
        'status class, or the code with `status="code"`; 499 is aborted; of an '
        "outbound call `none` where no answer came"
    ),
    "phase": "`before_response` or `streaming`",
    "type": "class of an exception: the first hundred, then `other`",
    "code": "close code of RFC 6455, `3xxx`, `4xxx`, or what refused the handshake",
    "level": "one of `LOG_LEVELS`",
    "decision": (
        "`allowed` or `denied` (429); while the shared storage fails `fail_open`, "
        "decided by each worker for itself, or `fail_closed` (503)"
    ),
    "storage": "`redis`, or `memory` while the shared storage fails",
    "slo": "name of an SLO",
    "result": "`good` or `bad`",
    "target": "name of what is called, given in code",
    "sink": "`otlp_traces`, `otlp_logs`, `sentry` or `webhook`",
    "generation": "of the garbage collector",
    "pool": "name of a database engine",
    "state": "`used` or `idle`",
    "db": "name of a database engine",
    "task": "name of a function that is run in the background: the first hundred",
    "event": "name of a business event: the first hundred",
    "component": "name of one of our pieces",
    "family": "name of a family",
    "kind": "`db`, `http` or `custom`: which retry",
    "operation": (
        "name of a function that is retried, or of its retry; of a database "
        "`SELECT`, `INSERT`, `UPDATE`, `DELETE`, `COMMIT`, `ROLLBACK` or `other`"
    ),
    "outcome": (
        "`ok`, `retry` (another attempt follows) or `fail`; of the inbox `accepted`, "
        "`written` or `dropped`; of background tasks `ok`, `error` or `cancelled`"
    ),
    "reason": (
        "`attempts` or `deadline`; of alerts, why one was not told; of telemetry "
        "`queue_full`, `error` or `shutdown`"
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
        values: By label, all that it can hold, where that is known beforehand.
            Counters of which it is known for every label are there from the start.
        buckets: Upper bounds of a histogram.
        mode: How a gauge is summed up over worker processes. Always one that forgets
            dead workers, or a minimum that they cannot raise (PROM-5).
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
    buckets: tuple[float, ...] = ()
    mode: GaugeMode = "livesum"

    @property
    def is_closed(self) -> bool:
        """Whether all label sets are known beforehand."""
        return all(label in self.values for label in self.labels)


_ATTEMPT = {"outcome": ("ok", "retry", "fail")}
_PHASE = {"phase": ("before_response", "streaming")}
_GENERATION = {"generation": GENERATIONS}
_RETRY_KIND = {"kind": ("db", "http", "custom")}

HTTP_REQUESTS = Family(
    name="http_requests",
    kind="counter",
    help="Finished HTTP requests by route template, method and status class.",
    labels=("handler", "method", "status"),
    values={"method": METHODS},
)
HTTP_REQUEST_DURATION = Family(
    name="http_request_duration_seconds",
    kind="histogram",
    help="Seconds from the first to the last byte of an HTTP exchange.",
    labels=("handler", "method", "status"),
    values={"method": METHODS},
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
    values=_PHASE,
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
HTTP_CLIENT_DURATION = Family(
    name="http_client_request_duration_seconds",
    kind="histogram",
    help="Seconds that an outbound HTTP call took, with its body unless streamed.",
    labels=("target", "method", "status"),
    values={"method": METHODS},
    buckets=DURATION_BUCKETS,
)
SLO_EVENTS = Family(
    name="slo_events",
    kind="counter",
    help="Events that an SLO judges, by whether they were good or bad.",
    labels=("slo", "result"),
    values={"result": ("good", "bad")},
)
RATE_LIMIT_DECISIONS = Family(
    name="rate_limit_decisions",
    kind="counter",
    help="Requests that a rate limit measured, by route template and decision.",
    labels=("handler", "decision"),
    values={"decision": ("allowed", "denied", "fail_open", "fail_closed")},
)
RATE_LIMIT_STORAGE_DURATION = Family(
    name="rate_limit_storage_duration_seconds",
    kind="histogram",
    help="Seconds that a decision of a shared rate limit waited for its storage.",
    labels=("storage",),
    values={"storage": ("redis", "memory")},
    buckets=_STORAGE_BUCKETS,
)
RATE_LIMIT_STORAGE_ERRORS = Family(
    name="rate_limit_storage_errors",
    kind="counter",
    help="Questions that the storage of the rate limits did not answer in time.",
)
RATE_LIMIT_FALLBACK = Family(
    name="rate_limit_fallback_active",
    kind="gauge",
    help="Whether a worker limits by itself, 1 or 0, as the storage does not answer.",
    mode="livemax",
)
LOG_EVENTS = Family(
    name="log_events",
    kind="counter",
    help="Log lines written, by level.",
    labels=("level",),
    values={"level": LOG_LEVELS},
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
    values=_RETRY_KIND | _ATTEMPT,
)
RETRY_EXHAUSTED = Family(
    name="retry_exhausted",
    kind="counter",
    help="Calls that failed for good, for their attempts or their time were used up.",
    labels=("kind", "operation", "reason"),
    values=_RETRY_KIND | {"reason": ("attempts", "deadline")},
)
RETRY_BUDGET_DENIED = Family(
    name="retry_budget_denied",
    kind="counter",
    help="Calls that failed because the budget allowed no retry.",
    labels=("kind",),
    values=_RETRY_KIND,
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
    values={"hard": ("true", "false")},
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
    values=_ATTEMPT,
)
ALERTS_DROPPED = Family(
    name="alerts_dropped",
    kind="counter",
    help="Alerts that were not told, by reason; most of them had nothing new in them.",
    labels=("alerter", "reason"),
)
INBOX_EVENTS = Family(
    name="steadfastapi_inbox_events",
    kind="counter",
    help="Errors that came to the inbox, and what became of them, repeats included.",
    labels=("outcome",),
    values={"outcome": ("accepted", "written", "dropped")},
)
INBOX_QUEUE = Family(
    name="steadfastapi_inbox_queue_items",
    kind="gauge",
    help="Errors that wait to be written to the inbox.",
)
INBOX_STORE_DOWN = Family(
    name="inbox_store_down",
    kind="gauge",
    help="Workers whose inbox cannot write to its store.",
)
TELEMETRY_DROPPED = Family(
    name="steadfastapi_telemetry_dropped",
    kind="counter",
    help="Spans, log lines, events and alerts that never reached their backend.",
    labels=("sink", "reason"),
    values={
        "sink": ("otlp_traces", "otlp_logs", "sentry", "webhook"),
        "reason": ("queue_full", "error", "shutdown"),
    },
)
EVENT_LOOP_LAG = Family(
    name="event_loop_lag_seconds",
    kind="histogram",
    help="Seconds by which the event loop was late, asked several times a second.",
    buckets=_LAG_BUCKETS,
)
EVENT_LOOP_LAG_MAX = Family(
    name="event_loop_lag_max_seconds",
    kind="gauge",
    help="Longest lag of the event loop in the last 15 s, in the worst worker.",
    mode="livemax",
)
EVENT_LOOP_BLOCKED = Family(
    name="event_loop_blocked_seconds",
    kind="counter",
    help="Seconds in which the event loop was more than 100 ms late.",
)
THREADPOOL_USED = Family(
    name="threadpool_threads_used",
    kind="gauge",
    help="Threads that run sync endpoints and dependencies at this moment.",
)
THREADPOOL_CAPACITY = Family(
    name="threadpool_threads_capacity",
    kind="gauge",
    help="Threads that may run sync endpoints and dependencies at one time.",
)
THREADPOOL_WAITING = Family(
    name="threadpool_waiting",
    kind="gauge",
    help="Sync endpoints and dependencies that wait for a thread.",
)
GC_COLLECTIONS = Family(
    name="gc_collections",
    kind="counter",
    help="Runs of the garbage collector, by generation.",
    labels=("generation",),
    values=_GENERATION,
)
GC_PAUSE = Family(
    name="gc_pause_seconds",
    kind="counter",
    help="Seconds that the garbage collector held everything up, by generation.",
    labels=("generation",),
    values=_GENERATION,
)
DB_POOL_CONNECTIONS = Family(
    name="db_pool_connections",
    kind="gauge",
    help="Open connections of a database engine, in use or idle.",
    labels=("pool", "state"),
    values={"state": ("used", "idle")},
)
DB_POOL_SIZE = Family(
    name="db_pool_size",
    kind="gauge",
    help="Connections that a database engine may open, overflow included.",
    labels=("pool",),
)
DB_POOL_WAIT = Family(
    name="db_pool_wait_seconds",
    kind="histogram",
    help="Seconds that a connection was waited for, those that were opened included.",
    labels=("pool",),
    buckets=_DEPENDENCY_BUCKETS,
)
DB_POOL_TIMEOUTS = Family(
    name="db_pool_timeouts",
    kind="counter",
    help="Times that no connection of a database engine became free in time.",
    labels=("pool",),
)
DB_OPERATION_DURATION = Family(
    name="db_operation_duration_seconds",
    kind="histogram",
    help="Seconds that a statement, a COMMIT or a ROLLBACK took.",
    labels=("db", "operation"),
    values={
        "operation": (
            "SELECT",
            "INSERT",
            "UPDATE",
            "DELETE",
            "COMMIT",
            "ROLLBACK",
            "other",
        )
    },
    buckets=_DEPENDENCY_BUCKETS,
)
BACKGROUND_PENDING = Family(
    name="background_tasks_pending",
    kind="gauge",
    help="Background tasks that run, or wait for those before them.",
    labels=("task",),
)
BACKGROUND_OLDEST = Family(
    name="background_tasks_oldest_age_seconds",
    kind="gauge",
    help="Seconds since the response of the oldest background task that has not ended.",
    labels=("task",),
    mode="livemax",
)
BACKGROUND_TASKS = Family(
    name="background_tasks",
    kind="counter",
    help="Background tasks that ended, by how.",
    labels=("task", "outcome"),
    values={"outcome": ("ok", "error", "cancelled")},
)
BACKGROUND_DURATION = Family(
    name="background_task_duration_seconds",
    kind="histogram",
    help="Seconds that a background task ran.",
    labels=("task",),
    buckets=_TASK_BUCKETS,
)
BUSINESS_EVENTS = Family(
    name="business_events",
    kind="counter",
    help="What the application counts with count_event().",
    labels=("event",),
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
    "target": "server_address",
    "pool": "db_client_connection_pool_name",
    "state": "db_client_connection_state",
    "db": "db_system_name",
}
_OTEL_LABELS_OF = {
    DB_OPERATION_DURATION.name: {"operation": "db_operation_name"},
    GC_COLLECTIONS.name: {"generation": "cpython_gc_generation"},
}
"""Labels that only one family renames."""
_OTEL_NAMES = {
    HTTP_REQUEST_DURATION.name: "http_server_request_duration_seconds",
    HTTP_IN_PROGRESS.name: "http_server_active_requests",
    HTTP_REQUEST_SIZE.name: "http_server_request_body_size_bytes",
    HTTP_RESPONSE_SIZE.name: "http_server_response_body_size_bytes",
    DB_OPERATION_DURATION.name: "db_client_operation_duration_seconds",
    DB_POOL_CONNECTIONS.name: "db_client_connection_count",
    DB_POOL_SIZE.name: "db_client_connection_max",
    DB_POOL_WAIT.name: "db_client_connection_wait_time_seconds",
    DB_POOL_TIMEOUTS.name: "db_client_connection_timeouts",
    WORKER_MEMORY.name: "process_memory_usage_bytes",
    WORKER_CPU.name: "process_cpu_time_seconds",
    WORKER_OPEN_FDS.name: "process_unix_file_descriptor_count",
    GC_COLLECTIONS.name: "cpython_gc_collections",
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
    spelling = _OTEL_LABELS | _OTEL_LABELS_OF.get(family.name, {})
    renamed = replace(
        family,
        name=_OTEL_NAMES.get(family.name, family.name),
        labels=tuple(spelling.get(label, label) for label in family.labels),
        values={spelling.get(label, label): v for label, v in family.values.items()},
    )
    if family in (HTTP_REQUEST_SIZE, HTTP_RESPONSE_SIZE):
        return replace(renamed, kind="histogram", buckets=SIZE_BUCKETS)
    return renamed
