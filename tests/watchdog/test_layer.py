"""Settings of the watchdog, and what it costs."""

import subprocess
import sys
import time
from textwrap import dedent

import anyio
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from steadfastapi import ConfigurationError, Health
from steadfastapi.watchdog.layer import Watchdog
from support.watched import dog_of, watched


@pytest.mark.parametrize("seconds", [0, 0.05, 61, -1, "soon"])
def test_a_threshold_that_makes_no_sense_is_refused(seconds: object) -> None:
    """Below the pauses of a healthy loop everything would be blocked."""
    with pytest.raises(ConfigurationError, match="blocked_after"):
        Watchdog(blocked_after=seconds)


def test_the_threshold_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And stands in the printed plan."""
    monkeypatch.setenv("STEADFAST_WATCHDOG_BLOCKED_AFTER", "0.25")

    assert 0.25 == Watchdog().blocked_after
    assert "blocks the event loop for 3 s" in str(watched(FastAPI(), blocked_after=3))


def test_it_is_quick_to_stop_and_starts_again() -> None:
    """As the tests of an application make it do."""
    app = FastAPI()
    stack = watched(app)
    for _ in range(2):
        with TestClient(app):
            assert dog_of(stack).lag >= 0.0
        began = time.monotonic()
        assert dog_of(stack).stop(5.0)
        assert time.monotonic() - began < 5.0


def test_a_start_alone_imports_what_watches() -> None:
    """`configure` does not, nor does a process that never serves."""
    code = """
        import sys
        from fastapi import FastAPI
        from steadfastapi import configure
        configure(FastAPI())
        print([name for name in sys.modules if "watchdog.monitor" in name])
    """
    done = subprocess.run(
        [sys.executable, "-c", dedent(code)], capture_output=True, text=True, check=True
    )

    assert "[]" == done.stdout.strip()


@pytest.mark.soak
def test_an_idle_watchdog_takes_a_five_hundredth_of_a_core_at_most() -> None:
    """Overhead ≤ 0.2 % of a core when idle, everything else of ours included."""
    app = FastAPI()
    watched(app, blocked_after=0.5, health=Health())

    async def share() -> float:
        async with app.router.lifespan_context(app):
            await anyio.sleep(2.0)
            cpu, began = time.process_time(), time.monotonic()
            await anyio.sleep(20.0)
            return (time.process_time() - cpu) / (time.monotonic() - began)

    assert anyio.run(share) <= 0.002
