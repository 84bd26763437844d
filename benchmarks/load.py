"""Throughput and latency over HTTP: uvicorn, and wrk from the same machine.

All compositions are up at the same time and are loaded in turns, round after round;
one that is not loaded idles. wrk keeps as many connections busy as it can: what is
measured is how much a saturated worker gets done, and p50 and p99 are those of a
worker without any reserve. With several workers the Prometheus files are shared by
`PROMETHEUS_MULTIPROC_DIR`, as several workers need it.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.application import PATH
from benchmarks.compositions import BARE, COMPOSITIONS, USUAL, USUAL_SENTRY
from benchmarks.environment import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.table import Table

CONNECTIONS = 16
"""For each worker."""
START_SECONDS = 60.0
WARM_UP_SECONDS = 1
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
LATENCY = re.compile(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s)\s*$", re.MULTILINE)
FAILED = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpEffort:
    """How much is sent."""

    rounds: int
    seconds: int
    """Of each composition in each round."""
    workers: tuple[int, ...]
    """Numbers of workers of uvicorn, each measured by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What wrk says of one round."""

    rate: float
    """Requests per second."""
    p50: float
    """ms."""
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """Medians of all rounds."""

    composition: str
    workers: int
    rate: float
    lowest: float
    """Requests per second in the slowest round."""
    highest: float
    p50: float
    """ms."""
    p99: float
    of_bare: float | None
    """Requests per second as a share of bare FastAPI's."""
    of_usual: float | None
    """As a multiple of the usual composition's without Sentry."""
    of_usual_sentry: float | None
    """As a multiple of the usual composition's with Sentry."""


def missing() -> str | None:
    """Return why nothing can be measured here; None where it can."""
    if not shutil.which("wrk"):
        return "wrk is not installed"
    return None if find_spec("uvicorn") else "uvicorn is not installed"


def measure(
    names: Sequence[str], effort: HttpEffort, progress: Callable[[str], None]
) -> list[Throughput]:
    """Load each composition in turns, one number of workers after the other."""
    rows: list[Throughput] = []
    for workers in effort.workers:
        rounds: dict[str, list[Round]] = {name: [] for name in names}
        with ExitStack() as stack:
            progress(f"starting uvicorn, {workers} workers each")
            ports = {
                name: stack.enter_context(_server(name, workers)) for name in names
            }
            for name, port in ports.items():
                _wait(name, port)
                _load(port, workers, WARM_UP_SECONDS)
            for number in range(effort.rounds):
                progress(f"over HTTP, round {number + 1} of {effort.rounds}")
                for name, port in ports.items():
                    rounds[name].append(_load(port, workers, effort.seconds))
        rows += summarise(workers, rounds)
    return rows


def summarise(workers: int, rounds: dict[str, list[Round]]) -> list[Throughput]:
    """Return one row for each composition."""
    rates = {
        name: median(one.rate for one in measured) for name, measured in rounds.items()
    }

    def times(name: str, other: str) -> float | None:
        return rates[name] / rates[other] if other in rates and name != other else None

    return [
        Throughput(
            composition=name,
            workers=workers,
            rate=rates[name],
            lowest=min(one.rate for one in measured),
            highest=max(one.rate for one in measured),
            p50=median(one.p50 for one in measured),
            p99=median(one.p99 for one in measured),
            of_bare=times(name, BARE),
            of_usual=times(name, USUAL),
            of_usual_sentry=times(name, USUAL_SENTRY),
        )
        for name, measured in rounds.items()
    ]


def parse(output: str) -> Round:
    """Read what wrk printed.

    Raises:
        RuntimeError: Requests failed, so that the figures mean nothing.
    """
    failed = FAILED.search(output)
    rate = RATE.search(output)
    latency = {
        percent: float(value) * UNITS[unit]
        for percent, value, unit in LATENCY.findall(output)
    }
    if failed or rate is None or latency.keys() != {"50", "99"}:
        raise RuntimeError(f"wrk: {output[-500:]}")
    return Round(rate=float(rate.group(1)), p50=latency["50"], p99=latency["99"])


@contextmanager
def _server(name: str, workers: int) -> Iterator[int]:
    """Start uvicorn in a folder of its own; return its port."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        env = environment(name)
        if workers > 1:
            env["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(dir=folder)
        port = _free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.served", name, str(port), str(workers)],
            cwd=folder,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield port
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _wait(name: str, port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(_address(port), timeout=5):
                return
        except OSError as error:
            if time.monotonic() > until:
                raise RuntimeError(f"{name} does not answer: {error}") from None
            time.sleep(0.1)


def _load(port: int, workers: int, seconds: int) -> Round:
    connections = CONNECTIONS * workers
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--latency",
        "--timeout=10s",
    ]
    done = subprocess.run(
        [*command, _address(port)], capture_output=True, text=True, check=True
    )
    return parse(done.stdout)


def _address(port: int) -> str:
    return f"http://127.0.0.1:{port}{PATH}"


def table(rows: Sequence[Throughput]) -> Table:
    """Return what people read."""
    from rich.table import Table  # noqa: PLC0415 - measuring needs none

    shown = Table(title="Over HTTP, 1 route", title_justify="left")
    shown.add_column("composition", no_wrap=True)
    for name in ("workers", "requests/s", "(range)", "p50 ms", "p99 ms"):
        shown.add_column(name, justify="right", no_wrap=True)
    for name in ("× bare", "× usual", "× u.+Sentry"):
        shown.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        shares = (row.of_bare, row.of_usual, row.of_usual_sentry)
        shown.add_row(
            COMPOSITIONS[row.composition].title,
            str(row.workers),
            f"{row.rate:,.0f}",
            f"{row.lowest:,.0f}–{row.highest:,.0f}",
            f"{row.p50:.1f}",
            f"{row.p99:.1f}",
            *("–" if share is None else f"{share:.2f}" for share in shares),
        )
    return shown
