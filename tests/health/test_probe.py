"""What can be a probe, and what is refused when it is created."""

from typing import Any

import pytest

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health import (
    BaseProbe,
    FunctionProbe,
    NoOpProbe,
    PassiveProbe,
    ProbeResult,
    ProbeStatus,
    RedisProbe,
    TCPProbe,
)
from steadfastapi.health.probe import Outcome, as_probe, as_result


class OldStyle(BaseProbe):
    """As fastapi-watch's documentation writes them."""

    name = "payment-gateway"
    timeout = 5.0

    async def check(self) -> Outcome:
        """Say that all is well."""
        return ProbeResult(name=self.name, status=ProbeStatus.HEALTHY)


class OwnConstructor(BaseProbe):
    """Does not call the constructor that it inherits."""

    name = "queue"

    def __init__(self, depth: int) -> None:
        self.depth = depth

    async def check(self) -> Outcome:
        """Return details."""
        return {"depth": self.depth}


def refusal(make: Any) -> str:
    """Return what is said instead of making a probe."""
    with pytest.raises(ConfigurationError) as caught:
        make()
    (problem,) = caught.value.problems
    return problem


def test_a_probe_is_a_class_with_a_check() -> None:
    """Its attributes are its settings, and its own constructor is enough."""
    assert ("payment-gateway", 5.0) == (OldStyle().name, OldStyle().timeout)
    assert (3, "queue") == (OwnConstructor(3).depth, OwnConstructor(3).name)
    assert "billing" == OldStyle("billing").name


async def ready() -> bool:
    """Say that all is well."""
    return True


def test_a_function_is_a_probe_by_its_name() -> None:
    """Or by the name that it is given."""
    probe = as_probe(ready)

    assert isinstance(probe, FunctionProbe)
    assert ("ready", "other") == (probe.name, as_probe(ready, "other").name)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NoOpProbe(name=""), "NoOpProbe(name=''): a probe needs a name"),
        (lambda: NoOpProbe(name="  "), "a probe needs a name"),
        (lambda: NoOpProbe("a,b"), "no comma"),
        (lambda: NoOpProbe("a\nb"), "printable"),
        (lambda: NoOpProbe("x" * 101), "at most 100"),
        (lambda: NoOpProbe(timeout=0), "NoOpProbe(timeout=0) of 'noop'"),
        (lambda: NoOpProbe(poll_interval_ms=-1), "give a number above 0"),
        (lambda: NoOpProbe(tags="db"), "such as ['db']"),
        (lambda: as_probe(NoOpProbe), "is no probe"),
        (lambda: as_probe("redis"), "is no probe"),
        (lambda: as_probe(NoOpProbe(), "other"), "has its name already"),
        (lambda: FunctionProbe(1), "a function without arguments"),  # type: ignore[arg-type]
        (lambda: PassiveProbe("p", max_error_rate=2), "from 0 to 1"),
        (lambda: PassiveProbe("p", window_seconds=0), "above 0"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(make: Any, message: str) -> None:
    """When the probe is created, with what to write."""
    assert message in refusal(make)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RedisProbe(ulr="redis://x"), "RedisProbe(ulr=…): unknown. Did you"),  # type: ignore[call-arg]
        (lambda: RedisProbe(ulr="redis://x"), "mean 'url'?"),  # type: ignore[call-arg]
        (lambda: RedisProbe(ema_alpha=0.1), "Leave it out: windows decay"),  # type: ignore[call-arg]
        (
            lambda: NoOpProbe(zzz=1),  # type: ignore[call-arg]
            "description, tags, timeout, poll_",
        ),
        (lambda: TCPProbe("h"), "missing a required argument: 'port'"),  # type: ignore[call-arg]
        (lambda: NoOpProbe("a", "b"), "too many positional arguments"),  # type: ignore[call-arg]
        (lambda: OwnConstructor(3, size=1), "OwnConstructor(size=…): unknown"),  # type: ignore[call-arg]
    ],
)
def test_unknown_options_are_named(make: Any, message: str) -> None:
    """Those of fastapi-watch that are gone, with the reason."""
    assert message in refusal(make)


@pytest.mark.parametrize(
    ("outcome", "status", "details"),
    [
        (None, ProbeStatus.HEALTHY, None),
        (True, ProbeStatus.HEALTHY, None),
        (False, ProbeStatus.UNHEALTHY, None),
        (ProbeStatus.DEGRADED, ProbeStatus.DEGRADED, None),
        ({"depth": 3}, ProbeStatus.HEALTHY, {"depth": 3}),
    ],
)
def test_a_check_may_return_less_than_a_result(
    outcome: Outcome, status: ProbeStatus, details: Any
) -> None:
    """Nothing, a bool, a status or details."""
    result = as_result(NoOpProbe(), outcome)

    assert ("noop", status, details) == (result.name, result.status, result.details)


def test_anything_else_is_an_error_of_the_check() -> None:
    """The message names the probe and what it returned."""
    with pytest.raises(TypeError, match=r"check.. of 'noop' returned int"):
        as_result(NoOpProbe(), 1)


def test_the_representation_shows_no_address() -> None:
    """Addresses hold passwords."""
    probe = RedisProbe(url="redis://:s3cret@localhost")

    assert "<RedisProbe 'redis'>" == repr(probe)
