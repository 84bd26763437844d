"""The frame: headers, paths, errors, and what it costs those who do not look."""

import asyncio
import re
import subprocess
import sys
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.routing import Mount

from steadfastapi import limiter, testing
from steadfastapi.console import assets, frame
from steadfastapi.console.headers import policy
from steadfastapi.console.layer import Console
from steadfastapi.console.visit import Page
from steadfastapi.exceptions import StoreError
from steadfastapi.health import Health
from support.asgi import AsgiResult, call
from support.console import (
    BEARER,
    PRODUCTION,
    TOKEN,
    Browser,
    app_of,
    consoled,
    data,
    frame_of,
    header,
    program,
    text,
)

pytestmark = pytest.mark.anyio

PAGES = ("", "/logs", "/limits", "/settings", "/nowhere")


@pytest.fixture
def stack() -> Any:
    """A console that a token opens."""
    return consoled(token=TOKEN)


@pytest.mark.parametrize("path", ["/login", *PAGES])
async def test_sec_11_every_page_has_a_strict_policy_and_no_inline_code(
    path: str, stack: Any
) -> None:
    """SEC-11: nonces, nothing from elsewhere, no frames, no sniffing, no store."""
    browser = Browser(stack) if path == "/login" else await Browser.signed_in(stack)
    answer = await browser.get(f"/ops{path}")
    page = text(answer)
    nonces = set(re.findall(r'nonce="([^"]+)"', page))
    found = {
        name: header(answer, name)
        for name in (
            "cache-control",
            "content-security-policy",
            "cross-origin-opener-policy",
            "referrer-policy",
            "x-content-type-options",
            "x-frame-options",
        )
    }

    assert 1 == len(nonces)
    assert {
        "cache-control": "no-store",
        "content-security-policy": policy(nonces.pop()),
        "cross-origin-opener-policy": "same-origin",
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    } == found
    assert "camera=()" in (header(answer, "permissions-policy") or "")
    assert [] == re.findall(r"<style|<script(?![^>]* src=)| on\w+=| style=", page)
    assert [] == re.findall(r"(?:src|href|action)=[\"'](?:https?:)?//", page)


