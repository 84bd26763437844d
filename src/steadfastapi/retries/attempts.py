"""Attempts of a block: `async for attempt in db_retry.attempts(): with attempt: …`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import anyio
from tenacity import AttemptManager, DoAttempt, DoSleep

from steadfastapi.retries.callables import check_no_loop
from steadfastapi.retries.calls import Call
from steadfastapi.retries.loops import Loop, aclean, clean, pause
from steadfastapi.retries.transactions import active, watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from types import TracebackType

    from steadfastapi.retries.policy import Policy


class Attempt(AttemptManager):
    """One attempt, as Tenacity's: an exception of the block ends it, and is kept.

    Cancellation and interrupts are not kept: they pass at once.
    """

    def __init__(self, loop: Loop, *, is_async: bool) -> None:
        super().__init__(loop.state)
        self._call = loop.call
        self._outer: Call | None = None
        self._scope: anyio.CancelScope | None = None
        self._is_async = is_async

    @property
    def number(self) -> int:
        """1 for the first attempt."""
        return self.retry_state.attempt_number

    def __enter__(self) -> None:
        self._outer = active.get()
        active.set(self._call)
        self._call.done = False
        left = self._call.left()
        if self._is_async and left is not None:
            self._scope = anyio.CancelScope(deadline=anyio.current_time() + left)
            self._scope.__enter__()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        self._call.done = True
        active.set(self._outer)
        if self._scope is not None and self._scope.__exit__(
            exc_type, exc_value, traceback
        ):
            error = self._call.time_out()
            self.retry_state.set_exception((type(error), error, None))
            return True
        if exc_value is not None and not isinstance(exc_value, Exception):
            self._call.interrupted(exc_value)
            return False
        return super().__exit__(exc_type, exc_value, traceback)


class Attempts:
    """The attempts of a block, see `Retry.attempts`.

    Args:
        policy: What it may do.
        engine: Makes Tenacity's object, sync or async.
        name: For logs and metrics.
    """

    def __init__(self, policy: Policy, engine: Callable[..., Any], name: str) -> None:
        self._policy = policy
        self._engine = engine
        self._name = name
        self.statistics: dict[str, Any] = {}
        """Tenacity's, once the block is over."""

    def __iter__(self) -> Iterator[Attempt]:
        check_no_loop(f"`for … in {self._name}.attempts()`; write `async for`. This")
        loop = self._begin(is_async=False)
        with loop.ending():
            while True:
                do = loop.engine.iter(retry_state=loop.state)
                if isinstance(do, DoAttempt):
                    yield Attempt(loop, is_async=False)
                elif isinstance(do, DoSleep):
                    loop.prepare()
                    clean(loop)
                    loop.engine.sleep(do)
                else:
                    loop.finish()
                    return

    def __aiter__(self) -> AsyncIterator[Attempt]:
        return _AsyncAttempts(self._begin(is_async=True))

    def _begin(self, *, is_async: bool) -> Loop:
        watch()
        call = Call(self._policy, self._name, active.get())
        call.done = True  # until an attempt begins
        return Loop(call, self._engine(is_async=is_async), self.statistics)


class _AsyncAttempts:
    """No generator: one that is not exhausted would be closed some time later."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Attempt:
        loop = self._loop
        with loop.failing():
            while True:
                do = await loop.engine.iter(retry_state=loop.state)
                if isinstance(do, DoAttempt):
                    return Attempt(loop, is_async=True)
                if not isinstance(do, DoSleep):
                    break
                loop.prepare()
                await aclean(loop)
                await pause(loop.engine, do)
        loop.finish()
        loop.release()
        raise StopAsyncIteration
