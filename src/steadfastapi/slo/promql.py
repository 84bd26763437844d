"""What an objective counts, in PromQL: all events and the bad ones, in a window."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from steadfastapi.signals import (
    HTTP_REQUEST_DURATION,
    HTTP_REQUESTS,
    SLO_EVENTS,
    named,
)
from steadfastapi.slo.objective import PLACEHOLDER
from steadfastapi.slo.windows import Clock, seconds

if TYPE_CHECKING:
    from steadfastapi.signals import Family, Naming
    from steadfastapi.slo.objective import Objective

How = Literal["rate", "increase"]
SERVER_ERRORS = "5.."
"""Matches `5xx` and `503`: status labels hold either."""

_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Our families as they are called in a naming.

    Args:
        naming: Which.
    """

    naming: Naming

    def series(self, family: Family, part: str = "") -> str:
        """Return the name of a family's series; of histograms, of a `part`."""
        found = named(family, self.naming)
        if found is None:  # requests are counted by their durations
            return self.series(HTTP_REQUEST_DURATION, "_count")
        return found.name + ("_total" if found.kind == "counter" else part)

    def label(self, family: Family, label: str) -> str:
        """Return how a label of a family is called."""
        found = named(family, self.naming) or named(HTTP_REQUEST_DURATION, self.naming)
        if found is None:
            return label
        return dict(zip(family.labels, found.labels, strict=True))[label]


def quoted(value: str) -> str:
    """Return a string as PromQL writes it."""
    return json.dumps(value, ensure_ascii=False)


def one_of(values: tuple[str, ...], *, negated: bool = False) -> str:
    """Return a matcher of these values, operator included."""
    mark = "!" if negated else ""
    if len(values) == 1:
        return f"{mark}={quoted(values[0])}"
    pattern = "|".join(_SPECIAL.sub(r"\\\g<0>", value) for value in values)
    return f"{mark or '='}~{quoted(pattern)}"


class Events:
    """Counts the events of one objective of one job.

    Args:
        objective: What is judged.
        job: Prometheus's name of what is scraped.
        naming: How the families are called.
        clock: How long the windows are.
    """

    def __init__(
        self, objective: Objective, job: str, naming: Naming, clock: Clock
    ) -> None:
        self.objective = objective
        self.clock = clock
        self._words = Vocabulary(naming)
        self._job = f"job={quoted(job)}"

    def total(self, window: str, how: How = "rate") -> str:
        """Return all events of a window, or a second of it."""
        kind = self.objective.kind
        if kind == "raw":
            return self._own(self.objective.total_query, window, how)
        if kind == "availability":
            return self._sum(self._requests(), window, how)
        if kind == "latency":
            return self._sum(self._durations("_count"), window, how)
        return self._sum(self._counted(), window, how)

    def bad(self, window: str, how: How = "rate") -> str:
        """Return the bad events; 0 where there are events and none was ever bad."""
        total = self.total(window, how)
        kind = self.objective.kind
        if kind == "raw":
            bad = self._own(self.objective.error_query, window, how)
            return f"({bad} or 0 * {total})"
        if kind == "latency":
            good = self._sum(self._durations("_bucket", self._le()), window, how)
            return f"clamp_min({total} - {good}, 0)"
        if kind == "availability":
            label = self._words.label(HTTP_REQUESTS, "status")
            selector = self._requests(f"{label}=~{quoted(SERVER_ERRORS)}")
        else:
            selector = self._counted('result="bad"')
        return f"({self._sum(selector, window, how)} or 0 * {total})"

    def _sum(self, selector: str, window: str, how: How) -> str:
        return f"sum({how}({selector}[{self.clock.duration(window)}]))"

    def _own(self, query: str, window: str, how: How) -> str:
        duration = self.clock.duration(window)
        rate = f"sum({query.replace(PLACEHOLDER, duration)})"
        length = seconds(window) * self.clock.scale
        return rate if how == "rate" else f"({rate} * {length:g})"

    def _requests(self, *more: str) -> str:
        name = self._words.series(HTTP_REQUESTS)
        return self._selector(name, *self._handlers(HTTP_REQUESTS), *more)

    def _durations(self, part: str, *more: str) -> str:
        family = HTTP_REQUEST_DURATION
        status = self._words.label(family, "status")
        # A fast 500 is no good response, and no slow one either.
        served = f"{status}!~{quoted(SERVER_ERRORS)}"
        name = self._words.series(family, part)
        return self._selector(name, *self._handlers(family), served, *more)

    def _counted(self, *more: str) -> str:
        name = self._words.series(SLO_EVENTS)
        return self._selector(name, f"slo={quoted(self.objective.name)}", *more)

    def _selector(self, name: str, *matchers: str) -> str:
        return f"{name}{{{','.join((self._job, *matchers))}}}"

    def _handlers(self, family: Family) -> list[str]:
        label = self._words.label(family, "handler")
        matchers = []
        if self.objective.handlers:
            matchers.append(label + one_of(self.objective.handlers))
        if self.objective.exclude_handlers:
            excluded = self.objective.exclude_handlers
            matchers.append(label + one_of(excluded, negated=True))
        return matchers

    def _le(self) -> str:
        threshold = float(self.objective.threshold or 0)
        if self._words.naming == "otel" and threshold.is_integer():
            # Of what came over OTLP, Prometheus writes `1`, of a scrape `1.0`.
            pattern = rf"{threshold:g}(\.0)?"
            return f"le=~{quoted(pattern)}"
        return f"le={quoted(str(threshold))}"
