"""Sessions that have ended, on all machines."""

import time
from collections.abc import Iterator

import pytest
from redis import Redis

from steadfastapi import testing
from steadfastapi.console.access.revoked import Revocations
from steadfastapi.console.access.revoked_redis import _PREFIX, SharedRevocations, _key
from steadfastapi.exceptions import ConfigurationError
from support.console import (
    TOKEN,
    consoled,
    frame_of,
)
from support.redis import URL, namespace

pytestmark = pytest.mark.anyio


@pytest.fixture
def session() -> Iterator[str]:
    """An id that Redis forgets after the test."""
    with namespace() as name:
        yield name
        with Redis.from_url(URL) as client:
            client.delete(_key(name))


async def test_machines_tell_each_other_through_redis(session: str) -> None:
    """Until the session would have ended of itself; its id is not in Redis."""
    one, other = (Revocations(everywhere=SharedRevocations(URL)) for _ in range(2))
    before = await other.has(session)
    await one.add(session, time.time() + 100)
    with Redis.from_url(URL) as client:
        left = client.ttl(_key(session))

    assert (False, True) == (before, await other.has(session))
    assert 90 < left <= 102
    assert session not in _key(session)
    assert _key(session).startswith(_PREFIX)


async def test_a_redis_that_is_away_closes_nobody_out() -> None:
    """What this machine knows decides: the console must open when Redis is broken."""
    away = SharedRevocations("redis://127.0.0.1:1/0")
    ended = Revocations(everywhere=away)
    with testing.internal_errors():
        await ended.add("mine", time.time() + 100)
        found = [await ended.has("mine"), await ended.has("another")]

    assert [True, False] == found


def test_an_address_that_is_none_is_a_mistake() -> None:
    """Found when the application is configured, without its password."""
    with pytest.raises(ConfigurationError, match="no address of a Redis") as why:
        consoled(token=TOKEN, storage="redis://user:canary@host:port/0")

    assert "canary" not in str(why.value)


@pytest.mark.parametrize(
    "url", ["redis+cluster://127.0.0.1:7000", "redis://127.0.0.1:port"]
)
def test_what_others_make_of_redis_url_is_no_mistake_of_ours(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is everybody's: sessions then end on one machine, and the plan says so."""
    monkeypatch.setenv("REDIS_URL", url)
    stack = consoled(token=TOKEN)

    assert None is frame_of(stack).access.sessions._revoked._everywhere
    assert "a logout holds on one machine" in str(stack)
