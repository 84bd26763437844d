"""The functions that take the place of the decorated ones."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from tenacity import before_nothing

from steadfastapi.retries import loops
from steadfastapi.retries.callables import check_no_loop, check_result
from steadfastapi.retries.calls import Call
from steadfastapi.retries.loops import Loop, scope_of
from steadfastapi.retries.strategies import ByPolicy
from steadfastapi.retries.transactions import active, watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from steadfastapi.retries.policy import Policy

ASSIGNED = (*functools.WRAPPER_ASSIGNMENTS, "__defaults__", "__kwdefaults__")
"""As Tenacity does, so that introspection finds the same."""


def synchronous(
    function: Callable[..., Any], policy: Policy, engine: Any, name: str
) -> Callable[..., Any]:
    """Return a sync function with retries."""
    statistics: dict[str, Any] = {}
    is_plain = _is_plain(engine)
    enabled = getattr(engine, "enabled", True)  # since Tenacity 9.2

    @functools.wraps(function, ASSIGNED)
    def retried(*args: Any, **kwargs: Any) -> Any:
        if not enabled:
            return function(*args, **kwargs)
        check_no_loop(name)
        watch()
        outer = active.get()
        call = Call(policy, name, outer)
        active.set(call)
        loop: Loop | None = None
        try:
            if is_plain:
                try:
                    result = function(*args, **kwargs)
                except Exception as error:
                    loop = Loop(call, engine, statistics).failed(error)
                else:
                    check_result(result, name)
                    if not policy.allows_result(result, call.work):
                        return _worked(call, engine, statistics, result)
                    loop = Loop(call, engine, statistics).returned(result)
            loop = loop or Loop(call, engine, statistics)
            return loops.run(loop, function, args, kwargs)
        except BaseException as error:
            call.interrupted(error)
            raise
        finally:
            call.done = True
            active.set(outer)

    return _annotated(retried, engine, statistics)


def asynchronous(
    function: Callable[..., Any], policy: Policy, engine: Any, name: str
) -> Callable[..., Any]:
    """Return an async function with retries."""
    statistics: dict[str, Any] = {}
    is_plain = _is_plain(engine)
    enabled = getattr(engine, "enabled", True)  # since Tenacity 9.2

    @functools.wraps(function, ASSIGNED)
    async def retried(*args: Any, **kwargs: Any) -> Any:
        if not enabled:
            return await function(*args, **kwargs)
        watch()
        outer = active.get()
        call = Call(policy, name, outer)
        active.set(call)
        loop: Loop | None = None
        try:
            with scope_of(call):
                if is_plain:
                    try:
                        result = await function(*args, **kwargs)
                    except Exception as error:
                        loop = Loop(call, engine, statistics).failed(error)
                    else:
                        if not policy.allows_result(result, call.work):
                            return _worked(call, engine, statistics, result)
                        loop = Loop(call, engine, statistics).returned(result)
                loop = loop or Loop(call, engine, statistics)
                return await loops.arun(loop, function, args, kwargs)
            # The scope kept the cancellation to itself.
            raise call.timed_out()  # noqa: TRY301
        except BaseException as error:
            call.interrupted(error)
            raise
        finally:
            call.done = True
            active.set(outer)

    return _annotated(retried, engine, statistics)


def _is_plain(engine: Any) -> bool:
    """Return whether the first attempt can be made before Tenacity is asked."""
    return engine.before is before_nothing and isinstance(engine.retry, ByPolicy)


def _worked(call: Call, engine: Any, statistics: dict[str, Any], result: Any) -> Any:
    """Report a first attempt that worked, as Tenacity would have."""
    call.succeeded()
    statistics["start_time"] = call.started
    statistics["attempt_number"] = 1
    statistics["idle_for"] = 0
    statistics["delay_since_first_attempt"] = 0
    engine.statistics.update(statistics)
    return result


def _annotated(
    retried: Any, engine: Any, statistics: dict[str, Any]
) -> Callable[..., Any]:
    retried.retry = engine
    retried.statistics = statistics
    return retried  # type: ignore[no-any-return]
