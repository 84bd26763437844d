"""What one finished exchange changes in the families."""

from typing import Any

import pytest
from starlette.exceptions import HTTPException

from steadfastapi import signals
from steadfastapi.metrics.observer import (
    MAX_EXCEPTION_TYPES,
    MAX_PREPARED,
    RequestMetrics,
    close_label,
    status_label,
)
from steadfastapi.metrics.registry import Families, families_of
from support.exchanges import finished

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def families() -> Families:
    """Families of one application."""
    return families_of("default")


@pytest.fixture
def observer(families: Families) -> RequestMetrics:
    """What watches its exchanges."""
    return RequestMetrics(families, exact_status=False)


def changed(families: Families) -> dict[str, float]:
    """Return every series that is not 0, without buckets and times of creation."""
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in families.registry.collect()
        for sample in family.samples
        if sample.value
        and "le" not in sample.labels
        and not sample.name.endswith("_created")
    }


def test_a_request_changes_four_families(
    families: Families, observer: RequestMetrics
) -> None:
    """Count, duration and both sizes, by template."""
    exchange = finished(
        route="/x/{y}", duration=0.5, request_size=3, response_size=7, method="PUT"
    )
    observer.begin(exchange)
    observer.finish(exchange)

    duration = exchange.duration
    expected = {
        "http_requests_total /x/{y} PUT 2xx": 1.0,
        "http_request_duration_seconds_count /x/{y} PUT 2xx": 1.0,
        "http_request_duration_seconds_sum /x/{y} PUT 2xx": duration,
        "http_request_size_bytes_count /x/{y}": 1.0,
        "http_request_size_bytes_sum /x/{y}": 3.0,
        "http_response_size_bytes_count /x/{y}": 1.0,
        "http_response_size_bytes_sum /x/{y}": 7.0,
    }
    assert expected == changed(families)


def test_a_request_is_in_flight_between_begin_and_finish(
    families: Families, observer: RequestMetrics
) -> None:
    """Quiet requests and WebSockets never are."""
    exchange = finished()
    observer.begin(exchange)
    observer.begin(finished(quiet=True))
    observer.begin(finished(kind="websocket"))

    assert {"http_requests_inprogress": 1.0} == changed(families)
    observer.finish(exchange)
    assert "http_requests_inprogress" not in changed(families)


def test_a_quiet_request_changes_nothing(
    families: Families, observer: RequestMetrics
) -> None:
    """Scrapes and health checks would bury the requests of people."""
    exchange = finished(quiet=True)
    observer.begin(exchange)
    observer.error(exchange, ValueError())
    observer.finish(exchange)

    assert {} == changed(families)


def test_exact_status_is_the_code(families: Families) -> None:
    """`status="code"` tells 201 from 204."""
    observer = RequestMetrics(families, exact_status=True)
    for status in (201, 204):
        observer.finish(finished(route="/x", status=status))

    found = changed(families)
    assert 1 == found["http_requests_total /x GET 201"]
    assert 1 == found["http_requests_total /x GET 204"]


def test_otel_observes_the_conventions() -> None:
    """Exact status, histograms of sizes, and no counter beside the duration."""
    families = families_of("otel")
    observer = RequestMetrics(families, exact_status=False)
    observer.finish(finished(route="/x", status=204, request_size=300))

    found = changed(families)
    assert observer.exact_status
    assert 1 == found["http_server_request_duration_seconds_count /x GET 204"]
    assert 300 == found["http_server_request_body_size_bytes_sum /x"]
    assert 1 == found["http_server_response_body_size_bytes_count /x"]
    bucket = {"http_route": "/x", "le": "1024.0"}
    value = families.registry.get_sample_value
    assert 1 == value("http_server_request_body_size_bytes_bucket", bucket)
    assert [] == [name for name in found if name.startswith("http_requests")]


@pytest.mark.parametrize(
    ("first_byte", "phase"), [(None, "before_response"), (0.0, "streaming")]
)
def test_an_aborted_request_is_counted_by_phase(
    families: Families, observer: RequestMetrics, first_byte: float | None, phase: str
) -> None:
    """499 is a `4xx` among the requests."""
    exchange = finished(
        route="/x", status=499, outcome="aborted", first_byte=first_byte
    )
    observer.finish(exchange)

    found = changed(families)
    assert 1 == found[f"http_requests_aborted_total /x {phase}"]
    assert 1 == found["http_requests_total /x GET 4xx"]


def test_only_streams_have_a_first_byte(
    families: Families, observer: RequestMetrics
) -> None:
    """A response of one message starts when it ends."""
    observer.finish(finished(route="/whole"))
    observer.finish(finished(route="/stream", streamed=True))
    observer.finish(finished(route="/none", streamed=True, first_byte=None))

    found = changed(families)
    starts = [name for name in found if name.startswith("http_response_start")]
    assert [
        "http_response_start_seconds_count /stream",
        "http_response_start_seconds_sum /stream",
    ] == starts


@pytest.mark.parametrize(
    ("exception", "facts", "count"),
    [
        (ValueError(), {"handled": False}, 1),
        (ValueError(), {"handled": False, "status": 200}, 1),
        (ValueError(), {"handled": True, "status": None}, 1),
        (ValueError(), {"handled": True, "status": 409}, 0),
        (HTTPException(404), {"handled": True, "status": None}, 0),
        (HTTPException(503), {"handled": True, "status": None}, 1),
        (HTTPException(404), {"handled": True, "status": 502}, 1),
    ],
)
def test_an_exception_counts_where_it_is_a_server_error(
    families: Families,
    observer: RequestMetrics,
    exception: Exception,
    facts: dict[str, Any],
    count: int,
) -> None:
    """Unhandled, or answered by 5xx; before the response the exception tells."""
    observer.error(finished(route="/x", **facts), exception)

    name = f"http_exceptions_total /x {type(exception).__name__}"
    assert count == changed(families).get(name, 0)


