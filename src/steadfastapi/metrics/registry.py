"""The families of one application, created once against its own registry."""

from __future__ import annotations

import threading
from itertools import product
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.metrics import multiprocess
from steadfastapi.metrics.process import Worker
from steadfastapi.signals import FAMILIES, LABEL_OVERFLOW, OTHER, Family, Naming, named

MAX_LABEL_SETS = 2_000
"""Label sets of one family (the OpenTelemetry SDK's cardinality limit): what a
client can choose must not fill the memory of Prometheus."""

KEPT_FOR_OTHER = 100
"""Of these, the sets that are left for what is folded: whatever its first label was,
status and method of a request can still be told apart."""

_shared: list[Families] = []
_lock = threading.Lock()


class Families:
    """Creates the families of `signals` and hands out their children.

    Args:
        naming: How families and labels are called.
        registry: Where they are registered.
    """

    def __init__(self, naming: Naming, registry: CollectorRegistry) -> None:
        self.naming: Naming = naming
        self.registry = registry
        self.help: dict[str, str] = {}
        """Help by exposed name."""
        self.worker = Worker(self)
        """What the process says of itself in these families."""
        self.exact_status = naming == "otel"
        """Whether the status of an outbound call is its code instead of its class."""
        self._metrics: dict[str, Any] = {}
        self._children: dict[str, dict[tuple[str, ...], Any]] = {}
        for family in FAMILIES:
            resolved = named(family, naming)
            if resolved is not None:
                self.help[resolved.name] = resolved.help
                self._metrics[family.name] = _create(resolved, registry)
                self._children[family.name] = {}

    def has(self, family: Family) -> bool:
        """Return whether the family exists in this naming."""
        return family.name in self._metrics

    def child(self, family: Family, *values: str) -> Any:
        """Return the child of a label set, the same object each time.

        When a family is full the first label becomes `other`, then all of them do,
        and the overflow is counted.
        """
        children = self._children[family.name]
        child = children.get(values)
        if child is None:
            child = self._new_child(family, values, children)
        return child

    def status(self, code: str) -> str:
        """Return how a status is written in a label; what is no code stays."""
        return code if self.exact_status or not code.isdecimal() else f"{code[0]}xx"

    def prepare(self) -> None:
        """Let every counter start at 0 whose label sets are known beforehand.

        A series that appears with the value 1 has not risen for Prometheus.
        """
        for family in FAMILIES:
            if not family.is_closed:
                self.child(LABEL_OVERFLOW, family.name)
            elif family.kind == "counter" and self.has(family):
                for values in product(*(family.values[one] for one in family.labels)):
                    self.child(family, *values)

    def _new_child(
        self,
        family: Family,
        values: tuple[str, ...],
        children: dict[tuple[str, ...], Any],
    ) -> Any:
        metric = self._metrics[family.name]
        if not values:
            children[values] = _fresh(metric, family)
            return metric
        if len(children) >= MAX_LABEL_SETS - KEPT_FOR_OTHER:
            self.child(LABEL_OVERFLOW, family.name).inc()
            values = (OTHER, *values[1:])
            if values not in children and len(children) >= MAX_LABEL_SETS - 1:
                values = (OTHER,) * len(values)
        if values not in children:
            children[values] = _fresh(metric.labels(*values), family)
        return children[values]


def _create(family: Family, registry: CollectorRegistry) -> Any:
    name, text, labels = family.name, family.help, family.labels
    if family.kind == "counter":
        return Counter(name, text, labels, registry=registry)
    if family.kind == "gauge":
        return Gauge(
            name, text, labels, registry=registry, multiprocess_mode=family.mode
        )
    if family.kind == "summary":
        return Summary(name, text, labels, registry=registry)
    return Histogram(name, text, labels, registry=registry, buckets=family.buckets)


def _fresh(child: Any, family: Family) -> Any:
    """Return a child that does not go on where a dead process of this id ended."""
    if family.mode.startswith("live") and family.kind == "gauge":
        child.set(0)
    return child


def families_of(naming: Naming) -> Families:
    """Return the families for a newly configured application.

    Each application has its own, so that several live side by side (PROM-8). In
    multi-process mode values live in files named by kind and process: there the
    applications of one process share them.

    Raises:
        ConfigurationError: They cannot be shared, the namings differ.
    """
    if not multiprocess.active():
        return Families(naming, CollectorRegistry(auto_describe=True))
    with _lock:
        if not _shared:
            # A restarted container gives its workers the ids of those before them,
            # and prometheus_client would continue their files.
            multiprocess.tidy()
            _shared.append(Families(naming, CollectorRegistry(auto_describe=True)))
        if _shared[0].naming != naming:
            raise ConfigurationError(
                f"Metrics(names={naming!r}): another application of this process has "
                f"names={_shared[0].naming!r}. In multi-process mode all applications "
                "of a process share one naming."
            )
        return _shared[0]
