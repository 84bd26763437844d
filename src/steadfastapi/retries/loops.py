"""Runs the attempts of a call. The first one costs nothing that it does not need.

A call that works never touches Tenacity. One that fails hands its first outcome to
Tenacity's state machine, which decides everything from there on.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, Self

import anyio
from tenacity import DoAttempt, DoSleep

from steadfastapi.retries import http
from steadfastapi.retries.strategies import State
from steadfastapi.retries.transactions import aroll_back, roll_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tenacity import Retrying
    from tenacity.asyncio import AsyncRetrying

    from steadfastapi.retries.calls import Call
    from steadfastapi.retries.transactions import Work


class Loop:
    """The attempts of one call, as Tenacity sees them.

    Args:
        call: The call.
        engine: Tenacity's object; a copy of it runs this call.
        statistics: Where its statistics go in the end.
    """

    __slots__ = ("call", "engine", "last", "state", "statistics")

    def __init__(self, call: Call, engine: Any, statistics: dict[str, Any]) -> None:
        self.call = call
        self.engine = engine.copy()
        self.engine.begin()
        self.state = State(call, self.engine)
        self.statistics = statistics
        self.last: Any = None
        """The outcome of the attempt before."""

    def failed(self, error: BaseException) -> Self:
        """Record an attempt that raised."""
        self.state.set_exception((type(error), error, error.__traceback__))
        return self

    def returned(self, result: Any) -> Self:
        """Record an attempt that returned."""
        self.state.set_result(result)
        return self

    def tell(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Let hooks of the user know what is called."""
        self.state.fn = function
        self.state.args, self.state.kwargs = args, kwargs

    def prepare(self) -> None:
        """Report the attempt that failed, and get ready for the next."""
        self.call.repeats(self.state)
        self.last = self.state.outcome
        self.call.failure = self.last.exception()
        self.state.prepare_for_next_attempt()

    def finish(self) -> None:
        """Report a call that returns."""
        if self.call.reason is None:
            self.call.succeeded()
        else:  # the last result is a failure
            self.call.ended(self.state.attempt_number, None)

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Report the error that ends the call, and let go of everything."""
        try:
            with self.failing():
                yield
        finally:
            self.release()

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Report the error that ends the call."""
        try:
            yield
        except Exception as error:
            self.call.ended(self.state.attempt_number, error)
            self.release()
            raise

    def release(self) -> None:
        """Forget the errors, whose tracebacks hold this loop: no cycles to collect."""
        self.last = self.state.outcome = self.call.failure = None
        self.statistics.clear()
        self.statistics.update(self.engine.statistics)

    def take_work(self) -> Work | None:
        """Return what the attempt before did, and forget it."""
        work, self.call.work = self.call.work, None
        return work

    def failed_result(self) -> Any:
        """Return what the attempt before returned; None when it raised."""
        return None if self.last.failed else self.last.result()


def run(
    loop: Loop,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Make the attempts of a sync call that is under way."""
    loop.tell(function, args, kwargs)
    engine: Retrying = loop.engine
    with loop.ending():
        while True:
            do = engine.iter(retry_state=loop.state)
            if isinstance(do, DoAttempt):
                try:
                    result = function(*args, **kwargs)
                except Exception as error:
                    loop.failed(error)
                else:
                    loop.returned(result)
            elif isinstance(do, DoSleep):
                loop.prepare()
                clean(loop)
                engine.sleep(do)
            else:
                loop.finish()
                return do


async def arun(
    loop: Loop,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Make the attempts of an async call that is under way."""
    loop.tell(function, args, kwargs)
    engine: AsyncRetrying = loop.engine
    with loop.ending():
        while True:
            do = await engine.iter(retry_state=loop.state)
            if isinstance(do, DoAttempt):
                try:
                    result = await function(*args, **kwargs)
                except Exception as error:
                    loop.failed(error)
                else:
                    loop.returned(result)
            elif isinstance(do, DoSleep):
                loop.prepare()
                await aclean(loop)
                await pause(engine, do)
            else:
                loop.finish()
                return do


async def pause(engine: AsyncRetrying, seconds: float) -> None:
    """Wait as the engine does; its sleep may be a sync one of the user's."""
    waiting: Any = engine.sleep(seconds)
    if waiting is not None:
        await waiting


def clean(loop: Loop) -> None:
    """Undo what the attempt before left open; if that fails, its error stands."""
    work, result = loop.take_work(), loop.failed_result()
    try:
        if work is not None:
            roll_back(work)
        http.close(result)
    except Exception as error:
        _stand(loop, error)


async def aclean(loop: Loop) -> None:
    """Do the same in async code."""
    work, result = loop.take_work(), loop.failed_result()
    try:
        if work is not None and (work.sessions or work.begun):
            await aroll_back(work)
        await http.aclose(result)
    except Exception as error:
        _stand(loop, error)


def scope_of(call: Call) -> anyio.CancelScope:
    """Return what ends the attempts of a call at its deadline, asyncio and trio."""
    left = call.left()
    if left is None:
        return anyio.CancelScope(deadline=math.inf)
    return anyio.CancelScope(deadline=anyio.current_time() + left)


def _stand(loop: Loop, failure: Exception) -> NoReturn:
    if not loop.last.failed:
        raise failure
    error = loop.last.exception()
    error.add_note(f"Not repeated: {type(failure).__name__} while it was undone.")
    raise error from None
