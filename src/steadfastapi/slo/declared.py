"""`SLO(...)`: objectives declared in code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.slo.objective import (
    DAYS,
    Objective,
    checked_days,
    checked_name,
    checked_percent,
    checked_threshold,
)

if TYPE_CHECKING:
    from steadfastapi.slo.objective import Kind

Checker = Callable[[Any], Any]
NOTHING = (
    "SLO(…) promises nothing: give availability=99.9, latency=(0.25, 99) or "
    "events=99.5."
)
ALONE = (
    "SLO(events=…) stands alone and has a name, by which it is counted: "
    "SLO(name='receipts', events=99.5)."
)


@dataclass(frozen=True, kw_only=True)
class SLO:
    """What users are promised, of all routes or of some.

        SLO(availability=99.9, latency=(0.25, 99.0))
        SLO(name="checkout", availability=99.95, routes=("/orders",))
        SLO(name="receipts", events=99.5)

    A response is good for `availability` when it is no 5xx, and for `latency` when
    it is complete in time and no 5xx; a client that went away is nobody's failure.

    Args:
        name: Unique within the application. Where both availability and latency are
            promised, `<name>-availability` and `<name>-latency` are the two; without
            a name, `availability` and `latency`.
        availability: Percentage of requests, e.g. 99.9.
        latency: Seconds, which must be the bound of a bucket of the duration
            histogram, and the percentage of requests that must be complete by then.
        events: Percentage of events that the application counts itself, with
            `count_good(name)` and `count_bad(name)`: anything that is no request.
        routes: Route templates that count, e.g. `/orders/{order_id}`; all by default.
        exclude_routes: Route templates that do not.
        window_days: Length of the period that the error budget is for.

    Raises:
        ConfigurationError: A value is wrong.
    """

    name: str = ""
    availability: float | None = None
    latency: tuple[float, float] | None = None
    events: float | None = None
    routes: tuple[str, ...] = ()
    exclude_routes: tuple[str, ...] = ()
    window_days: int = DAYS

    def __post_init__(self) -> None:
        problems = self._wrong_values() or self._contradictions()
        if problems:
            raise ConfigurationError(problems)

    def _wrong_values(self) -> list[str]:
        found = [_problem("window_days", self.window_days, checked_days)]
        if self.name:
            found.append(_problem("name", self.name, checked_name))
        for field in ("availability", "events"):
            value = getattr(self, field)
            if value is not None:
                found.append(_problem(field, value, checked_percent))
        if self.latency is not None:
            found += _latency_problems(self.latency)
        for field in ("routes", "exclude_routes"):
            found.append(_problem(field, getattr(self, field), _checked_templates))
        return [problem for problem in found if problem is not None]

    def _contradictions(self) -> list[str]:
        requests = (self.availability, self.latency) != (None, None)
        if self.events is None:
            return [] if requests else [NOTHING]
        if requests or not self.name:
            return [ALONE]
        if self.routes or self.exclude_routes:
            return ["SLO(events=…) has no routes: count_good() says what belongs."]
        return []

    def objectives(self) -> list[Objective]:
        """Return what it promises, one by one."""
        both = self.availability is not None and self.latency is not None
        made: list[Objective] = []
        if self.availability is not None:
            name = self._name("availability", both=both)
            made.append(self._objective(name, "availability", self.availability))
        if self.latency is not None:
            threshold, percent = self.latency
            name = self._name("latency", both=both)
            made.append(self._objective(name, "latency", percent, threshold))
        if self.events is not None:
            made.append(self._objective(self.name, "events", self.events))
        return made

    def _name(self, kind: str, *, both: bool) -> str:
        if not self.name:
            return kind
        return f"{self.name}-{kind}" if both else self.name

    def _objective(
        self, name: str, kind: Kind, percent: float, threshold: float | None = None
    ) -> Objective:
        return Objective(
            name=name,
            kind=kind,
            percent=percent,
            threshold=threshold,
            handlers=tuple(self.routes),
            exclude_handlers=tuple(self.exclude_routes),
            days=self.window_days,
        )


def _latency_problems(value: Any) -> list[str | None]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:  # noqa: PLR2004 - a pair
        return [
            (
                f"SLO(latency=…) is {value!r}: write seconds and a percentage, e.g. "
                "(0.25, 99.0)."
            )
        ]
    threshold, percent = value
    return [
        _problem("latency", threshold, checked_threshold),
        _problem("latency", percent, checked_percent),
    ]


def _checked_templates(value: Any) -> Any:
    if isinstance(value, str) or not all(isinstance(one, str) for one in value):
        raise ValueError('write a tuple of route templates, e.g. ("/orders",)')
    return value


def _problem(field: str, value: Any, check: Checker) -> str | None:
    """Say what was given, and what to write instead; None if it is right."""
    try:
        check(value)
    except ValueError as error:
        return f"SLO({field}=…) is {value!r}: {error}."
    except TypeError:
        return f"SLO({field}=…) is {value!r}, of the wrong type."
    return None
