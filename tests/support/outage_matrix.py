"""The outage matrix: one application, five backends, and one load for all cells."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import TYPE_CHECKING, Any, Self

import orjson

from support.outage_backends import OtlpBackend, SentryBackend, WebhookBackend, until
from support.outage_cells import (
    PATHS,
    PATIENCE,
    WINDOW,
    Cell,
    Ledger,
    balance,
    is_even,
)
from support.outage_lag import resident
from support.outage_load import Answers, Failing, hammer
from support.outage_stores import BACKENDS, PostgresBackend
from support.scrape import fetch, scrape
from support.server import LiveServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.outage_backends import Backend


class Matrix:
    """The application, its five backends, and one load for all cells."""

    def __init__(self) -> None:
        self._held = contextlib.ExitStack()
        self.backends: dict[str, Backend] = {}
        self.server: LiveServer

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as held:
            for kind in BACKENDS:
                backend = held.enter_context(kind())
                self.backends[backend.name] = backend
            addresses = {one.variable: one.url for one in self.backends.values()}
            self.server = held.enter_context(
                LiveServer(
                    "support.outage_app:served",
                    subprocess=True,
                    http="httptools",
                    access_log=False,
                    start_timeout=60,
                    env={**addresses, "ENVIRONMENT": "test", "OTEL_SERVICE_NAME": "o"},
                )
            )
            self._held = held.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def ask(self, what: str) -> Any:
        """Ask the application's wrapper."""
        return orjson.loads(fetch(self.server, f"/control/{what}").body)

    def ledger(self) -> Ledger:
        """Return the counts of all queues, and what the backends have."""
        page = scrape(self.server)
        found: Ledger = self.ask("ledger")
        for sink, counts in found.items():
            dropped = page.total("steadfastapi_telemetry_dropped_total", sink=sink)
            counts.setdefault("dropped", dropped)
        for backend in self.backends.values():
            match backend:
                case SentryBackend() | WebhookBackend():
                    found[backend.name]["here"] = backend.collector.answered
                case OtlpBackend():
                    found["otlp_traces"]["here"] = backend.spans
                    found["otlp_logs"]["here"] = backend.lines
                case PostgresBackend():
                    found["inbox"]["here"] = backend.counted()
        return found

    def warm(self, seconds: float) -> None:
        """Let everything be used once."""
        self.ask("window")
        with Failing(self.server):
            hammer(self.server, PATHS, seconds)
        self.settle()

    def settle(self, patience: float = PATIENCE) -> Ledger:
        """Wait until nothing waits, and return the counts then.

        Args:
            patience: Seconds until the counts are returned all the same.
        """

        def is_at_rest() -> bool:
            # Lines count as sent a moment after they have left their queue.
            return all(
                is_even(counts) and not counts["queued"]
                for sink, counts in self.ledger().items()
                if sink != "redis"
            )

        until(is_at_rest, patience)
        return self.ledger()

    def run(self, name: str, fault: str) -> Cell:
        """Measure one cell."""
        cell, backend = Cell(name, fault), self.backends[name]
        at_first = self.settle()
        with Failing(self.server) as failing:
            before, lag = self._window(cell)
            backend.fail(fault)
            with Watched(self) as watched:
                during, lag_during = self._window(cell)
            backend.repair()
            repaired = time.monotonic()
            with ThreadOf(lambda: self.recovery(backend, failing, repaired)) as back:
                after, lag_after = self._window(cell)
            cell.recovery = back.result
            if cell.recovery is not None:
                cell.recovery = max(0.0, cell.recovery - backend.pause(fault))
        cell.extra += failing.wrong
        cell.requests += len(failing.sent)
        cell.p99 = {
            path: (one.p99, two.p99, three.p99)
            for path, one, two, three in zip(PATHS, before, during, after, strict=True)
        }
        lags = (lag, lag_during, lag_after)
        cell.own_p99 = {
            path: tuple(one["own_p99"].get(path, 0.0) for one in lags) for path in PATHS
        }
        cell.lag_p99 = tuple(one["lag_p99"] for one in lags)
        cell.lag_max = tuple(one["lag_max"] for one in lags)
        cell.load = os.getloadavg()[0]
        cell.memory = int(max(watched.memory, lag_during["rss"]) - lag["rss"])
        cell.balance = balance(name, at_first, self.settle())
        return cell

    def _window(self, cell: Cell) -> tuple[list[Answers], dict[str, Any]]:
        self.ask("window")
        answers = hammer(self.server, PATHS, WINDOW)
        cell.extra += sum(one.wrong for one in answers)
        cell.requests += sum(one.requests for one in answers)
        return answers, self.ask("window")

    def recovery(
        self, backend: Backend, failing: Failing, repaired: float
    ) -> float | None:
        """Return the seconds until what is new arrives again; None if it does not.

        Args:
            backend: That was repaired.
            failing: The failures that go on.
            repaired: When it was, by `time.monotonic`.
        """
        if backend.name == "redis":
            return until(lambda: not self.ask("ledger")["redis"]["down"], PATIENCE)
        ends_at = repaired + PATIENCE
        while time.monotonic() < ends_at:
            new = [identity for at, identity in failing.fresh if at > repaired]
            if any(map(backend.arrived, new)):
                return time.monotonic() - repaired
            time.sleep(0.02)
        return None


class Watched:
    """The largest resident memory of the server while the context lasts."""

    def __init__(self, matrix: Matrix) -> None:
        self._pid = matrix.server.pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.memory = 0

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            self.memory = max(self.memory, resident(self._pid))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


class ThreadOf:
    """Runs a function beside the context, which ends with it."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.result: Any = None

        def run() -> None:
            self.result = function()

        self._thread = threading.Thread(target=run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
