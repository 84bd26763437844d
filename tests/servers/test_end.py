"""The end of every server: requests finished, traces sent, and within the deadline."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from steadfastapi._lifespan import SHUTDOWN_DEADLINE
from support.faults import BlackHole
from support.otlp import OtlpReceiver
from support.servers_catalog import EVERY_THAT_FINISHES, Server, installed
from support.servers_running import Answer, Running

if TYPE_CHECKING:
    from pathlib import Path

    from support._process_runner import Stopped

SERVERS_OWN = 6.0
"""Seconds beyond our deadline: the slow request's one, and what supervisors take to
look after their workers, on a busy machine."""


def end_amid_a_request(running: Running) -> tuple[list[Answer], Stopped]:
    """Send SIGTERM while a request is being served; returns its answer."""
    answers: list[Answer] = []
    client = threading.Thread(target=lambda: answers.append(running.get("/slow")))
    client.start()
    running.until(lambda: bool(running.events("slow began")), "the request began")
    stopped = running.stop()
    client.join()
    return answers, stopped


@EVERY_THAT_FINISHES
def test_the_end_is_graceful(server: Server, tmp_path: Path) -> None:
    """The request in flight is answered, every lifespan ends, its span is delivered."""
    with (
        OtlpReceiver() as collector,
        Running(
            installed(server),
            tmp_path,
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint,
            OTEL_BSP_SCHEDULE_DELAY="60000",
        ) as running,
    ):
        answers, _ = end_amid_a_request(running)
        began = [line["pid"] for line in running.events("lifespan began")]
        ended = [line["pid"] for line in running.events("lifespan ended")]
        spans = [span.name for span in collector.spans()]

    assert [200] == [answer.status for answer in answers]
    assert server.workers == len(began)
    assert sorted(began) == sorted(ended)
    assert ["GET /slow"] == [name for name in spans if "slow" in name]


@pytest.mark.proof
@EVERY_THAT_FINISHES
def test_a_silent_collector_holds_nobody_up(server: Server, tmp_path: Path) -> None:
    """Spans that cannot be delivered cost the deadline, and not a second more."""
    with (
        BlackHole() as collector,
        Running(
            installed(server),
            tmp_path,
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{collector.host}:{collector.port}",
        ) as running,
    ):
        answers, stopped = end_amid_a_request(running)

    assert [200] == [answer.status for answer in answers]
    assert SHUTDOWN_DEADLINE + SERVERS_OWN > stopped.seconds
