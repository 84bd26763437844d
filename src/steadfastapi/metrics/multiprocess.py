"""Metrics of several worker processes: checked at start, tidied while they serve.

prometheus_client keeps one memory-mapped file per kind of metric and process in
`PROMETHEUS_MULTIPROC_DIR`. A worker that dies leaves its files behind; uvicorn has
no hook that would call `mark_process_dead` (PROM-4). So each scrape first takes in
the dead, under a lock that all workers share: their live gauges go, what they
counted moves to an archive. No worker ever empties the directory.

A scrape may itself be killed half-way. Its work is therefore written beside the
archive first, then declared in a journal by one rename, and only then carried out;
the next scrape finishes what a journal declares. Nothing is counted twice, and
nothing that was counted is lost.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steadfastapi._guard import guard
from steadfastapi.metrics.merged import ARCHIVE, ValueFile, fold, value_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from steadfastapi.metrics.merged import Values

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
LOCK_FILE = "steadfastapi.lock"
JOURNAL = "steadfastapi.journal"
MERGED = ".merged"
"""Suffix of a new archive that no journal has declared yet."""

LOCK_TIMEOUT = 2.0
"""Seconds; a scrape that cannot have the lock serves without tidying up."""

SETTLED = 10.0
"""Seconds until a file must be mapped by its process: between `open` and `mmap` it
looks as if it were nobody's."""


def directory() -> Path | None:
    """Return the directory, if multi-process mode is asked for."""
    # prometheus_client reads the old spelling too.
    value = os.environ.get(VARIABLE) or os.environ.get(VARIABLE.lower())
    return Path(value) if value else None


def active() -> bool:
    """Return whether prometheus_client was imported in multi-process mode."""
    from prometheus_client import values  # noqa: PLC0415 - decided when imported

    return values.ValueClass is not values.MutexValue


def problem() -> str | None:
    """Return what is wrong with the directory, if something is."""
    where = directory()
    if where is None:
        return (
            f"{VARIABLE} names no directory now, but was set when prometheus_client "
            "was imported. Leave it as it is, or unset it before the server starts."
            if active()
            else None
        )
    given = f"{VARIABLE} is {str(where)!r}"
    if not where.is_dir():
        return (
            f"{given}: no such directory. Create it, empty, before the server starts."
        )
    try:
        with tempfile.TemporaryFile(dir=where):
            pass
    except OSError as error:
        return (
            f"{given}: not writable ({error.strerror}). Give the user that runs the "
            "workers write permission."
        )
    if active():
        return None
    return (
        f"{VARIABLE} was set after prometheus_client had been imported, so its metrics "
        "stay in this process. Set it in the environment that starts the server, or "
        "above the first import of the program."
    )


@contextlib.contextmanager
def locked(where: Path) -> Iterator[bool]:
    """Hold the lock of the directory; yields whether it was got in time.

    The lock is the kernel's: it goes when its holder dies. Windows has none, and
    there the dead are never taken in.
    """
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:
        yield False
        return
    with (where / LOCK_FILE).open("ab") as file:
        ends_at = time.monotonic() + LOCK_TIMEOUT
        got = False
        while not got and time.monotonic() < ends_at:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                got = True
            except OSError:
                time.sleep(0.005)
        try:
            yield got
        finally:
            if got:
                # Closing is not enough: a process forked meanwhile shares the lock.
                fcntl.flock(file, fcntl.LOCK_UN)


def tidy() -> None:
    """Take in the dead, if the lock is free; never raises."""
    where = directory()
    if where is not None:
        guard.call("metrics.reap", _tidy, where)


def _tidy(where: Path) -> None:
    with locked(where) as got:
        if got:
            reap(where)


def reap(where: Path) -> int:
    """Take in the files of dead processes; returns how many. Needs the lock."""
    _carry_out(where)
    memory: dict[str, bytes | None] = {}
    files = value_files(where)
    dead = [file for file in files if not is_alive(file, memory)]
    if dead:
        _declare(where, dead, [file for file in files if file.pid == ARCHIVE])
        _carry_out(where)
    return len(dead)


def _declare(
    where: Path, dead: Sequence[ValueFile], archives: Sequence[ValueFile]
) -> None:
    """Write the new archives beside the old ones, and a journal of what to do."""
    kept = [file for file in dead if file.survives]
    kinds = {file.kind for file in kept}
    merging = [*dead, *(file for file in archives if file.kind in kinds)]
    folded = fold(merging, for_archive=True)
    for kind in kinds:
        _write(where / f"{kind}{MERGED}", folded[kind])
    journal = {
        "archive": sorted(kinds),
        "remove": [file.path.name for file in dead],
    }
    draft = where / f"{JOURNAL}.draft"
    draft.write_text(json.dumps(journal), encoding="utf-8")
    draft.replace(where / JOURNAL)


def _write(path: Path, values: Values) -> None:
    from prometheus_client.mmap_dict import MmapedDict  # noqa: PLC0415 - rare

    path.unlink(missing_ok=True)  # of a scrape that was killed before its journal
    file: Any = MmapedDict(str(path))  # type: ignore[no-untyped-call]
    try:
        for (key, _), (value, timestamp) in values.items():
            file.write_value(key, value, timestamp)
    finally:
        file.close()


def _carry_out(where: Path) -> None:
    """Do what the journal says, as far as it is not done yet."""
    try:
        journal = json.loads((where / JOURNAL).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    for kind in journal["archive"]:
        with contextlib.suppress(FileNotFoundError):
            (where / f"{kind}{MERGED}").replace(where / f"{kind}_{ARCHIVE}.db")
    for name in journal["remove"]:
        (where / name).unlink(missing_ok=True)
    (where / JOURNAL).unlink()


def is_alive(file: ValueFile, memory: dict[str, bytes | None]) -> bool:
    """Return whether the process that a file is named after still writes to it.

    A process id alone does not say so: it may be a zombie's, or be in use again, as
    it always is in a restarted container.

    Args:
        file: One of the directory.
        memory: What each process has mapped, kept for the next file of it.
    """
    if file.pid == ARCHIVE or not file.pid.isdecimal():
        return True
    try:
        os.kill(int(file.pid), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it lives, and belongs to another user
    if file.pid not in memory:
        memory[file.pid] = _mapped(file.pid)
    mapped = memory[file.pid]
    if mapped is None or f"/{file.path.name}\n".encode() in mapped:
        return True
    if not mapped:
        return False  # a zombie
    return time.time() - file.modified < SETTLED


def _mapped(pid: str) -> bytes | None:
    """Return the files that a process has mapped; None where that is not told."""
    try:
        return Path(f"/proc/{pid}/maps").read_bytes()
    except ProcessLookupError:
        return b""
    except OSError:
        return None
