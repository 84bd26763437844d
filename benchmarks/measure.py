"""Drives the workers and keeps what they measured.

Time per request: every composition lives in its own process, and all take turns, one
batch each, round after round, so that what disturbs the machine disturbs all alike.
A batch is measured in processor time of all its threads, which on an idle machine is
the time that passes, and which a busy one does not inflate by waiting. Spans are
flushed in the batch that made them, and its time includes that.

Disturbances only ever slow down: what a composition adds is the difference between the
fastest batches, which repeats within a few per cent where medians wander with the load.
How it grows with the number of routes, a small difference of large figures, is the
difference between the fastest single requests; the number of function calls says
whether that is work, or only caches that many routes leave colder.

Import, configuration and memory: fresh processes, again in turns; processor time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from benchmarks.environment import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MEMORY_REQUESTS = 2_000
PROOF_REQUESTS = 10
COUNTED_BATCHES = 15

Key = tuple[str, int]
"""Composition and number of routes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is measured."""

    rounds: int
    requests: int
    """Of one composition in one round."""
    starts: int
    """Fresh processes of each composition, after the ones that are timed."""


@dataclass(slots=True)
class Results:
    """What was measured: seconds and bytes as they came."""

    per_request: dict[Key, list[float]] = field(default_factory=dict)
    """One figure a round: the mean of its batch."""
    fastest: dict[Key, float] = field(default_factory=dict)
    """The fastest single request."""
    calls: dict[Key, float] = field(default_factory=dict)
    """Function calls per request."""
    startup: dict[str, list[float]] = field(default_factory=dict)
    rss: dict[str, int] = field(default_factory=dict)
    proof: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What each composition recorded of a request: its share of the work."""


class Worker:
    """A process that serves one composition, soon after it was started."""

    def __init__(self, process: subprocess.Popen[str], errors: IO[str]) -> None:
        self._process = process
        self._errors = errors

    def startup(self) -> float:
        """Wait until it is ready; return the seconds to import and wire."""
        seconds: float = self._answer()["startup"]
        return seconds

    def ask(self, **command: Any) -> dict[str, Any]:
        """Send one command and wait for its answer.

        Raises:
            RuntimeError: The worker has ended; with what it wrote last.
        """
        if self._process.stdin is not None:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            self._process.wait()
            self._errors.seek(0)
            raise RuntimeError(f"A worker ended: {self._errors.read()[-2_000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def worker(name: str, routes: int) -> Iterator[Worker]:
    """Start a worker in a folder of its own; both end with the context.

    What it writes to standard error, such as the link of the console, is for people
    who started a server, and shown only when the worker fails.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryFile("w+", encoding="utf-8") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name, str(routes)],
            cwd=folder,
            env=environment(name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            yield Worker(process, errors)
        except BaseException:
            process.kill()
            raise


def measure(
    names: Sequence[str],
    routes: Sequence[int],
    effort: Effort,
    progress: Callable[[str], None],
) -> Results:
    """Measure everything.

    Args:
        names: Compositions.
        routes: Numbers of routes, one after the other, so that the processes of one
            number only are there at the same time; the first one is used for start
            and memory.
        effort: How much.
        progress: Told what is going on.
    """
    results = Results()
    for number in routes:
        _time_requests(names, number, effort, results, progress)
    for number in range(effort.starts):
        progress(f"starting fresh processes, round {number + 1} of {effort.starts}")
        for name in names:
            with worker(name, routes[0]) as fresh:
                results.startup.setdefault(name, []).append(fresh.startup())
                if name not in results.rss:  # differs little from start to start
                    fresh.ask(serve=MEMORY_REQUESTS)
                    results.rss[name] = fresh.ask(memory=True)["rss"]
    return results


def _time_requests(
    names: Sequence[str],
    routes: int,
    effort: Effort,
    results: Results,
    progress: Callable[[str], None],
) -> None:
    with ExitStack() as stack:
        workers: dict[Key, Worker] = {}
        progress(f"starting, {routes} routes")
        for key in [(name, routes) for name in names]:
            workers[key] = stack.enter_context(worker(*key))
        for key, one in workers.items():
            one.startup()  # not kept: they all start at the same time
            one.ask(serve=effort.requests)  # warm up
            results.proof[key[0]] = one.ask(prove=PROOF_REQUESTS)
            results.calls[key] = one.ask(count=COUNTED_BATCHES)["calls"]
            results.per_request[key] = []
            results.fastest[key] = float("inf")
        for number in range(effort.rounds):
            progress(f"{routes} routes, round {number + 1} of {effort.rounds}")
            for key, one in workers.items():
                answer = one.ask(serve=effort.requests)
                results.per_request[key].append(answer["seconds"])
                results.fastest[key] = min(results.fastest[key], answer["fastest"])
