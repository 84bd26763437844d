"""`configure(app)`: resolve the layers, collect their plan, apply it to the app."""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any, Never

from fastapi import FastAPI

from steadfastapi._apply import apply
from steadfastapi._plan import Layer, Plan
from steadfastapi._service import Service
from steadfastapi._settings import LayerSettings, unknown, unknown_variables
from steadfastapi._stack import Stack
from steadfastapi.exceptions import AlreadyConfiguredError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from steadfastapi.console.layer import Console
    from steadfastapi.contract.layer import Contract
    from steadfastapi.health.layer import Health
    from steadfastapi.inbox.layer import Inbox
    from steadfastapi.limits.layer import Limits
    from steadfastapi.logs.layer import Logs
    from steadfastapi.metrics.layer import Metrics
    from steadfastapi.sentry.layer import Sentry
    from steadfastapi.slo.layer import SLOs
    from steadfastapi.tracing.layer import Tracing
    from steadfastapi.watchdog.layer import Watchdog

DEFAULT_LAYERS: Mapping[str, str] = {
    "logs": "steadfastapi.logs.layer:Logs",
    "contract": "steadfastapi.contract.layer:Contract",
    "limits": "steadfastapi.limits.layer:Limits",
    "tracing": "steadfastapi.tracing.layer:Tracing",
    "sentry": "steadfastapi.sentry.layer:Sentry",
    "inbox": "steadfastapi.inbox.layer:Inbox",
    "health": "steadfastapi.health.layer:Health",
    "slo": "steadfastapi.slo.layer:SLOs",
    "watchdog": "steadfastapi.watchdog.layer:Watchdog",
    "console": "steadfastapi.console.layer:Console",
    "metrics": "steadfastapi.metrics.layer:Metrics",
}
"""Every built-in layer, in the order in which its observers are called. Logs come
first, so that what the others say while they start is already in our format;
metrics last, so that they count what the others did."""

_STACK = "_steadfastapi_stack"
"""Attribute of an application that holds its stack: both go together, as no table
of applications would let them."""


def configure(  # noqa: PLR0913 - one keyword a layer
    app: FastAPI,
    *,
    service: str | Service | None = None,
    logs: Logs | bool | None = None,
    metrics: Metrics | bool | None = None,
    tracing: Tracing | bool | None = None,
    sentry: Sentry | bool | None = None,
    contract: Contract | bool | None = None,
    limits: Limits | bool | None = None,
    health: Health | bool | None = None,
    slo: SLOs | bool | None = None,
    inbox: Inbox | bool | None = None,
    watchdog: Watchdog | bool | None = None,
    console: Console | bool | None = None,
    extra: Iterable[Layer] = (),
    **unknown_keywords: Never,
) -> Stack:
    """Make `app` fit for production.

    Call it once, anywhere before the application starts: before or after routers
    are included and middleware is added. Each layer takes None (defaults and
    environment variables), False (off) or its settings object.

    Args:
        app: The application.
        service: Its name, or its whole identity; by default `OTEL_SERVICE_NAME` or
            the application's title.
        logs: Structured logs, one line a request.
        metrics: Prometheus metrics at `/metrics`.
        tracing: OpenTelemetry traces, exported when an OTLP endpoint is set.
        sentry: Sentry events when a DSN is set.
        contract: Every error as `{"detail": …}`, every response with a request id.
        limits: Rate limits that `limiter` leaves on endpoints, shared by `REDIS_URL`.
        health: Health checks below `/health`, for orchestrators and people.
        inbox: Every error, grouped into issues and kept in SQLite or a database.
        slo: Service level objectives, and what is left of their error budgets.
        watchdog: Which line of code blocks the event loop; threads, pools, tasks.
        console: Pages below `/ops` for people; in production for those who may.
        extra: Layers of your own.
        **unknown_keywords: None: other keywords are reported as mistakes.

    Returns:
        The stack; `print(stack)` shows what was done.

    Raises:
        ConfigurationError: Settings are wrong; all of them, in one message.
        AlreadyConfiguredError: The application is configured or running.
    """
    _refuse_if_late(app)
    chosen = {
        "logs": logs,
        "metrics": metrics,
        "tracing": tracing,
        "sentry": sentry,
        "contract": contract,
        "limits": limits,
        "health": health,
        "slo": slo,
        "inbox": inbox,
        "watchdog": watchdog,
        "console": console,
    }
    problems = [
        unknown(f"configure({name}=…)", name, [*chosen, "service", "extra"])
        for name in unknown_keywords
    ]
    layers = _resolve(chosen, extra, problems)
    identity = service if isinstance(service, Service) else Service.of(app, service)
    plan = Plan(service=identity, app=app)
    for layer in layers.values():
        if layer is not None:
            _collect(layer, plan)
    problems += plan.problems
    if problems:
        raise ConfigurationError(problems)
    stack = Stack(plan, layers, apply(app, plan))
    setattr(app, _STACK, stack)
    for sentence in plan.warnings:
        logging.getLogger("steadfastapi").warning(sentence)
    return stack


