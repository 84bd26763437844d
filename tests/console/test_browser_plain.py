"""The console in browsers that can do less: without scripts, and on small screens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from support.browser import PATIENCE, Chromium, ConsoleShop

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(180)
expect.set_options(timeout=1000 * PATIENCE)

NARROW = 360
"""Pixels of a small phone."""
LINES_OF_A_STATE = """() => {
    const value = document.querySelector(".stat .value");
    if (!value) return 0;
    value.textContent = "unhealthy";
    const line = parseFloat(getComputedStyle(value).lineHeight);
    return Math.round(value.clientHeight / line);
}"""
"""Writes the longest state into the first figure of a page, and counts its lines."""
PAGES = ("", "/issues", "/exchanges", "/logs", "/health", "/limits", "/settings")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleShop]:
    """The shop, with some of its requests behind it."""
    with ConsoleShop(tmp_path_factory.mktemp("shop")) as running:
        for path in ("/catalog", "/catalog/unicorn", "/debug/crash"):
            running.get(path)
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """A browser."""
    with Chromium() as one:
        yield one


def test_without_scripts_everything_but_live_updates_works(
    shop: ConsoleShop, chromium: Chromium
) -> None:
    """Log in, filter, open, resolve one and several, switch colours, look, leave."""
    request_id = shop.get("/debug/crash")
    issue = shop.issue_of(request_id)["id"]
    shop.issue_of(shop.get("/catalog/unicorn"))
    with chromium.person(java_script_enabled=False) as somebody:
        page = somebody.page
        somebody.log_in(shop.url)
        page.get_by_role("link", name="Issues", exact=True).click()
        page.get_by_role("searchbox", name="Search").fill(request_id)
        page.get_by_role("button", name="Filter").click()
        page.get_by_role("link", name=re.compile("ZeroDivisionError")).click()
        expect(page).to_have_url(f"{shop.url}/ops/issues/{issue}")
        main = page.locator("main")
        expect(main).to_contain_text("return sum(values) / len(values)")
        page.get_by_text("As a table").click()
        expect(page.get_by_role("columnheader", name="UTC")).to_be_visible()
        page.get_by_role("button", name="Resolve", exact=True).click()
        expect(page.locator("#state")).to_have_attribute("data-state", "resolved")

        page.goto(f"{shop.url}/ops/issues")
        boxes = page.locator("[data-issue] input[type=checkbox]")
        assert boxes.count() > 0
        for box in boxes.all():
            box.check()
        page.get_by_role("button", name="Ignore", exact=True).click()
        expect(page.locator("[data-issue]")).to_have_count(0)

        page.goto(f"{shop.url}/ops/exchanges?status=5xx")
        page.locator("[data-row] a").first.click()
        trace = page.get_by_role("region", name="Trace waterfall")
        expect(trace).to_contain_text("GET /debug/crash")
        page.get_by_role("button", name="Dark").click()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        page.get_by_role("button", name="Sign out").click()
        page.goto(f"{shop.url}/ops/issues")
        expect(page).to_have_url(re.compile(r"/ops/login\?next="))


def test_on_a_small_phone_nothing_is_cut_off(
    shop: ConsoleShop, chromium: Chromium
) -> None:
    """No page is wider than the screen, and no word of a figure is broken."""
    request_id = shop.get("/debug/crash")
    issue = shop.issue_of(request_id)["id"]
    paths = (*PAGES, f"/issues/{issue}", f"/exchanges/{request_id}")
    screen = {"width": NARROW, "height": 740}
    wide: list[str] = []
    with chromium.person(viewport=screen) as somebody:
        somebody.log_in(shop.url)
        for path in paths:
            somebody.page.goto(f"{shop.url}/ops{path}")
            width = somebody.page.evaluate("document.documentElement.scrollWidth")
            wide += [f"{path or '/'}: {width} pixels"] if width > NARROW else []
            broken = somebody.page.evaluate(LINES_OF_A_STATE)
            wide += [f"{path or '/'}: unhealthy is broken"] if broken > 1 else []
        assert [] == somebody.said
    assert [] == wide
