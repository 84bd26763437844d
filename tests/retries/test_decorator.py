"""`db_retry`, `http_retry` and `retry` as users see them."""

import asyncio
import functools
import inspect
from typing import Any

import pytest
import tenacity
from tenacity import retry_if_exception_type, retry_if_result

from steadfastapi import ConfigurationError, RetryRefused, db_retry, http_retry, retry
from steadfastapi.testing import instant_retries, internal_errors

pytestmark = pytest.mark.anyio


class FlakyError(Exception):
    """What is retried here."""


class Script:
    """Fails a number of times, then returns its argument."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0

    def run(self, value: int) -> int:
        """Run in sync code."""
        self.calls += 1
        if self.calls <= self.failures:
            raise FlakyError(self.calls)
        return value

    async def arun(self, value: int) -> int:
        """Run in async code."""
        return self.run(value)


class Repository:
    """Methods of each kind."""

    script = Script(0)

    @retry(on=FlakyError)
    def get(self, number: int) -> int:
        """Get."""
        return self.script.run(number)

    @retry(on=FlakyError)
    async def aget(self, number: int) -> int:
        """Get."""
        return await self.script.arun(number)

    @retry(on=FlakyError)
    @classmethod
    def of_class(cls, number: int) -> int:
        """Get."""
        return cls.script.run(number)

    @classmethod
    @retry(on=FlakyError)
    def below_class(cls, number: int) -> int:
        """Get."""
        return cls.script.run(number)

    @retry(on=FlakyError)
    @staticmethod
    def static(number: int) -> int:
        """Get."""
        return Repository.script.run(number)


class Callables:
    """An object that is called."""

    def __init__(self, script: Script) -> None:
        self.script = script

    async def __call__(self, value: int) -> int:
        """Run."""
        return await self.script.arun(value)


@pytest.mark.usefixtures("instant")
@pytest.mark.parametrize("name", ["get", "aget", "of_class", "below_class", "static"])
async def test_methods_of_each_kind_are_retried(name: str) -> None:
    """Sync ones in a thread."""
    Repository.script = Script(2)
    method = getattr(Repository(), name)
    if name == "aget":
        assert 7 == await method(7)
    else:
        assert 7 == await asyncio.to_thread(method, 7)
    assert 3 == Repository.script.calls


@pytest.mark.usefixtures("instant")
async def test_partials_and_callable_objects_are_retried() -> None:
    """Whether what is inside is sync or async."""
    decorate = retry(on=FlakyError)
    first, second, third = Script(2), Script(2), Script(2)
    assert 1 == await decorate(functools.partial(first.arun, 1))()
    assert 2 == await decorate(Callables(second))(2)
    assert 3 == await asyncio.to_thread(decorate(functools.partial(third.run, 3)))
    assert [3, 3, 3] == [first.calls, second.calls, third.calls]


def test_the_function_stays_what_it_was() -> None:
    """Name, documentation, signature, defaults; and a coroutine function."""

    @db_retry
    async def find(number: int, *, name: str = "ada") -> str:
        """Find somebody."""
        return name * number

    assert ("find", "Find somebody.") == (find.__name__, find.__doc__)  # type: ignore[attr-defined]
    assert "(number: int, *, name: str = 'ada') -> str" == str(inspect.signature(find))
    assert inspect.iscoroutinefunction(find)
    assert {"name": "ada"} == find.__kwdefaults__  # type: ignore[attr-defined]


async def test_statistics_are_tenacitys() -> None:
    """Of the last call, after one attempt and after three."""
    script = Script(0)
    theirs = tenacity.retry(script.arun)
    ours = retry(on=FlakyError)(script.arun)
    await theirs(1)
    await ours(1)
    assert theirs.statistics.keys() == ours.statistics.keys()
    assert 1 == ours.statistics["attempt_number"]
    script.calls, script.failures = 0, 2
    with instant_retries():
        await ours(1)
    assert 3 == ours.statistics["attempt_number"]


def test_settings_can_be_added_step_by_step() -> None:
    """Each step keeps what the one before said; the original stays as it is."""
    patient = db_retry(attempts=5)
    written = patient(idempotent=True, deadline=None)
    assert [
        "db_retry(attempts=3, deadline=10.0, idempotent=False)",
        "db_retry(attempts=5, deadline=10.0, idempotent=False)",
        "db_retry(attempts=5, deadline=None, idempotent=True)",
    ] == [repr(db_retry), repr(patient), repr(written)]
    assert "http_retry" in repr(http_retry())


@pytest.mark.usefixtures("instant")
def test_retry_with_changes_a_decorated_function() -> None:
    """Our settings and Tenacity's; the original stays as it is."""
    script = Script(100)
    function = retry(on=FlakyError)(script.run)
    for changed, attempts in (
        (function.retry_with(attempts=2), 2),
        (function.retry_with(stop=tenacity.stop_after_attempt(5)), 5),
        (function.retry_with(retry=retry_if_exception_type(KeyError)), 1),
        (function.retry_with(enabled=False), 1),
        (function.retry_with(), 3),
        (function, 3),
    ):
        script.calls = 0
        with pytest.raises(FlakyError):
            changed(1)
        assert attempts == script.calls


