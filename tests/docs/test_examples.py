"""Every Python block of the README and the docs runs, page by page, top to bottom."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    if "```python" in page.read_text()
)


def blocks(page: str) -> list[tuple[int, str]]:
    """Return the Python blocks of a page with the line that each starts at."""
    text = (ROOT / page).read_text()
    return [
        (text.count("\n", 0, found.start(1)), found[1])
        for found in re.finditer(r"```python\n(.*?)```", text, re.DOTALL)
    ]


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_run(page: str) -> None:
    """What a page shows works as it is written."""
    namespace: dict[str, object] = {"__name__": "example"}
    for line, source in blocks(page):
        exec(compile("\n" * line + source, page, "exec"), namespace)


def test_links_between_pages_resolve() -> None:
    """No page links to a file that is not there."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")]
    links = [
        (page, target)
        for page in pages
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text())
    ]
    broken = [
        f"{page.name}: {target}"
        for page, target in links
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert [] == broken
