"""Changes: meant by whoever makes them, and written down."""

from typing import Any

import pytest

from steadfastapi import testing
from support.asgi import AsgiResult
from support.console import (
    BEARER,
    TOKEN,
    Browser,
    app_of,
    consoled,
    data,
    every_header,
    frame_of,
    header,
    program,
    text,
)

pytestmark = pytest.mark.anyio

FOREIGN: list[tuple[tuple[str, str], ...]] = [
    (("sec-fetch-site", "cross-site"),),
    (("sec-fetch-site", "same-site"),),
    (("sec-fetch-site", "none"),),
    (("sec-fetch-site", "cross-site"), ("origin", "http://shop.test")),
]


def level(stack: Any) -> str:
    """Return the level that the console can switch."""
    return str(stack.logs.level)


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_sec_12_a_page_of_another_site_changes_nothing(
    headers: tuple[tuple[str, str], ...],
) -> None:
    """SEC-12, INBOX-1: 403, with the right cookie and even the right token."""
    stack = consoled(token=TOKEN)
    browser = await Browser.signed_in(stack)
    answer = await browser.post("/ops/logs/level", *headers, level="ERROR")
    login = await browser.post("/ops/login", *headers, token=TOKEN)

    assert (403, 403, "INFO") == (answer.status, login.status, level(stack))


@pytest.mark.parametrize("origin", ["http://evil.test", "null", "http://shop.test:81"])
async def test_sec_12_without_fetch_metadata_the_origin_counts(origin: str) -> None:
    """SEC-12: plain http has no `Sec-Fetch-Site`."""
    stack = consoled(token=TOKEN)
    browser = await Browser.signed_in(stack)
    kind = ("content-type", "application/x-www-form-urlencoded")
    body = f"level=ERROR&csrf={browser.csrf}".encode()

    async def send(given: str) -> AsgiResult:
        headers = (kind, ("origin", given))
        return await browser.ask("POST", "/ops/logs/level", *headers, body=body)

    foreign = await send(origin)
    unchanged = level(stack)
    own = await send("http://shop.test")

    assert (403, "INFO") == (foreign.status, unchanged)
    assert (303, "ERROR") == (own.status, level(stack))


@pytest.mark.parametrize("csrf", ["", "0" * 96, "of another session"])
async def test_sec_12_a_change_needs_the_token_of_its_session(csrf: str) -> None:
    """SEC-12: 403; another session's token is none."""
    stack = consoled(token=TOKEN)
    browser = await Browser.signed_in(stack)
    other = await Browser.signed_in(stack)
    browser.csrf = other.csrf if csrf == "of another session" else csrf
    answer = await browser.post("/ops/logs/level", level="ERROR")

    assert (403, "INFO") == (answer.status, level(stack))


async def test_a_change_after_the_session_changes_nothing_and_says_so() -> None:
    """With the way to the login: somebody went to lunch with the page open."""
    stack = consoled(token=TOKEN)
    browser = await Browser.signed_in(stack)
    browser.cookies.clear()
    answer = await browser.post("/ops/logs/level", level="ERROR")

    assert (401, "INFO") == (answer.status, level(stack))
    assert "the session is over; nothing was shown or changed" in text(answer)
    assert 'href="/ops/login"' in text(answer)


async def test_the_token_of_a_form_is_another_one_on_each_page() -> None:
    """Or a compressed page would tell it; all of them are right."""
    stack = consoled(token=TOKEN)
    browser = await Browser.signed_in(stack)
    tokens = set()
    statuses = []
    for name in ("ERROR", "DEBUG"):
        await browser.get("/ops/logs")
        tokens.add(browser.csrf)
        statuses.append((await browser.post("/ops/logs/level", level=name)).status)

    assert (2, [303, 303], "DEBUG") == (len(tokens), statuses, level(stack))


async def test_sec_12_no_get_changes_anything() -> None:
    """SEC-12: what changes something answers 405 to GET and HEAD, or is not found."""
    stack = consoled(token=TOKEN)
    browser = await Browser.signed_in(stack)
    routes = frame_of(stack).routes
    reads = {route.path for route, page in routes if "GET" in page.methods}
    found = {
        (await browser.ask(method, route.path.replace("{", "").replace("}", ""))).status
        for route, page in routes
        if "GET" not in page.methods and route.path not in reads
        for method in ("GET", "HEAD")
    }

    assert set() == found - {404, 405}
    assert "POST" == header(await browser.get("/ops/logout"), "allow")