def test_tenacitys_arguments_work_unchanged() -> None:
    """The article's `db_retry`, with one import replaced, and hooks."""
    script, waits, seen = Script(2), list[float](), list[str]()

    @retry(
        retry=retry_if_exception_type((FlakyError, OSError)),
        stop=tenacity.stop_after_attempt(3),
        wait=tenacity.wait_exponential(multiplier=0.1, max=2),
        before=lambda state: seen.append(f"before {state.attempt_number}"),
        after=lambda state: seen.append(f"after {state.args}"),
        before_sleep=lambda state: seen.append(f"sleep {state.kwargs}"),
        sleep=waits.append,
        reraise=True,
    )
    def work(value: int, *, factor: int) -> int:
        return script.run(value) * factor

    assert 6 == work(2, factor=3)
    assert [0.1, 0.2] == waits
    assert [
        "before 1",
        "after (2,)",
        "sleep {'factor': 3}",
        "before 2",
        "after (2,)",
        "sleep {'factor': 3}",
        "before 3",
    ] == seen


@pytest.mark.usefixtures("instant")
async def test_results_can_be_retried_and_try_again_raised() -> None:
    """With Tenacity's own strategies."""
    answers = [1, 2, 3]

    @retry(retry=retry_if_result(lambda value: value < 3))
    async def poll() -> int:
        return answers.pop(0)

    assert 3 == await poll()
    answers = [1, 1, 1]
    assert 1 == await poll()

    attempts = 0

    @retry(on=KeyError)
    async def again() -> None:
        nonlocal attempts
        attempts += 1
        try:
            raise FlakyError
        except FlakyError as error:
            raise tenacity.TryAgain from error

    with pytest.raises(FlakyError):
        await again()
    assert 3 == attempts


@pytest.mark.usefixtures("instant")
async def test_bare_retry_repeats_every_exception_and_stops() -> None:
    """Tenacity's default would go on for ever."""
    script = Script(100)
    with pytest.raises(FlakyError) as caught:
        await retry(script.arun)(1)
    assert (3, 3) == (script.calls, caught.value.args[0])


@pytest.mark.usefixtures("instant")
async def test_on_takes_types_and_functions() -> None:
    """One type, several, or a function of the error."""
    for on, attempts in (
        (FlakyError, 3),
        ((OSError, FlakyError), 3),
        (lambda error: error.args[0] < 2, 2),
        (OSError, 1),
    ):
        script = Script(100)
        with pytest.raises(FlakyError):
            await retry(on=on)(script.arun)(1)
        assert attempts == script.calls


async def test_a_predicate_that_fails_is_contained() -> None:
    """The function's own error is raised, after one attempt."""
    script = Script(100)
    with internal_errors() as errors, pytest.raises(FlakyError):
        await retry(on=lambda error: error.nothing)(script.arun)(1)  # type: ignore[attr-defined]
    assert (1, {"retries.predicate": 1}) == (script.calls, dict(errors))


async def always(_: object) -> bool:
    """Answer too late."""
    return True


@pytest.mark.parametrize(
    "on", [BaseException, asyncio.CancelledError, 5, "OSError", always]
)
def test_what_must_pass_cannot_be_retried(on: Any) -> None:
    """Cancellation, interrupts, and what is no type or function at all."""
    with pytest.raises(RetryRefused):
        retry(on=on)


@pytest.mark.parametrize("name", ["stop", "wait"])
def test_an_async_strategy_is_refused(name: str) -> None:
    """Its answer would always be yes."""
    strategies: dict[str, Any] = {name: always}
    with pytest.raises(RetryRefused, match=f"{name}=: write a sync function"):
        retry(**strategies)(always)


@pytest.mark.parametrize(
    "settings",
    [
        {"attempts": 0},
        {"attempts": True},
        {"attempts": 2.5},
        {"deadline": 0},
        {"deadline": float("inf")},
        {"base": -1},
        {"cap": 0},
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    """When decorating, with what to write instead."""
    (name,) = settings
    with pytest.raises(ConfigurationError, match=f"{name}=.*write"):
        db_retry(**settings)


def test_an_unknown_setting_is_a_type_error() -> None:
    """That lists what there is."""
    with pytest.raises(TypeError, match="unknown setting 'tries'; there are after, "):
        db_retry(tries=3)  # type: ignore[call-overload]


def test_settings_are_keywords() -> None:
    """`@db_retry(5)` says so."""
    with pytest.raises(RetryRefused, match=r"write|keyword"):
        db_retry(5)  # type: ignore[call-overload]


@pytest.mark.usefixtures("instant")
def test_a_class_is_refused() -> None:
    """Its methods can be retried; `db_retry()` without settings is itself."""
    assert db_retry is db_retry()
    with pytest.raises(RetryRefused, match="the class Script"):
        db_retry(Script)


async def test_the_waits_grow_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real wait happens where nothing turns it off."""
    script = Script(1)
    begin = asyncio.get_running_loop().time()
    monkeypatch.setattr("random.uniform", lambda _, high: high)
    assert 1 == await retry(on=FlakyError, base=0.05)(script.arun)(1)
    assert 0.05 <= asyncio.get_running_loop().time() - begin


def test_instant_retries_restores_what_was() -> None:
    """Nested, and after an error."""
    script = Script(100)
    waits: list[float] = []
    function = retry(on=FlakyError, sleep=waits.append)(script.run)
    with instant_retries():
        with instant_retries(), pytest.raises(FlakyError):
            function(1)
        with pytest.raises(FlakyError):
            function(1)
    assert [0, 0, 0, 0] == waits
    with pytest.raises(FlakyError):
        function(1)
    assert 0 < sum(waits)
