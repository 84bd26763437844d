"""One call makes a FastAPI application fit for production, and keeps it so.

    from steadfastapi import configure

    stack = configure(app)

Names are loaded when they are first used, so that a layer that is off costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steadfastapi._configure import configure as configure
    from steadfastapi._events import count_event as count_event
    from steadfastapi._exchange import Exchange as Exchange
    from steadfastapi._exchange import bind as bind
    from steadfastapi._exchange import current_exchange as current_exchange
    from steadfastapi._plan import Layer as Layer
    from steadfastapi._plan import Plan as Plan
    from steadfastapi._service import Service as Service
    from steadfastapi._stack import Stack as Stack
    from steadfastapi.console.layer import Console as Console
    from steadfastapi.console.oidc.settings import Oidc as Oidc
    from steadfastapi.contract.layer import Contract as Contract
    from steadfastapi.exceptions import CircuitOpenError as CircuitOpenError
    from steadfastapi.exceptions import ConfigurationError as ConfigurationError
    from steadfastapi.exceptions import RetryRefused as RetryRefused
    from steadfastapi.exceptions import SteadfastError as SteadfastError
    from steadfastapi.health.group import ProbeGroup as ProbeGroup
    from steadfastapi.health.layer import Health as Health
    from steadfastapi.health.model import ProbeResult as ProbeResult
    from steadfastapi.health.model import ProbeStatus as ProbeStatus
    from steadfastapi.health.probe import Probe as Probe
    from steadfastapi.inbox.api import capture_exception as capture_exception
    from steadfastapi.inbox.api import capture_message as capture_message
    from steadfastapi.inbox.api import push as push
    from steadfastapi.inbox.layer import Inbox as Inbox
    from steadfastapi.limits.default import limiter as limiter
    from steadfastapi.limits.keys import by_header as by_header
    from steadfastapi.limits.keys import by_ip as by_ip
    from steadfastapi.limits.keys import by_user as by_user
    from steadfastapi.limits.layer import Limits as Limits
    from steadfastapi.limits.limiter import Limiter as Limiter
    from steadfastapi.logs.layer import Logs as Logs
    from steadfastapi.metrics.layer import Metrics as Metrics
    from steadfastapi.retries.breaker import circuit_breaker as circuit_breaker
    from steadfastapi.retries.budget import RetryBudget as RetryBudget
    from steadfastapi.retries.decorator import db_retry as db_retry
    from steadfastapi.retries.decorator import http_retry as http_retry
    from steadfastapi.retries.decorator import retry as retry
    from steadfastapi.sentry.hook import before_send as before_send
    from steadfastapi.sentry.layer import Sentry as Sentry
    from steadfastapi.slo.api import count_bad as count_bad
    from steadfastapi.slo.api import count_good as count_good
    from steadfastapi.slo.declared import SLO as SLO
    from steadfastapi.slo.layer import SLOs as SLOs
    from steadfastapi.tracing.layer import Tracing as Tracing
    from steadfastapi.watchdog.layer import Watchdog as Watchdog

__version__ = "0.1.0"

_HOMES = {
    "CircuitOpenError": "exceptions",
    "ConfigurationError": "exceptions",
    "Console": "console.layer",
    "Contract": "contract.layer",
    "Exchange": "_exchange",
    "Health": "health.layer",
    "Inbox": "inbox.layer",
    "Layer": "_plan",
    "Limiter": "limits.limiter",
    "Limits": "limits.layer",
    "Logs": "logs.layer",
    "Metrics": "metrics.layer",
    "Oidc": "console.oidc.settings",
    "Plan": "_plan",
    "Probe": "health.probe",
    "ProbeGroup": "health.group",
    "ProbeResult": "health.model",
    "ProbeStatus": "health.model",
    "RetryBudget": "retries.budget",
    "RetryRefused": "exceptions",
    "SLO": "slo.declared",
    "SLOs": "slo.layer",
    "Sentry": "sentry.layer",
    "Service": "_service",
    "Stack": "_stack",
    "SteadfastError": "exceptions",
    "Tracing": "tracing.layer",
    "Watchdog": "watchdog.layer",
    "before_send": "sentry.hook",
    "bind": "_exchange",
    "by_header": "limits.keys",
    "by_ip": "limits.keys",
    "by_user": "limits.keys",
    "capture_exception": "inbox.api",
    "capture_message": "inbox.api",
    "circuit_breaker": "retries.breaker",
    "configure": "_configure",
    "count_bad": "slo.api",
    "count_event": "_events",
    "count_good": "slo.api",
    "current_exchange": "_exchange",
    "db_retry": "retries.decorator",
    "http_retry": "retries.decorator",
    "limiter": "limits.default",
    "push": "inbox.api",
    "retry": "retries.decorator",
}

__all__ = [  # noqa: RUF022 - by code point, as `sorted` has it
    "CircuitOpenError",
    "ConfigurationError",
    "Console",
    "Contract",
    "Exchange",
    "Health",
    "Inbox",
    "Layer",
    "Limiter",
    "Limits",
    "Logs",
    "Metrics",
    "Oidc",
    "Plan",
    "Probe",
    "ProbeGroup",
    "ProbeResult",
    "ProbeStatus",
    "RetryBudget",
    "RetryRefused",
    "SLO",
    "SLOs",
    "Sentry",
    "Service",
    "Stack",
    "SteadfastError",
    "Tracing",
    "Watchdog",
    "before_send",
    "bind",
    "by_header",
    "by_ip",
    "by_user",
    "capture_exception",
    "capture_message",
    "circuit_breaker",
    "configure",
    "count_bad",
    "count_event",
    "count_good",
    "current_exchange",
    "db_retry",
    "http_retry",
    "limiter",
    "push",
    "retry",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'steadfastapi' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"steadfastapi.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
