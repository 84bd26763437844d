"""NB-6: the webhook column of the outage matrix."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from steadfastapi.alerts import Notifier, WebhookAlerter
from support.alerts import BRISK, LOCAL, balance, bodies, opened, resolved, until
from support.faults import (
    BlackHole,
    ResetServer,
    SlowServer,
    TrickleServer,
    refused_port,
)
from support.receiver import HttpReceiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from steadfastapi.alerts.options import EgressOptions
    from support._tcp import TcpService

QUICK: EgressOptions = {**LOCAL, "timeout": 0.2}


@contextmanager
def answering(status: int, **headers: str) -> Iterator[int]:
    """Answer everything with a status; yields the port."""
    with HttpReceiver() as receiver:
        receiver.respond_with(
            status, {name.replace("_", "-"): value for name, value in headers.items()}
        )
        yield receiver.port


@contextmanager
def broken(server: TcpService) -> Iterator[int]:
    """Yield the port of a server that does not do what it should."""
    with server:
        yield server.port


FAULTS: dict[str, Callable[[], AbstractContextManager[int]]] = {
    "refused": refused_port,
    "black_hole": lambda: broken(BlackHole()),
    "latency": lambda: broken(SlowServer(10.0)),
    "reset_on_connect": lambda: broken(ResetServer()),
    "reset_mid_exchange": lambda: broken(ResetServer(after_bytes=50)),
    "429": lambda: answering(429),
    "429_retry_after": lambda: answering(429, Retry_After="1"),
    "500": lambda: answering(500),
    "trickle": lambda: broken(TrickleServer(0.05)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_nb_6_one_message_for_each_alert_after_the_repair(fault: str) -> None:
    """Its newest state, within 10 s; who told the notifier never waited."""
    longest = 0.0
    with FAULTS[fault]() as port:
        hook = WebhookAlerter(f"http://127.0.0.1:{port}/", **QUICK)
        notifier = Notifier([hook], pace=BRISK)
        for alert in (opened("a"), opened("b"), resolved("a"), opened("c")):
            started = time.perf_counter()
            notifier.notify(alert)
            longest = max(longest, time.perf_counter() - started)
        until(lambda: notifier.tallies["webhook"].failed >= 1)
    with HttpReceiver(port) as receiver:
        repaired = time.monotonic()
        receiver.wait_for_requests(3, 10.0)
        until(lambda: notifier.tallies["webhook"].waiting == 0)
        took = time.monotonic() - repaired
        told = sorted((one["key"], one["state"]) for one in bodies(receiver))
    notifier.stop(0.5)

    assert [("a", "resolved"), ("b", "open"), ("c", "open")] == told
    assert took < 10
    assert longest < 0.2
    balance(notifier)
