"""Functions that are timed while they behave as before."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

Returned = Callable[[float, Any], None]
"""Gets when a call started, by `time.perf_counter`, and its result."""
Raised = Callable[[float, BaseException], None]
"""Gets when a call started, and its exception."""


def watching(
    function: Callable[P, T], returned: Returned, raised: Raised
) -> Callable[P, T]:
    """Return `function` so that each call is reported once.

    Args:
        function: Sync, async, or a generator of either kind; a generator's call
            lasts until it is exhausted.
        returned: Told of a call that returned.
        raised: Told of a call that raised.
    """
    if inspect.isasyncgenfunction(function):
        wrapped: Any = _async_generator(function, returned, raised)
    elif inspect.isgeneratorfunction(function):
        wrapped = _generator(function, returned, raised)
    elif inspect.iscoroutinefunction(function):
        wrapped = _async(function, returned, raised)
    else:
        wrapped = _sync(function, returned, raised)
    # FastAPI and others read name and signature of what they are given.
    return functools.wraps(function)(wrapped)


def _async(
    function: Callable[..., Awaitable[Any]], returned: Returned, raised: Raised
) -> Any:
    async def watched(*args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        try:
            result = await function(*args, **kwargs)
        except BaseException as exception:
            raised(started, exception)
            raise
        returned(started, result)
        return result

    return watched


def _sync(function: Callable[..., Any], returned: Returned, raised: Raised) -> Any:
    def watched(*args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        try:
            result = function(*args, **kwargs)
        except BaseException as exception:
            raised(started, exception)
            raise
        returned(started, result)
        return result

    return watched


def _generator(
    function: Callable[..., Iterator[Any]], returned: Returned, raised: Raised
) -> Any:
    def watched(*args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        inner: Any = function(*args, **kwargs)
        try:
            result: Any = yield from inner
        except GeneratorExit:
            returned(started, None)  # whoever read it has seen enough
            raise
        except BaseException as exception:
            raised(started, exception)
            raise
        returned(started, result)
        return result

    return watched


def _async_generator(
    function: Callable[..., AsyncIterator[Any]], returned: Returned, raised: Raised
) -> Any:
    async def watched(*args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        inner: Any = function(*args, **kwargs)
        step = inner.asend(None)
        try:
            while True:
                try:
                    value = await step
                except StopAsyncIteration:
                    break
                try:
                    sent = yield value
                except GeneratorExit:
                    break  # whoever read it has seen enough
                except BaseException as thrown:
                    step = inner.athrow(thrown)
                else:
                    step = inner.asend(sent)
        except BaseException as exception:
            raised(started, exception)
            raise
        finally:
            await inner.aclose()
        returned(started, None)

    return watched