def test_a_hundred_exception_types_have_names(
    families: Families, observer: RequestMetrics
) -> None:
    """Later ones are `other`: a program can make types without end."""
    for number in range(MAX_EXCEPTION_TYPES + 5):
        error = type(f"Error{number}", (Exception,), {})
        observer.error(finished(route="/x"), error())
    observer.error(finished(route="/x"), type("Error0", (Exception,), {})())

    found = changed(families)
    assert 2 == found["http_exceptions_total /x Error0"]
    assert 1 == found["http_exceptions_total /x Error99"]
    assert 5 == found["http_exceptions_total /x other"]


def test_the_first_error_rises_from_zero(
    families: Families, observer: RequestMetrics
) -> None:
    """Prepared series are there before the first error, as 0, up to a limit."""
    endpoints = [("/x", "GET"), ("/x", "GET"), ("/x", "POST")]
    observer.prepare(endpoints + [(f"/{n}", "GET") for n in range(1000)])

    series = [
        sample
        for family in families.registry.collect()
        for sample in family.samples
        if sample.name == "http_requests_total"
    ]
    assert MAX_PREPARED == len(series)
    assert {"5xx"} == {sample.labels["status"] for sample in series}
    assert {0.0} == {sample.value for sample in series}
    assert ["GET", "POST"] == [
        sample.labels["method"] for sample in series if sample.labels["handler"] == "/x"
    ]


def test_the_first_error_rises_from_zero_in_otel_names() -> None:
    """There it is the histogram that has a 500 of 0."""
    families = families_of("otel")
    RequestMetrics(families, exact_status=False).prepare([("/x", "GET")])

    labels = {
        "http_route": "/x",
        "http_request_method": "GET",
        "http_response_status_code": "500",
    }
    name = "http_server_request_duration_seconds_count"
    assert 0 == families.registry.get_sample_value(name, labels)


def exemplars(families: Families) -> dict[str, str]:
    """Return the trace of each bucket that has one."""
    return {
        sample.labels["le"]: sample.exemplar.labels["trace_id"]
        for family in families.registry.collect()
        for sample in family.samples
        if sample.exemplar is not None
    }


def test_a_sampled_request_leaves_its_trace_in_its_bucket(
    families: Families, observer: RequestMetrics
) -> None:
    """One a second and bucket: a slow one is not hidden by a fast one before it."""
    first = finished(sampled=True, trace_id=TRACE, duration=0.002)
    observer.finish(first)
    soon = finished(sampled=True, trace_id="1" * 32, duration=0.002)
    soon.start, soon.end = first.start + 0.5, first.start + 0.502
    observer.finish(soon)
    observer.finish(finished(sampled=True, trace_id="2" * 32, duration=99))

    assert {"0.005": TRACE, "+Inf": "2" * 32} == exemplars(families)
    late = finished(sampled=True, trace_id="3" * 32)
    late.start, late.end = first.start + 1.5, first.start + 1.502
    observer.finish(late)
    assert "3" * 32 == exemplars(families)["0.005"]


@pytest.mark.parametrize(
    "facts", [{"sampled": False, "trace_id": TRACE}, {"sampled": True}]
)
def test_an_unsampled_request_leaves_no_trace(
    families: Families, observer: RequestMetrics, facts: dict[str, Any]
) -> None:
    """Nobody could find it."""
    observer.finish(finished(**facts))

    assert {} == exemplars(families)


def test_a_websocket_is_counted_and_timed_when_it_ends(
    families: Families, observer: RequestMetrics
) -> None:
    """By template and close code, apart from the requests."""
    facts = {"kind": "websocket", "route": "/ws", "method": "WEBSOCKET"}
    observer.finish(finished(**facts, status=101, close_code=1000, duration=2.0))

    found = changed(families)
    assert 1 == found["websocket_connections_total /ws 1000"]
    assert 2 == round(found["websocket_connection_duration_seconds_sum /ws"])
    assert 3 == len(found)


@pytest.mark.parametrize(
    ("status", "code", "label"),
    [
        (101, 1000, "1000"),
        (101, 1015, "1015"),
        (101, None, "1006"),
        (None, None, "1006"),
        (101, 3456, "3xxx"),
        (101, 4999, "4xxx"),
        (101, 5000, signals.OTHER),
        (101, -1, signals.OTHER),
        (101, 2000, signals.OTHER),
        (403, 1000, "403"),
        (500, 1011, "500"),
    ],
)
def test_a_client_mints_no_label_by_its_close_code(
    status: int | None, code: int | None, label: str
) -> None:
    """Codes of the RFC, two ranges, the rest; or what refused the handshake."""
    assert label == close_label(status, code)


def test_a_status_is_a_class_or_a_code() -> None:
    """As the Instrumentator groups it."""
    assert ["2xx", "4xx"] == [
        status_label(status, exact=False) for status in (204, 499)
    ]
    assert ["204", "499"] == [status_label(status, exact=True) for status in (204, 499)]
