"""Access tokens of API clients, and what only userinfo tells."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from joserfc.jwk import RSAKey

from steadfastapi.console.access.identity import Identity, Refusal
from steadfastapi.console.oidc.settings import Oidc
from support import oidc_hostile
from support.oidc_browser import Browser, console_app
from support.oidc_hostile import HostileProvider

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.anyio


@pytest.fixture
def provider() -> Iterator[HostileProvider]:
    """A provider that is good until it is told otherwise."""
    with HostileProvider() as running:
        yield running


def client(provider: HostileProvider, **settings: Any) -> Oidc:
    """Return what takes tokens of the provider."""
    given = {"client_id": "console", "allowed": "*", "timeout": 10, **settings}
    oidc = Oidc(issuer=provider.issuer, **given)
    oidc.prepare(key=b"k" * 32, callback="/callback", production=False)
    return oidc


async def status(provider: HostileProvider, **changes: Any) -> int:
    """Return what a token with these claims comes to."""
    found = await client(provider).bearer(provider.token(**changes))
    return found.status if isinstance(found, Refusal) else 200


async def test_a_good_token(provider: HostileProvider) -> None:
    """A token of the provider, made for us and good now, says who it is."""
    token = provider.token(preferred_username="ada.l")
    found = await client(provider).bearer(token)
    assert Identity(name="ada.l", method="oidc") == found


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"aud": None},
        {"exp": None},
        {"exp": 1},
        {"exp": "tomorrow"},
        {"iat": None},
        {"iat": 9_999_999_999},
        {"nbf": 9_999_999_999},
        {"sub": None},
        {"nonce": "of an ID token"},
        {"at_hash": "of an ID token"},
        {"typ": "ID"},
        {"events": {}},
    ],
)
async def test_tokens_that_open_nothing(
    provider: HostileProvider, changes: dict[str, Any]
) -> None:
    """Wrong issuer, audience, time or kind: 401."""
    assert 401 == await status(provider, **changes)


@pytest.mark.parametrize(
    "sign",
    [
        oidc_hostile.by_nobody,
        oidc_hostile.by_public_key,
        oidc_hostile.by_a_stranger,
    ],
)
async def test_signatures_that_open_nothing(
    provider: HostileProvider, sign: oidc_hostile.Signer
) -> None:
    """What the provider's key has not signed: 401."""
    provider.sign = sign
    assert 401 == await status(provider)


async def test_a_key_for_something_else(provider: HostileProvider) -> None:
    """A key is good for the algorithm that it names, and for no other kind."""
    entry = {**oidc_hostile.rsa_key().as_dict(private=False), "alg": "PS256"}
    provider.keys = [RSAKey.import_key(entry)]
    assert 401 == await status(provider)
    provider.header = {"kid": "ec"}
    provider.keys = [oidc_hostile.ec_key()]
    assert 401 == await status(provider)


async def test_a_token_that_names_no_key(provider: HostileProvider) -> None:
    """It may have been signed by the only key that fits, and by no one of several."""
    provider.header = {"kid": None}
    assert 200 == await status(provider)
    provider.keys = [oidc_hostile.rsa_key(), oidc_hostile.rsa_key("stranger")]
    assert 401 == await status(provider)


async def test_a_token_of_another_type(provider: HostileProvider) -> None:
    """A logout token is signed with the same key, and opens nothing."""
    provider.header = {"typ": "logout+jwt"}
    assert 401 == await status(provider)
    provider.header = {"typ": "at+jwt"}
    assert 200 == await status(provider)


async def test_old_ids_during_a_migration(provider: HostileProvider) -> None:
    """Tokens of the old client and project are accepted as long as they are named."""
    now = client(provider, audience="new-project")
    then = client(
        provider,
        audience="new-project",
        old_client_ids="old-client",
        old_project_ids="old-project",
    )
    seen = {}
    for audience in ("new-project", "old-client", "old-project", "stranger"):
        token = provider.token(aud=audience)
        seen[audience] = [
            isinstance(await one.bearer(token), Identity) for one in (now, then)
        ]
    assert {
        "new-project": [True, True],
        "old-client": [False, True],
        "old-project": [False, True],
        "stranger": [False, False],
    } == seen


@pytest.mark.parametrize("algorithms", ["ES256", "PS256"])
async def test_algorithms_of_the_settings(
    provider: HostileProvider, algorithms: str
) -> None:
    """An algorithm that is not allowed is refused, however good the signature."""
    found = await client(provider, algorithms=algorithms).bearer(provider.token())
    assert isinstance(found, Refusal)
    assert 401 == found.status


async def test_clocks_may_differ_a_little(provider: HostileProvider) -> None:
    """Twenty seconds of difference lock nobody out."""
    now = int(time.time())
    assert 200 == await status(provider, iat=now + 20, nbf=now + 20)
    assert 200 == await status(provider, exp=now - 20)


async def test_userinfo_decides_where_the_token_says_nothing(
    provider: HostileProvider,
) -> None:
    """Many providers tell the address on their userinfo page only."""
    provider.claims = {"email": None, "email_verified": None}
    provider.userinfo = {
        "sub": "ada",
        "email": "ada@example.org",
        "email_verified": True,
    }
    async with Browser(console_app(provider.issuer)) as browser:
        answer = await browser.get(provider.log_in(await browser.begin()))
        assert (303, True) == (answer.status_code, await browser.is_in())


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"sub": "eve", "email": "ada@example.org", "email_verified": True}, 401),
        ({"email": "ada@example.org", "email_verified": True}, 401),
        ({"sub": "ada", "email": "ada@example.org", "email_verified": False}, 403),
        ({"sub": "ada"}, 403),
    ],
)
async def test_userinfo_about_somebody_else(
    provider: HostileProvider, said: dict[str, Any], status: int
) -> None:
    """Userinfo counts only for the subject of the token, and an address if verified."""
    provider.claims = {"email": None, "email_verified": None}
    provider.userinfo = said
    async with Browser(console_app(provider.issuer)) as browser:
        answer = await browser.get(provider.log_in(await browser.begin()))
        assert (status, False) == (answer.status_code, await browser.is_in())


async def test_userinfo_changes_nothing_that_was_signed(
    provider: HostileProvider,
) -> None:
    """Where both speak, the signed token wins."""
    provider.claims = {"email": "eve@example.org", "email_verified": None}
    provider.userinfo = {
        "sub": "ada",
        "email": "ada@example.org",
        "email_verified": True,
    }
    async with Browser(console_app(provider.issuer)) as browser:
        answer = await browser.get(provider.log_in(await browser.begin()))
        assert 403 == answer.status_code


async def test_a_secret_with_special_characters(provider: HostileProvider) -> None:
    """The secret travels as RFC 6749 writes it: encoded, then in HTTP Basic."""
    app = console_app(provider.issuer, client_secret="a:b c%é")
    async with Browser(app) as browser:
        await browser.get(provider.log_in(await browser.begin()))
        assert await browser.is_in()
    assert ["Basic Y29uc29sZTphJTNBYiUyMGMlMjUlQzMlQTk="] == provider.secrets_seen
