"""The whole login against a real provider: npm's oidc-provider, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.oidc_browser import CALLBACK, Browser, console_app
from support.oidc_provider import API, RealProvider

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def provider() -> Iterator[RealProvider]:
    """One provider for all of them."""
    with RealProvider(CALLBACK) as running:
        yield running


@pytest.mark.parametrize(
    ("client", "secret"),
    [
        ("public", None),
        ("basic", "the secret of basic"),
        ("post", "the secret of post"),
    ],
)
async def test_a_login(provider: RealProvider, client: str, secret: str | None) -> None:
    """Public and confidential clients lead in, with RS256 and with ES256."""
    given = f"{secret}, long enough" if secret else None
    app = console_app(provider.issuer, client_id=client, client_secret=given)
    async with Browser(app) as browser:
        assert not await browser.is_in()
        back = provider.log_in(await browser.begin("/settings"), "ada")
        answer = await browser.get(back)
        assert (303, "/ops/settings") == (
            answer.status_code,
            answer.headers["location"],
        )
        assert await browser.is_in()


async def test_somebody_who_is_not_allowed(provider: RealProvider) -> None:
    """Whom the provider lets in, and the settings do not, sees why, and no more."""
    app = console_app(provider.issuer, client_id="public")
    async with Browser(app) as browser:
        back = provider.log_in(await browser.begin(), "eve")
        answer = await browser.get(back)
        assert 403 == answer.status_code
        assert "eve@example.org is not among those who are allowed" in answer.text
        assert not await browser.is_in()


async def test_an_access_token(provider: RealProvider) -> None:
    """An API client comes in with a JWT of the provider that is made for it."""
    settings = {"client_id": "public", "audience": API, "allowed": "sub=machine"}
    app = console_app(provider.issuer, redirect_uri=None, **settings)
    token = provider.access_token()
    async with Browser(app) as browser:
        right = await browser.get("/ops/api/settings", authorization=f"Bearer {token}")
        wrong = await browser.get("/ops/api/settings", authorization=f"Bearer {token}x")
    assert (200, 401) == (right.status_code, wrong.status_code)


async def test_an_access_token_for_somebody_else(provider: RealProvider) -> None:
    """A token that was made for another API opens nothing."""
    app = console_app(provider.issuer, client_id="public", allowed="sub=machine")
    token = provider.access_token()
    async with Browser(app) as browser:
        answer = await browser.get("/ops/api/settings", authorization=f"Bearer {token}")
    assert 401 == answer.status_code
