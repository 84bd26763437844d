"""The pytest fixture `capture_app`; pytest finds it by itself."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import FastAPI

    from steadfastapi.testing import Captured


@pytest.fixture
def capture_app() -> Iterator[Callable[[FastAPI], Captured]]:
    """Return a function that watches a configured application until the test ends.

    `seen = capture_app(app)`, then see `steadfastapi.testing.Captured`.
    """
    from steadfastapi.testing import capture  # noqa: PLC0415 - only for users of it

    with ExitStack() as undo:
        yield lambda app: undo.enter_context(capture(app))
