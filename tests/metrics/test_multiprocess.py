"""The directory of several workers: checked, locked, tidied."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import Counter, values
from prometheus_client.mmap_dict import MmapedDict

from steadfastapi.metrics import multiprocess
from steadfastapi.metrics.merged import ARCHIVE, Merged
from steadfastapi.metrics.multiprocess import VARIABLE, locked, problem, reap
from steadfastapi.testing import internal_errors
from support.valuefiles import NOBODY, idle_process, names, write

LONG_AGO = 1_000_000_000


def totals(where: Path) -> dict[str, float]:
    """Return every value that a scrape of the directory would show."""
    return {
        f"{sample.name}{sample.labels or ''}": sample.value
        for metric in Merged(where, {}).collect()
        for sample in metric.samples
    }


# The variable and the directory


def test_without_the_variable_there_is_nothing_to_say() -> None:
    """One process counts for itself."""
    assert None is problem()
    assert not multiprocess.active()


@pytest.mark.usefixtures("new_worker")
def test_a_good_directory_is_no_problem(tmp_path: Path) -> None:
    """It exists, can be written, and was known in time."""
    assert None is problem()
    assert tmp_path == multiprocess.directory()


def test_the_old_spelling_of_the_variable_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """prometheus_client accepts lower case, so its directory is checked too."""
    monkeypatch.setenv(VARIABLE.lower(), str(tmp_path))

    assert tmp_path == multiprocess.directory()


@pytest.mark.parametrize("below", ["missing", "file/below"])
@pytest.mark.usefixtures("new_worker")
def test_a_missing_directory_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    """Also where a part of its path is a file."""
    (tmp_path / "file").touch()
    monkeypatch.setenv(VARIABLE, str(tmp_path / below))

    found = problem()
    assert found is not None
    assert f"{VARIABLE} is '{tmp_path / below}': no such directory" in found


@pytest.mark.usefixtures("new_worker")
def test_a_directory_that_takes_no_file_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """/proc takes none, not even root's."""
    monkeypatch.setenv(VARIABLE, "/proc")

    found = problem()
    assert found is not None
    assert f"{VARIABLE} is '/proc': not writable" in found


def test_a_variable_set_after_the_import_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """prometheus_client has decided by then."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))

    found = problem()
    assert found is not None
    assert "set after prometheus_client had been imported" in found


@pytest.mark.usefixtures("new_worker")
@pytest.mark.parametrize("now", [None, ""])
def test_a_variable_that_has_gone_is_named(
    monkeypatch: pytest.MonkeyPatch, now: str | None
) -> None:
    """Unset or emptied after the import, files would land anywhere."""
    monkeypatch.setenv(VARIABLE, now or "")
    if now is None:
        monkeypatch.delenv(VARIABLE)

    found = problem()
    assert found is not None
    assert "names no directory now" in found


# The lock


def test_the_lock_keeps_others_out_and_is_let_go(tmp_path: Path) -> None:
    """Another file description cannot have it meanwhile, and can afterwards."""
    with locked(tmp_path) as got, (tmp_path / multiprocess.LOCK_FILE).open() as other:
        assert got
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with locked(tmp_path) as got_again:
        assert got_again


def test_a_lock_that_stays_taken_is_not_awaited_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scrape then serves without tidying up."""
    monkeypatch.setattr(multiprocess, "LOCK_TIMEOUT", 0.02)
    with locked(tmp_path), locked(tmp_path) as second:
        assert not second


