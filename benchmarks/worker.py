"""One composition in a process of its own, driven by lines of JSON over its pipes.

Imports as little as it can before the composition is built, so that the time to
import belongs to the composition.

| command            | answer                                             |
|--------------------|----------------------------------------------------|
| (start)            | `startup`: processor seconds to import and wire    |
| `{"serve": n}`     | `seconds` per request, `fastest` of n requests     |
| `{"prove": n}`     | what was recorded of n requests                    |
| `{"count": n}`     | `calls`: of functions per request, in n batches    |
| `{"imported": […]}`| `imported`: which of these modules were            |
| `{"memory": true}` | `rss`: resident bytes                              |
"""

from __future__ import annotations

import json
import os
import sys
from time import process_time
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.server import Server


COUNTED = 10
"""Requests of one batch whose function calls are counted."""


def main(name: str, routes: int) -> None:
    """Build the composition, then do what the commands say until they end."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    # Every composition logs to standard output, as in a container; nobody reads it.
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    from benchmarks.compositions import COMPOSITIONS  # noqa: PLC0415

    COMPOSITIONS[name].hide_foreign()
    started = process_time()
    app = COMPOSITIONS[name].build(routes)
    _answer(answers, {"startup": process_time() - started})

    from benchmarks.server import Server  # noqa: PLC0415 - not part of the start-up

    server = Server(app, _flush)
    server.start()
    try:
        for command in _commands():
            _answer(answers, _obey(server, command))
    finally:
        server.stop()


def _obey(server: Server, command: dict[str, Any]) -> dict[str, Any]:
    if "serve" in command:
        seconds, fastest = server.serve(command["serve"])
        return {"seconds": seconds, "fastest": fastest}
    if "prove" in command:
        return _prove(server, command["prove"])
    if "count" in command:
        return {"calls": _calls(server, command["count"])}
    if "imported" in command:
        return {
            "imported": [one for one in command["imported"] if sys.modules.get(one)]
        }
    return {"rss": _resident_bytes()}


def _commands() -> Iterator[dict[str, Any]]:
    for line in sys.stdin:
        yield json.loads(line)


def _answer(stream: TextIO, answer: dict[str, Any]) -> None:
    stream.write(json.dumps(answer) + "\n")


def _prove(server: Server, requests: int) -> dict[str, Any]:
    """Serve requests and say what each tool recorded of them."""
    counted = _counted(server)
    spans = _spans()
    lines = _captured_lines(server, requests)
    spans = _spans() - spans
    counted = _counted(server) - counted
    return {
        "log_lines": len(lines) / requests,
        "log_fields": _fields(lines),
        "spans": spans / requests,
        "counted": counted / requests,
        "sentry": "sentry_sdk" in sys.modules
        and bool(sys.modules["sentry_sdk"].is_initialized()),
    }


def _fields(lines: list[str]) -> list[str]:
    """Return what the last line names; nothing of one that people read."""
    try:
        return sorted(json.loads(lines[-1]))
    except (IndexError, ValueError):
        return []


def _calls(server: Server, requests: int) -> float:
    """Count function calls: the same on every machine, however busy it is.

    The least of many short batches: what runs on the event loop a few times a second
    must not come in between. Without the export of spans, which has its own thread.
    """
    import cProfile  # noqa: PLC0415
    import pstats  # noqa: PLC0415

    counted = []
    for _ in range(requests):
        profile = cProfile.Profile()
        profile.enable()
        server.serve(COUNTED, flush=False)
        profile.disable()
        statistics: Any = pstats.Stats(profile)
        counted.append(float(statistics.total_calls) / COUNTED)
    return min(counted)


def _captured_lines(server: Server, requests: int) -> list[str]:
    """Serve requests with standard output in a file, and return its lines."""
    import tempfile  # noqa: PLC0415

    null = os.dup(sys.stdout.fileno())
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        try:
            server.serve(requests)
            sys.stdout.flush()
        finally:
            os.dup2(null, sys.stdout.fileno())
            os.close(null)
        file.seek(0)
        return file.read().splitlines()


def _spans() -> int:
    """Return how many spans were exported, those that wait included."""
    exporter = sys.modules.get("benchmarks.exporter")
    if exporter is None:
        return 0
    _flush()
    return int(exporter.NoOpExporter.exported)


def _flush() -> None:
    """Export the spans that wait; nothing where no exporter was wired."""
    if "benchmarks.exporter" in sys.modules:
        from opentelemetry import trace  # noqa: PLC0415

        provider: Any = trace.get_tracer_provider()
        if hasattr(provider, "force_flush"):  # not where none was set
            provider.force_flush()


def _counted(server: Server) -> float:
    """Return how many measured requests the Prometheus page reports."""
    status, body = server.get("/metrics")
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in body.decode().splitlines()
        if status == 200  # noqa: PLR2004
        and line.startswith("http_requests_total{")
        and "/measured/{item_id}" in line
    )


def _resident_bytes() -> int:
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - procfs
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # no procfs: the peak, in KiB or on macOS in bytes
        import resource  # noqa: PLC0415

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
