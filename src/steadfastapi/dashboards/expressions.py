"""PromQL over our families, in the words of either naming.

What a query keeps of its labels goes with it, so that a legend can name no label that
the query has summed away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from steadfastapi.signals import HTTP_REQUEST_DURATION, HTTP_REQUESTS, named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from steadfastapi.signals import Family, Naming

Part = Literal["", "_bucket", "_count", "_sum"]
Where = dict[str, str]
"""Matchers by our name of the label: `{"status": '=~"5.."'}`."""

JOB = 'job=~"$job"'
INSTANCE = 'instance=~"$instance"'
PER_INTERVAL = "$__rate_interval"
IN_RANGE = "$__range"
_EVERYWHERE = ("le", "instance", "job")
"""Labels that no family declares: of histograms, and of every target."""


@dataclass(frozen=True, slots=True)
class Expression:
    """PromQL, and the labels that its series have.

    Args:
        text: The query.
        by: Its labels, in the spelling of the naming.
    """

    text: str
    by: tuple[str, ...] = ()

    def __truediv__(self, other: Expression) -> Expression:
        """Divide, series by series."""
        return Expression(f"{self.text} / {other.text}", self.by)


def positive(expression: Expression) -> Expression:
    """Leave out what did not happen: counters are there before their first event."""
    return Expression(f"{expression.text} > 0", expression.by)


def top(count: int, expression: Expression) -> Expression:
    """Keep the highest series."""
    return Expression(f"topk({count}, {expression.text})", expression.by)


class Queries:
    """Writes the queries of a dashboard.

    Args:
        naming: How the families are called.
        instances: Whether the dashboard has a variable `instance`.
    """

    def __init__(self, naming: Naming, *, instances: bool = True) -> None:
        self.naming = naming
        self.scope = f"{JOB},{INSTANCE}" if instances else JOB

    def known(self, family: Family) -> Family:
        """Return a family as it is called in this naming.

        Where there is no counter of requests, the duration's `_count` is one.
        """
        found = named(family, self.naming)
        if found is None:
            found = named(HTTP_REQUEST_DURATION, self.naming)
        if found is None:
            raise LookupError(f"{family.name} has no place in names={self.naming!r}")
        return found

    def name(self, family: Family, part: Part = "") -> str:
        """Return the name of a family's series.

        Args:
            family: The family.
            part: Of a histogram or summary, which of its series.
        """
        found = self.known(family)
        if found.kind == "counter":
            return f"{found.name}_total"
        if family is HTTP_REQUESTS:
            part = "_count"
        return f"{found.name}{part}"

    def labels(self, family: Family, wanted: Iterable[str]) -> tuple[str, ...]:
        """Return labels in this naming's spelling, in the order of the family."""
        spelling = dict(zip(family.labels, self.known(family).labels, strict=True))
        return tuple(
            label if label in _EVERYWHERE else spelling[label] for label in wanted
        )

    def select(
        self, family: Family, part: Part = "", where: Mapping[str, str] | None = None
    ) -> str:
        """Return a selector of a family's series, in the scope of the dashboard."""
        where = where or {}
        spelt = zip(self.labels(family, where), where.values(), strict=True)
        matchers = ",".join((self.scope, *(f"{key}{match}" for key, match in spelt)))
        return f"{self.name(family, part)}{{{matchers}}}"

    def record(self, name: str) -> str:
        """Return a selector of a recording rule's or an alert's series."""
        return f"{name}{{{JOB}}}"

    def rate(
        self,
        family: Family,
        *by: str,
        where: Where | None = None,
        part: Part = "",
    ) -> Expression:
        """Return how much is counted a second."""
        inner = f"rate({self.select(family, part, where)}[{PER_INTERVAL}])"
        return self._sum(inner, family, by)

    def increase(
        self,
        family: Family,
        *by: str,
        where: Where | None = None,
        part: Part = "",
    ) -> Expression:
        """Return how much was counted in the range of the dashboard."""
        inner = f"increase({self.select(family, part, where)}[{IN_RANGE}])"
        return self._sum(inner, family, by)

    def quantile(
        self,
        rank: float,
        family: Family,
        *by: str,
        where: Where | None = None,
        offset: str = "",
    ) -> Expression:
        """Return a quantile of a histogram.

        Args:
            rank: Between 0 and 1.
            family: The histogram.
            *by: The labels to keep.
            where: Matchers.
            offset: How long ago, e.g. `7d`.
        """
        shift = f" offset {offset}" if offset else ""
        selector = self.select(family, "_bucket", where)
        inner = f"rate({selector}[{PER_INTERVAL}]{shift})"
        buckets = self._sum(inner, family, ("le", *by))
        return Expression(f"histogram_quantile({rank}, {buckets.text})", buckets.by[1:])

    def heat(self, family: Family, where: Where | None = None) -> Expression:
        """Return a histogram over time, bucket by bucket."""
        inner = f"increase({self.select(family, '_bucket', where)}[{PER_INTERVAL}])"
        return self._sum(inner, family, ("le",))

    def sum(self, family: Family, *by: str, where: Where | None = None) -> Expression:
        """Return a gauge, added up."""
        return self._sum(self.select(family, where=where), family, by)

    def max(self, family: Family, *by: str) -> Expression:
        """Return the highest of a gauge."""
        return self._aggregate("max", self.select(family), family, by)

    def min(self, family: Family, *by: str) -> Expression:
        """Return the lowest of a gauge."""
        return self._aggregate("min", self.select(family), family, by)

    def count(self, family: Family, *by: str) -> Expression:
        """Return how many series of a gauge there are."""
        return self._aggregate("count", self.select(family), family, by)

    def _sum(self, inner: str, family: Family, by: tuple[str, ...]) -> Expression:
        return self._aggregate("sum", inner, family, by)

    def _aggregate(
        self, how: str, inner: str, family: Family, by: tuple[str, ...]
    ) -> Expression:
        kept = self.labels(family, by)
        if not kept:
            return Expression(f"{how}({inner})")
        return Expression(f"{how} by ({', '.join(kept)}) ({inner})", kept)
