"""Whose line of code it is."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from steadfastapi.watchdog.culprit import MAX_FRAMES, culprit

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something holds that nobody announces."""
    ends_at = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.005)


@pytest.mark.parametrize("new_loop", LOOPS)
def test_a_loop_that_waits_has_no_culprit(new_loop: Any) -> None:
    """What is late then is the whole process."""
    loop = new_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    eventually(lambda: culprit(thread.ident or 0) is None)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def test_a_thread_that_is_gone_has_no_culprit() -> None:
    """Its number may be another one's soon."""
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()

    assert culprit(thread.ident or 0) is None


def test_the_innermost_line_of_the_application_is_blamed() -> None:
    """Not Python's own, which it calls; a deep recursion is shown in part."""
    release = threading.Event()

    def descend(depth: int) -> None:
        if depth:
            descend(depth - 1)
        else:
            release.wait(20)

    thread = threading.Thread(target=descend, args=(200,))
    thread.start()
    eventually(
        lambda: "release.wait" in getattr(culprit(thread.ident or 0), "code", "")
    )
    found = culprit(thread.ident or 0)
    release.set()
    thread.join(10)

    assert found is not None
    assert found.at.endswith("<locals>.descend")
    assert "tests/watchdog/test_culprit.py:" in found.at
    assert "release.wait(20)" == found.code
    assert MAX_FRAMES == len(found.stack.split("\n"))
    assert "threading.py" in found.stack.split("\n")[-1]
    assert found.exchange is None


def test_secrets_in_a_line_of_code_are_masked() -> None:
    """A literal may be one."""
    release = threading.Event()

    def connect(password: str) -> None:
        release.wait(20)

    def start() -> None:
        connect(password="hunter22")

    thread = threading.Thread(target=start)
    thread.start()
    eventually(lambda: "connect" in getattr(culprit(thread.ident or 0), "stack", ""))
    found = culprit(thread.ident or 0)
    release.set()
    thread.join(10)

    assert "hunter22" not in repr(found)
