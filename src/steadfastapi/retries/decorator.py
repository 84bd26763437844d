"""`db_retry`, `http_retry` and `retry`: what users decorate their functions with."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    ParamSpec,
    Protocol,
    TypedDict,
    TypeVar,
    Unpack,
    cast,
    overload,
)

from steadfastapi import _unavailable
from steadfastapi._counts import counts
from steadfastapi.exceptions import RetryRefused
from steadfastapi.retries import callables, database, http, wrappers
from steadfastapi.retries.attempts import Attempts
from steadfastapi.retries.budget import RetryBudget, default_budget
from steadfastapi.retries.policy import Policy
from steadfastapi.retries.strategies import build, judge_by, overridden
from steadfastapi.retries.unit_of_work import in_unit
from steadfastapi.signals import RETRY_ATTEMPTS, RETRY_EXHAUSTED

if TYPE_CHECKING:
    from tenacity import AsyncRetrying, Retrying

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

STRATEGIES = frozenset(
    {
        "after",
        "before",
        "before_sleep",
        "enabled",
        "reraise",
        "retry",
        "retry_error_callback",
        "retry_error_cls",
        "sleep",
        "stop",
        "wait",
    }
)
"""Arguments of Tenacity's `retry` that are passed on."""


class Options(TypedDict, total=False):
    """Settings of a retry; `Retry` documents them. The rest is Tenacity's."""

    attempts: int
    deadline: float | None
    base: float
    cap: float
    idempotent: bool
    budget: RetryBudget | None
    name: str
    after: Any
    before: Any
    before_sleep: Any
    enabled: bool
    reraise: bool
    retry: Any
    retry_error_callback: Any
    retry_error_cls: Any
    sleep: Any
    stop: Any
    wait: Any


class Retried(Protocol[P, R_co]):
    """A function with retries; the attributes are Tenacity's."""

    retry: Retrying | AsyncRetrying
    statistics: dict[str, Any]
    __wrapped__: Callable[..., Any]

    def retry_with(self, **options: Unpack[Options]) -> Retried[P, R_co]:
        """Return the function with other settings."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call the function, several times if need be."""

    @overload
    def __get__(
        self, instance: None, owner: type | None = None
    ) -> Retried[P, R_co]: ...
    @overload
    def __get__(
        self, instance: object, owner: type | None = None
    ) -> Retried[..., R_co]: ...


class UnitOfWork(Protocol):
    """A decorator that gives a function its session, and takes the parameter away."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[Any, P], R], /
    ) -> Retried[P, R]: ...
    @overload
    def __call__(  # type: ignore[overload-cannot-match] # methods do, by their `self`
        self, function: Callable[..., R], /
    ) -> Retried[..., R]: ...


class Retry:
    """Repeats a function, or a block, that failed for a reason that may be over.

    A decorator, bare or with settings, for sync and async functions, methods and
    `functools.partial`; or a loop around a block, see `attempts`:

        @db_retry
        async def find_user(user_id: int) -> User: ...

        @db_retry(attempts=5, deadline=2.0, idempotent=True)
        def copy_prices() -> None: ...

    At most three attempts are made, with a random wait in between: of up to `base`
    seconds after the first, twice as much after each further one, never more than
    `cap` ("full jitter", AWS Architecture Blog). Then the original exception is
    raised; where it escapes from an endpoint, the response is a 503 with
    `Retry-After`. Only an `Exception` is ever repeated: cancellation passes at once.

    Retries do not multiply: an error that a retry further out takes up is left to
    that one. Nor do they flood a backend that is down, see `RetryBudget`.

    Settings, all by keyword, of the decorator and of `retry_with`:

    - `attempts`: how many, the first one included; 3.
    - `deadline`: seconds for all attempts and waits together; 10. An async attempt
      that hangs is cancelled then and `TimeoutError` raised; a sync one cannot be,
      but no further attempt starts after it. None: no deadline.
    - `idempotent`: whether doing it twice is as good as doing it once. Without it
      nothing is repeated that may have happened, such as a COMMIT that was not
      answered, or a POST.
    - `base`, `cap`: seconds, see above; 0.1 and 2.
    - `budget`: a `RetryBudget`; the one of the process. None: no budget.
    - `name`: for logs and metrics; the function's name.

    Arguments of Tenacity's `retry` (`stop`, `wait`, `retry`, `before_sleep`, …) take
    the place of what is built in, and deadline and budget stay. A `stop` without a
    `deadline` decides alone.
    """

    def __init__(self, policy: Policy, strategies: dict[str, Any], label: str) -> None:
        self._policy = policy
        self._strategies = strategies
        self._label = label

    def __repr__(self) -> str:
        policy = self._policy
        return (
            f"{self._label}(attempts={policy.attempts}, deadline={policy.deadline}, "
            f"idempotent={policy.idempotent})"
        )

    @overload
    def __call__(self, function: Callable[P, R], /) -> Retried[P, R]: ...
    @overload
    def __call__(self, **options: Unpack[Options]) -> Retry: ...
    def __call__(  # type: ignore[misc] # mypy does not find the settings in `options`
        self, function: Any = None, /, **options: Any
    ) -> Any:
        """Decorate a function, or return this retry with other settings.

        Raises:
            RetryRefused: The function cannot be retried: a generator, a lambda, …
            ConfigurationError: A setting is out of its range.
        """
        if options:
            changed = self._with(options)
            return changed if function is None else changed(function)
        if function is None:
            return self
        if isinstance(function, staticmethod | classmethod):
            return type(function)(self(function.__func__))
        return self._decorate(function)

    def attempts(self) -> Attempts:
        """Return the attempts of a block, for `async for` or, in sync code, `for`.

            async for attempt in db_retry.attempts():
                with attempt:
                    ...

        The block is repeated until it ends without an exception. Raises what a
        decorated function would.
        """
        name = self._policy.name or self._label
        return Attempts(self._policy, self._engine, name)

    def unit_of_work(self, factory: Callable[[], Any]) -> UnitOfWork:
        """Return a decorator that gives each attempt a session of its own.

            @db_retry.unit_of_work(async_sessionmaker(engine))
            async def order(session: AsyncSession, user_id: int) -> int: ...

            order_id = await order(7)

        The session is begun before and committed after the function, inside of what
        is repeated; an attempt that failed leaves nothing behind. The function gets it
        as its parameter `session`, or as its first one; callers leave it out.

        Args:
            factory: `sessionmaker`, `async_sessionmaker`, or any callable that
                returns a session to be used in `with` or `async with`.
        """

        def decorate(function: Callable[..., Any]) -> Any:
            return self(in_unit(function, factory, self._label))

        return decorate

    def _engine(self, *, is_async: bool) -> Retrying | AsyncRetrying:
        engine = build(self._policy, is_async=is_async)
        if self._strategies:
            return overridden(engine, self._policy, self._strategies)
        return engine

    def _with(self, options: dict[str, Any]) -> Retry:
        unknown = options.keys() - Options.__annotations__.keys()
        if unknown:
            raise TypeError(
                f"{self._label}() got an unknown setting {min(unknown)!r}; there are "
                f"{', '.join(sorted(Options.__annotations__))}."
            )
        strategies = {name: options.pop(name) for name in STRATEGIES & options.keys()}
        if "stop" in strategies:
            options.setdefault("deadline", None)
        if "retry" in strategies:
            options["judge"] = judge_by(strategies["retry"])
        policy = dataclasses.replace(self._policy, **options)
        return Retry(policy, self._strategies | strategies, self._label)

    def _decorate(self, function: Callable[P, R]) -> Retried[P, R]:
        is_async = callables.is_async(function, self._label)
        name = self._policy.name or callables.name_of(function)
        wrap = wrappers.asynchronous if is_async else wrappers.synchronous
        decorated: Any = wrap(
            function, self._policy, self._engine(is_async=is_async), name
        )

        def retry_with(**options: Any) -> Any:
            return self(**options)(function) if options else self(function)

        decorated.retry_with = retry_with
        _unavailable.expect()
        for outcome in ("ok", "retry", "fail"):
            counts.declare(RETRY_ATTEMPTS, self._policy.kind, name, outcome)
        for reason in ("attempts", "deadline"):
            counts.declare(RETRY_EXHAUSTED, self._policy.kind, name, reason)
        return cast("Retried[P, R]", decorated)


db_retry = Retry(
    Policy(kind="db", judge=database.judge, budget=default_budget), {}, "db_retry"
)
"""Repeats what failed for the database's sake: a lost connection, a deadlock, a
serialization failure, a lock that was not to be had, a server that starts or is full.
For SQLAlchemy on asyncpg, psycopg and SQLite; see `Retry`.