async def test_programs_need_no_token_of_a_form() -> None:
    """No browser sends a bearer token by itself; JSON will do."""
    stack = consoled(token=TOKEN)
    answer = await program(
        stack, "/ops/api/logs/level", BEARER, method="POST", data={"level": "debug"}
    )

    assert (200, {"level": "DEBUG"}) == (answer.status, data(answer))


async def test_a_password_that_a_browser_remembers_is_no_consent() -> None:
    """HTTP Basic is sent along by browsers: it must come from our own page."""
    stack = consoled(basic="ops:secret")
    basic = ("authorization", "Basic b3BzOnNlY3JldA==")
    foreign = await program(
        stack,
        "/ops/api/logs/level",
        basic,
        ("sec-fetch-site", "cross-site"),
        method="POST",
        data={"level": "debug"},
    )
    by_hand = await program(
        stack, "/ops/api/logs/level", basic, method="POST", data={"level": "debug"}
    )

    assert (403, 200) == (foreign.status, by_hand.status)


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("multipart/form-data; boundary=x", b"--x--", 415),
        ("text/plain", b"level=DEBUG", 415),
        ("application/json", b"[1]", 422),
        ("application/json", b'{"level": {"a": 1}}', 422),
        ("application/json", b"{", 422),
        ("application/x-www-form-urlencoded", b"a=1&" * 2_000, 422),
        ("application/x-www-form-urlencoded", b"level=" + b"A" * 70_000, 413),
        ("application/x-www-form-urlencoded", "level=ä".encode(), 422),
        ("application/json", b'{"level": "loud"}', 422),
    ],
)
async def test_what_no_form_of_ours_sends_is_refused(
    kind: str, body: bytes, status: int
) -> None:
    """Another kind, broken, too large, or with a value that is none."""
    stack = consoled(token=TOKEN)
    answer = await program(stack, "/ops/api/logs/level", BEARER)
    assert 200 == answer.status
    browser = Browser(stack)
    refused = await browser.ask(
        "POST",
        "/ops/api/logs/level",
        BEARER,
        ("content-type", kind),
        body=body,
    )

    assert (status, ["detail"]) == (refused.status, list(data(refused)))


async def test_sec_21_each_login_denial_and_change_is_one_line() -> None:
    """SEC-21: who, how that is known, from where, and what; no secret among it."""
    stack = consoled(token=TOKEN)
    with testing.capture(app_of(stack)) as seen:
        browser = Browser(stack, client="203.0.113.7")
        await browser.post("/ops/login", token="wrong-guess")
        await browser.post("/ops/login", token=TOKEN)
        await browser.get("/ops/logs")
        await browser.post("/ops/logs/level", level="WARNING", logger="shop")
        await program(stack, "/ops/api/settings")
        await browser.post("/ops/logs/level", ("sec-fetch-site", "cross-site"))
        await browser.post("/ops/logout")
    lines = [
        line for line in seen.logs if line.get("logger") == "steadfastapi.console.audit"
    ]
    told = [
        (line["event"], line["action"], line.get("who"), line["client"])
        for line in lines
    ]

    ada = ("token", "203.0.113.7")
    assert [
        ("console login failed", "login_failed", None, "203.0.113.7"),
        ("console login", "login", *ada),
        ("console change", "log_level", *ada),
        ("console request denied", "denied", None, "127.0.0.1"),
        ("console request denied", "denied", *ada),
        ("console logout", "logout", *ada),
    ] == told
    assert ("shop", "INFO") == (lines[2]["logger_name"], lines[2]["before"])
    assert "wrong-guess" not in "".join(seen.log_lines)
    assert TOKEN not in "".join(seen.log_lines)


async def test_colours_are_chosen_by_a_form_and_kept_in_a_cookie() -> None:
    """It comes back to the page it was on; nothing else is a colour scheme."""
    browser = await Browser.signed_in(consoled(token=TOKEN))
    chosen = await browser.post("/ops/theme", theme="dark", back="/logs?level=error")
    page = await browser.get("/ops/logs")
    odd = await browser.post("/ops/theme", theme="pink")
    away = await browser.post("/ops/theme", theme="auto", back="//evil.test")

    assert "/ops/logs?level=error" == header(chosen, "location")
    assert b'<html lang="en" data-theme="dark">' in page.body
    assert (422, "/ops") == (odd.status, header(away, "location"))
    assert ["Path=/"] == every_header(chosen, "set-cookie")[0].split("; ")[1:2]
