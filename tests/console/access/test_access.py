"""Who may see the console: nobody, unless something says so."""

import ast
import base64
import inspect
import logging
from pathlib import Path
from typing import Any

import anyio
import pytest
from fastapi import Depends, FastAPI, HTTPException
from starlette.requests import Request

import steadfastapi.console
from steadfastapi import testing
from steadfastapi.console.access import admission as access
from steadfastapi.console.access import throttle
from steadfastapi.console.layer import Console
from steadfastapi.exceptions import ConfigurationError
from support.asgi import call
from support.console import (
    BEARER,
    HTML,
    PRODUCTION,
    TOKEN,
    Browser,
    consoled,
    data,
    frame_of,
    header,
    program,
    text,
)

pytestmark = pytest.mark.anyio


async def test_sec_15_in_production_there_is_none_by_default(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """SEC-15, INBOX-1: 404 everywhere, and one line at the start that says how."""
    stack = consoled(console=Console.by_default(), service=PRODUCTION, with_layers=())
    app = stack.plan.app
    caplog.set_level(logging.INFO, "steadfastapi.console")
    async with app.router.lifespan_context(app):
        found = [
            (await call(app, path=f"/ops{path}")).status for path in ("", "/login")
        ]

    said = [line.message for line in caplog.records if "console" in line.name]
    assert [404, 404] == found
    assert (1, True) == (len(said), "STEADFAST_CONSOLE_TOKEN" in said[0])


@pytest.mark.parametrize("console", [{}, {"path": "/desk"}])
def test_sec_15_asking_for_an_open_one_in_production_is_a_mistake(
    console: dict[str, Any],
) -> None:
    """SEC-15: the error says what to set."""
    with pytest.raises(ConfigurationError, match="token=…, basic=…, dependency=…"):
        consoled(console=Console(**console), service=PRODUCTION)


async def test_in_development_a_link_is_printed_that_logs_in(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Once, to stderr, and never in the log; without it nobody gets in."""
    stack = consoled()
    app = stack.plan.app
    async with app.router.lifespan_context(app):
        printed = capsys.readouterr()
    link = printed.err.strip().removeprefix("Console: http://127.0.0.1:8000")
    browser = Browser(app)
    before = await browser.get("/ops/settings")
    entered = await browser.get(link)
    after = await browser.get("/ops/settings")

    assert (303, "/ops/login?next=%2Fsettings") == (
        before.status,
        header(before, "location"),
    )
    assert (303, "/ops", 200) == (
        entered.status,
        header(entered, "location"),
        after.status,
    )
    assert link.startswith("/ops/login?token=")
    assert link.partition("=")[2] not in printed.out


async def test_the_link_of_another_start_lets_nobody_in() -> None:
    """The page says which one to take."""
    answer = await Browser(consoled()).get("/ops/login?token=of-yesterday")

    assert 401 == answer.status
    assert "take the one printed last" in text(answer)


async def test_a_token_in_an_address_counts_for_nothing_in_production() -> None:
    """Addresses end up in logs: the form is shown instead."""
    browser = Browser(consoled(token=TOKEN, service=PRODUCTION))
    answer = await browser.get(f"/ops/login?token={TOKEN}")

    assert (200, {}) == (answer.status, browser.cookies)


async def test_a_token_logs_in_people_and_programs() -> None:
    """People by the form, programs by a header; both see the same."""
    stack = consoled(token=TOKEN, service=PRODUCTION)
    browser = await Browser.signed_in(stack, scheme="https")
    page = await browser.get("/ops/settings")
    told = await program(stack, "/ops/api/settings", BEARER)

    assert (200, 200) == (page.status, told.status)
    assert "shop" == data(told)["service"]["name"]


@pytest.mark.parametrize("given", ["ops:secret", ("ops", "secret")])
async def test_a_password_logs_in_people_and_programs(given: Any) -> None:
    """In the settings it is a pair, or a text with a colon."""
    stack = consoled(basic=given, service=PRODUCTION)
    browser = Browser(stack, scheme="https")
    wrong = await browser.post("/ops/login", user="ops", password="wrong")
    right = await browser.post("/ops/login", user="ops", password="secret")
    basic = base64.b64encode(b"ops:secret").decode()
    told = await program(
        stack, "/ops/api/settings", ("authorization", f"Basic {basic}")
    )

    assert (401, 303, 200) == (wrong.status, right.status, told.status)


async def test_people_are_sent_to_the_login_and_come_back() -> None:
    """Programs get 401; after the login comes what was asked for."""
    stack = consoled(token=TOKEN)
    browser = Browser(stack)
    sent = await browser.get("/ops/logs?level=error")
    form = await browser.get(header(sent, "location") or "")
    entered = await browser.post("/ops/login", token=TOKEN, next="/logs?level=error")
    told = await program(stack, "/ops/api/logs")

    assert "/ops/login?next=%2Flogs%3Flevel%3Derror" == header(sent, "location")
    assert 'value="/logs?level=error"' in text(form)
    assert "/ops/logs?level=error" == header(entered, "location")
    assert (401, {"detail": "Not authenticated"}, "Bearer") == (
        told.status,
        data(told),
        header(told, "www-authenticate"),
    )


@pytest.mark.parametrize(
    "target", ["//evil.test", "https://evil.test", "/\\evil.test", "/login", "\n/x"]
)
async def test_nobody_is_sent_elsewhere_after_the_login(target: str) -> None:
    """An address that is none of ours leads to the start page."""
    answer = await Browser(consoled(token=TOKEN)).post(
        "/ops/login", token=TOKEN, next=target
    )

    assert "/ops" == header(answer, "location")


def raising(request: Request) -> Any:
    """Fail."""
    raise RuntimeError("the directory is down")


async def hanging(request: Request) -> Any:
    """Never answer."""
    await anyio.sleep_forever()


def nobody(request: Request) -> Any:
    """Find nobody."""


def refusing(request: Request) -> Any:
    """Refuse, as FastAPI's users do."""
    raise HTTPException(status_code=403, detail="no")


FAILING = [
    raising,
    hanging,
    nobody,
    Depends(raising),
    Depends(hanging),
    Depends(nobody),
    Depends(refusing),
]


@pytest.mark.parametrize("dependency", FAILING, ids=range(len(FAILING)))
async def test_sec_16_failing_authentication_yields_nothing_anywhere(
    dependency: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEC-16: every route of the console, pages and API, 401, 403 or 503."""
    monkeypatch.setattr(access, "DEADLINE", 0.005)
    stack = consoled(dependency=dependency, service=PRODUCTION)
    frame = frame_of(stack)
    statuses = set()
    bodies = set()
    with testing.internal_errors():
        for route, page in frame.routes:
            path = route.path.replace("{", "").replace("}", "")
            for method in page.methods:
                answer = await call(
                    stack.plan.app, method, path, headers=[HTML, *_same_site(method)]
                )
                statuses.add(answer.status)
                told = await call(stack.plan.app, method, path)
                bodies.add(told.body)

    assert set() == statuses - {401, 403, 503}
    assert set() == bodies - {
        b'{"detail":"Not authenticated"}',
        b'{"detail":"Forbidden"}',
        b'{"detail":"Authentication is unavailable"}',
    }


def _same_site(method: str) -> list[tuple[str, str]]:
    return [] if method == "GET" else [("sec-fetch-site", "same-origin")]


async def test_strangers_learn_nothing_not_even_which_pages_there_are() -> None:
    """401 for every path and method that is not the login or a style sheet."""
    stack = consoled(token=TOKEN)
    frame = frame_of(stack)
    paths = [route.path for route, _ in frame.routes] + ["/ops/nowhere", "/ops/api/x"]
    found = {
        (await call(stack.plan.app, method, path)).status
        for path in paths
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH")
    }

    assert {401} == found


async def test_a_dependency_is_asked_each_time_and_tells_who_it_is() -> None:
    """A user who loses the right loses the console with the next request."""
    users = {"ada": {"email": "ada@example.org"}}

    def user(request: Request) -> Any:
        found = users.get(request.headers.get("x-user", ""))
        if found is None:
            raise HTTPException(status_code=401)
        return found

    stack = consoled(dependency=Depends(user), service=PRODUCTION)
    ada, browser = ("x-user", "ada"), Browser(stack, scheme="https")
    first = await browser.get("/ops/settings", ada)
    users.clear()
    then = await browser.get("/ops/settings", ada)

    assert (200, 401) == (first.status, then.status)
    assert "ada@example.org" in text(first)


async def test_a_dependency_of_the_application_can_be_overridden() -> None:
    """As anywhere in FastAPI, in tests above all."""
    app = FastAPI()
    stack = consoled(app, dependency=Depends(refusing))
    app.dependency_overrides[refusing] = lambda: "tester"
    answer = await program(stack, "/ops/api/settings")

    assert 200 == answer.status


async def test_whoever_guesses_too_often_has_to_wait() -> None:
    """Ten failures a minute from one address; nobody else waits with them."""
    stack = consoled(token=TOKEN, with_layers=())
    wrong = ("authorization", "Bearer wrong")
    guesses = [
        (await Browser(stack).post("/ops/login", token="wrong")).status
        for _ in range(throttle.FAILURES // 2)
    ]
    guesses += [
        (await program(stack, "/ops/api/settings", wrong)).status
        for _ in range(throttle.FAILURES // 2)
    ]
    late = await Browser(stack).post("/ops/login", token=TOKEN)
    other = await Browser(stack, client="127.0.0.2").post("/ops/login", token=TOKEN)

    assert [401] * throttle.FAILURES == guesses
    assert (429, True) == (late.status, 0 < int(header(late, "retry-after") or 0) <= 61)
    assert 303 == other.status


def test_the_throttle_is_bounded_and_forgives() -> None:
    """Failures count for a minute, an IPv6 network as one client."""
    now = [0.0]
    counted = throttle.Throttle(clock=lambda: now[0])

    def at(host: str) -> Request:
        return Request({"type": "http", "client": (host, 1), "headers": []})

    for number in range(throttle.FAILURES):
        counted.failed(at(f"2001:db8::{number}"))
    held = counted.wait(at("2001:db8::ffff"))
    now[0] += throttle.WINDOW
    forgiven = counted.wait(at("2001:db8::ffff"))
    for number in range(throttle.MAX_CLIENTS + 10):
        counted.failed(at(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"))

    assert (60.0, 0.0) == (held, forgiven)
    assert throttle.MAX_CLIENTS == len(counted._failures)


async def test_a_token_for_the_application_is_no_failed_login() -> None:
    """With a dependency as well, other bearer tokens are the application's."""
    stack = consoled(token=TOKEN, dependency=lambda request: "ada", with_layers=())
    theirs = ("authorization", "Bearer of-the-application")
    found = [
        (await program(stack, "/ops/api/settings", theirs)).status
        for _ in range(throttle.FAILURES + 2)
    ]

    assert {200} == set(found)


def test_sec_17_no_secret_is_compared_with_an_operator() -> None:
    """SEC-17: 0 uses of `==` on what could be one, by the names in the source."""
    suspicious = ("token", "secret", "password", "signature", "csrf", "digest", "given")
    root = Path(inspect.getfile(steadfastapi.console)).parent
    found = []
    for file in root.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Compare):
                continue
            if not any(isinstance(op, (ast.Eq, ast.NotEq)) for op in node.ops):
                continue
            sides = [
                ast.unparse(side).lower() for side in (node.left, *node.comparators)
            ]
            if any(word in side for side in sides for word in suspicious):
                found.append(f"{file.name}:{node.lineno} {ast.unparse(node)}")

    assert [] == [one for one in found if not _is_public(one)]


def _is_public(line: str) -> bool:
    """Return whether what is compared is nobody's secret."""
    public = ("asset.digest", "len(", "== list(kinds)", "token_endpoint")
    return any(word in line for word in public)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"path": "ops"}, "write an absolute path such as /ops"),
        ({"path": "/ops/"}, "write an absolute path such as /ops"),
        ({"basic": "only-a-name"}, "write user:password"),
        ({"basic": ("a:b", "c")}, "write user:password"),
        ({"dependency": 7}, "give Depends"),
        ({"oidc": "https://issuer.test"}, "give Oidc"),
        ({"tokn": "x"}, "Did you mean 'token'"),
        ({"secret": "short"}, "at least 16"),
    ],
    ids=str,
)
def test_wrong_settings_say_what_is_right(settings: dict[str, Any], says: str) -> None:
    """Each when the object is made; secrets are masked."""
    with pytest.raises(ConfigurationError, match=says):
        Console(**settings)


def test_a_token_that_can_be_guessed_is_warned_of() -> None:
    """In production only."""
    warned = [
        bool(consoled(token="short", service=service).plan.warnings)
        for service in (PRODUCTION, None)
    ]

    assert [True, False] == warned


def test_secrets_do_not_show_in_the_plan() -> None:
    """Neither printed nor as data."""
    stack = consoled(token=TOKEN, basic="ops:canary-password", secret="canary" * 4)

    printed = str(stack)
    assert TOKEN not in printed
    assert "canary" not in printed
