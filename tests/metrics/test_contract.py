"""What dashboards and rules outside of this repository rely on: names, labels, modes.

A change here breaks somebody's alert: it needs a line in the changelog that says so.
"""

from typing import get_args

import pytest

from steadfastapi import signals
from steadfastapi.signals import FAMILIES, GaugeMode, Naming, named

LATENCY = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
DEPENDENCY = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
LAG = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
STORAGE = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1)
TASK = (0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900)

COUNTERS = """
    http_requests: handler method status
    http_requests_aborted: handler phase
    http_exceptions: handler type
    slo_events: slo result
    log_events: level
    retry_attempts: kind operation outcome
    retry_exhausted: kind operation reason
    retry_budget_denied: kind
    rate_limit_decisions: handler decision
    event_loop_blocked_seconds:
    gc_collections: generation
    gc_pause_seconds: generation
    worker_cpu_seconds:
    db_pool_timeouts: pool
    background_tasks: task outcome
    business_events: event
    steadfastapi_internal_errors: component
    steadfastapi_inbox_events: outcome
    steadfastapi_telemetry_dropped: sink reason
    steadfastapi_label_overflow: family
"""
GAUGES = """
    http_requests_inprogress: livesum
    circuit_breaker_state: livemax breaker
    rate_limit_fallback_active: livemax
    health_check_up: livemin check hard
    health_check_last_success_timestamp_seconds: livemax check
    event_loop_lag_max_seconds: livemax
    threadpool_threads_used: livesum
    threadpool_threads_capacity: livesum
    threadpool_waiting: livesum
    worker_up: livesum
    worker_resident_memory_bytes: livesum
    worker_open_fds: livesum
    worker_max_fds: livesum
    app_info: livemax version revision environment python fastapi
    app_start_time_seconds: min version revision
    db_pool_connections: livesum pool state
    db_pool_size: livesum pool
    background_tasks_pending: livesum task
    background_tasks_oldest_age_seconds: livemax task
    steadfastapi_inbox_queue_items: livesum
"""
HISTOGRAMS = {
    "http_request_duration_seconds: handler method status": LATENCY,
    "http_response_start_seconds: handler": LATENCY,
    "http_client_request_duration_seconds: target method status": LATENCY,
    "rate_limit_storage_duration_seconds: storage": STORAGE,
    "health_check_duration_seconds: check": DEPENDENCY,
    "event_loop_lag_seconds:": LAG,
    "db_pool_wait_seconds: pool": DEPENDENCY,
    "db_operation_duration_seconds: db operation": DEPENDENCY,
    "background_task_duration_seconds: task": TASK,
}
SUMMARIES = """
    http_request_size_bytes: handler
    http_response_size_bytes: handler
"""
FURTHER = {
    "alert_deliveries",
    "alerts_dropped",
    "inbox_store_down",
    "rate_limit_storage_errors",
    "websocket_connection_duration_seconds",
    "websocket_connections",
}
"""Families of which nothing is promised yet."""

OTEL = """
    http_request_duration_seconds: http_server_request_duration_seconds
        http_route http_request_method http_response_status_code
    http_requests_inprogress: http_server_active_requests
    http_request_size_bytes: http_server_request_body_size_bytes http_route
    http_response_size_bytes: http_server_response_body_size_bytes http_route
    http_client_request_duration_seconds: http_client_request_duration_seconds
        server_address http_request_method http_response_status_code
    db_operation_duration_seconds: db_client_operation_duration_seconds
        db_system_name db_operation_name
    db_pool_connections: db_client_connection_count
        db_client_connection_pool_name db_client_connection_state
    db_pool_size: db_client_connection_max db_client_connection_pool_name
    db_pool_wait_seconds: db_client_connection_wait_time_seconds
        db_client_connection_pool_name
    db_pool_timeouts: db_client_connection_timeouts db_client_connection_pool_name
    worker_resident_memory_bytes: process_memory_usage_bytes
    worker_cpu_seconds: process_cpu_time_seconds
    worker_open_fds: process_unix_file_descriptor_count
    gc_collections: cpython_gc_collections cpython_gc_generation
    http_exceptions: http_exceptions http_route error_type
    rate_limit_decisions: rate_limit_decisions http_route decision
"""


def table(text: str) -> dict[str, tuple[str, ...]]:
    """Read lines of `name: word word`; an indented one goes on with its words."""
    found: dict[str, tuple[str, ...]] = {}
    name = ""
    for line in text.strip().splitlines():
        head, colon, words = line.partition(":")
        name = head.strip() if colon else name
        found[name] = found.get(name, ()) + tuple((words if colon else head).split())
    return found


def test_counters_and_summaries_have_these_labels() -> None:
    """Counters without `_total`, which Prometheus adds."""
    for kind, text in (("counter", COUNTERS), ("summary", SUMMARIES)):
        found = {
            family.name: family.labels
            for family in FAMILIES
            if family.kind == kind and family.name not in FURTHER
        }
        assert table(text) == found


def test_gauges_have_these_modes_and_labels() -> None:
    """A mode says what several workers together are."""
    found = {
        family.name: (family.mode, *family.labels)
        for family in FAMILIES
        if family.kind == "gauge" and family.name not in FURTHER
    }
    assert table(GAUGES) == found
    assert {mode for mode, *_ in found.values()} == set(get_args(GaugeMode))


def test_histograms_have_these_labels_and_buckets() -> None:
    """The threshold of an SLO is the bound of a bucket."""
    found = {
        f"{family.name}: {' '.join(family.labels)}".strip(): family.buckets
        for family in FAMILIES
        if family.kind == "histogram" and family.name not in FURTHER
    }
    assert found == HISTOGRAMS


def test_nothing_else_is_exported() -> None:
    """But what the list of further families says, all of which exist."""
    names = {family.name for family in FAMILIES}
    assert names >= FURTHER


@pytest.mark.parametrize("name", table(OTEL))
def test_the_otel_naming_is_this(name: str) -> None:
    """Name first, then the labels."""
    family = next(family for family in FAMILIES if family.name == name)
    naming: Naming = "otel"
    resolved = named(family, naming)

    assert resolved is not None
    assert table(OTEL)[name] == (resolved.name, *resolved.labels)


def test_what_the_otel_naming_leaves_out_is_one_family() -> None:
    """Requests are counted by the duration's `_count` there."""
    left_out = [family for family in FAMILIES if named(family, "otel") is None]
    assert [signals.HTTP_REQUESTS] == left_out
