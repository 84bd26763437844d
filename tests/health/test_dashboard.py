"""The health page, as text and in a browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from steadfastapi.health import ProbeStatus
from steadfastapi.health.model import ProbeResult
from steadfastapi.health.shown import row_of, spark_of
from support.browser import Chromium
from support.canaries import Canaries, raise_with_all
from support.health import KEY, WITH_KEY, Dial, ask, with_health
from support.server import LiveServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

PATH = "/health/dashboard"
FORM = ("content-type", "application/x-www-form-urlencoded")


def result(latency: float, status: ProbeStatus = ProbeStatus.HEALTHY) -> ProbeResult:
    """Return a result that took some milliseconds."""
    return ProbeResult(name="db", status=status, latency_ms=latency)


@pytest.mark.anyio
async def test_nobody_sees_the_page_who_may_not() -> None:
    """A browser is asked for a password: the API key, with any name."""
    app, _ = with_health(Dial("internal-name"), api_key=KEY)
    closed = await ask(app, PATH)
    opened = await ask(app, PATH, headers=[("authorization", basic("me", KEY))])
    wrong = await ask(app, PATH, headers=[("authorization", basic("me", "guess"))])
    broken = await ask(app, PATH, headers=[("authorization", "Basic %%")])

    assert [401, 200, 401, 401] == [
        one.status for one in (closed, opened, wrong, broken)
    ]
    assert 'Basic realm="health"' == closed.headers["www-authenticate"]
    assert "internal-name" not in str(closed.body)
    assert "internal-name" in opened.body.decode()


def basic(name: str, password: str) -> str:
    """Return a value of the header Authorization."""
    import base64

    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


@pytest.mark.anyio
async def test_the_page_loads_nothing_from_elsewhere_and_runs_nothing_else() -> None:
    """Its own files only, at addresses that change with their content."""
    app, _ = with_health(Dial(), api_key=KEY)
    page = await ask(app, PATH, headers=WITH_KEY)
    text = page.body.decode()
    addresses = re.findall(r'(?:href|src|action|data-live)="([^"]+)"', text)
    files = [one for one in addresses if "/static/" in one]
    answers = [await ask(app, one) for one in files]

    assert files
    assert {200} == {one.status for one in answers}
    assert all(one.startswith(("/health/", "#")) for one in addresses)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "no-store" == page.headers["cache-control"]
    assert " style=" not in text
    assert " on" + "click=" not in text


@pytest.mark.anyio
async def test_what_probes_say_is_escaped_and_shows_no_secret() -> None:
    """Errors and details are other people's text."""
    canaries = Canaries()

    async def secretive() -> None:
        raise_with_all(canaries)

    probe = Dial("db", description="<script>alert(1)</script>")
    probe.error = ValueError("<img src=x onerror=alert(1)>")
    app, _ = with_health(probe, secretive, api_key=KEY)
    text = (await ask(app, PATH, headers=WITH_KEY)).body.decode()

    assert "<script>alert" not in text
    assert "<img" not in text
    assert "&lt;img src=x" in text
    assert {} == canaries.find(text)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("form", "code", "status"),
    [
        (b"action=begin&minutes=30", 303, "maintenance"),
        (b"action=begin&minutes=", 303, "maintenance"),
        (b"action=begin&minutes=soon", 422, "none"),
        (b"action=begin&minutes=-1", 422, "none"),
        (b"action=begin&minutes=nan", 422, "none"),
        (b"action=end", 303, "none"),
        (b"", 422, "none"),
        (b"a=" + b"x" * 5_000, 413, "none"),
    ],
)
async def test_the_form_switches_maintenance(
    form: bytes, code: int, status: str
) -> None:
    """And leads back to the page."""
    app, handle = with_health(Dial(), api_key=KEY)
    answer = await ask(app, PATH, "POST", headers=[*WITH_KEY, FORM], body=form)
    now = await ask(app, "/health/maintenance")

    assert (code, {"status": status}) == (answer.status, now.body)
    assert ("minutes=30" in form.decode()) == (handle.phases.ends is not None)
    if code == 303:
        assert PATH == answer.headers["location"]


@pytest.mark.anyio
@pytest.mark.parametrize("path", [PATH, "/health/maintenance", "/health/drain"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ],
)
async def test_sec_12_no_other_site_can_switch(
    path: str, name: str, value: str
) -> None:
    """Whose forms browsers send with the passwords that they know."""
    app, handle = with_health(Dial(), api_key=KEY)
    headers = [*WITH_KEY, FORM, ("host", "shop.example"), (name, value)]
    answer = await ask(app, path, "POST", headers=headers, body=b"action=begin")

    assert (403, {"detail": "Cross-site request"}) == (answer.status, answer.body)
    assert None is handle.phases.current