def test_where_locks_do_not_exist_nobody_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows has no `fcntl`."""
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with locked(tmp_path) as got:
        assert not got


# The dead


def test_the_dead_leave_what_they_counted(tmp_path: Path) -> None:
    """Counters, histograms and summaries move to the archive, live gauges go."""
    for pid in (NOBODY, NOBODY + 1):
        write(tmp_path, "counter", pid, "orders_total", 3, kind="web")
        write(tmp_path, "summary", pid, "size_sum", 10)
        write(tmp_path, "histogram", pid, "wait_bucket", 2, le="+Inf")
        write(tmp_path, "gauge_livesum", pid, "open_carts", 5)
        write(tmp_path, "gauge_liveall", pid, "mood", 1)

    assert 10 == reap(tmp_path)
    assert ["counter_0.db", "histogram_0.db", "summary_0.db"] == names(tmp_path)
    expected = {
        "orders_total{'kind': 'web'}": 6.0,
        "wait_bucket{'le': '+Inf'}": 4.0,
        "wait_count": 4.0,
        "wait_sum": 0.0,
        "size_sum": 20.0,
    }
    assert expected == totals(tmp_path)
    assert 0 == reap(tmp_path)


def test_gauges_that_outlive_their_process_keep_their_meaning(tmp_path: Path) -> None:
    """Modes `sum`, `min` and `max` fold; mode `all` would be a series a worker."""
    for pid, value in ((NOBODY, 3), (NOBODY + 1, 5)):
        for mode in ("sum", "min", "max", "all"):
            write(tmp_path, f"gauge_{mode}", pid, f"of_{mode}", value)
    reap(tmp_path)

    assert {"of_sum": 8.0, "of_min": 3.0, "of_max": 5.0} == totals(tmp_path)


def test_the_latest_value_of_the_dead_survives(tmp_path: Path) -> None:
    """Mode `mostrecent` goes by the time of setting."""
    for pid, value, moment in ((NOBODY, 1.0, 20.0), (NOBODY + 1, 2.0, 10.0)):
        path = write(tmp_path, "gauge_mostrecent", pid, "latest", 0)
        file = MmapedDict(str(path))  # type: ignore[no-untyped-call]
        key = next(iter(file._positions))
        file.write_value(key, value, moment)  # type: ignore[no-untyped-call]
        file.close()  # type: ignore[no-untyped-call]
    reap(tmp_path)

    assert {"latest": 1.0} == totals(tmp_path)


def test_a_thousand_recycled_workers_leave_one_archive(tmp_path: Path) -> None:
    """After each scrape there are as many files as kinds, and nothing is lost."""
    kinds = {"counter": "a_total", "gauge_livesum": "b"}
    for scrape in range(20):
        for worker in range(50):
            for kind, sample in kinds.items():
                write(tmp_path, kind, NOBODY + 50 * scrape + worker, sample, 1)
        reap(tmp_path)
        assert ["counter_0.db"] == names(tmp_path)

    assert {"a_total": 1000.0} == totals(tmp_path)


@pytest.mark.usefixtures("new_worker")
def test_the_living_are_left_alone(tmp_path: Path) -> None:
    """What this process has mapped is its own, however old the file looks."""
    Counter("mine", "Mine.", registry=None).inc()
    path = tmp_path / f"counter_{os.getpid()}.db"
    os.utime(path, (LONG_AGO, LONG_AGO))

    assert 0 == reap(tmp_path)
    assert [path.name] == names(tmp_path)


def test_a_process_id_in_use_again_does_not_keep_the_dead_alive(
    tmp_path: Path,
) -> None:
    """A process that has not mapped the file is somebody else."""
    with idle_process() as pid:
        path = write(tmp_path, "counter", pid, "orders_total", 2)
        os.utime(path, (LONG_AGO, LONG_AGO))
        write(tmp_path, "gauge_livesum", pid, "just_opened", 1)

        assert 1 == reap(tmp_path)
        assert ["counter_0.db", f"gauge_livesum_{pid}.db"] == names(tmp_path)


def test_a_zombie_is_dead(tmp_path: Path) -> None:
    """A worker that nobody has waited for holds nothing any more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    write(tmp_path, "gauge_livesum", process.pid, "stale", 1)
    try:
        assert 1 == reap(tmp_path)
        assert [] == names(tmp_path)
    finally:
        process.wait()


@pytest.mark.parametrize("hidden", ["kill", "maps"])
def test_a_process_that_cannot_be_looked_at_is_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hidden: str
) -> None:
    """In doubt nothing is taken: another user's process, or no /proc."""

    def refuse(*_: Any) -> None:
        raise PermissionError

    with idle_process() as pid:
        path = write(tmp_path, "counter", pid, "orders_total", 2)
        os.utime(path, (LONG_AGO, LONG_AGO))
        if hidden == "kill":
            monkeypatch.setattr(os, "kill", refuse)
        else:
            monkeypatch.setattr(Path, "read_bytes", refuse)
        assert 0 == reap(tmp_path)


