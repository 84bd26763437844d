"""SEC-14: 20 of 20 kinds of wrong logins are refused (RELIABILITY 6.3).

The provider answers over real HTTP with real keys, and is told by each test what to do
wrong. "No login" means: no session afterwards, whatever the browser shows.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from support import oidc_hostile
from support.oidc_browser import CALLBACK, Browser, console_app
from support.oidc_hostile import HostileProvider

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

pytestmark = pytest.mark.anyio


@pytest.fixture
def provider() -> Iterator[HostileProvider]:
    """A provider that is good until it is told otherwise."""
    with HostileProvider() as running:
        yield running


@pytest.fixture
def app(provider: HostileProvider) -> FastAPI:
    """An application with a console."""
    return console_app(provider.issuer)


async def came_back(app: FastAPI, provider: HostileProvider, **changes: str) -> int:
    """Log in, check that nobody is in unless the answer says so; return its status."""
    async with Browser(app) as browser:
        address = provider.log_in(await browser.begin())
        answer = await browser.get(changed(address, **changes))
        assert await browser.is_in() == (answer.status_code == 303)
        return answer.status_code


def changed(address: str, **changes: str | None) -> str:
    """Return an address with another query; None removes."""
    query = {**dict(parse_qsl(urlsplit(address).query)), **changes}
    kept = {name: value for name, value in query.items() if value is not None}
    return f"{CALLBACK}?{urlencode(kept)}"


@pytest.mark.parametrize("sign", [oidc_hostile.by_rsa, oidc_hostile.by_ec])
async def test_the_good_case(
    app: FastAPI, provider: HostileProvider, sign: Any
) -> None:
    """With nothing wrong, the same provider, browser and checks lead in."""
    provider.sign = sign
    assert 303 == await came_back(app, provider)


async def test_sec_14_01_state_missing(app: FastAPI, provider: HostileProvider) -> None:
    """Without a state, nobody comes in."""
    provider.callback = {"state": None}
    assert 401 == await came_back(app, provider)


async def test_sec_14_02_state_forged(app: FastAPI, provider: HostileProvider) -> None:
    """A state that was never given leads nowhere, nor does one that is there twice."""
    assert 401 == await came_back(app, provider, state="A" * 43)
    async with Browser(app) as browser:
        back = provider.log_in(await browser.begin())
        answer = await browser.get(back.replace("?", "?state=other&"))
        assert (401, False) == (answer.status_code, await browser.is_in())


async def test_sec_14_03_state_replayed(
    app: FastAPI, provider: HostileProvider
) -> None:
    """A finished login cannot be finished again: all cookies of before, a new code."""
    async with Browser(app) as browser:
        address = await browser.begin()
        cookies = browser.cookies
        back = provider.log_in(address)
        assert 303 == (await browser.get(back)).status_code
    again = provider.log_in(address)
    async with Browser(app, cookies=cookies) as thief:
        assert 401 == (await thief.get(again)).status_code
        assert not await thief.is_in()


async def test_sec_14_04_state_of_another_browser(
    app: FastAPI, provider: HostileProvider
) -> None:
    """An address that somebody sends me does not log me in as them."""
    async with Browser(app) as mine, Browser(app) as theirs:
        back = provider.log_in(await theirs.begin())
        await mine.begin()
        assert 401 == (await mine.get(back)).status_code
        assert not await mine.is_in()


async def test_sec_14_05_code_replayed(app: FastAPI, provider: HostileProvider) -> None:
    """A code that was used does not finish another login."""
    async with Browser(app) as browser:
        first = provider.log_in(await browser.begin())
        assert 303 == (await browser.get(first)).status_code
    used = dict(parse_qsl(urlsplit(first).query))["code"]
    assert 401 == await came_back(app, provider, code=used)


async def test_sec_14_06_verifier_wrong(
    app: FastAPI, provider: HostileProvider
) -> None:
    """A code of another login does not fit the verifier of this one (PKCE, S256)."""
    async with Browser(app) as other:
        back = provider.log_in(await other.begin())
    unused = dict(parse_qsl(urlsplit(back).query))["code"]
    assert 401 == await came_back(app, provider, code=unused)


async def test_sec_14_07_only_plain_pkce(
    app: FastAPI, provider: HostileProvider
) -> None:
    """No login begins at a provider that knows PKCE without a hash only."""
    provider.metadata = {"code_challenge_methods_supported": ["plain"]}
    async with Browser(app) as browser:
        answer = await browser.get("/ops/login/oidc")
        assert (503, False) == (answer.status_code, await browser.is_in())
        assert "offers no PKCE with S256" in answer.text


@pytest.mark.parametrize("nonce", [None, "another", 7])
async def test_sec_14_08_nonce_wrong_or_missing(
    app: FastAPI, provider: HostileProvider, nonce: Any
) -> None:
    """A token that does not answer this very login is refused."""
    provider.claims = {"nonce": nonce}
    assert 401 == await came_back(app, provider)


@pytest.mark.parametrize("end", [None, "/", ".evil.example"])
async def test_sec_14_09_issuer_of_the_token(
    app: FastAPI, provider: HostileProvider, end: str | None
) -> None:
    """The issuer of the token must be equal to the last character."""
    provider.claims = {"iss": None if end is None else provider.issuer + end}
    assert 401 == await came_back(app, provider)


@pytest.mark.parametrize("issuer", [None, "https://evil.example"])
async def test_sec_14_10_issuer_of_the_callback(
    app: FastAPI, provider: HostileProvider, issuer: str | None
) -> None:
    """A provider that names itself in its answers must do so rightly (RFC 9207)."""
    provider.callback = {"iss": issuer}
    assert 401 == await came_back(app, provider)


@pytest.mark.parametrize("audience", [None, "another", ["another"], [], 7])
async def test_sec_14_11_audience(
    app: FastAPI, provider: HostileProvider, audience: Any
) -> None:
    """A token that was made for another client is refused."""
    provider.claims = {"aud": audience}
    assert 401 == await came_back(app, provider)


@pytest.mark.parametrize("party", [None, "another"])
async def test_sec_14_12_several_audiences(
    app: FastAPI, provider: HostileProvider, party: str | None
) -> None:
    """A token for several is ours only if we are the party that asked for it."""
    provider.claims = {"aud": ["console", "another"], "azp": party}
    assert 401 == await came_back(app, provider)
    provider.claims["azp"] = "console"
    assert 303 == await came_back(app, provider)


@pytest.mark.parametrize("expires", [None, -3_600, -60])
async def test_sec_14_13_expired(
    app: FastAPI, provider: HostileProvider, expires: int | None
) -> None:
    """A token that has expired, or never does, is refused."""
    provider.claims = {"exp": None if expires is None else time.time() + expires}
    assert 401 == await came_back(app, provider)


@pytest.mark.parametrize("claim", ["iat", "nbf"])
async def test_sec_14_14_from_the_future(
    app: FastAPI, provider: HostileProvider, claim: str
) -> None:
    """A token of the future is refused."""
    provider.claims = {claim: time.time() + 120}
    assert 401 == await came_back(app, provider)


async def test_sec_14_15_signed_by_nobody(
    app: FastAPI, provider: HostileProvider
) -> None:
    """`alg: none` in any writing is no signature."""
    provider.sign = oidc_hostile.by_nobody
    assert 401 == await came_back(app, provider)
    provider.header = {"alg": "nOnE"}
    assert 401 == await came_back(app, provider)


async def test_sec_14_16_signed_with_the_public_key(
    app: FastAPI, provider: HostileProvider
) -> None:
    """The public key is no secret, so HS256 with it is no signature."""
    provider.sign = oidc_hostile.by_public_key
    assert 401 == await came_back(app, provider)


async def test_sec_14_17_unknown_key_or_bad_signature(
    app: FastAPI, provider: HostileProvider
) -> None:
    """What another key has signed is refused, under its name and under ours."""
    provider.sign = oidc_hostile.by_a_stranger
    assert 401 == await came_back(app, provider)
    provider.header = {"kid": "stranger"}
    assert 401 == await came_back(app, provider)


@pytest.mark.parametrize("subject", [None, "", 7, "x" * 256])
async def test_sec_14_18_subject(
    app: FastAPI, provider: HostileProvider, subject: Any
) -> None:
    """A token about nobody in particular is refused."""
    provider.claims = {"sub": subject}
    assert 401 == await came_back(app, provider)


async def test_sec_14_19_forged_host(app: FastAPI, provider: HostileProvider) -> None:
    """The address to come back to is that of the settings, whatever a request says."""
    forged = {
        "host": "evil.example",
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "http",
        "forwarded": "host=evil.example",
    }
    async with Browser(app, headers=forged) as browser:
        asked = dict(parse_qsl(urlsplit(await browser.begin()).query))
    assert CALLBACK == asked["redirect_uri"]


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/%2e%2e/%2e%2e//evil.example",
        "/../../admin",
        "/\t/evil.example",
        "javascript:alert(1)",
    ],
)
async def test_sec_14_20_open_redirect(
    app: FastAPI, provider: HostileProvider, target: str
) -> None:
    """Whoever made the link to the login, it leads to a page of the console."""
    async with Browser(app) as browser:
        back = provider.log_in(await browser.begin(target))
        answer = await browser.get(back)
        assert (303, "/ops") == (answer.status_code, answer.headers["location"])


async def test_sec_21_the_audit_log_has_one_line_each(
    app: FastAPI, provider: HostileProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """SEC-21: a login, a refused one and a refused token are one line each."""
    caplog.set_level("INFO", "steadfastapi.console.audit")
    seen = []
    for claims in ({}, {"exp": 1}):
        provider.claims = claims
        await came_back(app, provider)
        lines = [one for one in caplog.records if one.name.endswith(".audit")]
        # What `came_back` asks afterwards is denied where nobody has logged in.
        seen += [vars(one)["action"] for one in lines if "login" in one.message]
        caplog.clear()
    async with Browser(app) as machine:
        token = provider.token(exp=1)
        await machine.get("/ops/api/settings", authorization=f"Bearer {token}")
    (denied,) = [one for one in caplog.records if one.name.endswith(".audit")]
    assert ["login", "login_failed"] == seen
    assert "The token has expired." == vars(denied)["reason"]
    assert token not in caplog.text
