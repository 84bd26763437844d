"""What can be retried; everything that would fail silently is refused (RETRY-1, 2)."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import Any

from steadfastapi.exceptions import RetryRefused


def is_async(function: Any, decorator: str) -> bool:
    """Return whether calling `function` gives a coroutine.

    Args:
        function: A function, method, `functools.partial`, or object with `__call__`.
        decorator: How the retry is called, for the message.

    Raises:
        RetryRefused: It cannot be retried.
    """
    if not callable(function):
        raise RetryRefused(
            f"{decorator} got {function!r}, which is no function. Settings are keyword "
            f"arguments: @{decorator}(attempts=5)."
        )
    inner = _innermost(function)
    name = name_of(function)
    if inspect.isasyncgenfunction(inner) or inspect.isgeneratorfunction(inner):
        raise RetryRefused(
            f"{decorator} cannot repeat the generator {name}: what it has yielded is "
            "out. Retry the function that gets the items, or write "
            f"`for attempt in {decorator}.attempts():` around the loop."
        )
    if inspect.isclass(inner):
        raise RetryRefused(
            f"{decorator} got the class {name}; decorate one of its methods."
        )
    if getattr(inner, "__name__", "") == "<lambda>":
        raise RetryRefused(
            f"{decorator} cannot see whether a lambda returns a coroutine, which would "
            "never be retried. Write `def` or `async def`, or functools.partial."
        )
    return inspect.iscoroutinefunction(inner)


def name_of(function: Any) -> str:
    """Return what people call a function."""
    inner = _innermost(function)
    name = getattr(inner, "__qualname__", None) or type(inner).__qualname__
    return str(name).replace("<locals>.", "")


def check_no_loop(name: str) -> None:
    """Refuse to wait, and to repeat what blocks, in an event loop (RETRY-9).

    Raises:
        RetryRefused: An event loop is running in this thread.
    """
    if asyncio._get_running_loop() is not None:  # noqa: SLF001 - no exception to catch
        raise RetryRefused(
            f"{name} is a sync function with retries, called on a running event loop, "
            "which it would stall. Make it `async def`, or call it by `await "
            "anyio.to_thread.run_sync(...)` or from a `def` endpoint."
        )


def check_result(result: Any, name: str) -> None:
    """Refuse an awaitable from a sync function: it fails after the last attempt.

    Raises:
        RetryRefused: It is one.
    """
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        raise RetryRefused(
            f"{name} is a sync function that returned an awaitable, which would never "
            "be retried. Write `async def` and `return await …`."
        )


def _innermost(function: Any) -> Any:
    """Return the function inside of partials, methods and callable objects."""
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif inspect.ismethod(function):
            function = function.__func__
        elif not inspect.isroutine(function) and not inspect.isclass(function):
            return getattr(type(function), "__call__", function)  # noqa: B004
        else:
            return function
