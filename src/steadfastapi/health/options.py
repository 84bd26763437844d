"""Options of probes: unknown ones and senseless ones are refused at once."""

from __future__ import annotations

import difflib
import inspect
from abc import ABCMeta
from typing import TYPE_CHECKING, Any

from steadfastapi.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steadfastapi.health.probe import BaseProbe

MAX_NAME = 100

DIFFERENT = {
    "ema_alpha": "windows decay with time: window_seconds=60",
    "cache_window_size": "the cache window is window_seconds",
    "cache_time_window_s": "the cache window is window_seconds",
    "cache_reporting": "hits and misses are reported once there are any",
    "circuit_breaker_enabled": "circuits are counted, and never stop a check",
    "expose_error_messages": "errors show their class; texts go to the log",
    "management_url": "the broker itself is asked",
    "pool_size": "a probe keeps one connection",
    "detailed": "details hold the number of workers",
    "include_task_args": "details hold the number of workers",
    "request_timeout_ms": "timeout=0.5 is in seconds",
}
"""Options of fastapi-watch that mean nothing here, and why."""


class ProbeType(ABCMeta):
    """Turns wrong options into one clear error, when a probe is created."""

    if not TYPE_CHECKING:  # type checkers see the constructors themselves

        def __call__(cls, *args: Any, **options: Any) -> Any:
            """Create a probe, or say what is wrong with the options."""
            _refuse_unknown(cls, options)
            signature = inspect.signature(cls)
            try:
                signature.bind(*args, **options)
            except TypeError as error:
                raise ConfigurationError(
                    f"{cls.__name__}(…): {error}. It takes {signature}."
                ) from None
            probe = super().__call__(*args, **options)
            validate(probe)
            return probe

    @property
    def __signature__(cls) -> inspect.Signature:
        """The constructor's, which `type.__call__` above would hide."""
        return _without_self(inspect.signature(cls.__init__))  # type: ignore[misc]  # the class is the instance here


def validate(probe: BaseProbe) -> None:
    """Refuse a probe that cannot be told apart, or never asked.

    Raises:
        ConfigurationError: Name, timeout or interval make no sense.
    """
    kind, name = type(probe).__name__, probe.name
    if not isinstance(name, str) or not name.strip():
        raise ConfigurationError(
            f"{kind}(name={name!r}): a probe needs a name, such as 'primary-db'."
        )
    if len(name) > MAX_NAME or "," in name or not name.isprintable():
        raise ConfigurationError(
            f"{kind}(name={name[:MAX_NAME]!r}): at most {MAX_NAME} printable "
            "characters, and no comma, which separates names in ?probe=a,b."
        )
    for option in ("timeout", "poll_interval_ms"):
        value = getattr(probe, option)
        if value is not None and not value > 0:
            raise ConfigurationError(
                f"{kind}({option}={value!r}) of {name!r}: give a number above 0."
            )
    if isinstance(probe.tags, str):
        raise ConfigurationError(
            f"{kind}(tags={probe.tags!r}): give several, such as [{probe.tags!r}]."
        )


def _without_self(signature: inspect.Signature) -> inspect.Signature:
    _, *parameters = signature.parameters.values()
    return signature.replace(parameters=parameters)


def _refuse_unknown(cls: type, options: Mapping[str, Any]) -> None:
    """Name options that no constructor of the class takes."""
    known: list[str] = []
    for base in cls.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
        known += [
            one.name
            for one in list(parameters)[1:]
            if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
        ]
        if all(one.kind is not one.VAR_KEYWORD for one in parameters):
            break
    for name in options:
        if name in known:
            continue
        close = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        hint = f" Leave it out: {DIFFERENT[name]}." if name in DIFFERENT else hint
        raise ConfigurationError(
            f"{cls.__name__}({name}=…): unknown.{hint} "
            f"Known: {', '.join(dict.fromkeys(known))}."
        )
