"""What the tests of the metrics share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.scrape import multiprocess_mode


@pytest.fixture
def new_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], None]]:
    """Multi-process mode in `tmp_path`; call it to start as a new process would."""
    with multiprocess_mode(tmp_path, monkeypatch) as start:
        yield start
