"""The level of the logs, in all workers of one machine."""

from pathlib import Path

import pytest

from steadfastapi import testing
from steadfastapi.console import shared, shared_level
from steadfastapi.console.shared_level import SharedLevel
from support.health import until


class Worker:
    """A worker that writes down what it was set to.

    Args:
        file: What it shares.
    """

    def __init__(self, file: Path | None) -> None:
        self.set: list[tuple[str, str | None]] = []
        self.level = SharedLevel(self._take, file)

    def _take(self, level: str, logger: str | None) -> None:
        if level == "LOUD":
            raise ValueError("use one of DEBUG, …")
        self.set.append((level, logger))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where workers tell each other."""
    return tmp_path / "home" / "level"


@pytest.mark.anyio
async def test_what_one_worker_is_told_all_of_them_do(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a second, once, and the one that was told not again."""
    monkeypatch.setattr(shared_level, "EVERY", 0.01)
    one, other = Worker(file), Worker(file)
    for worker in (one, other):
        worker.level.start()
    one.level.switch("DEBUG", None)
    await until(lambda: other.set, 20)
    other.level.switch("ERROR", "noisy")
    await until(lambda: len(one.set) == 2, 20)
    late = Worker(file)
    late.level.look()
    for worker in (one, other):
        worker.level.stop()

    told = [("DEBUG", None), ("ERROR", "noisy")]
    assert [told, told, told] == [one.set, other.set, late.set]


def test_only_this_user_can_read_it(file: Path) -> None:
    """Or write it."""
    Worker(file).level.switch("DEBUG", None)

    assert (0o600, 0o700) == (
        file.stat().st_mode & 0o777,
        file.parent.stat().st_mode & 0o777,
    )


@pytest.mark.anyio
async def test_a_single_process_tells_nobody() -> None:
    """And looks at nothing."""
    alone = Worker(None)
    alone.level.start()
    alone.level.switch("DEBUG", None)

    assert (None, [("DEBUG", None)]) == (shared.common_file("level"), alone.set)


def test_a_wrong_level_is_told_to_nobody(file: Path) -> None:
    """The caller hears of it."""
    worker = Worker(file)
    with pytest.raises(ValueError, match="use one of"):
        worker.level.switch("LOUD", None)

    assert not file.exists()


@pytest.mark.parametrize("spoiled", ["content", "folder"])
def test_a_spoiled_file_changes_nothing(file: Path, spoiled: str) -> None:
    """Not JSON, or in a folder that others may write to."""
    Worker(file).level.switch("DEBUG", None)
    if spoiled == "content":
        file.write_bytes(b"{")
    else:
        file.parent.chmod(0o777)
    other = Worker(file)
    with testing.internal_errors():
        other.level.look()

    assert [] == other.set
