"""One of several processes tells an alert, in memory and in a real Redis."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis

from steadfastapi.alerts import Claims, MemoryClaims, RedisClaims
from steadfastapi.alerts.claims import MAX_CLAIMS
from steadfastapi.exceptions import ConfigurationError
from support.faults import BlackHole
from support.redis import URL, namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(params=["memory", "redis"])
def replicas(request: pytest.FixtureRequest) -> Iterator[Callable[[], Claims]]:
    """What each replica of an application uses."""
    if request.param == "memory":
        claims = MemoryClaims()
        yield lambda: claims
        return
    with namespace() as name:
        yield lambda: RedisClaims(URL, namespace=name)


def test_the_first_one_tells(replicas: Callable[[], Claims]) -> None:
    """Each state once, again and again."""
    one, other = replicas(), replicas()
    for _ in range(3):
        for state in ("open", "resolved"):
            assert one.claim("slack probe:db", state, 60)
            assert not other.claim("slack probe:db", state, 60)
            assert not one.claim("slack probe:db", state, 60)

    assert other.claim("slack probe:other", "open", 60)


def test_a_claim_ends_unless_it_is_kept(replicas: Callable[[], Claims]) -> None:
    """So that what nobody told in time is told by another."""
    one, other = replicas(), replicas()
    assert one.claim("kept", "open", 0.05)
    assert one.claim("left", "open", 0.05)
    one.keep("kept", "open", 60)
    threading.Event().wait(0.1)

    assert not other.claim("kept", "open", 60)
    assert other.claim("left", "open", 60)


def test_of_many_at_once_one_tells(replicas: Callable[[], Claims]) -> None:
    """Claiming is one step."""
    everyone = [replicas() for _ in range(8)]
    start = threading.Barrier(8)

    def claim(claims: Claims) -> bool:
        start.wait(5)
        return claims.claim("probe", "open", 60)

    with ThreadPoolExecutor(8) as pool:
        assert 1 == sum(pool.map(claim, everyone))


def test_memory_is_bounded() -> None:
    """The oldest claims are forgotten."""
    claims = MemoryClaims(clock=lambda: 0.0)
    for number in range(MAX_CLAIMS + 1):
        claims.claim(str(number), "open", 60)

    assert not claims.claim(str(MAX_CLAIMS), "open", 60)
    assert claims.claim("0", "open", 60)


def test_every_key_in_redis_expires() -> None:
    """And says nothing about what it is for."""
    with namespace() as name:
        claims = RedisClaims(URL, namespace=name)
        claims.claim("slack probe:customer@example.com", "open", 60)
        claims.keep("slack probe:other", "open", 60)
        with Redis.from_url(URL) as client:
            keys: list[Any] = list(client.scan_iter(f"steadfast:{name}:*"))
            assert 2 == len(keys)
            assert [] == [key for key in keys if not 0 < int(client.ttl(key)) <= 60]
        assert b"customer" not in b"".join(keys)


def test_a_redis_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It raises: the notifier tells the alert then."""
    monkeypatch.setattr("steadfastapi.alerts.redis.TIMEOUT", 0.1)
    with BlackHole() as hole:
        claims = RedisClaims(f"redis://127.0.0.1:{hole.port}", namespace="x")
        with pytest.raises(Exception, match="Timeout"):
            claims.claim("probe", "open", 60)


@pytest.mark.parametrize("url", ["http://:s3cret@x", "redis://:s3/cret@x:y", "x"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """Without showing it."""
    with pytest.raises(ConfigurationError) as error:
        RedisClaims(url, namespace="x")

    assert "cret" not in f"{error.value} {error.value.__cause__}"
