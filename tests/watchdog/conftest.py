"""What the tests of the watchdog share."""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest

from steadfastapi._counts import counts
from steadfastapi.signals import Family


class Heard:
    """Remembers what is counted, by name of the family and labels."""

    def __init__(self) -> None:
        self.totals: Counter[tuple[str, ...]] = Counter()
        self.times: Counter[tuple[str, ...]] = Counter()
        self.gauges: dict[tuple[str, ...], float] = {}
        self.values: defaultdict[tuple[str, ...], list[float]] = defaultdict(list)
        self.changed = threading.Condition()

    def __call__(self, family: Family, labels: tuple[str, ...], value: float) -> None:
        """Remember."""
        key = (family.name, *labels)
        if family.kind == "gauge":
            self.gauges[key] = value
        elif family.kind == "histogram":
            self.values[key].append(value)
        elif value:
            self.totals[key] += value  # type: ignore[assignment]
            self.times[key] += 1
        with self.changed:
            self.changed.notify_all()

    def wait_for(self, *key: str, times: int = 1, seconds: float = 20.0) -> None:
        """Wait until a counter rose so often."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.times[key] >= times, seconds)


@pytest.fixture
def heard() -> Iterator[Heard]:
    """What this process counts."""
    listener = Heard()
    leave = counts.subscribe(listener)
    listener.gauges.clear()  # what other tests left behind
    yield listener
    leave()
