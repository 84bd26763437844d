"""Lines, counts and spans under every server, forked and spawned workers included."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from support.otlp import OtlpReceiver
from support.scrape import scrape
from support.servers_catalog import EVERY_SERVER, Server, installed
from support.servers_running import Running

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 12
ROUTE = "/items/{number}"


@EVERY_SERVER
def test_every_request_is_one_line_one_count_and_one_span(
    server: Server, tmp_path: Path
) -> None:
    """With several workers too, and where the application was forked, not started."""
    metrics = tmp_path / "metrics"
    metrics.mkdir()
    several = {"PROMETHEUS_MULTIPROC_DIR": str(metrics)} if server.workers > 1 else {}
    with (
        OtlpReceiver() as collector,
        Running(
            installed(server),
            tmp_path / "server",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint,
            OTEL_BSP_SCHEDULE_DELAY="100",
            **several,
        ) as running,
    ):
        pids = {running.get(f"/items/{number}").json["pid"] for number in range(COUNT)}
        # A request is counted once its answer is out, so the first look may be early.
        running.until(lambda: counted(running) == COUNT, "a count each")
        totals = {counted(running) for _ in range(4)}
        collector.wait_for(COUNT, timeout=20)
        names = [span.name for span in collector.spans() if span.kind == "SERVER"]
        trace_ids = {
            span.trace_id
            for span in collector.spans()
            if "http.route" in span.attributes
        }
        running.until(lambda: COUNT <= len(items(running)), "a line each")
        lines = items(running)
        text = running.text()

    assert 1 <= len(pids) <= server.workers
    assert {COUNT} == totals
    assert [f"GET {ROUTE}"] * COUNT == names
    assert COUNT == len(lines)
    assert trace_ids == {line["trace_id"] for line in lines}
    # No access line of the server's own: each path is written once.
    paths = Counter(re.findall(r"/items/\d+", text))
    assert {f"/items/{number}": 1 for number in range(COUNT)} == paths


def counted(running: Running) -> float:
    """Return how often the items were asked for, as whichever worker tells it."""
    return scrape(running).total("http_requests_total", handler=ROUTE)


def items(running: Running) -> list[dict[str, object]]:
    """Return the access lines of the items."""
    return [line for line in running.events("request") if line["route"] == ROUTE]
