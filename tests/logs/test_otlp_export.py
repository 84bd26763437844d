"""The queue of log lines in front of the exporter, and the outages behind it."""

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import pytest
import structlog
from fastapi import FastAPI
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.resources import Resource

from steadfastapi import Logs, Stack, Tracing, configure
from steadfastapi._counts import counts
from steadfastapi._export import MAX_BATCH, MAX_QUEUE
from steadfastapi._otlp_pause import Pause
from steadfastapi.logs import otlp, otlp_export
from steadfastapi.logs.otlp_export import LogExport
from steadfastapi.signals import TELEMETRY_DROPPED, Family
from steadfastapi.testing import internal_errors
from support.faults import BlackHole, refused_port
from support.otlp import OtlpReceiver

LINE = {"timestamp": "2026-11-20T10:00:00.000Z", "level": "info", "event": "hello"}
PATIENCE = 20.0


class Gate(LogRecordExporter):
    """Exports nothing until it is opened."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.entered = threading.Event()
        self.bodies: list[Any] = []
        self.batches: list[int] = []
        self.result = LogRecordExportResult.SUCCESS

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Wait, then take the records."""
        self.entered.set()
        self.open.wait(PATIENCE)
        self.batches.append(len(batch))
        self.bodies.extend(one.log_record.body for one in batch)
        return self.result

    def force_flush(self, timeout_millis: int = 0) -> bool:
        """There is nothing to flush."""
        return True

    def shutdown(self) -> None:
        """Let go of who waits."""
        self.open.set()


@pytest.fixture
def gate() -> Iterator[Gate]:
    """An exporter that is closed, and lets everybody go in the end."""
    gate = Gate()
    yield gate
    gate.open.set()


@pytest.fixture
def dropped() -> Iterator[Counter[str]]:
    """Lines that were counted as dropped, by reason."""
    found: Counter[str] = Counter()

    def listen(family: Family, labels: tuple[str, ...], amount: float) -> None:
        if family is TELEMETRY_DROPPED and labels[0] == "otlp_logs":
            found[labels[1]] += int(amount)

    undo = counts.subscribe(listen)
    yield found
    undo()


@pytest.fixture
def export(gate: Gate) -> Iterator[LogExport]:
    """A queue in front of the gate."""
    export = LogExport(lambda: gate, Resource.get_empty, Pause())
    yield export
    gate.open.set()
    export.close()


def sending(endpoint: str, tracing: Tracing | Literal[False] = False) -> Stack:
    """Configure an application whose lines are sent."""
    return configure(
        FastAPI(),
        logs=Logs(endpoint=endpoint, renderer="json"),
        tracing=tracing,
        sentry=False,
    )


def put(export: LogExport, count: int, size: int = 100) -> None:
    """Queue lines."""
    for _ in range(count):
        export(LINE, None, size)


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another thread does."""
    ends_at = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.005)


def test_the_queue_is_bounded_and_the_balance_exact(
    export: LogExport, gate: Gate, dropped: Counter[str]
) -> None:
    """Accepted is sent plus dropped, and no more than `MAX_QUEUE` wait (NB-7)."""
    put(export, MAX_QUEUE)
    assert gate.entered.wait(PATIENCE)
    put(export, 2 * MAX_QUEUE)
    assert export.waiting <= MAX_QUEUE
    assert dropped["queue_full"] >= MAX_QUEUE
    gate.open.set()
    assert export.flush(PATIENCE)
    assert 3 * MAX_QUEUE == export.sent + dropped["queue_full"]
    assert len(gate.bodies) == export.sent


def test_the_queue_is_bounded_in_bytes_too(
    export: LogExport, gate: Gate, dropped: Counter[str]
) -> None:
    """Lines of 64 KiB: 8 MiB of them wait, the others are dropped (NB-7)."""
    size = 64 * 1024
    put(export, MAX_BATCH - 1, size)
    assert otlp_export.MAX_BYTES // size == export.waiting
    assert MAX_BATCH - 1 - export.waiting == dropped["queue_full"]
    gate.open.set()
    assert export.flush(PATIENCE)
    put(export, 1, size)
    assert 1 == export.waiting


def test_a_full_batch_does_not_wait_for_the_interval(
    export: LogExport, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread is woken."""
    monkeypatch.setattr(otlp_export, "DELAY", 3600.0)
    gate.open.set()
    put(export, MAX_BATCH)
    until(lambda: export.sent == MAX_BATCH)
    assert [MAX_BATCH] == gate.batches


