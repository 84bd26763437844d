"""Files as prometheus_client's multi-process mode writes them, for any process."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.mmap_dict import MmapedDict, mmap_key

NOBODY = 5_000_000
"""Beyond the highest process id that Linux gives."""

HELP = "Written by a test."


def write(
    where: Path, kind: str, pid: object, sample: str, value: float, /, **labels: str
) -> Path:
    """Set one value in the file of a process, and return the file.

    Args:
        where: The directory.
        kind: `counter`, `histogram`, `summary` or `gauge_<mode>`.
        pid: The process.
        sample: Name of the sample; its family is without `_total` and the like.
        value: The value.
        **labels: Its labels.
    """
    family = sample
    for suffix in ("_total", "_count", "_sum", "_bucket"):
        family = family.removesuffix(suffix)
    path = where / f"{kind}_{pid}.db"
    file = MmapedDict(str(path))  # type: ignore[no-untyped-call]
    key = mmap_key(family, sample, list(labels), list(labels.values()), HELP)
    file.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]
    file.close()  # type: ignore[no-untyped-call]
    return path


def names(where: Path) -> list[str]:
    """Return the value files of a directory."""
    return sorted(path.name for path in where.glob("*.db"))


@contextmanager
def idle_process() -> Iterator[int]:
    """Run a process that does nothing, and yield its id."""
    process = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True
    )
    try:
        yield process.pid
    finally:
        process.communicate("\n")
