"""A session for each attempt, committed inside of what is repeated (RETRY-6).

A session is of no use after a lost connection until it is rolled back, and a function
that is repeated without its COMMIT, or with half of its work already flushed, does
something else the second time.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from steadfastapi.exceptions import RetryRefused
from steadfastapi.retries import callables

if TYPE_CHECKING:
    from collections.abc import Callable

PARAMETER = "session"


def in_unit(
    function: Callable[..., Any], factory: Callable[[], Any], decorator: str
) -> Callable[..., Any]:
    """Return `function` with a session of its own around it.

    Raises:
        RetryRefused: It has no parameter for one, or cannot be retried.
    """
    is_async = callables.is_async(function, decorator)
    place, signature = _place(function)

    if is_async:

        @functools.wraps(function)
        async def unit(*args: Any, **kwargs: Any) -> Any:
            async with factory() as session:
                result = await function(*place(session, args, kwargs), **kwargs)
                await session.commit()
                return result

    else:

        @functools.wraps(function)
        def unit(*args: Any, **kwargs: Any) -> Any:
            with factory() as session:
                result = function(*place(session, args, kwargs), **kwargs)
                session.commit()
                return result

    unit.__signature__ = signature  # type: ignore[attr-defined]
    return unit


def _place(
    function: Callable[..., Any],
) -> tuple[
    Callable[[Any, tuple[Any, ...], dict[str, Any]], tuple[Any, ...]], inspect.Signature
]:
    """Return what puts the session among the arguments, and the signature without."""
    signature = inspect.signature(function)
    parameters = dict(signature.parameters)
    if not parameters:
        raise RetryRefused(
            f"unit_of_work: {callables.name_of(function)} has no parameter for the "
            "session; write one, first or by the name `session`."
        )
    name = PARAMETER if PARAMETER in parameters else next(iter(parameters))
    index = list(parameters).index(name)
    by_keyword = parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
    del parameters[name]

    def place(
        session: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, ...]:
        if by_keyword or index > len(args):
            kwargs[name] = session
            return args
        return (*args[:index], session, *args[index:])

    return place, signature.replace(parameters=list(parameters.values()))
