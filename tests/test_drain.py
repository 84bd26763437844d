"""Draining: readiness turns first, the server hears of it later."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from steadfastapi._drain import Drain

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """Stand for a server that handles SIGTERM."""
    seen: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: seen.append(number))
    yield seen
    signal.signal(signal.SIGTERM, before)


def wait_for(drain: Drain) -> None:
    """Wait until the signal has reached the server."""
    for timer in drain._timers:
        timer.join(5)


def test_the_signal_is_held_back(heard: list[int]) -> None:
    """It is announced at once, and delivered after the time, once."""
    drain = Drain()
    drain.hold_back(0.05)
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGTERM)
    assert ([], True) == (heard, drain.begun)
    wait_for(drain)
    assert [signal.SIGTERM] == heard


def test_a_drain_that_a_request_began_still_ends_by_the_signal(
    heard: list[int],
) -> None:
    """A preStop hook asks first; the signal comes later."""
    drain = Drain()
    drain.hold_back(0.01)
    drain.begin()
    os.kill(os.getpid(), signal.SIGTERM)
    wait_for(drain)
    assert [signal.SIGTERM] == heard


def test_the_handler_of_the_server_is_put_back(heard: list[int]) -> None:
    """And left alone where somebody has replaced ours."""
    drain = Drain()
    server = signal.getsignal(signal.SIGTERM)
    put_back = drain.hold_back(1.0)
    put_back()
    assert signal.getsignal(signal.SIGTERM) is server
    put_back = drain.hold_back(1.0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    put_back()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    assert [] == heard


def test_without_a_time_or_a_handler_nothing_changes() -> None:
    """Neither where the process would simply die, nor outside of the main thread."""
    drain = Drain()
    before = signal.getsignal(signal.SIGTERM)
    drain.hold_back(0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    drain.hold_back(1.0)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    signal.signal(signal.SIGTERM, before)
    thread = threading.Thread(target=drain.hold_back, args=(1.0,))
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is before


def test_reset_takes_everything_back(heard: list[int]) -> None:
    """The signal under way included."""
    drain = Drain()
    drain.hold_back(30.0)
    os.kill(os.getpid(), signal.SIGTERM)
    drain.reset()
    assert ([], False) == (heard, drain.begun)
