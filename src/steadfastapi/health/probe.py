"""What a probe is: a name and a `check()`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypedDict

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health.model import ProbeResult, ProbeStatus
from steadfastapi.health.options import ProbeType, validate

Outcome = ProbeResult | ProbeStatus | Mapping[str, Any] | bool | None
"""What a check may return: a result, a status, details of something healthy, or
whether it is well; None means it is."""

CheckFunction = Callable[[], Awaitable[Outcome] | Outcome]


class ProbeOptions(TypedDict, total=False):
    """Options that every probe takes."""

    description: str | None
    tags: Sequence[str] | None
    timeout: float | None
    poll_interval_ms: int | None


class BaseProbe(ABC, metaclass=ProbeType):
    """Base of every probe; implement `check()`.

    Settings can be class attributes, or arguments of `super().__init__(…)`. A
    `check` that is no coroutine function runs in a thread of its own.

    Args:
        name: Shown everywhere, unique in an application.
        description: One sentence for people who meet the name at night.
        tags: For `?tag=` filters.
        timeout: Seconds until a check counts as failed; None is the layer's, 0.5.
        poll_interval_ms: Milliseconds between two checks, at least the layer's
            second; longer for what costs money or has quotas.

    Raises:
        ConfigurationError: An option is unknown or makes no sense.
    """

    name: str = ""
    description: str | None = None
    tags: Sequence[str] = ()
    timeout: float | None = None
    poll_interval_ms: int | None = None
    critical_by_default: bool = True
    """Whether it is critical where `add()` does not say."""
    passive: bool = False
    """Whether it only watches calls that are made anyway."""
    secrets: Sequence[str] = ()
    """Values that no error text may hold."""

    def __init__(
        self,
        name: str | None = None,
        *,
        description: str | None = None,
        tags: Sequence[str] | None = None,
        timeout: float | None = None,
        poll_interval_ms: int | None = None,
    ) -> None:
        if name is not None:
            self.name = name
        if description is not None:
            self.description = description
        if tags is not None:
            # A lone string would become its letters; `validate` says so.
            self.tags = tags if isinstance(tags, str) else tuple(tags)
        if timeout is not None:
            self.timeout = timeout
        if poll_interval_ms is not None:
            self.poll_interval_ms = poll_interval_ms

    @abstractmethod
    def check(self) -> Awaitable[Outcome] | Outcome:
        """Find out how the dependency is.

        Whatever it raises makes the probe unhealthy; so does taking longer than the
        timeout.
        """

    async def aclose(self) -> None:
        """Give back what the probe itself opened."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"


Probe = BaseProbe
"""The short name that `steadfastapi` exports."""


class FunctionProbe(BaseProbe):
    """A function as a probe.

    Args:
        function: Takes no argument; async, or else it runs in a thread. May return
            whatever a `check()` may.
        name: Name of the probe; the function's by default.
        **options: Those of every probe.
    """

    def __init__(
        self,
        function: CheckFunction,
        name: str | None = None,
        **options: Any,
    ) -> None:
        if not callable(function):
            raise ConfigurationError(
                f"FunctionProbe got {function!r}: give a function without arguments."
            )
        super().__init__(name or getattr(function, "__name__", None), **options)
        self.check = function  # type: ignore[method-assign]  # sync or async as it is

    def check(self) -> Awaitable[Outcome] | Outcome:
        """Call the function; every object has its own."""
        return None


def as_probe(candidate: Any, name: str | None = None) -> BaseProbe:
    """Return a probe for what was given: itself, or one for a function.

    Args:
        candidate: A probe, or a function without arguments.
        name: Name of the function's probe.

    Raises:
        ConfigurationError: It is neither, or cannot be used.
    """
    if isinstance(candidate, BaseProbe):
        if name is not None:
            raise ConfigurationError(
                f"add({candidate!r}, name={name!r}): a probe has its name already; "
                "give the name where it is created."
            )
        validate(candidate)
        return candidate
    if isinstance(candidate, type) or not callable(candidate):
        raise ConfigurationError(
            f"{candidate!r} is no probe: give an object with check(), such as "
            "RedisProbe(url=…), or a function without arguments."
        )
    return FunctionProbe(candidate, name)


def as_result(probe: BaseProbe, outcome: Any) -> ProbeResult:
    """Return what a check returned as a result.

    Raises:
        TypeError: It is nothing that a check may return.
    """
    if isinstance(outcome, ProbeResult):
        return outcome
    status, details = ProbeStatus.HEALTHY, None
    if isinstance(outcome, ProbeStatus):
        status = outcome
    elif isinstance(outcome, Mapping):
        details = dict(outcome)
    elif outcome is False:
        status = ProbeStatus.UNHEALTHY
    elif outcome is not None and outcome is not True:
        raise TypeError(
            f"check() of {probe.name!r} returned {type(outcome).__name__}; it may "
            "return a ProbeResult, a ProbeStatus, a mapping, a bool or None"
        )
    return ProbeResult(name=probe.name, status=status, details=details)