@pytest.mark.anyio
async def test_without_authentication_nobody_switches() -> None:
    """In development too, where everybody sees the page, which says why."""
    app, handle = with_health(Dial(), service=None)
    page = await ask(app, PATH)
    answer = await ask(app, PATH, "POST", headers=[FORM], body=b"action=begin")

    assert "allows to switch it here" in page.body.decode()
    assert (403, False) == (answer.status, handle.phases.in_maintenance)


@pytest.mark.anyio
async def test_the_page_and_its_files_outlive_maintenance() -> None:
    """HC-9: the page is where maintenance is ended."""
    app, handle = with_health(Dial(), api_key=KEY, serve_503=True)
    handle.set_maintenance()
    page = await ask(app, PATH, headers=WITH_KEY)
    style = re.search(r'href="([^"]+console.css)"', page.body.decode())
    assert style is not None

    assert [200, 200, 503] == [
        page.status,
        (await ask(app, style[1])).status,
        (await ask(app, "/elsewhere")).status,
    ]
    assert "End maintenance" in page.body.decode()


def test_a_line_shows_the_last_latencies_and_what_failed() -> None:
    """Within its frame, oldest first; the same in words."""
    line = spark_of([result(1), result(4, ProbeStatus.UNHEALTHY), result(2)])
    assert line is not None

    assert "0.0,14.0 48.0,2.0 96.0,10.0" == line.points
    assert ({"x": 48.0, "y": 2.0},) == line.failures
    assert "3 checks, 1 to 4 ms, 1 failed" == line.summary


@pytest.mark.parametrize(
    ("latencies", "points"), [([], None), ([3], ""), ([0, 0], "0.0,18.0 96.0,18.0")]
)
def test_a_line_needs_something_to_show(
    latencies: list[float], points: str | None
) -> None:
    """Nothing, one result, and checks that took no time."""
    line = spark_of([result(one) for one in latencies])

    assert points == (None if line is None else line.points)


def test_a_probe_that_was_never_asked_is_shown_as_such() -> None:
    """Without times that nobody knows."""
    _, handle = with_health(Dial("db", tags=["data"]))
    (check,) = handle.checks
    row = row_of(check, ())

    assert ("no data", None, None, None, []) == (
        row["status"],
        row["latency"],
        row["since"],
        row["spark"],
        row["details"],
    )


def look_at(page: Page, url: str, probe: Dial) -> dict[str, Any]:
    """Return what somebody sees of a probe that fails, and begin maintenance."""
    seen: dict[str, Any] = {}
    row = "tr[data-probe=orders-db]"
    page.goto(url)
    page.wait_for_selector(f"{row} .badge.good")
    seen["ground"] = page.evaluate("getComputedStyle(document.body).backgroundColor")
    seen["too wide"] = page.evaluate("document.documentElement.scrollWidth-innerWidth")
    probe.error = ConnectionError("gone")
    # The page is not loaded again: its part is.
    page.evaluate("window.here = true")
    page.wait_for_selector(f"{row} .badge.error")
    seen["same"] = page.evaluate("window.here")
    seen["text"] = page.inner_text(row)
    seen["lines"] = page.locator("svg.spark polyline").count()
    page.click("text=Begin maintenance")
    page.wait_for_selector("text=End maintenance")
    return seen


def test_in_a_browser_the_page_is_live_dark_and_fits_a_phone() -> None:
    """A probe fails and the page shows it; the switch works; nothing is blocked."""
    probe = Dial("orders-db")
    app, handle = with_health(probe, api_key=KEY, check_every=0.1)
    with (
        LiveServer(app) as server,
        Chromium() as chromium,
        chromium.person(
            color_scheme="dark",
            viewport={"width": 360, "height": 740},
            http_credentials={"username": "me", "password": KEY},
        ) as person,
    ):
        seen = look_at(person.page, f"{server.url}{PATH}", probe)
        said = [one for one in person.said if "401" not in one]

    assert [] == said
    assert ("rgb(15, 19, 26)", 0, True, 1, True) == (
        seen["ground"],
        seen["too wide"],
        seen["same"],
        seen["lines"],
        handle.phases.in_maintenance,
    )
    assert "ConnectionError: gone" in seen["text"]
