"""One probe under all circumstances."""

import asyncio
import socket
import threading
import time
from typing import Any

import pytest

from steadfastapi._exchange import current
from steadfastapi.health import NoOpProbe, ProbeResult, ProbeStatus
from steadfastapi.health.check import Check, Rules
from steadfastapi.health.group import member_of
from steadfastapi.health.probe import as_probe
from support.canaries import Canaries, raise_with_all
from support.health import Dial

pytestmark = pytest.mark.anyio

FAST = Rules(timeout=0.05, every=0.0)


def check_of(candidate: Any, rules: Rules = FAST, name: str | None = None) -> Check:
    """Return the check of a probe or function."""
    member = member_of(as_probe(candidate, name), critical=True)
    return Check(member, rules, lambda *_: None)


async def result_of(candidate: Any, rules: Rules = FAST) -> ProbeResult:
    """Return the result of one check."""
    check = check_of(candidate, rules)
    await land(check)
    assert check.latest is not None
    return check.latest


async def land(check: Check) -> None:
    """Wait for the check that is due."""
    flight = check.begin()
    assert flight is not None
    await asyncio.wait({flight})


async def test_a_result_is_completed() -> None:
    """With what the probe does not know: criticality, latency, time, tags."""
    result = await result_of(NoOpProbe("a", description="Why", tags=["x"]))

    assert ("a", "healthy", True, "Why", ["x"]) == (
        result.name,
        result.status,
        result.critical,
        result.description,
        result.tags,
    )
    assert result.latency_ms > 0
    assert result.checked_at is not None


async def raises() -> None:
    """Raise."""
    raise ValueError("no luck")


async def exits() -> None:
    """End the process, were it let."""
    raise SystemExit(3)


async def gives_up() -> None:
    """Cancel itself."""
    raise asyncio.CancelledError


async def hangs() -> None:
    """Never answer."""
    await asyncio.Event().wait()


async def nonsense() -> int:
    """Return what no check may."""
    return 1


async def holds_the_loop() -> None:
    """Block the event loop."""
    time.sleep(0.1)  # noqa: ASYNC251 - what it does wrong


def blocking_error() -> None:
    """Raise in a thread."""
    raise ValueError("no luck")


def blocking_stop() -> None:
    """Raise what no future takes."""
    raise StopIteration