def test_a_few_lines_go_after_the_interval(
    export: LogExport, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to fill a batch first."""
    monkeypatch.setattr(otlp_export, "DELAY", 0.02)
    gate.open.set()
    put(export, 3)
    until(lambda: export.sent == 3)


def test_a_process_that_only_prepares_has_no_thread(
    export: LogExport, gate: Gate
) -> None:
    """It starts with the first line, once, and is a daemon."""
    assert export.flush(0.0)
    idle = export._thread
    put(export, 2)
    thread = export._thread
    assert idle is None
    assert thread is not None
    assert ("steadfastapi-logs", True) == (thread.name, thread.daemon)
    put(export, 1)
    assert thread is export._thread


def test_a_forked_child_starts_anew(export: LogExport, gate: Gate) -> None:
    """Its parent sends what waited before the fork; the child has its own thread."""
    gate.open.set()
    put(export, 2)
    export._begin()  # what the fork hook calls in the child
    assert 0 == export.waiting
    put(export, 1)
    assert export.flush(PATIENCE)
    assert 1 <= export.sent


def test_a_line_at_the_very_end_is_no_error(
    export: LogExport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interpreter that is ending starts no thread any more; stdout has the line."""

    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refused)
    put(export, 2)
    assert 2 == export.waiting


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_every_fork_sends_as_an_instance_of_its_own() -> None:
    """Children deliver their line once each; what the parent had is not sent twice."""
    with OtlpReceiver() as collector:
        stack = sending(collector.endpoint)
        structlog.get_logger().info("parent")
        children = []
        for _ in range(2):
            child = os.fork()
            if child == 0:
                structlog.get_logger().info("child")
                os._exit(0 if stack.shutdown(PATIENCE) else 1)
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
        assert stack.shutdown(PATIENCE)
        logs = collector.logs()
    assert [0, 0] == codes
    assert ["child", "child", "parent"] == sorted(log.body for log in logs)
    assert 3 == len({log.resource["service.instance.id"] for log in logs})


def test_an_exporter_that_raises_is_contained(
    export: LogExport, gate: Gate, dropped: Counter[str]
) -> None:
    """The batch is counted as dropped, and the next one is sent."""
    gate.result = None  # type: ignore[assignment]
    gate.open.set()
    put(export, 2)
    assert not export.flush(PATIENCE)
    gate.result = LogRecordExportResult.SUCCESS
    put(export, 1)
    assert export.flush(PATIENCE)
    assert {"error": 2} == dropped
    assert 1 == export.sent


def test_an_exporter_that_cannot_be_built_costs_the_lines_only(
    dropped: Counter[str],
) -> None:
    """The error is counted as one of ours."""

    def broken() -> LogRecordExporter:
        raise OSError("no file descriptors")

    export = LogExport(broken, Resource.get_empty, Pause())
    with internal_errors() as errors:
        put(export, 1)
        assert not export.flush(PATIENCE)
        export.close()
    assert {"error": 1} == dropped
    assert 1 == errors["logs.otlp"]


@pytest.mark.parametrize("status", [400, 429, 500])
def test_a_refused_batch_is_dropped_and_counted(
    status: int, dropped: Counter[str]
) -> None:
    """The application is told, the queue does not grow; what follows arrives."""
    with OtlpReceiver() as collector:
        collector.respond_with(status, {"Retry-After": "0"})
        stack = sending(collector.endpoint)
        assert otlp._current is not None
        otlp._current._exporter = quick(collector.endpoint)
        structlog.get_logger().info("lost")
        assert not otlp._current.flush(PATIENCE)
        assert {"error": 1} == dropped
        collector.respond_with(200)
        otlp._current._exporter = None  # a patient one is made
        structlog.get_logger().info("kept")
        assert stack.shutdown(PATIENCE)
    assert ["kept"] == [log.body for log in collector.logs()]


