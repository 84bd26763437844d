"""`configure`: everything at once, or nothing and every reason."""

import gc
import weakref
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic_settings import SettingsConfigDict
from starlette.applications import Starlette

from steadfastapi import (
    Contract,
    Logs,
    Plan,
    Stack,
    configure,
    testing,
)
from steadfastapi._configure import stack_of
from steadfastapi._settings import LayerSettings
from steadfastapi.exceptions import AlreadyConfiguredError, ConfigurationError
from support.asgi import call
from support.drive import in_loop

LATER: dict[str, Any] = {"tracing": False, "sentry": False}
OFF: dict[str, Any] = dict.fromkeys(["logs", "metrics", "contract"], False) | LATER


def refused(app: Any = None, **keywords: Any) -> list[str]:
    """Configure with mistakes; return what is said about them."""
    with pytest.raises(ConfigurationError) as caught:
        configure(app or FastAPI(), **{**LATER, **keywords})
    return caught.value.problems


class Quiet:
    """A layer that adds nothing."""

    def __init__(self, name: str) -> None:
        self.name = name

    def contribute(self, plan: Plan) -> None:
        """Add nothing."""


def test_all_mistakes_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One start shows them all, each with what to write instead; nothing is applied."""
    monkeypatch.setenv("STEADFAST_LOGS_LEVEL", "loud")
    monkeypatch.setenv("STEADFAST_METRICS_PATHS", "/a")
    app = FastAPI()
    with pytest.raises(ConfigurationError) as caught:
        configure(app, tracing=False, metric=True, contract=7, extra=[3], sentry=False)  # type: ignore[arg-type, list-item]

    assert [
        (
            "configure(metric=…): unknown. Did you mean 'metrics'? Known: logs, "
            "metrics, tracing, sentry, contract, limits, health, slo, inbox, watchdog, "
            "console, service, extra."
        ),
        (
            "STEADFAST_LOGS_LEVEL is 'loud': use one of DEBUG, INFO, WARNING, ERROR, "
            "CRITICAL."
        ),
        (
            "configure(contract=…) got int: give Contract(…), False to switch the "
            "layer off, or None for its defaults."
        ),
        (
            "configure(extra=…) holds 3: a layer is an object with a name and a "
            "method contribute(plan)."
        ),
        (
            "STEADFAST_METRICS_PATHS is set, and no layer reads it. Did you mean "
            "STEADFAST_METRICS_PATH?"
        ),
    ] == caught.value.problems
    assert str(caught.value).startswith("5 settings are wrong:\n  1. configure(metric")
    assert [] == app.user_middleware
    assert stack_of(app) is None


def test_after_a_refusal_configure_can_be_called_again() -> None:
    """With the mistakes corrected."""
    app = FastAPI()
    refused(app, metric=True)
    configure(app, **LATER)

    assert isinstance(stack_of(app), Stack)


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("STEADFAST_LOGS_LEVLE", " Did you mean STEADFAST_LOGS_LEVEL?"),
        ("STEADFAST_METRIC_PATH", " Did you mean STEADFAST_METRICS_PATH?"),
        ("STEADFAST_XYZ", ""),
    ],
)
def test_variables_with_a_typing_error_are_found(
    monkeypatch: pytest.MonkeyPatch, variable: str, hint: str
) -> None:
    """With the closest one that exists."""
    monkeypatch.setenv(variable, "INFO")

    assert [f"{variable} is set, and no layer reads it.{hint}"] == refused()


def test_variables_of_a_layer_that_is_off_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They may wait for it to be switched on again."""
    monkeypatch.setenv("STEADFAST_SENTRY_DSN", "nonsense")
    monkeypatch.setenv("STEADFAST_LOGS_LEVLE", "nonsense")
    configure(FastAPI(), **OFF)


class Billing(LayerSettings):
    """A layer of somebody else, with settings."""

    model_config = SettingsConfigDict(env_prefix="STEADFAST_BILLING_")
    name = "billing"

    token: str = ""

    def contribute(self, plan: Plan) -> None:
        """Expose the token."""
        plan.handle(self.token)


