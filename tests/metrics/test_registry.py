"""Families are created once; their children are found again, up to a cap."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from steadfastapi import signals
from steadfastapi.exceptions import ConfigurationError
from steadfastapi.metrics.registry import (
    KEPT_FOR_OTHER,
    MAX_LABEL_SETS,
    Families,
    families_of,
)
from support.valuefiles import names, write


@pytest.fixture
def families() -> Families:
    """Families of one application."""
    return families_of("default")


def series(families: Families, name: str) -> list[dict[str, str]]:
    """Return the labels of every series of a name."""
    return [
        dict(sample.labels)
        for family in families.registry.collect()
        for sample in family.samples
        if sample.name == name
    ]


def test_a_label_set_has_one_child(families: Families) -> None:
    """The same object each time, so that a request looks nothing up twice."""
    first = families.child(signals.HTTP_ABORTED, "/x", "streaming")

    assert first is families.child(signals.HTTP_ABORTED, "/x", "streaming")
    assert first is not families.child(signals.HTTP_ABORTED, "/y", "streaming")


def test_a_family_without_labels_is_its_only_child(families: Families) -> None:
    """`child` needs no values then."""
    families.child(signals.WORKER_CPU).inc(2)

    assert families.child(signals.WORKER_CPU) is families.child(signals.WORKER_CPU)
    assert 2 == families.registry.get_sample_value("worker_cpu_seconds_total")


def test_a_full_family_folds_the_first_label_and_counts_it(families: Families) -> None:
    """Method and status stay, so that an overflow does not hide the errors."""
    for number in range(MAX_LABEL_SETS - KEPT_FOR_OTHER):
        families.child(signals.HTTP_REQUESTS, f"/{number}", "GET", "2xx")
    families.child(signals.HTTP_REQUESTS, "/late", "GET", "5xx").inc()
    families.child(signals.HTTP_REQUESTS, "/later", "GET", "5xx").inc()

    value = families.registry.get_sample_value
    folded = {"handler": "other", "method": "GET", "status": "5xx"}
    assert 2 == value("http_requests_total", folded)
    overflow = {"family": "http_requests"}
    assert 2 == value("steadfastapi_label_overflow_total", overflow)


def test_a_child_from_before_the_overflow_is_found_again(families: Families) -> None:
    """A full family goes on counting what it knows."""
    early = families.child(signals.HTTP_REQUEST_SIZE, "/0")
    for number in range(2 * MAX_LABEL_SETS):
        families.child(signals.HTTP_REQUEST_SIZE, f"/{number}")

    assert early is families.child(signals.HTTP_REQUEST_SIZE, "/0")


def test_no_combination_of_labels_exceeds_the_cap(families: Families) -> None:
    """Where the other labels are many too, all of them become `other` in the end."""
    for number in range(2 * MAX_LABEL_SETS):
        families.child(signals.HTTP_EXCEPTIONS, f"/{number}", f"Error{number}").inc()

    found = series(families, "http_exceptions_total")
    assert MAX_LABEL_SETS == len(found)
    assert {"handler": "other", "type": "other"} in found


def test_otel_names_count_requests_by_their_duration(families: Families) -> None:
    """There the histogram's count is the counter."""
    otel = families_of("otel")

    assert families.has(signals.HTTP_REQUESTS)
    assert not otel.has(signals.HTTP_REQUESTS)
    assert otel.has(signals.HTTP_REQUEST_DURATION)
    assert "http_server_request_duration_seconds" in otel.help


def test_each_application_has_its_own_families() -> None:
    """In one process they never meet."""
    assert families_of("default") is not families_of("default")


@pytest.mark.usefixtures("new_worker")
def test_applications_of_one_worker_share_the_files(tmp_path: Path) -> None:
    """Two writers of one file entry would overwrite each other."""
    shared = families_of("default")

    assert shared is families_of("default")
    assert f"counter_{os.getpid()}.db" in names(tmp_path)


@pytest.mark.usefixtures("new_worker")
def test_applications_of_one_worker_share_the_naming() -> None:
    """Some families have the same name in both, and would be two writers."""
    families_of("default")

    with pytest.raises(ConfigurationError, match="share one naming"):
        families_of("otel")


def test_a_live_gauge_starts_at_zero(
    tmp_path: Path, new_worker: Callable[[], None]
) -> None:
    """Also where a dead process of the same id left a value in a file still open."""
    mine = os.getpid()
    families_of("default").child(signals.HTTP_IN_PROGRESS).inc(3)
    new_worker()
    again = Families("default", CollectorRegistry())

    assert f"gauge_livesum_{mine}.db" in names(tmp_path)
    again.child(signals.HTTP_IN_PROGRESS)
    assert 0 == again.registry.get_sample_value("http_requests_inprogress")


def test_a_counter_goes_on_where_its_file_ends(
    tmp_path: Path, new_worker: Callable[[], None]
) -> None:
    """A counter must never fall, whoever wrote the file."""
    families_of("default").child(signals.WORKER_CPU).inc(3)
    new_worker()
    write(tmp_path, "counter", os.getpid(), "unrelated_total", 1)
    again = Families("default", CollectorRegistry())

    assert 3 == again.registry.get_sample_value("worker_cpu_seconds_total")