def test_a_collector_that_wants_a_pause_gets_it(dropped: Counter[str]) -> None:
    """Lines wait until `Retry-After` has passed; nothing is sent before (NB-12)."""
    with OtlpReceiver() as collector:
        collector.respond_with(429, {"Retry-After": "120"}, times=1)
        stack = sending(collector.endpoint)
        export = otlp._current
        assert export is not None
        structlog.get_logger().info("refused")
        assert not export.flush(PATIENCE)
        structlog.get_logger().info("waits")
        assert not export.flush(PATIENCE)
        assert (1, 1) == (collector.requests, export.waiting)
        export._pause._until = 0.0
        assert stack.shutdown(PATIENCE)
    assert ["waits"] == [log.body for log in collector.logs()]
    assert {"error": 1} == dropped


def test_a_black_hole_does_not_hold_the_shutdown(dropped: Counter[str]) -> None:
    """The answer is False in time, and what could not be sent is counted (NB-8)."""
    with BlackHole() as hole:
        stack = sending(f"http://127.0.0.1:{hole.port}")
        for _ in range(3):
            structlog.get_logger().info("lost")
        export = otlp._current
        assert export is not None
        export._exporter = quick(f"http://127.0.0.1:{hole.port}", 1.0)
        start = time.monotonic()
        assert not stack.shutdown(0.1)
        assert time.monotonic() - start < 5
        structlog.get_logger().info("after the end")
        export.close()
        until(lambda: 4 == sum(dropped.values()))


def test_delivery_comes_back_after_a_repair(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that are written once the collector is there arrive, by themselves."""
    monkeypatch.setattr(otlp_export, "DELAY", 0.05)
    with refused_port() as port:
        sending(f"http://127.0.0.1:{port}")
        assert otlp._current is not None
        otlp._current._exporter = quick(f"http://127.0.0.1:{port}")
        structlog.get_logger().info("lost")
        until(lambda: 0 == otlp._current.waiting if otlp._current else False)
    with OtlpReceiver(port) as collector:
        otlp._current._exporter = None  # a patient one is made
        structlog.get_logger().info("found")
        until(lambda: "found" in [log.body for log in collector.logs()])


def test_exporting_causes_no_lines_to_export() -> None:
    """With every library at DEBUG, one line is one record, one span one (NB-14)."""
    with OtlpReceiver() as collector:
        tracing = Tracing(endpoint=collector.endpoint, instrument=False)
        stack = sending(collector.endpoint, tracing=tracing)
        stack.logs.set_level("DEBUG")
        for name in ("urllib3", "opentelemetry", "requests"):
            stack.logs.set_level("DEBUG", logger=name)
        logging.getLogger("shop").debug("mine")
        assert otlp._current is not None
        stack.tracing.provider.get_tracer("test").start_span("work").end()
        for _ in range(3):
            assert stack.tracing.force_flush(PATIENCE)
            assert otlp._current.flush(PATIENCE)
        assert (["mine"], 1, 2) == (
            [log.body for log in collector.logs()],
            len(collector.spans()),
            collector.requests,
        )


def test_a_raising_tap_is_no_concern_of_the_line() -> None:
    """It is counted; the line is on stdout, and the other taps get it."""
    from steadfastapi.logs.pipeline import pipeline

    got: list[dict[str, Any]] = []

    def broken(*_: Any) -> None:
        raise OSError("broken")

    sending("http://127.0.0.1:9")
    pipeline.taps[:] = [broken, lambda line, *_: got.append(line)]
    with internal_errors() as errors:
        structlog.get_logger().info("hello")
    assert (["hello"], 1) == ([line["event"] for line in got], errors["logs.tap"])


def quick(endpoint: str, timeout: float = 0.2) -> LogRecordExporter:
    """Return an exporter of the SDK that gives up soon."""
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

    return OTLPLogExporter(endpoint=f"{endpoint}/v1/logs", timeout=timeout)
