"""What a worker says of itself, through starts, stops and forks."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from textwrap import dedent

import pytest

from steadfastapi._guard import guard
from steadfastapi._service import Service
from steadfastapi.metrics import process
from steadfastapi.metrics.process import Worker
from steadfastapi.metrics.registry import Families, families_of
from steadfastapi.testing import internal_errors

SERVICE = Service(name="shop", version="1.2", environment="staging", revision="abc")
THREAD = "steadfastapi-worker-metrics"


@pytest.fixture
def families() -> Families:
    """Families of one application."""
    return families_of("default")


def threads() -> int:
    """Count the samplers that run."""
    return sum(thread.name == THREAD for thread in threading.enumerate())


def test_a_worker_says_what_runs_since_when(families: Families) -> None:
    """Version, revision, environment, and its own start."""
    before = time.time()
    families.worker.start(SERVICE)
    families.worker.stop(5.0)
    value = families.registry.get_sample_value

    labels = {"version": "1.2", "revision": "abc"}
    assert before <= (value("app_start_time_seconds", labels) or 0) <= time.time()
    info = {
        sample.name: sample.labels
        for family in families.registry.collect()
        for sample in family.samples
        if family.name == "app_info"
    }
    assert "staging" == info["app_info"]["environment"]
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert python == info["app_info"]["python"]
    assert 1 == value("worker_up")


def test_counters_whose_labels_are_known_start_at_zero(families: Families) -> None:
    """So that the first error is a rise; families with a free label do not."""
    families.worker.start(SERVICE)
    families.worker.stop(5.0)
    value = families.registry.get_sample_value

    lost = {"sink": "otlp_traces", "reason": "shutdown"}
    assert 0 == value("steadfastapi_telemetry_dropped_total", lost)
    assert 0 == value("retry_budget_denied_total", {"kind": "db"})
    overflow = {"family": "http_requests"}
    assert 0 == value("steadfastapi_label_overflow_total", overflow)
    assert value("rate_limit_decisions_total", {"decision": "denied"}) is None


def test_a_sample_has_the_resources_of_the_process(families: Families) -> None:
    """Memory and descriptors as /proc tells them; CPU time never falls."""
    value = families.registry.get_sample_value
    families.worker.sample()
    first = value("worker_cpu_seconds_total") or 0
    families.worker.sample()

    assert 2**20 < (value("worker_resident_memory_bytes") or 0)
    assert 0 < (value("worker_open_fds") or 0) < (value("worker_max_fds") or 0)
    assert 0 < first <= (value("worker_cpu_seconds_total") or 0) <= time.process_time()


def test_samples_are_taken_until_the_worker_stops(
    families: Families, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that fails is contained, and the next one is taken."""
    worker = Worker(families, interval=0.001)
    taken: list[None] = []
    several = threading.Event()

    def sample() -> None:
        taken.append(None)
        if len(taken) > 1:
            several.set()
            raise OSError

    monkeypatch.setattr(worker, "sample", sample)
    with internal_errors() as errors:
        worker.start(SERVICE)
        assert several.wait(10)
        assert worker.stop(5.0)

    assert 0 == threads()
    assert 1 <= errors["metrics.worker"]


def test_a_stopped_worker_can_start_again(families: Families) -> None:
    """As an application does in a test-suite."""
    for _ in range(2):
        families.worker.start(SERVICE)
        assert 1 == threads()
        assert families.worker.stop(5.0)
        assert 0 == threads()


def test_applications_that_share_families_are_one_worker(families: Families) -> None:
    """CPU time is counted once, and sampled until the last of them ends."""
    families.worker.start(SERVICE)
    families.worker.start(SERVICE)
    assert 1 == threads()
    assert families.worker.stop(5.0)
    assert 1 == threads()
    assert families.worker.stop(5.0)
    assert 0 == threads()


def test_internal_errors_are_counted_once_and_until_the_end(
    families: Families,
) -> None:
    """Also before the start, and however often it is asked for."""
    worker, labels = families.worker, {"component": "test"}

    def counted() -> float:
        name = "steadfastapi_internal_errors_total"
        return families.registry.get_sample_value(name, labels) or 0

    with internal_errors():
        worker.watch_errors()
        guard.swallow("test", ValueError())
        assert 1 == counted()
        worker.start(SERVICE)
        guard.swallow("test", ValueError())
        assert 2 == counted()
        worker.stop(5.0)
        guard.swallow("test", ValueError())
        assert 2 == counted()


def test_ten_thousand_failures_are_ten_thousand(families: Families) -> None:
    """The counter is exact, however few lines are logged."""
    with internal_errors():
        families.worker.watch_errors()
        for _ in range(10_000):
            guard.swallow("test", ValueError())

    name, labels = "steadfastapi_internal_errors_total", {"component": "test"}
    assert 10_000 == families.registry.get_sample_value(name, labels)


FORKED = """
    import os, threading
    from steadfastapi._service import Service
    from steadfastapi.metrics.registry import families_of

    families = families_of("default")
    if {started}:
        families.worker.start(Service(name="x"))
    if os.fork() == 0:
        families.worker.start(Service(name="x"))
        running = [t.name for t in threading.enumerate()]
        assert running == ["MainThread", "steadfastapi-worker-metrics"], running
        assert families.worker.stop(5.0)
        os._exit(0)
    assert os.wait()[1] == 0
"""


@pytest.mark.parametrize("started", [False, True], ids=["preloaded", "running"])
@pytest.mark.parametrize("several", [False, True], ids=["alone", "multiprocess"])
def test_a_forked_worker_has_a_sampler_of_its_own(
    tmp_path: Path, started: bool, several: bool
) -> None:
    """Configured before the fork, as with `gunicorn --preload`."""
    code = dedent(FORKED.format(started=started))
    environment = dict(os.environ)
    if several:
        environment["PROMETHEUS_MULTIPROC_DIR"] = str(tmp_path)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environment,
        capture_output=True,
        timeout=30,
        check=False,
    )

    assert (0, b"") == (done.returncode, done.stderr)


WINDOWS = """
    import sys
    for name in ("resource", "fcntl"):
        sys.modules[name] = None
    from fastapi import FastAPI
    from steadfastapi import configure
    from steadfastapi.metrics.page import exposition

    stack = configure(FastAPI(), logs=False, tracing=False, sentry=False)
    stack.metrics.families.worker.sample()
    assert b"worker_cpu_seconds_total" in exposition(stack.metrics.families, "")[0]
"""


def test_windows_can_import_and_serve_it(tmp_path: Path) -> None:
    """Without `resource` and `fcntl`, also with a directory."""
    done = subprocess.run(
        [sys.executable, "-c", dedent(WINDOWS)],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (0, b"") == (done.returncode, done.stderr)


def test_what_a_system_does_not_tell_is_left_out(
    families: Families, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without /proc the gauges stay at 0 instead of lying."""

    def absent(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", absent)
    monkeypatch.setattr(os, "listdir", absent)
    monkeypatch.setitem(sys.modules, "resource", None)
    families.worker.sample()
    monkeypatch.undo()

    for name in ("worker_resident_memory_bytes", "worker_open_fds", "worker_max_fds"):
        assert 0 == families.registry.get_sample_value(name)


def test_no_limit_of_descriptors_is_infinite(monkeypatch: pytest.MonkeyPatch) -> None:
    """-1, as the system says it, would be a negative share in use."""
    import resource

    infinity = resource.RLIM_INFINITY
    monkeypatch.setattr(resource, "getrlimit", lambda _: (infinity, infinity))

    assert float("inf") == process._max_descriptors()
