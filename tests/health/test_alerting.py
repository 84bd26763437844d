"""Alerters hear of probes."""

import asyncio
import threading
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from redis.asyncio import Redis

from steadfastapi.alerts import Alert
from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health import (
    AlertRecord,
    MemoryStorage,
    ProbeStatus,
    RedisStorage,
    alerting,
)
from steadfastapi.health.alerting import alert_of
from support.canaries import Canaries
from support.health import Dial, running, until, with_health
from support.redis import OwnRedis

pytestmark = pytest.mark.anyio

H, D, U, N = (
    ProbeStatus.HEALTHY,
    ProbeStatus.DEGRADED,
    ProbeStatus.UNHEALTHY,
    ProbeStatus.NO_DATA,
)


@pytest.mark.parametrize(
    ("before", "after", "critical", "state", "severity"),
    [
        (H, U, True, "open", "critical"),
        (H, U, False, "open", "error"),
        (H, D, True, "open", "warning"),
        (D, U, True, "open", "critical"),
        (U, D, True, "open", "warning"),
        (U, H, True, "resolved", "critical"),
        (D, H, True, "resolved", "warning"),
        (U, N, False, "resolved", "error"),
    ],
)
def test_a_state_change_is_an_alert_of_its_probe(
    before: Any, after: Any, state: str, severity: str, *, critical: bool
) -> None:
    """Open while it is not well; how bad it is depends on whether it is critical."""
    _, handle = with_health()
    handle.add(Dial("db", description="Orders"), critical=critical)
    (check,) = handle.checks
    change = AlertRecord(
        probe="db", old_status=before, new_status=after, timestamp=datetime.now(UTC)
    )
    alert = alert_of(change, check)

    assert ("probe:db", state, severity, "Orders") == (
        alert.key,
        alert.state,
        alert.severity,
        alert.text,
    )
    assert ("db", before, after, change.timestamp) == (
        alert.probe,
        alert.old_status,
        alert.new_status,
        alert.timestamp,
    )


async def test_alerters_hear_of_what_fails_and_nothing_in_maintenance() -> None:
    """With the error, and without its secrets."""
    canaries, heard = Canaries(), []
    told = threading.Event()

    def page(alert: Alert) -> None:
        heard.append(alert)
        told.set()

    probe = Dial("db")
    app, handle = with_health(
        probe, Dial("other"), alerters=[page], check_every=0.05, fail_after=1
    )
    async with running(app):
        await until(lambda: probe.checks > 1)
        probe.error = ConnectionError(f"postgresql://u:{canaries.database_password}@h")
        await until(told.is_set)
        handle.set_maintenance()
        other = handle.checks.named("other")
        assert other is not None
        other.probe.error = ValueError("expected")  # type: ignore[attr-defined]
        await until(lambda: other.standing.is_open)
    (alert,) = heard

    assert ("db is unhealthy", "shop") == (alert.title, alert.source)
    assert alert.text.startswith("ConnectionError: ")
    assert {} == canaries.find(alert.text)


@pytest.mark.parametrize("by", ["url", "client"])
async def test_one_of_several_workers_tells(by: str) -> None:
    """Where they share a storage, whichever way it was given."""
    heard: list[str] = []
    probe = Dial("db", U)
    async with AsyncExitStack() as stack:
        server = stack.enter_context(OwnRedis())
        client = Redis.from_url(server.url)
        stack.push_async_callback(client.aclose)
        handles = []
        for _ in range(3):
            storage = (
                RedisStorage(server.url) if by == "url" else RedisStorage(client=client)
            )
            app, handle = with_health(
                probe,
                storage=storage,
                alerters=[lambda alert: heard.append(alert.key)],
                check_every=0.05,
            )
            await stack.enter_async_context(running(app))
            handles.append(handle)
        await until(lambda: all(one.recorder.memory._alerts for one in handles), 20)
        await until(lambda: heard, 20)

    assert ["probe:db"] == heard


async def test_claims_of_a_storage_that_hangs_fail_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The alert is told anyway: twice is better than never."""

    class Hangs(MemoryStorage):
        async def claim_alert(self, key: str, value: str, ttl_seconds: float) -> bool:
            await asyncio.Event().wait()
            return True

    monkeypatch.setattr(alerting, "CLAIM_SECONDS", 0.05)
    heard: list[str] = []
    app, handle = with_health(
        Dial("db", U),
        storage=Hangs(),
        alerters=[lambda alert: heard.append(alert.key)],
        check_every=0.05,
    )
    async with running(app):
        await until(lambda: handle.recorder.memory._alerts, 20)
        await until(lambda: heard, 20)

    assert ["probe:db"] == heard


def test_claims_need_a_running_event_loop() -> None:
    """Without one they fail at once, and each process tells for itself."""
    claims = alerting.StorageClaims(MemoryStorage())
    claims.bind()

    with pytest.raises(RuntimeError, match="does not run"):
        claims.claim("probe:db", "open", 30)


def test_what_is_no_alerter_is_a_problem_of_configure() -> None:
    """In the same words as elsewhere."""
    with pytest.raises(ConfigurationError):
        with_health(alerters=["slack"])