def test_sec_11_the_policy_allows_nothing_that_has_no_nonce() -> None:
    """SEC-11: scripts and styles of this page only; forms and data of this origin."""
    assert (
        "default-src 'none'; script-src 'nonce-N'; style-src 'nonce-N'; "
        "img-src 'self' data:; connect-src 'self'; form-action 'self'; "
        "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    ) == policy("N")


async def test_sec_11_each_page_has_a_nonce_of_its_own(stack: Any) -> None:
    """SEC-11: of 144 bits."""
    browser = Browser(stack)
    policies = {
        header(await browser.get("/ops/login"), "content-security-policy")
        for _ in range(3)
    }

    assert 3 == len(policies)


async def test_data_and_redirects_have_the_headers_too(stack: Any) -> None:
    """And a policy under which a browser would show nothing of them."""
    answers = [
        await program(stack, "/ops/api/settings", BEARER),
        await program(stack, "/ops/api/settings"),
        await Browser(stack).get("/ops"),
    ]

    closed = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
    assert {("no-store", "nosniff", closed)} == {
        (
            header(one, "cache-control"),
            header(one, "x-content-type-options"),
            header(one, "content-security-policy"),
        )
        for one in answers
    }


async def test_static_files_are_for_ever_at_an_address_of_their_content(
    stack: Any,
) -> None:
    """Those that a page names; no login, for the login page needs them."""
    page = text(await Browser(stack).get("/ops/login"))
    addresses = re.findall(r'(?:href|src)="(/ops/static/[^"]+)"', page)
    answers = [await call(app_of(stack), path=address) for address in addresses]

    assert {200} == {answer.status for answer in answers}
    assert {assets.FOR_EVER} == {header(answer, "cache-control") for answer in answers}
    assert {"text/css; charset=utf-8", "text/javascript; charset=utf-8"} < {
        header(answer, "content-type") for answer in answers
    }


@pytest.mark.parametrize(
    "path",
    [
        "/static/abc/secret.txt",
        "/static/abc/../layer.py",
        "/static/abc/..%2Flayer.py",
        "/static/abc/%00",
    ],
)
async def test_nothing_else_is_a_static_file(path: str, stack: Any) -> None:
    """No path leads out of the folder: names are looked up in a table."""
    answer = await call(app_of(stack), path=f"/ops{path}")

    assert 404 == answer.status


async def test_a_file_of_another_version_is_kept_by_no_cache(stack: Any) -> None:
    """While versions change, a worker gives its own."""
    answer = await call(app_of(stack), path="/ops/static/000000000000/console.css")

    assert (200, "no-store") == (answer.status, header(answer, "cache-control"))


@pytest.mark.parametrize("path", [*PAGES, "/api/settings", "/api/logs/stream"])
async def test_head_answers_like_get_without_a_body(path: str, stack: Any) -> None:
    """As HTTP has it; a stream does not even begin."""
    browser = await Browser.signed_in(stack)
    head = await browser.ask("HEAD", f"/ops{path}")

    assert (404 if path == "/nowhere" else 200, b"") == (head.status, head.body)


@pytest.mark.parametrize("stripped", [True, False], ids=["stripped", "kept"])
async def test_below_a_prefix_of_a_proxy_every_address_has_it(stripped: bool) -> None:
    """Whether the proxy takes the prefix off or not."""
    app = FastAPI()
    browser = Browser(consoled(app, token=TOKEN))
    scope = {"root_path": "/shop"}
    before = "" if stripped else "/shop"
    sent = await browser.ask("GET", f"{before}/ops/logs", scope=scope)
    await browser.post("/ops/login", token=TOKEN)
    page = await browser.ask("GET", f"{before}/ops/logs?level=error", scope=scope)
    found = re.findall(r'(?:href|src|action)="([^"#]+)', text(page))

    assert "/shop/ops/login?next=%2Flogs" == header(sent, "location")
    assert [] == [address for address in found if not address.startswith("/shop/ops")]
    assert 'name="back" value="/logs?level=error"' in text(page)


async def test_a_mounted_application_has_its_console_below_the_mount() -> None:
    """With the mount's prefix in every address."""
    inner = FastAPI()
    consoled(inner, token=TOKEN)
    outer = FastAPI(routes=[Mount("/inner", app=inner)])
    browser = Browser(outer)
    sent = await browser.get("/inner/ops/logs")
    told = await program(outer, "/inner/ops/api/settings", BEARER)

    assert "/inner/ops/login?next=%2Flogs" == header(sent, "location")
    assert 200 == told.status


async def test_the_console_steps_back_where_the_application_has_routes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Somebody relies on them; the log says what to set."""
    app = FastAPI()
    consoled(app, token=TOKEN)

    @app.get("/ops/deploys")
    def deploys() -> list[str]:
        return ["v1"]

    own = await call(app, path="/ops/deploys")
    console = await call(app, path="/ops/login")

    assert (200, b'["v1"]', 404) == (own.status, own.body, console.status)
    assert "Console(path=…)" in caplog.text


async def test_another_path_will_do() -> None:
    """Every address follows."""
    browser = Browser(consoled(token=TOKEN, path="/internal/desk"))
    answer = await browser.get("/internal/desk")

    assert "/internal/desk/login" == header(answer, "location")


async def test_what_is_not_there_says_so_to_those_who_are_in(stack: Any) -> None:
    """404 and 405 as a page or as JSON, after the login only."""
    browser = await Browser.signed_in(stack)
    page = await browser.get("/ops/nowhere")
    told = await program(stack, "/ops/api/nowhere", BEARER)
    wrong = await program(stack, "/ops/api/settings", BEARER, method="DELETE")

    assert (404, True) == (page.status, "There is no such page." in text(page))
    assert (404, {"detail": "There is no such page."}) == (told.status, data(told))
    assert (405, "GET") == (wrong.status, header(wrong, "allow"))


async def broken(visit: Any) -> Any:
    """Fail."""
    raise RuntimeError("canary-of-a-bug")


async def storeless(visit: Any) -> Any:
    """Have no store."""
    raise StoreError("the store is away")


async def slow(visit: Any) -> Any:
    """Never end."""
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("handler", "status", "says"),
    [
        (broken, 500, "This page failed; the application goes on."),
        (storeless, 503, "the store is away"),
        (slow, 503, "There was no answer in 0.05 s."),
    ],
)
async def test_a_page_that_fails_says_so_and_nothing_else(
    handler: Any, status: int, says: str, stack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback leaves; a page that takes too long is given up on."""
    monkeypatch.setattr(frame, "DEADLINE", 0.05)
    served = frame_of(stack)
    for path in ("/odd", "/api/odd"):
        page = Page(path=path, handler=handler, title="Odd")
        served.routes.append((served._route(page), page))
    browser = await Browser.signed_in(stack)
    with testing.internal_errors():
        page_answer = await browser.get("/ops/odd")
        told = await program(stack, "/ops/api/odd", BEARER)

    assert (status, status) == (page_answer.status, told.status)
    assert {"detail": says} == data(told)
    assert says in text(page_answer)
    assert "canary" not in text(page_answer)


async def test_the_console_counts_against_no_limit_and_is_quiet() -> None:
    """Neither logged nor counted while it succeeds."""
    app = FastAPI()
    stack = consoled(
        app,
        token=TOKEN,
        with_layers=("logs", "contract", "limits", "metrics"),
    )

    @app.get("/limited")
    @limiter.limit("1/minute")
    def limited() -> None:
        return None

    with testing.capture(app) as seen:
        found = [
            (await program(stack, "/ops/api/settings", BEARER)).status for _ in range(3)
        ]

    assert [200] * 3 == found
    assert [] == seen.events("request")
    assert 0 == seen.metric("http_requests_total")


async def test_in_maintenance_the_console_stays_open() -> None:
    """It is where one looks then."""
    app = FastAPI()
    stack = consoled(
        app, token=TOKEN, with_layers=("contract",), health=Health(serve_503=True)
    )
    stack.health.set_maintenance()
    closed = await call(app, path="/anything")
    told = await program(stack, "/ops/api/settings", BEARER)

    assert (503, 200) == (closed.status, told.status)


async def test_records_know_the_template_of_what_was_refused() -> None:
    """So that metrics and logs have one route for all issues."""
    app = FastAPI()
    stack = consoled(app, token=TOKEN)
    with testing.capture(app) as seen:
        await program(stack, "/ops/api/settings")
        await program(stack, "/ops/api/logs/level", BEARER, method="PUT")

    assert ["/ops/api/settings", "/ops/api/logs/level"] == [
        line["route"] for line in seen.events("request")
    ]


async def test_it_is_not_in_openapi() -> None:
    """The console is nobody's API but ours."""
    app = FastAPI()
    consoled(app, token=TOKEN)

    assert {} == app.openapi()["paths"]


async def test_layers_that_are_off_are_a_sentence(stack: Any) -> None:
    """Pages open, their API answers 404 and says why."""
    bare = consoled(token=TOKEN, with_layers=())
    browser = await Browser.signed_in(bare)
    pages = [text(await browser.get(f"/ops{path}")) for path in ("/logs", "/limits")]
    told = [
        await program(bare, f"/ops/api/{name}", BEARER) for name in ("logs", "limits")
    ]

    assert [True, True] == [
        "The logs layer is off." in pages[0],
        "The rate limits are off." in pages[1],
    ]
    assert [404, 404] == [one.status for one in told]


async def test_every_page_opens_with_nothing_but_the_console() -> None:
    """Whatever else is off."""
    bare = consoled(token=TOKEN, with_layers=())
    browser = await Browser.signed_in(bare)
    routes = frame_of(bare).routes
    found: dict[str, AsgiResult] = {
        page.path: await browser.get(f"/ops{page.path}")
        for _, page in routes
        if page.nav
    }

    assert {200} == {answer.status for answer in found.values()}
    assert "/settings" in found


PROGRAM = """
import sys
from fastapi import FastAPI
from steadfastapi import configure
from steadfastapi._configure import DEFAULT_LAYERS
from steadfastapi.console.layer import Console
off = dict.fromkeys(DEFAULT_LAYERS, False)
known = set(sys.modules)
app = FastAPI()
configure(app, **off | {"console": Console(token="a" * 20)})
new = set(sys.modules) - known
print(sorted(name for name in new if name.partition(".")[0] in ("jinja2", "redis")))
print("python_multipart" in new, "steadfastapi.console.pages.catalogue" in new)
"""


def test_nothing_is_loaded_before_somebody_looks() -> None:
    """Neither templates nor pages, at the start of every worker."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )

    assert ["[]", "False False"] == done.stdout.splitlines()


def test_without_authentication_production_loads_no_console() -> None:
    """What there is not costs nothing."""
    stack = consoled(console=Console.by_default(), service=PRODUCTION)

    assert ({}, False) == (stack.plan.areas, "console" in stack.plan.handles)
