"""The console in a real browser, in front of the real shop under uvicorn."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from support.browser import AXE, PATIENCE, Chromium, ConsoleShop, Person
from support.oidc_provider import RealProvider
from support.payloads import markup
from support.services import require

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(180)
expect.set_options(timeout=1000 * PATIENCE)

PUBLIC = "http://localhost:8123"
"""Where the browser finds the shop when it comes back from the OpenID provider."""
CALLBACK = f"{PUBLIC}/ops/login/oidc/callback"


@pytest.fixture(scope="module")
def provider() -> Iterator[RealProvider]:
    """An OpenID provider."""
    with RealProvider(CALLBACK) as running:
        yield running


@pytest.fixture(scope="module")
def shop(
    provider: RealProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ConsoleShop]:
    """The shop, with some of its requests behind it."""
    folder = tmp_path_factory.mktemp("shop")
    settings = {
        "ISSUER": provider.issuer,
        "CLIENT_ID": "public",
        "REDIRECT_URI": CALLBACK,
        "ALLOWED": "ada@example.org",
    }
    env = {f"STEADFAST_CONSOLE_OIDC_{name}": one for name, one in settings.items()}
    with ConsoleShop(folder, **env) as running:
        for path in ("/catalog", "/catalog/unicorn", "/users/1", "/debug/crash"):
            running.get(path)
        yield running


@pytest.fixture(scope="module")
def chromium(shop: ConsoleShop) -> Iterator[Chromium]:
    """A browser that finds the shop at its public address as well."""
    require("axe-core (npm install in tests/frontend)", AXE.is_file() or None)
    port = shop.server.port
    with Chromium(f"--host-resolver-rules=MAP localhost:8123 127.0.0.1:{port}") as one:
        yield one


def test_the_way_of_an_error(shop: ConsoleShop, chromium: Chromium) -> None:
    """Log in, find it, understand it, resolve it, see it come back, and leave."""
    request_id = shop.get("/debug/crash")
    issue = shop.issue_of(request_id)
    with chromium.person() as somebody:
        page = somebody.page
        page.goto(f"{shop.url}/ops/issues")
        expect(page).to_have_url(re.compile(r"/ops/login\?next="))
        page.get_by_label("Token").fill("a wrong one")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_be_visible()
        somebody.said.clear()  # of the 401
        page.get_by_label("Token").fill("the token of the browser tests")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Issues")).to_be_visible()

        page.get_by_role("searchbox", name="Search").fill(request_id)
        page.get_by_label("Level").select_option("error")
        page.get_by_role("button", name="Filter").click()
        expect(page.locator("[data-issue]")).to_have_count(1)
        page.get_by_role("link", name=re.compile("ZeroDivisionError")).click()

        main = page.locator("main")
        expect(main).to_contain_text("return sum(values) / len(values)")
        lines = page.get_by_role("region", name="Log lines of the request")
        expect(lines).to_contain_text("unhandled error")
        trace = page.get_by_role("region", name="Trace waterfall")
        expect(trace).to_contain_text("GET /debug/crash")

        page.get_by_role("button", name="Resolve", exact=True).click()
        state = page.locator("#state")
        expect(state).to_have_attribute("data-state", "resolved")
        page.evaluate("window.notLoadedAgain = true")
        shop.get("/debug/crash")
        expect(state).to_have_attribute("data-state", "open")
        assert page.evaluate("window.notLoadedAgain")
        assert [] == somebody.said

        cookies = somebody.context.cookies()
        page.get_by_role("button", name="Sign out").click()
        expect(page).to_have_url(re.compile("/ops/login"))
        page.goto(f"{shop.url}/ops/issues/{issue['id']}")
        expect(page).to_have_url(re.compile(r"/ops/login\?next="))
        somebody.context.add_cookies(cookies)  # type: ignore[arg-type]
        stolen = page.request.get(f"{shop.url}/ops/api/issues")
        assert 401 == stolen.status


def every_page(shop: ConsoleShop, person: Person) -> list[str]:
    """Return the paths of all pages: of the navigation, and one of each kind below."""
    person.page.goto(f"{shop.url}/ops")
    links = person.page.locator("header nav a")
    nav = links.evaluate_all("all => all.map(one => one.getAttribute('href'))")
    request_id = shop.get("/debug/crash")
    issue = shop.issue_of(request_id)["id"]
    assert 6 <= len(nav)
    return [*nav, f"/ops/issues/{issue}", f"/ops/exchanges/{request_id}"]


def test_every_page_is_accessible(shop: ConsoleShop, chromium: Chromium) -> None:
    """Axe finds nothing, light and dark; nothing is cut off at 390 pixels."""
    found: list[str] = []
    # Without transitions: axe would meet colours that are on their way.
    with chromium.person(reduced_motion="reduce") as somebody:
        page = somebody.page
        page.goto(f"{shop.url}/ops/login")
        found += somebody.violations()
        somebody.log_in(shop.url)
        for path in every_page(shop, somebody):
            page.set_viewport_size({"width": 1200, "height": 800})
            page.emulate_media(color_scheme="light")
            page.goto(f"{shop.url}{path}")
            found += somebody.violations()
            page.emulate_media(color_scheme="dark")
            found += [f"dark {one}" for one in somebody.violations("color-contrast")]
            page.set_viewport_size({"width": 390, "height": 844})
            found += somebody.violations("target-size")
            wide = page.evaluate("document.documentElement.scrollWidth")
            found += [f"{path} is {wide} pixels wide"] if wide > 390 else []
        assert [] == somebody.said
    assert [] == found


NEVER_OURS = "iframe, base, object, embed, img, animate, [onerror], [onload], [onfocus]"
"""What no page of the console has, and most of the payloads would bring."""


def test_sec_11_hostile_content_is_inert(shop: ConsoleShop, chromium: Chromium) -> None:
    """SEC-11: markup in every captured field is text; 0 scripts run, 0 are blocked."""
    request_id = shop.get(
        f"/hostile/{quote(markup(11), safe='')}?given={quote(markup(12))}",
        **{"user-agent": markup(13), "referer": markup(14)},
    )
    issue = shop.issue_of(request_id)
    with chromium.person() as somebody:
        page = somebody.page
        ran: list[str] = []
        page.expose_function("__xss", lambda *names: ran.extend(names))
        somebody.log_in(shop.url)
        for path in (
            "",
            "/issues",
            f"/issues?search={quote(markup()[:100])}&route={quote(markup(1)[:100])}",
            f"/issues/{issue['id']}",
            "/exchanges",
            f"/exchanges?route={quote(markup()[:100])}",
            f"/exchanges/{request_id}",
            "/logs",
            f"/logs?search={quote(markup()[:100])}",
            f"/login?next={quote(markup())}",
            "/settings",
        ):
            page.goto(f"{shop.url}/ops{path}")
            if path != "/settings":
                assert "__xss" in page.content(), path
            assert 0 == page.locator("body").locator(NEVER_OURS).count(), path
        with page.expect_response(re.compile("/api/logs/stream")):
            page.goto(f"{shop.url}/ops/logs")
        # And what comes while the page is open.
        lines = page.locator("#lines > li", has_text="__xss")
        before = lines.count()
        shop.get(f"/hostile/{quote(markup(15), safe='')}")
        expect(lines.nth(before)).to_be_visible()
        seen = (ran, somebody.dialogs, somebody.said, somebody.elsewhere)
        assert ([], [], [], []) == seen


@pytest.mark.parametrize("origin", ["http://localhost:8999", "http://127.0.0.1:8999"])
def test_sec_12_pages_of_others_change_nothing(
    shop: ConsoleShop, chromium: Chromium, origin: str
) -> None:
    """SEC-12: a form or fetch of another origin is refused, with the cookie or without.

    127.0.0.1 on another port is the same site: there the browser sends the cookie.
    """
    issue = shop.issue_of(shop.get("/debug/crash-sync"))["id"]
    with chromium.person() as somebody:
        somebody.log_in(shop.url)
        page = somebody.page
        page.route(
            f"{origin}/**",
            lambda route: route.fulfill(
                content_type="text/html",
                body=f"""<form method=post action={shop.url}/ops/issues/{issue}/change>
                <input name=action value=resolve><button>Win</button></form>""",
            ),
        )
        page.goto(f"{origin}/win")
        for path in (f"/issues/{issue}/change", f"/api/issues/{issue}/resolve"):
            page.evaluate(
                """url => fetch(url, {method: "POST", mode: "no-cors",
                credentials: "include", body: new URLSearchParams({action: "resolve"})})
                .catch(() => null)""",
                f"{shop.url}/ops{path}",
            )
        with page.expect_response(re.compile("/change$")) as answer:
            page.get_by_role("button", name="Win").click()
        assert answer.value.status in (401, 403)
    assert "open" == shop.api(f"/issues/{issue}")["state"]


def test_the_keyboard_goes_everywhere(shop: ConsoleShop, chromium: Chromium) -> None:
    """Skip link, rows by j and k, Enter, pages by g, search by /, help by ?."""
    shop.issue_of(shop.get("/debug/crash"))
    with chromium.person() as somebody:
        somebody.log_in(shop.url)
        page = somebody.page
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
        page.keyboard.press("g")
        page.keyboard.press("i")
        expect(page).to_have_url(f"{shop.url}/ops/issues")
        page.wait_for_load_state("load")  # until then no key is heard
        page.keyboard.press("/")
        expect(page.get_by_role("searchbox")).to_be_focused()
        page.keyboard.press("Escape")
        page.locator("h1").click()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("dialog")).to_have_count(0)
        page.keyboard.press("j")
        row = page.locator("[data-row] a:focus")
        expect(row).to_have_count(1)
        # An update of the list takes no one away from their row.
        shop.get("/catalog/unicorn")
        with page.expect_response(f"{shop.url}/ops/issues"):
            shop.get("/debug/crash-sync")
        expect(page.locator("#live")).to_have_text("Updated")
        expect(row).to_have_count(1)
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("/ops/issues/[0-9a-f]+"))


def test_a_login_at_an_openid_provider(
    shop: ConsoleShop, chromium: Chromium, provider: RealProvider
) -> None:
    """To the provider, back with a session, and away again; strangers stay outside."""
    with chromium.person() as somebody:
        page = somebody.page
        for name, comes_in in (("eve", False), ("ada", True)):
            somebody.context.clear_cookies()
            page.goto(f"{PUBLIC}/ops/settings")
            page.get_by_role("link", name="Sign in with 127.0.0.1").click()
            page.get_by_placeholder("Enter any login").fill(name)
            page.get_by_placeholder("and password").fill("x")
            page.get_by_role("button", name="Sign-in").click()
            page.get_by_role("button", name="Continue").click()
            if comes_in:
                expect(page).to_have_url(f"{PUBLIC}/ops/settings")
            else:
                expect(page.get_by_role("alert")).to_contain_text("not among those")
        expect(page.locator("header")).to_contain_text("ada@example.org")
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("link", name="sign out there, too").click()
        expect(page).to_have_url(re.compile(f"{provider.issuer}/session/end"))
        page.goto(f"{PUBLIC}/ops/settings")
        expect(page).to_have_url(re.compile(r"/ops/login\?next="))