def blocking_exit() -> None:
    """End the process, were it let, in a thread."""
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (raises, "ValueError: no luck"),
        (exits, "RuntimeError: the check called sys.exit(3)"),
        (gives_up, "RuntimeError: the check was cancelled"),
        (hangs, "TimeoutError: no answer within 0.05 s"),
        (nonsense, "TypeError: check() of 'nonsense' returned int"),
        (holds_the_loop, "TimeoutError: it held up the event loop for 0.1 s"),
        (blocking_error, "ValueError: no luck"),
        (blocking_stop, "RuntimeError: StopIteration in a check"),
        (blocking_exit, "RuntimeError: SystemExit in a check"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_a_failing_check_is_unhealthy_with_its_class_of_error(
    function: Any, error: str
) -> None:
    """Whatever it raises, and however it hangs."""
    result = await result_of(function)

    assert ProbeStatus.UNHEALTHY == result.status
    assert result.error is not None
    assert result.error.startswith(error)


async def test_a_check_that_blocks_its_thread_delays_nobody() -> None:
    """It has one thread; until that is back, the probe is unhealthy at once."""
    release = threading.Event()
    check = check_of(release.wait, name="blocks")
    before = set(threading.enumerate())
    started = time.perf_counter()
    await land(check)
    await land(check)
    took = time.perf_counter() - started
    threads = set(threading.enumerate()) - before
    errors = check.latest and check.latest.error
    release.set()

    assert 1 == len(threads)
    assert errors is not None
    assert "TimeoutError: the check before it has blocked for" in errors
    assert took < 0.5


async def test_a_busy_application_is_no_fault_of_the_dependency() -> None:
    """The answer came in time, and the event loop looked late."""
    answered = asyncio.Event()

    async def quick() -> None:
        await answered.wait()

    check = check_of(quick, Rules(timeout=0.1, every=0.0))
    flight = check.begin()
    assert flight is not None
    await asyncio.sleep(0.02)
    answered.set()
    time.sleep(0.2)  # noqa: ASYNC251 - what the application does wrong
    await asyncio.wait({flight})

    assert check.latest is not None
    assert ("healthy", None) == (check.latest.status, check.latest.error)


async def test_an_answer_over_the_network_is_not_missed_by_a_late_loop() -> None:
    """Bytes that wait in a socket count, and so does a thread that has ended."""
    left, right = socket.socketpair()
    left.setblocking(False)

    async def over_a_socket() -> None:
        await asyncio.get_running_loop().sock_recv(left, 1)

    release = threading.Event()
    checks = [
        check_of(over_a_socket, Rules(timeout=0.1, every=0.0)),
        check_of(release.wait, Rules(timeout=0.1, every=0.0), name="thread"),
    ]
    flights = [check.begin() for check in checks]
    await asyncio.sleep(0.02)
    right.send(b"x")
    release.set()
    time.sleep(0.2)  # noqa: ASYNC251 - what the application does wrong
    await asyncio.wait({flight for flight in flights if flight is not None})
    left.close()
    right.close()

    assert [None, None] == [check.latest and check.latest.error for check in checks]


async def test_a_check_that_ignores_its_cancellation_is_not_run_twice() -> None:
    """The one that still runs is all there is."""
    running = 0
    release = asyncio.Event()

    async def stubborn() -> None:
        nonlocal running
        running += 1
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    check = check_of(stubborn)
    await land(check)
    await land(check)
    assert check.latest is not None
    assert check.latest.error is not None
    assert "still runs, although cancelled" in check.latest.error
    assert 1 == running
    release.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await land(check)
    assert 2 == running


async def test_a_function_that_returns_an_awaitable_is_awaited() -> None:
    """A lambda around a coroutine function is no coroutine function."""
    probe = Dial("db")

    assert "healthy" == (await result_of(lambda: asyncio.sleep(0, probe.status))).status


async def test_a_fresh_result_is_not_asked_for_again() -> None:
    """Nor is one under way: everybody waits for the same."""
    probe = Dial()
    check = check_of(probe, Rules(timeout=1.0, every=60.0))
    first, second = check.begin(), check.begin()
    assert first is second
    assert first is not None
    await first

    assert None is check.begin()
    assert 1 == probe.checks


async def test_an_own_pace_is_kept_and_never_below_the_layers() -> None:
    """What has a quota is asked less often."""
    rules = Rules(every=1.0)

    assert [60.0, 1.0] == [
        check_of(Dial("a", poll_interval_ms=60_000), rules).every,
        check_of(Dial("b", poll_interval_ms=10), rules).every,
    ]


async def test_what_is_shown_is_the_state_that_holds() -> None:
    """One failure shows as an error, and not yet as a state."""
    probe = Dial()
    check = check_of(probe)
    await land(check)
    probe.error = ConnectionResetError("gone")
    await land(check)
    shown = check.shown()

    assert ("healthy", "ConnectionResetError: gone") == (shown.status, shown.error)
    assert shown.details is not None
    assert {"open": False, "consecutive_failures": 1, "trips_total": 0} == (
        shown.details["circuit_breaker"]
    )
    await land(check)
    assert "unhealthy" == check.shown().status


async def test_no_secret_of_an_error_is_shown() -> None:
    """Neither one that looks like it, nor the password of the probe's address."""
    canaries = Canaries()

    async def leaks() -> ProbeResult:
        raise_with_all(canaries)

    probe = as_probe(leaks)
    probe.secrets = (canaries.local_password,)
    text = str(await result_of(probe))

    async def tells() -> ProbeResult:
        return ProbeResult(
            name="x",
            status=ProbeStatus.UNHEALTHY,
            error=f"postgresql://u:{canaries.database_password}@h/db",
            details={"password": canaries.named_local},
        )

    assert {} == canaries.find(text)
    assert {} == canaries.find(str(await result_of(tells)))


async def test_a_check_knows_nothing_of_the_request_that_began_it() -> None:
    """No bound fields, no trace."""
    seen: list[Any] = []

    async def looks() -> None:
        seen.append(current.get())

    token = current.set("an exchange")  # type: ignore[arg-type]
    await result_of(looks)
    current.reset(token)

    assert [None] == seen


async def test_checks_are_not_traced() -> None:
    """Client libraries that are instrumented see that they should not."""
    from opentelemetry.instrumentation.utils import is_instrumentation_enabled

    seen: list[bool] = []

    async def looks() -> None:
        seen.append(is_instrumentation_enabled())

    await result_of(looks)

    assert [False] == seen


@pytest.mark.filterwarnings("error")
async def test_closing_abandons_what_runs() -> None:
    """And closes the probe."""
    closed: list[str] = []

    class Closing(Dial):
        async def aclose(self) -> None:
            closed.append(self.name)

    probe = Closing("db")
    probe.hangs = True
    check = check_of(probe, Rules(timeout=60))
    flight = check.begin()
    assert flight is not None
    await asyncio.sleep(0)
    await check.aclose()
    await asyncio.wait({flight})

    assert flight.cancelled()
    assert ["db"] == closed
