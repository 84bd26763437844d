"""What breaks in the console stays in it."""

import asyncio
import io
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from steadfastapi import limiter, testing
from steadfastapi._guard import guard
from steadfastapi.console import assets, frame
from steadfastapi.console.access import login
from steadfastapi.console.access.identity import Identity, Refusal, SignedIn
from steadfastapi.limits.hottest import Hottest
from support.asgi import call
from support.console import (
    PRODUCTION,
    TOKEN,
    Browser,
    app_of,
    consoled,
    data,
    every_header,
    header,
    program,
    text,
)

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _as_in_production() -> Iterator[None]:
    with testing.internal_errors():
        guard.forget()
        yield


class Provider:
    """Signs in, or fails in the way that it is told.

    Args:
        how: `well`, `raises`, `hangs` or `refuses`.
    """

    label = "the provider"

    def __init__(self, how: str = "well") -> None:
        self.how = how
        self.prepared: dict[str, Any] = {}

    def prepare(self, **given: Any) -> None:
        """Remember what was given."""
        self.prepared = given

    async def begin(self, request: Request, target: str) -> Response:
        """Send the browser away."""
        await self._fail()
        return RedirectResponse("https://provider.test/authorize", 303)

    async def finish(self, request: Request) -> SignedIn | Refusal:
        """Take it back."""
        await self._fail()
        if self.how == "refuses":
            return Refusal(status=403, reason="not on the list", detail="Forbidden")
        ada = Identity(name="ada@example.org", method="oidc")
        return SignedIn(
            identity=ada, target="/logs", set_cookies=("state=; Max-Age=0",)
        )

    async def bearer(self, token: str) -> Identity | Refusal:
        """Check a token."""
        await self._fail()
        if self.how == "refuses":
            return Refusal(reason="expired")
        return Identity(name="robot", method="oidc")

    async def farewell(self, request: Request) -> str | None:
        """Say where the session at the provider ends."""
        await self._fail()
        return "https://provider.test/end"

    async def _fail(self) -> None:
        if self.how == "raises":
            raise RuntimeError("canary of a bug")
        if self.how == "hangs":
            await asyncio.Event().wait()


async def test_a_provider_signs_in_and_out() -> None:
    """With its cookies, to where somebody wanted to go; a link ends it there, too."""
    provider = Provider()
    stack = consoled(oidc=provider, service=PRODUCTION)
    browser = Browser(stack, scheme="https")
    page = text(await browser.get("/ops/login?next=/logs"))
    begun = await browser.get("/ops/login/oidc?next=/logs")
    done = await browser.get("/ops/login/oidc/callback?code=1")
    seen = await browser.get("/ops/settings")
    told = await program(stack, "/ops/api/settings", ("authorization", "Bearer at"))
    out = await browser.post("/ops/logout")
    left = text(await browser.get(header(out, "location") or ""))

    assert "Sign in with the provider" in page
    assert "https://provider.test/authorize" == header(begun, "location")
    assert (303, "/ops/logs", 2) == (
        done.status,
        header(done, "location"),
        len(every_header(done, "set-cookie")),
    )
    assert (200, 200) == (seen.status, told.status)
    assert "ada@example.org" in text(seen)
    assert 'href="https://provider.test/end"' in left
    assert ("/ops/login/oidc/callback", True, 32) == (
        provider.prepared["callback"],
        provider.prepared["production"],
        len(provider.prepared["key"]),
    )


@pytest.mark.parametrize(
    ("how", "status"), [("raises", 503), ("hangs", 503), ("refuses", 403)]
)
async def test_sec_16_a_provider_that_fails_signs_nobody_in(
    how: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEC-16: neither by the browser nor by a token; no word of the bug gets out."""
    monkeypatch.setattr(login, "DEADLINE", 0.02)
    monkeypatch.setattr(frame, "DEADLINE", 5.0)
    monkeypatch.setattr("steadfastapi.console.access.admission.DEADLINE", 0.02)
    stack = consoled(oidc=Provider(how))
    browser = Browser(stack)
    answer = await browser.get("/ops/login/oidc/callback?code=1")
    told = await program(stack, "/ops/api/settings", ("authorization", "Bearer at"))

    assert (status, {}) == (answer.status, browser.cookies)
    assert "canary" not in text(answer) + text(told)
    assert (401 if how == "refuses" else 503) == told.status
    if how == "raises":
        assert {"console.oidc": 1, "console.access": 1} == dict(guard.counts)


async def test_a_provider_that_is_away_holds_nobody_back_from_leaving() -> None:
    """The session here is over in any case."""
    provider = Provider()
    stack = consoled(oidc=provider)
    browser = Browser(stack)
    await browser.get("/ops/login/oidc/callback?code=1")
    await browser.get("/ops/settings")
    provider.how = "raises"
    out = await browser.post("/ops/logout")
    left = await browser.get(header(out, "location") or "")
    after = await browser.get("/ops/settings")

    assert (303, 200, 303) == (out.status, left.status, after.status)


async def test_a_closed_stderr_stops_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The link is lost, the application serves."""
    closed = io.StringIO()
    closed.close()
    app = app_of(consoled())
    monkeypatch.setattr(sys, "stderr", closed)
    async with app.router.lifespan_context(app):
        answer = await call(app, path="/ops/login")

    assert (200, 1) == (answer.status, guard.counts["console.announcement"])


async def test_routes_of_an_unknown_kind_take_no_console_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody knows then whether it is in the way; it is served."""

    def odd(app: Any) -> Any:
        raise TypeError("what is this?")

    monkeypatch.setattr(frame, "endpoints", odd)
    answer = await call(app_of(consoled()), path="/ops/login")

    assert (200, 1) == (answer.status, guard.counts["console.routes"])


async def test_what_fails_outside_of_a_page_is_an_answer_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """500 and a sentence, whatever is broken; the application is not asked."""

    def broken(*_: Any, **__: Any) -> Any:
        raise OSError("the package was deleted")

    monkeypatch.setattr(assets, "answer", broken)
    answer = await call(app_of(consoled()), path="/ops/static/x/console.css")

    assert (500, {"detail": "This page failed; the application goes on."}) == (
        answer.status,
        data(answer),
    )
    assert 1 == guard.counts["console.frame"]


async def test_who_is_near_a_limit_is_no_reason_to_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The decision stands."""

    def broken(*_: Any) -> None:
        raise RuntimeError("a bug of the page")

    monkeypatch.setattr(Hottest, "note", broken)
    app = FastAPI()

    @app.get("/limited")
    @limiter.limit("1/minute")
    def limited() -> None:
        return None

    consoled(app, token=TOKEN, with_layers=("limits", "contract"))
    found = [(await call(app, path="/limited")).status for _ in range(2)]

    assert [200, 429] == found
    assert 2 == guard.counts["limits.hottest"]
