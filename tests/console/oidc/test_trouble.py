"""A provider in trouble: 503 with the reason, no login, and not asked too often."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from steadfastapi._configure import stack_of
from steadfastapi.console.oidc.answers import ProviderTrouble
from steadfastapi.console.oidc.http import MAX_ANSWER
from steadfastapi.console.oidc.provider import FRESH, KEYS_EVERY, TROUBLE, Provider
from steadfastapi.console.oidc.settings import Oidc
from support.oidc_browser import Browser, console_app
from support.oidc_hostile import HostileProvider, rsa_key

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.anyio

ABOUT = "/.well-known/openid-configuration"


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def provider() -> Iterator[HostileProvider]:
    """A provider that is good until it is told otherwise."""
    with HostileProvider() as running:
        yield running


async def begun(issuer: str, **settings: Any) -> tuple[int, str]:
    """Begin a login; return the status and the page."""
    async with Browser(console_app(issuer, **settings)) as browser:
        answer = await browser.get("/ops/login/oidc")
        assert not await browser.is_in()
        return answer.status_code, answer.text


async def test_a_provider_that_is_not_there() -> None:
    """Nobody listens: 503, and the page says so."""
    with HostileProvider() as gone:
        issuer = gone.issuer
    status, page = await begun(issuer)
    assert (503, True) == (status, "cannot be reached (ConnectError)" in page)


async def test_a_provider_that_hangs(provider: HostileProvider) -> None:
    """A question that is not answered in time ends in 503, before any login."""
    provider.hangs = {ABOUT}
    status, page = await begun(provider.issuer, timeout=0.2)
    assert (503, True) == (status, "did not answer within 0.2 s" in page)


async def test_a_provider_that_hangs_over_the_code(provider: HostileProvider) -> None:
    """Whoever has come back already gets 503, too."""
    app = console_app(provider.issuer)
    async with Browser(app) as browser:
        address = await browser.begin()
        stack: Any = stack_of(app)
        asks = stack.layers["console"].oidc._login._parts.provider.http
        asks.seconds = 0.2  # from here on, so that a slow machine has begun
        provider.hangs = {"/token"}
        answer = await browser.get(provider.log_in(address))
        assert (503, False) == (answer.status_code, await browser.is_in())
    assert "did not answer within 0.2 s" in answer.text


async def test_a_provider_that_hangs_over_its_keys(provider: HostileProvider) -> None:
    """No key, no signature, nobody."""
    seen = asked(provider, Clock())
    await seen.metadata()
    seen.http.seconds = 0.2
    provider.hangs = {"/keys"}
    with pytest.raises(ProviderTrouble, match=r"did not answer within 0\.2 s"):
        await seen.keys("rsa")


@pytest.mark.parametrize(
    ("answer", "headers", "says"),
    [
        ((500, b"{}"), {}, "answered 500"),
        ((302, b"{}"), {"Location": "https://evil.example/"}, "answered 302"),
        ((200, b"<html>"), {}, "answered no JSON."),
        ((200, b"[]"), {}, "answered no JSON object"),
        ((200, b"[" * 100_000), {}, "answered no JSON."),
        ((200, b" " * (MAX_ANSWER + 1)), {}, "answered more than 256 KiB"),
        (
            (200, gzip.compress(b" " * 10_000_000)),
            {"Content-Encoding": "gzip"},
            "answered compressed, unasked",
        ),
    ],
)
async def test_answers_that_are_none(
    provider: HostileProvider,
    answer: tuple[int, bytes],
    headers: dict[str, str],
    says: str,
) -> None:
    """Errors, redirects, other formats and floods are no answers."""
    provider.answers[ABOUT] = answer
    provider.headers = headers
    status, page = await begun(provider.issuer)
    assert (503, True) == (status, says in page)


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"issuer": "https://evil.example"}, "calls itself"),
        ({"token_endpoint": "http://evil.example/token"}, "token_endpoint is no https"),
        ({"authorization_endpoint": None}, "authorization_endpoint is no https"),
        ({"jwks_uri": "file:///etc/passwd"}, "jwks_uri is no https"),
        ({"id_token_signing_alg_values_supported": ["HS256"]}, "no allowed algorithm"),
    ],
)
async def test_a_provider_that_cannot_be_relied_on(
    provider: HostileProvider, metadata: dict[str, Any], says: str
) -> None:
    """What it says about itself is checked before anybody is sent there."""
    provider.metadata = metadata
    status, page = await begun(provider.issuer)
    assert (503, True) == (status, says in page)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("server_error", 503),
        ("temporarily_unavailable", 503),
        ("unauthorized_client", 503),
        ("access_denied", 403),
    ],
)
async def test_errors_that_come_back(
    provider: HostileProvider, error: str, status: int
) -> None:
    """What the provider says instead of a code becomes the status that it means."""
    provider.callback = {"code": None, "error": error}
    async with Browser(console_app(provider.issuer)) as browser:
        answer = await browser.get(provider.log_in(await browser.begin()))
        assert (status, False) == (answer.status_code, await browser.is_in())


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ((400, b'{"error": "invalid_client"}'), 503),
        ((400, b'{"error": "invalid_grant"}'), 401),
        ((500, b'{"error": ["invalid_grant"]}'), 503),
        ((200, b"{}"), 401),
        ((200, b'{"id_token": 7}'), 401),
        ((200, b'{"id_token": "' + b"x" * 20_000 + b'"}'), 401),
        ((200, b'{"id_token": "e30.e30.e30"}'), 401),
        ((200, b'{"id_token": "\xc3\xa9.e30.e30"}'), 401),
    ],
)
async def test_answers_to_the_code(
    provider: HostileProvider, answer: tuple[int, bytes], status: int
) -> None:
    """Without a good ID token, nobody comes in."""
    provider.answers["/token"] = answer
    async with Browser(console_app(provider.issuer)) as browser:
        found = await browser.get(provider.log_in(await browser.begin()))
        assert (status, False) == (found.status_code, await browser.is_in())


def asked(provider: HostileProvider, clock: Clock) -> Provider:
    """Return the provider as the console sees it."""
    settings = Oidc(
        issuer=provider.issuer, client_id="console", allowed="*", timeout=10
    )
    return Provider(settings, clock)


async def test_trouble_is_not_asked_for(provider: HostileProvider) -> None:
    """After a failure, nobody makes us ask again for five seconds."""
    provider.answers[ABOUT] = (500, b"{}")
    clock = Clock()
    seen = asked(provider, clock)
    for _ in range(10):
        with pytest.raises(ProviderTrouble, match="answered 500"):
            await seen.metadata()
    assert [ABOUT] == provider.asked
    del provider.answers[ABOUT]
    clock.now += TROUBLE
    assert f"{provider.issuer}/token" == (await seen.metadata()).token


async def test_unknown_keys_are_asked_for_once_a_minute(
    provider: HostileProvider,
) -> None:
    """A thousand tokens with keys that nobody has cost one question a minute."""
    clock = Clock()
    seen = asked(provider, clock)
    await seen.keys("rsa")
    for number in range(1_000):
        await seen.keys(f"stranger-{number}")
    assert [ABOUT, "/keys"] == provider.asked
    clock.now += KEYS_EVERY
    provider.keys = [rsa_key("new")]
    assert ["new"] == [key.kid for key in await seen.keys("new")]
    assert ["/keys"] == provider.asked[2:]


async def test_many_at_once_ask_once(provider: HostileProvider) -> None:
    """Requests that come together wait for one answer."""
    seen = asked(provider, Clock())
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(seen.keys, "rsa")
    assert [ABOUT, "/keys"] == provider.asked


async def test_keys_do_not_stay_for_ever(provider: HostileProvider) -> None:
    """After an hour a provider that is down lets nobody in with keys of before."""
    clock = Clock()
    seen = asked(provider, clock)
    await seen.keys("rsa")
    provider.answers = {ABOUT: (500, b"{}"), "/keys": (500, b"{}")}
    clock.now += FRESH - 1
    assert 2 == len(await seen.keys("rsa"))
    clock.now += 2
    with pytest.raises(ProviderTrouble):
        await seen.keys("rsa")


@pytest.mark.parametrize(
    "keys",
    [
        b'{"keys": []}',
        b'{"keys": "x"}',
        b'{"keys": [7, {"kty": "oct", "k": "c2VjcmV0"}, {"kty": "RSA", "n": 7}]}',
        b'{"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}',
    ],
)
async def test_key_sets_that_hold_none(provider: HostileProvider, keys: bytes) -> None:
    """Secrets and broken keys are no public keys."""
    provider.answers["/keys"] = (200, keys)
    with pytest.raises(ProviderTrouble, match="publishes no key"):
        await asked(provider, Clock()).keys("rsa")
