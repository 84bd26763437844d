"""Values of several processes, folded as prometheus_client folds them."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from steadfastapi.metrics.merged import Merged, value_files
from steadfastapi.signals import APP_START_TIME, WORKER_UP
from steadfastapi.testing import internal_errors
from support.scrape import Page
from support.valuefiles import HELP, NOBODY, write

FAMILIES = {
    "counter": ("orders_total", {}),
    "summary": ("size_sum", {}),
    "histogram": ("wait_bucket", {"le": "0.5"}),
    "gauge_sum": ("s", {}),
    "gauge_livesum": ("ls", {}),
    "gauge_min": ("mi", {}),
    "gauge_livemin": ("lmi", {}),
    "gauge_max": ("ma", {}),
    "gauge_livemax": ("lma", {}),
    "gauge_all": ("al", {}),
    "gauge_liveall": ("lal", {}),
}
writes = st.lists(
    st.tuples(
        st.sampled_from(sorted(FAMILIES)),
        st.integers(NOBODY, NOBODY + 2),
        st.sampled_from(["a", "b"]),
        st.integers(0, 9),
    ),
    max_size=30,
)


@given(writes)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_sums_are_prometheus_clients_own(
    tmp_path_factory: pytest.TempPathFactory,
    done: list[tuple[str, int, str, int]],
) -> None:
    """Whatever several processes write, both collectors show the same series."""
    where = tmp_path_factory.mktemp("files")
    for kind, pid, label, value in done:
        sample, labels = FAMILIES[kind]
        write(where, kind, pid, sample, value, label=label, **labels)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(where))  # type: ignore[no-untyped-call]
    theirs = Page(generate_latest(registry).decode())
    ours = Page(generate_latest(Merged(where, {})).decode())

    key = str
    without_sums = [s for s in ours.samples if s.name != "wait_sum"]
    assert sorted(theirs.samples, key=key) == sorted(without_sums, key=key)


def test_what_the_client_wrote_is_read(
    tmp_path: Path, new_worker: Callable[[], None]
) -> None:
    """Metrics of every kind, with labels, as prometheus_client itself keeps them."""
    for _ in range(2):
        Counter("orders", HELP, ["kind"], registry=None).labels("web").inc(2)
        Histogram("wait", HELP, registry=None, buckets=(0.1, 1)).observe(0.5)
        Summary("size", HELP, registry=None).observe(7)
        Gauge("carts", HELP, registry=None, multiprocess_mode="livesum").inc(3)
        for file in value_files(tmp_path):
            file.path.rename(tmp_path / f"{file.kind}_{NOBODY}.db")
        new_worker()

    shown = {
        f"{sample.name}{sample.labels or ''}": sample.value
        for metric in Merged(tmp_path, {}).collect()
        for sample in metric.samples
    }
    expected = {
        "orders_total{'kind': 'web'}": 2.0,
        "carts": 3.0,
        "wait_bucket{'le': '0.1'}": 0.0,
        "wait_bucket{'le': '1.0'}": 1.0,
        "wait_bucket{'le': '+Inf'}": 1.0,
        "wait_count": 1.0,
        "wait_sum": 0.5,
        "size_count": 1.0,
        "size_sum": 7.0,
    }
    assert expected == shown


def test_a_family_of_our_name_that_is_not_ours_stays_out(tmp_path: Path) -> None:
    """Another instrumentation's help tells it apart; other families pass."""
    write(tmp_path, "counter", NOBODY, "http_requests_total", 3)
    write(tmp_path, "counter", NOBODY, "orders_total", 1)

    names = [m.name for m in Merged(tmp_path, {"http_requests": "Ours."}).collect()]
    assert ["orders"] == names
    names = [m.name for m in Merged(tmp_path, {"http_requests": HELP}).collect()]
    assert ["http_requests", "orders"] == names


def test_one_name_has_one_type(tmp_path: Path) -> None:
    """A page with a name of two types would be refused: the first one stays."""
    write(tmp_path, "counter", NOBODY, "mood", 1)
    write(tmp_path, "gauge_sum", NOBODY, "mood", 2)

    metrics = Merged(tmp_path, {}).collect()
    assert [("mood", "counter")] == [(metric.name, metric.type) for metric in metrics]
    assert [1.0] == [sample.value for sample in metrics[0].samples]


def test_a_minimum_knows_no_zero_of_a_forked_helper(tmp_path: Path) -> None:
    """Only a process that serves can say when the application started."""
    started = APP_START_TIME.name
    write(tmp_path, "gauge_min", NOBODY, started, 1700.0)
    write(tmp_path, "gauge_livesum", NOBODY, WORKER_UP.name, 1)
    write(tmp_path, "gauge_min", NOBODY + 1, started, 0)
    write(tmp_path, "gauge_livesum", NOBODY + 1, WORKER_UP.name, 0)
    write(tmp_path, "gauge_min", NOBODY + 1, "free_slots", 0)

    shown = {m.name: m.samples[0].value for m in Merged(tmp_path, {}).collect()}
    assert {started: 1700.0, "free_slots": 0.0, WORKER_UP.name: 1.0} == shown


@pytest.mark.parametrize("kind", ["empty", "vanished"])
def test_a_file_that_comes_or_goes_is_nothing(tmp_path: Path, kind: str) -> None:
    """Between its creation and its first value, or just taken in by another scrape."""
    path = tmp_path / f"counter_{NOBODY}.db"
    path.touch()
    files = value_files(tmp_path)
    if kind == "vanished":
        path.unlink()

    assert [[]] == [list(file.entries()) for file in files]
    assert kind == "empty" or files[0].modified == 0


@pytest.mark.parametrize(
    "length", [0, -100, 2_000_000_000], ids=["zeros", "backwards", "beyond"]
)
def test_a_damaged_file_ends_where_the_damage_begins(
    tmp_path: Path, length: int
) -> None:
    """What stands before it counts; reading always ends; the damage is reported."""
    path = write(tmp_path, "counter", NOBODY, "orders_total", 2)
    used = int.from_bytes(path.read_bytes()[:4], "little")
    with path.open("r+b") as file:
        file.write((used + 400).to_bytes(4, "little"))
        file.seek(used)
        file.write(length.to_bytes(4, "little", signed=True))
    with internal_errors() as errors:
        metrics = Merged(tmp_path, {}).collect()

    assert [("orders", 2.0)] == [(m.name, m.samples[0].value) for m in metrics]
    assert {"metrics.damaged_file": 1} == errors


def test_many_series_of_many_workers_are_collected_quickly(tmp_path: Path) -> None:
    """Each key is parsed once, however many processes have it."""
    for pid in range(20):
        for number in range(50):
            write(tmp_path, "counter", NOBODY + pid, "a_total", 1, n=str(number))
    registry = CollectorRegistry()
    collector = MultiProcessCollector(registry, path=str(tmp_path))  # type: ignore[no-untyped-call]

    def seconds(collect: Callable[[], object]) -> float:
        start = time.thread_time()
        collect()
        return time.thread_time() - start

    merged = Merged(tmp_path, {})
    ratios = [seconds(merged.collect) / seconds(collector.collect) for _ in range(5)]
    assert 1.5 > min(ratios)
