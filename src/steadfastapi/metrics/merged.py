"""What the value files of several processes say together.

The same sums as prometheus_client's `MultiProcessCollector`, which cannot be used
because its scrape fails for as long as one file is empty or damaged, because it adds
up families of one name that two instrumentations keep, and because its archive of
dead processes would have to be folded by the same rules a second time.
"""

from __future__ import annotations

import json
import math
import struct
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict

from steadfastapi._guard import guard
from steadfastapi.signals import FAMILIES, WORKER_UP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

ARCHIVE = "0"
"""Process id under which the values of dead processes are kept: none has it."""

Value = tuple[float, float]
"""A number and the time at which it was set, which only `mostrecent` gauges have."""
Values = dict[tuple[str, str], Value]
"""By key of the file, and process where each process is a series of its own."""

_TYPES = frozenset({"counter", "gauge", "histogram", "summary"})
_FOLDS: Mapping[str, Callable[[list[Value]], Value]] = {
    "min": min,
    "max": max,
    "mostrecent": lambda values: max(values, key=lambda value: value[1]),
}


@dataclass(frozen=True, slots=True)
class ValueFile:
    """`gauge_livesum_12.db` is of kind `gauge_livesum` and process 12."""

    path: Path
    kind: str
    pid: str

    @property
    def mode(self) -> str:
        """How gauges of this kind are added up; of other kinds, the kind."""
        return self.kind.removeprefix("gauge_").removeprefix("live")

    @property
    def modified(self) -> float:
        """Unix time of the last change that the file system knows of."""
        try:
            return self.path.stat().st_mtime
        except FileNotFoundError:
            return 0.0

    @property
    def survives(self) -> bool:
        """Whether its values outlive its process.

        Not those of live gauges, and not those of a gauge in mode `all`, which would
        add one more series with every worker that is replaced.
        """
        return not self.kind.startswith(("gauge_live", "gauge_all"))

    def entries(self) -> Iterator[tuple[str, float, float]]:
        """Yield key, value and time, as far as the file can be read."""
        read: Any = MmapedDict.read_all_values_from_file
        try:
            reached = 0
            for key, value, timestamp, position in read(str(self.path)):
                if position <= reached or not key.startswith("["):
                    raise RuntimeError("file is damaged")  # noqa: TRY301 - as below
                reached = position
                yield key, value, timestamp
        except (FileNotFoundError, struct.error):
            return  # just taken in, or just created
        except (RuntimeError, UnicodeDecodeError) as error:
            guard.swallow("metrics.damaged_file", error)


def value_files(where: Path) -> list[ValueFile]:
    """List the files of the directory."""
    found = []
    for path in sorted(where.glob("*.db")):
        kind, _, pid = path.stem.rpartition("_")
        if kind.partition("_")[0] in _TYPES:
            found.append(ValueFile(path, kind, pid))
    return found


def fold(files: Iterable[ValueFile], *, for_archive: bool = False) -> dict[str, Values]:
    """Return the values of each kind, summed up as the kind asks.

    Args:
        files: Of any processes.
        for_archive: Whether the sums will stand for these files from now on.
    """
    files = list(files)
    serving = {ARCHIVE} | {file.pid for file in files if _serves(file)}
    found: dict[str, dict[tuple[str, str], list[Value]]] = {}
    for file in files:
        process = file.pid if file.mode == "all" else ""
        is_phantom = file.mode == "min" and file.pid not in serving
        values = found.setdefault(file.kind, {})
        for key, value, timestamp in file.entries():
            if is_phantom and value == 0 and key.startswith(_OUR_MINIMA):
                continue
            values.setdefault((key, process), []).append((value, timestamp))
    add = _total_rounded_up if for_archive else _total
    reduced = {file.kind: _FOLDS.get(file.mode, add) for file in files}
    return {
        kind: {key: reduced[kind](several) for key, several in values.items()}
        for kind, values in found.items()
    }


def _total(values: list[Value]) -> Value:
    """Add up as if without rounding, so that the order of the files is nothing.

    A sum that differs in its last digit from one scrape to the next would have
    fallen once in a while, which Prometheus takes for a restart.
    """
    return math.fsum(value for value, _ in values), 0.0


def _total_rounded_up(values: list[Value]) -> Value:
    """Add up to no less than the true sum: what it stands for must not fall either."""
    total, _ = _total(values)
    missing = math.fsum([*(value for value, _ in values), -total])
    return math.nextafter(total, math.inf) if missing > 0 else total, 0.0


_UP = f'["{WORKER_UP.name}", '
_OUR_MINIMA = tuple(
    f'["{family.name}", ' for family in FAMILIES if family.mode in ("min", "livemin")
)


def _serves(file: ValueFile) -> bool:
    """Return whether a process serves, instead of being forked by one that does.

    A forked process inherits every family and keeps a file for it, full of zeros. A
    zero is nothing in a sum; as a minimum it would be the start of the application.
    """
    return file.kind == "gauge_livesum" and any(
        value != 0 and key.startswith(_UP) for key, value, _ in file.entries()
    )


class Merged:
    """Collects the families of all processes.

    Args:
        where: The directory.
        own: Help by name of the families that are ours. Another instrumentation in
            the same application may keep families of these names; they stay out.
    """

    def __init__(self, where: Path, own: Mapping[str, str]) -> None:
        self._where = where
        self._own = own

    def collect(self) -> list[Metric]:
        """Return the families."""
        metrics: dict[str, Metric] = {}
        histograms: dict[str, list[tuple[str, dict[str, str], float]]] = {}
        for kind, values in fold(value_files(self._where)).items():
            type_ = kind.partition("_")[0]
            for (key, pid), (value, _) in values.items():
                name, sample, labels, text = json.loads(key)
                if self._own.get(name, text) != text:
                    continue
                metric = metrics.get(name)
                if metric is None:
                    metric = metrics[name] = Metric(name, text, type_)
                if metric.type != type_:
                    continue
                if pid:
                    labels = {**labels, "pid": pid}
                if type_ == "histogram":
                    histograms.setdefault(name, []).append((sample, labels, value))
                else:
                    metric.add_sample(sample, labels, value)
        for name, samples in histograms.items():
            _add_histogram(metrics[name], samples)
        return list(metrics.values())


def _add_histogram(
    metric: Metric, samples: Iterable[tuple[str, dict[str, str], float]]
) -> None:
    """Add buckets as they are exposed: each with all that are below it."""
    sums: dict[tuple[tuple[str, str], ...], float] = {}
    buckets: dict[Any, list[tuple[float, str, float]]] = defaultdict(list)
    for _, labels, value in samples:
        bound = labels.get("le")
        series = tuple(item for item in labels.items() if item[0] != "le")
        if bound is None:
            sums[series] = value
        else:
            buckets[series].append((float(bound), bound, value))
    for series, counts in buckets.items():
        labels = dict(series)
        total = 0.0
        for _, bound, count in sorted(counts):
            total += count
            metric.add_sample(f"{metric.name}_bucket", {**labels, "le": bound}, total)
        metric.add_sample(f"{metric.name}_count", labels, total)
        metric.add_sample(f"{metric.name}_sum", labels, sums.get(series, 0.0))