def test_a_process_that_ends_while_it_is_looked_at_is_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its maps are gone before it is."""

    def vanish(_: Path) -> None:
        raise ProcessLookupError

    monkeypatch.setattr(Path, "read_bytes", vanish)
    assert b"" == multiprocess._mapped("1")


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    """A database, or a process identified by a name, is not ours to take."""
    (tmp_path / "orders.db").write_bytes(b"SQLite format 3")
    write(tmp_path, "counter", "uwsgi-a", "orders_total", 2)

    assert 0 == reap(tmp_path)
    assert {"orders_total": 2.0} == totals(tmp_path)


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=8))
@settings(max_examples=30, deadline=None)
def test_no_rounding_lets_a_counter_fall(
    tmp_path_factory: pytest.TempPathFactory, seconds: list[float]
) -> None:
    """A fall in the last digit would be a restart and a burst for Prometheus."""
    where = tmp_path_factory.mktemp("files")
    alive = {ARCHIVE}
    for number, value in enumerate(seconds):
        write(where, "summary", number + 1, "wait_sum", value)
        alive.add(str(number + 1))
    seen = [totals(where)["wait_sum"]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multiprocess, "is_alive", lambda file, _: file.pid in alive)
        # Against the order of the files, in which sums are made.
        for pid in sorted(alive - {ARCHIVE}, reverse=True):
            alive.remove(pid)
            assert 1 == reap(where)
            seen.append(totals(where)["wait_sum"])

    assert sorted(seen) == seen
    assert seen[0] == pytest.approx(seen[-1], rel=1e-12)


# Crashes of a scrape


class Killed(BaseException):
    """Stands for kill -9."""


def killed_at(
    step: int, where: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[bool, int]:
    """Reap, and die before the given change of the directory.

    Returns:
        Whether it got that far, and how many value files there are then.
    """
    taken = 0

    def guarded(change: Callable[..., Any]) -> Callable[..., Any]:
        def maybe(*args: Any, **keywords: Any) -> Any:
            nonlocal taken
            taken += 1
            if taken == step:
                raise Killed
            return change(*args, **keywords)

        return maybe

    with monkeypatch.context() as patch:
        for owner, name in (
            (Path, "replace"),
            (Path, "unlink"),
            (Path, "write_text"),
            (MmapedDict, "write_value"),
        ):
            patch.setattr(owner, name, guarded(getattr(owner, name)))
        try:
            reap(where)
        except Killed:
            return True, len(names(where))
    return False, len(names(where))


def test_a_scrape_may_die_at_any_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one finishes its work: nothing counted twice, nothing lost."""
    steps, dying = 0, True
    while dying:
        steps += 1
        where = tmp_path / str(steps)
        where.mkdir()
        write(where, "counter", 0, "orders_total", 100)
        for pid in (NOBODY, NOBODY + 1):
            write(where, "counter", pid, "orders_total", 1)
            write(where, "summary", pid, "size_sum", 7)
            write(where, "gauge_livesum", pid, "open_carts", 1)
        dying, _ = killed_at(steps, where, monkeypatch)
        reap(where)

        assert {"orders_total": 102.0, "size_sum": 14.0} == totals(where)
        assert ["counter_0.db", "summary_0.db"] == names(where)
        assert [] == [path for path in where.iterdir() if path.suffix != ".db"]

    assert 12 < steps


def test_a_damaged_file_of_a_dead_worker_gives_what_can_be_read(
    tmp_path: Path,
) -> None:
    """One bad file does not end all scrapes; it is counted and taken in."""
    path = write(tmp_path, "counter", NOBODY, "orders_total", 2)
    with path.open("r+b") as file:
        file.write((4096).to_bytes(4, sys.byteorder))  # more than there is
        file.seek(200)
        file.write(b"\xff" * 100)
    write(tmp_path, "counter", NOBODY + 1, "orders_total", 3)
    with internal_errors() as errors:
        reap(tmp_path)

    assert {"orders_total": 5.0} == totals(tmp_path)
    assert {"metrics.damaged_file": 1} == errors


def test_tidying_up_never_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory that has vanished is counted; the application goes on."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "gone"))
    with internal_errors() as errors:
        multiprocess.tidy()

    assert {"metrics.reap": 1} == errors


def test_a_new_worker_takes_in_its_predecessor(
    tmp_path: Path, new_worker: Callable[[], None]
) -> None:
    """Before it opens files that may have its own process id (restarted container)."""
    from steadfastapi.metrics.registry import families_of

    path = write(tmp_path, "gauge_livesum", os.getpid(), "http_requests_inprogress", 3)
    os.utime(path, (LONG_AGO, LONG_AGO))
    write(tmp_path, "counter", NOBODY, "orders_total", 2)
    families_of("default")

    assert {"orders_total": 2.0} == {
        name: value for name, value in totals(tmp_path).items() if value
    }
    assert values.ValueClass is not values.MutexValue
