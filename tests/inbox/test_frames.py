"""Places in code, as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steadfastapi.inbox.frames import frames_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_file_is_shown_as_it_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the folder that differs from machine to machine, wherever one works."""
    monkeypatch.syspath_prepend(tmp_path)
    places = [
        (compile("1", str(folder / "shop" / "routers.py"), "exec"), 1)
        for folder in (tmp_path, tmp_path.with_name("elsewhere"))
    ]
    inside, outside = (frame.file for frame in frames_of(places))
    assert ("shop/routers.py", True) == (
        inside,
        outside.endswith("elsewhere/shop/routers.py"),
    )
