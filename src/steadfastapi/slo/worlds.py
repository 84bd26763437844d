"""What Prometheus would have scraped: made-up series for the tests of the rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steadfastapi.signals import HTTP_REQUEST_DURATION, HTTP_REQUESTS, SLO_EVENTS
from steadfastapi.slo.promql import Vocabulary, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from steadfastapi.signals import Family, Naming
    from steadfastapi.slo.objective import Objective

BUSY = 6_000.0
"""Events a minute: few enough for a test, many enough for any share to be exact."""
Series = dict[str, str]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some time in which the same goes on.

    Args:
        steps: Its length, in steps of the test's interval.
        bad: Share of bad events.
        events: How many events a step has.
    """

    steps: int
    bad: float = 0.0
    events: float = BUSY


class World:
    """The series of one objective of one job.

    Args:
        objective: What is judged.
        job: Prometheus's name of what is scraped.
        naming: How the families are called.
    """

    def __init__(self, objective: Objective, job: str, naming: Naming) -> None:
        self._objective = objective
        self._job = job
        self._words = Vocabulary(naming)
        self._handler = next(
            one for one in (*objective.handlers, "/", "/any") if objective.covers(one)
        )

    def series(self, stretches: Sequence[Stretch]) -> list[Series]:
        """Return the counters of these stretches, one after another."""
        good = counter((one.steps, one.events * (1 - one.bad)) for one in stretches)
        bad = counter((one.steps, one.events * one.bad) for one in stretches)
        every = counter((one.steps, one.events) for one in stretches)
        kind = self._objective.kind
        if kind == "events":
            return [self._counted("good", good), self._counted("bad", bad)]
        if kind == "latency":
            return [
                *self._http(2, every),
                self._bucket(2, good),
            ]
        return [
            *self._http(2, good),
            *self._http(5, bad),
            # What fails, fails fast: no latency objective may notice.
            self._bucket(2, good),
            self._bucket(5, bad),
        ]

    def only_good(self, steps: int) -> list[Series]:
        """Return the counters of a service that never had a bad event."""
        values = counter([(steps, BUSY)])
        if self._objective.kind == "events":
            return [self._counted("good", values)]
        return [*self._http(2, values), self._bucket(2, values)]

    def resetting(self, before: int, after: int, bad: float) -> list[Series]:
        """Return the counters of a deploy: they start anew in the middle."""
        found = []
        first = self.series([Stretch(before, bad)])
        for old, new in zip(first, self.series([Stretch(after, bad)]), strict=True):
            values = f"{old['values']} {new['values']}"
            found.append({"series": old["series"], "values": values})
        return found

    def bad_only(self, values: str) -> Series:
        """Return the series of bad events alone; slow ones have none."""
        if self._objective.kind == "events":
            return self._counted("bad", values)
        return self._http(5, values)[0]

    def _http(self, status_class: int, values: str) -> list[Series]:
        requests = self._words.series(HTTP_REQUESTS)
        durations = self._words.series(HTTP_REQUEST_DURATION, "_count")
        families = {requests: HTTP_REQUESTS, durations: HTTP_REQUEST_DURATION}
        return [
            _series(name, self._labels(family, status_class), values)
            for name, family in families.items()
        ]

    def _bucket(self, status_class: int, values: str) -> Series:
        threshold = float(self._objective.threshold or 0.25)
        labels = self._labels(HTTP_REQUEST_DURATION, status_class)
        name = self._words.series(HTTP_REQUEST_DURATION, "_bucket")
        return _series(name, {**labels, "le": str(threshold)}, values)

    def _counted(self, result: str, values: str) -> Series:
        name = self._words.series(SLO_EVENTS)
        labels = {"job": self._job, "slo": self._objective.name, "result": result}
        return _series(name, labels, values)

    def _labels(self, family: Family, status_class: int) -> dict[str, str]:
        exact = self._words.naming == "otel"
        status = f"{status_class}00" if exact else f"{status_class}xx"
        return {
            "job": self._job,
            "instance": "app:8000",
            self._words.label(family, "handler"): self._handler,
            self._words.label(family, "method"): "GET",
            self._words.label(family, "status"): status,
        }


def counter(pieces: Iterable[tuple[int, float]]) -> str:
    """Return promtool's notation of a counter, with one sample a step.

    Args:
        pieces: Numbers of steps, and by how much each of them rises.
    """
    value = 0.0
    written = ["0"]
    for steps, rise in pieces:
        first = round(value + rise, 6)
        written.append(f"{first:.15g}+{round(rise, 6):.15g}x{steps - 1}")
        value = round(value + rise * steps, 6)
    return " ".join(written)


def series(name: str, values: str, **labels: str) -> Series:
    """Return a series of any name."""
    return _series(name, labels, values)


def _series(name: str, labels: dict[str, str], values: str) -> Series:
    inner = ",".join(f"{label}={quoted(value)}" for label, value in labels.items())
    return {"series": f"{name}{{{inner}}}", "values": values}
