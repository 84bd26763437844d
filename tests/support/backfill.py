"""A Prometheus that remembers thirty days which never were.

`promtool` writes blocks from made-up samples, and then those that recording rules would
have made of them in that time.
"""

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from steadfastapi.slo.objective import Spec
from steadfastapi.slo.rules import Rendering, rule_files
from support.prometheus import Prometheus, scraping
from support.services import find_promtool, require

DAY = 86_400
STEP = 60
"""Seconds between two made-up samples."""
DAYS = 31
FLAGS = ("--storage.tsdb.retention.time=60d", "--query.lookback-delta=5m")
Sample = tuple[str, float]
"""Name and labels of a counter, and by how much it rises in a step."""
History = Callable[[float], Iterable[Sample]]
"""Tells the samples of a moment, given as days since the beginning."""


@contextlib.contextmanager
def remembering(spec: Spec, folder: Path, history: History) -> Iterator[Prometheus]:
    """Yield a Prometheus that evaluates the rules of a spec over a made-up history.

    Args:
        spec: The objectives.
        folder: Where the blocks are put.
        history: What happened.
    """
    data = folder / "data"
    end = int(time.time()) // STEP * STEP - 2 * STEP
    start = end - DAYS * DAY
    _write(folder / "history.txt", start, end, history)
    _promtool("openmetrics", "-q", folder / "history.txt", data)
    files = {
        Path(path).name: content
        for path, content in rule_files(spec, Rendering()).items()
    }
    _record(files, folder, data, start + DAY, end)
    for content in files.values():
        for group in content["groups"]:
            group["interval"] = "5s"  # a test does not wait for five minutes
    config = scraping({}, rule_files=["*-*.json"])
    with Prometheus(config, files=files, flags=FLAGS, data=data) as prometheus:
        yield prometheus


def _write(path: Path, start: int, end: int, history: History) -> None:
    """Write samples as OpenMetrics has them: by family and series, oldest first."""
    values: dict[str, float] = {}
    lines: dict[str, list[str]] = {}
    for at in range(start, end + 1, STEP):
        for series, rise in history((at - start) / DAY):
            values[series] = values.get(series, 0.0) + rise
            lines.setdefault(series, []).append(f"{series} {values[series]:.3f} {at}")
    known: set[str] = set()
    with path.open("w") as file:
        for series in sorted(lines):
            family = series.partition("{")[0].removesuffix("_total")
            if family not in known:
                known.add(family)
                file.write(f"# TYPE {family} counter\n")
            file.write("\n".join(lines[series]) + "\n")
        file.write("# EOF\n")


def _record(
    files: dict[str, Any], folder: Path, data: Path, start: int, end: int
) -> None:
    """Add what the first rules of each group would have recorded in the past.

    Those read the counters alone; the others read what these have recorded.
    """
    groups: list[dict[str, Any]] = []
    for name, content in files.items():
        for group in content["groups"]:
            kept = 2 if "slo-5m" in name else 1
            rules = [rule for rule in group["rules"][:kept] if "record" in rule]
            groups.append({"name": group["name"], "rules": rules})
    path = folder / "first.json"
    path.write_text(json.dumps({"groups": groups}))
    with Prometheus(scraping({}), flags=FLAGS, data=data) as prometheus:
        _promtool(
            "rules",
            f"--start={start}",
            f"--end={end}",
            f"--url={prometheus.url}",
            f"--output-dir={data}",
            "--eval-interval=5m",
            path,
        )


def _promtool(what: str, *arguments: object) -> None:
    binary = require("promtool", find_promtool())
    done = subprocess.run(
        [binary, "tsdb", "create-blocks-from", what, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stdout[-2_000:] + done.stderr[-2_000:])