A write is repeated only where it is certain that it was not committed. Let the function
open its session and commit it, or take `db_retry.unit_of_work`. A session that is
passed in is rolled back first; one in which the caller has begun is left alone."""

http_retry = Retry(
    Policy(
        kind="http",
        judge=http.judge,
        judge_result=http.judge_response,
        hint=http.retry_after,
        budget=default_budget,
    ),
    {},
    "http_retry",
)
"""Repeats a call by httpx that was not served: no connection, 429 and 503 (after the
server's `Retry-After`, if the deadline allows). GET, HEAD, OPTIONS, PUT, DELETE also
after 502, 504 and a connection that broke; POST and PATCH then only with
`idempotent=True`. A response may be raised or returned; see `Retry`."""

On = type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool]


@overload
def retry(function: Callable[P, R], /) -> Retried[P, R]: ...
@overload
def retry(*, on: On = ..., **options: Unpack[Options]) -> Retry: ...
def retry(
    function: Callable[P, R] | None = None,
    /,
    *,
    on: On = Exception,
    **options: Any,
) -> Retried[P, R] | Retry:
    """Repeat a function after errors of your choice; see `Retry`.

        @retry(on=PartnerBusy, attempts=2)
        async def book(order: Order) -> str: ...

    Takes the arguments of Tenacity's `retry` too.

    Args:
        function: The function, where it is used bare: `@retry`.
        on: Types of errors, or a function that gets an error and returns whether to
            repeat. By default every `Exception`, as in Tenacity.
        **options: See `Retry`.

    Raises:
        RetryRefused: `on` names what must pass, such as cancellation.
    """
    policy = Policy(kind="custom", judge=_judge_by(on), budget=default_budget)
    custom = Retry(policy, {}, "retry")
    if options:
        custom = custom(**options)
    return custom if function is None else custom(function)


def _judge_by(on: Any) -> Callable[[BaseException], database.Verdict]:
    types = on if isinstance(on, tuple) else (on,)
    if all(isinstance(one, type) for one in types):
        wrong = [one for one in types if not issubclass(one, Exception)]
        if wrong:
            raise RetryRefused(
                f"retry(on={wrong[0].__name__}): cancellation and interrupts must "
                "pass; name types of Exception."
            )
        return lambda error: "safe" if isinstance(error, types) else "never"
    if not callable(on) or inspect.iscoroutinefunction(on):
        raise RetryRefused(
            f"retry(on={on!r}): write a type of Exception, a tuple of them, or a "
            "sync function of the error."
        )
    return lambda error: "safe" if on(error) else "never"