def test_variables_of_a_foreign_layer_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If it takes its settings as ours do."""
    monkeypatch.setenv("STEADFAST_BILLING_TOKEN", "from outside")
    stack = configure(FastAPI(), extra=[Billing()], **OFF)
    monkeypatch.setenv("STEADFAST_BILLING_TOKENS", "a")

    assert "from outside" == stack.plan.handles["billing"]
    (problem,) = refused(extra=[Billing()], **OFF)
    assert "Did you mean STEADFAST_BILLING_TOKEN?" in problem


class Strict(LayerSettings):
    """Settings that refuse every token."""

    model_config = SettingsConfigDict(env_prefix="STEADFAST_STRICT_")
    name = "strict"

    token: int = 0
    """A number: any secret is wrong."""


@pytest.mark.parametrize("origin", ["STEADFAST_STRICT_TOKEN", "Strict(token=…)"])
def test_bad_values_of_secrets_are_masked(
    monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    """An error message ends up in logs and terminals; the origin stays."""
    values: dict[str, Any] = {}
    if origin.isupper():
        monkeypatch.setenv(origin, "hunter2")
    else:
        values["token"] = "hunter2"
    with pytest.raises(ConfigurationError) as caught:
        Strict(**values)

    assert "hunter2" not in str(caught.value)
    assert str(caught.value).startswith(f"{origin} is **********: ")


def test_a_dsn_in_the_place_of_a_layer_is_not_shown() -> None:
    """People try the shortest thing first."""
    (problem,) = refused(sentry="https://hunter2@sentry.example/1")

    assert "hunter2" not in problem
    assert problem.startswith("configure(sentry=…) got str: give Sentry(…)")


def test_a_second_configure_is_refused() -> None:
    """Two stacks on one application would do everything twice."""
    app = FastAPI(title="shop")
    configure(app, **OFF)
    with pytest.raises(AlreadyConfiguredError) as caught:
        configure(app, **OFF)

    message = "configure() was already called on 'shop'; "
    assert [f"{message}call it once, with all settings together."] == (
        caught.value.problems
    )


def test_a_late_configure_is_refused() -> None:
    """After the first request the middleware is built."""
    app = FastAPI(title="shop")
    in_loop(call, app)
    with pytest.raises(AlreadyConfiguredError, match="'shop' has already started"):
        configure(app, **OFF)


@pytest.mark.parametrize("wrapped", [Starlette(), "module:app", None])
def test_only_a_fastapi_application_is_taken(wrapped: Any) -> None:
    """The message says what came instead."""
    with pytest.raises(ConfigurationError, match=f"got {type(wrapped).__name__}"):
        configure(wrapped)


@pytest.mark.parametrize("given", [Contract, Logs(), "yes"])
def test_a_layer_takes_its_own_settings_only(given: Any) -> None:
    """Neither its class, nor another layer's settings, nor a word."""
    (problem,) = refused(contract=given)

    assert problem.startswith("configure(contract=…) got ")


@pytest.mark.parametrize("given", [None, True, Contract(openapi=False)])
def test_a_layer_is_on_by_default(given: Any) -> None:
    """None and True mean the same."""
    stack = configure(FastAPI(), **{**OFF, "contract": given})

    assert isinstance(stack.layers["contract"], Contract)
    assert "contract" in repr(stack)


@pytest.mark.parametrize("extra", [[Quiet("a"), Quiet("a")], [Quiet("contract")]])
def test_two_layers_of_one_name_are_refused(extra: list[Quiet]) -> None:
    """One would silently replace the other."""
    (problem,) = refused(extra=extra)

    assert f"a second layer named {extra[0].name!r}" in problem


def test_a_layer_may_stand_in_for_one_that_is_off() -> None:
    """Under its name."""
    mine = Quiet("metrics")
    stack = configure(FastAPI(), extra=[mine], **OFF)

    assert mine is stack.layers["metrics"]


@pytest.mark.parametrize("extra", [[Quiet], ["logs"], [object()]])
def test_what_is_no_layer_is_refused(extra: list[Any]) -> None:
    """A class instead of an object, too."""
    (problem,) = refused(extra=extra)

    assert "a layer is an object with a name" in problem


def test_an_application_that_nobody_holds_is_freed() -> None:
    """Its stack goes with it; test-suites make thousands."""
    app = FastAPI()
    configure(app, tracing=False, sentry=False, metrics=False)
    gone = weakref.ref(app)
    del app
    testing.reset()
    gc.collect()
    assert gone() is None