def stack_of(app: FastAPI) -> Stack | None:
    """Return the stack of a configured application."""
    stack: Stack | None = getattr(app, _STACK, None)
    return stack


def _refuse_if_late(app: Any) -> None:
    if not isinstance(app, FastAPI):
        raise ConfigurationError(
            f"configure() takes the FastAPI application, and got "
            f"{type(app).__name__}. Pass the object that FastAPI() returned, before "
            "any wrapper is put around it."
        )
    if stack_of(app) is not None:
        raise AlreadyConfiguredError(
            f"configure() was already called on {app.title!r}; call it once, with all "
            "settings together."
        )
    if app.middleware_stack is not None:
        raise AlreadyConfiguredError(
            f"{app.title!r} has already started, and its middleware is built. Call "
            "configure(app) where the application is created, not in its lifespan."
        )


def _resolve(
    chosen: Mapping[str, Any], extra: Iterable[Any], problems: list[str]
) -> dict[str, Layer | None]:
    """Return the layers by name, in order; None for one that is off."""
    layers: dict[str, Layer | None] = {}
    settings: dict[str, type[LayerSettings]] = {}
    for name, path in DEFAULT_LAYERS.items():
        given = chosen[name]
        if given is False:
            layers[name] = None  # and its module is not imported
            continue
        module, _, attribute = path.partition(":")
        default: Any = getattr(importlib.import_module(module), attribute)
        settings[name] = default
        if given is None or given is True:
            try:
                layers[name] = default() if given else default.by_default()
            except ConfigurationError as error:
                problems += error.problems
        elif isinstance(given, default):
            layers[name] = given
        else:
            problems.append(
                f"configure({name}=…) got {type(given).__name__}: give "
                f"{default.__name__}(…), False to switch the layer off, or None for "
                "its defaults."
            )
    for layer in extra:
        if not isinstance(layer, Layer) or isinstance(layer, type):
            problems.append(
                f"configure(extra=…) holds {layer!r}: a layer is an object with a name "
                "and a method contribute(plan)."
            )
        elif layers.get(layer.name) is not None:
            problems.append(
                f"configure(extra=…) holds a second layer named {layer.name!r}: give "
                "it another name, or switch the first one off."
            )
        else:
            layers[layer.name] = layer
            if isinstance(layer, LayerSettings):
                settings[layer.name] = type(layer)  # its variables are known then
    problems += _typing_errors(settings)
    return layers


def _typing_errors(settings: Mapping[str, type[LayerSettings]]) -> list[str]:
    """Variables of layers that are off are not known here: leave those alone."""
    off = [f"STEADFAST_{n.upper()}_" for n in DEFAULT_LAYERS if n not in settings]
    return [
        problem
        for problem in unknown_variables(dict(settings))
        if not problem.startswith(tuple(off))
    ]


def _collect(layer: Layer, plan: Plan) -> None:
    plan.layer = layer.name
    try:
        layer.contribute(plan)
    except ConfigurationError as error:
        plan.problems += error.problems
    finally:
        plan.layer = "steadfastapi"
