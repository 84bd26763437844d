"""Helpers for tests of a configured application.

    from steadfastapi.testing import capture

    def test_a_conflict_is_logged(client):
        with capture(app) as seen:
            client.post("/users", json={"email": "taken@example.org"})
        assert seen.exchanges[0].status == 409
        assert seen.metric("http_requests_total", status="4xx") == 1

Everything that is switched here is put back to what it was, not to a default.
"""

from __future__ import annotations

import io
import json
import sys
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from steadfastapi._configure import stack_of
from steadfastapi._guard import guard
from steadfastapi._middleware import ExchangeMiddleware
from steadfastapi.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import FastAPI
    from opentelemetry.sdk.trace import ReadableSpan

    from steadfastapi._exchange import Exchange
    from steadfastapi._stack import Stack


@dataclass(slots=True)
class Captured:
    """What an application did while it was watched."""

    exchanges: list[Exchange] = field(default_factory=list)
    """Finished exchanges, oldest first; health checks and scrapes included."""
    sentry_events: list[dict[str, Any]] = field(default_factory=list)
    """Events as they would have left for Sentry; none leave during a capture."""
    _log_stream: io.StringIO = field(default_factory=io.StringIO)
    _stack: Stack | None = None
    _baseline: dict[tuple[str, frozenset[tuple[str, str]]], float] = field(
        default_factory=dict
    )
    _earlier_spans: frozenset[int] = frozenset()

    @property
    def log_lines(self) -> list[str]:
        """Log lines as written, JSON."""
        return self._log_stream.getvalue().splitlines()

    @property
    def logs(self) -> list[dict[str, Any]]:
        """Log lines, parsed."""
        return [json.loads(line) for line in self.log_lines]

    def events(self, event: str) -> list[dict[str, Any]]:
        """Return the log lines with this event name, e.g. `request`."""
        return [line for line in self.logs if line.get("event") == event]

    def metric(self, name: str, **labels: str) -> float:
        """Return by how much a series has grown; several that match are summed up.

        Args:
            name: Of the sample, e.g. `http_requests_total`.
            **labels: Labels that it must have; others may be anything.
        """
        wanted = labels.items()
        return sum(
            value - self._baseline.get((sample, found), 0.0)
            for (sample, found), value in _samples(self._stack).items()
            if sample == name and wanted <= dict(found).items()
        )

    @property
    def spans(self) -> list[ReadableSpan]:
        """Spans that were finished, oldest first."""
        return [
            span for span in _spans(self._stack) if id(span) not in self._earlier_spans
        ]


@contextmanager
def capture(app: FastAPI) -> Iterator[Captured]:
    """Watch a configured application: exchanges, logs, metrics, spans, Sentry events.

    Args:
        app: What `configure` was called with; it may have started already.

    Raises:
        ConfigurationError: The application is not configured.
    """
    stack = stack_of(app)
    if stack is None:
        raise ConfigurationError(
            f"capture() got {app.title!r}, which is not configured; call "
            "configure(app) first."
        )
    earlier = _spans(stack)
    captured = Captured(
        _stack=stack,
        _baseline=_samples(stack),
        _earlier_spans=frozenset(id(span) for span in earlier),
    )
    with ExitStack() as undo:
        undo.enter_context(_watched(stack, captured.exchanges))
        undo.enter_context(_logs_into(captured._log_stream))
        undo.enter_context(_sentry_into(captured.sentry_events))
        yield captured


@contextmanager
def internal_errors() -> Iterator[Counter[str]]:
    """Contain internal errors as in production, instead of failing the test.

    Yields:
        How many were contained by component, from now on.
    """
    before = guard.contain_under_pytest
    counted: Counter[str] = Counter()

    def count(component: str) -> None:
        counted[component] += 1

    undo = guard.subscribe(count)
    guard.contain_under_pytest = True
    try:
        yield counted
    finally:
        guard.contain_under_pytest = before
        undo()


@contextmanager
def instant_retries() -> Iterator[None]:
    """Let retries wait for nothing and need no budget; attempts stay as they are.

        with instant_retries():
            response = client.get("/orders/7")

    Deadlines hold, and so does what must not be repeated.
    """
    from steadfastapi.retries.strategies import Switch  # noqa: PLC0415 - on demand

    before = Switch.instant
    Switch.instant = True
    try:
        yield
    finally:
        Switch.instant = before


@contextmanager
def frozen_limits() -> Iterator[Callable[[float], None]]:
    """Let the windows of rate limits in memory stand still.

    Yields:
        A function that lets a number of seconds pass.
    """
    from steadfastapi.limits.memory import frozen  # noqa: PLC0415 - only if used

    with frozen() as advance:
        yield advance


def reset() -> None:
    """Undo what `configure` and calls did to the process: logging, providers, budget.

    For test-suites that configure many applications in one process.
    """
    for module, function in (
        ("steadfastapi.logs.install", "reset"),
        ("steadfastapi.tracing.provider", "reset"),
        ("steadfastapi.sentry.client", "reset"),
        ("steadfastapi.retries.budget", "reset"),
        ("steadfastapi._counts", "reset"),
        ("steadfastapi._events", "reset"),
        ("steadfastapi.watchdog.background", "reset"),
        ("steadfastapi.watchdog.engines", "reset"),
        ("steadfastapi.inbox.api", "reset"),
        ("steadfastapi.inbox.log_watch", "reset"),
        ("steadfastapi.slo.api", "reset"),
    ):
        loaded = sys.modules.get(module)
        if loaded is not None:
            getattr(loaded, function)()
    guard.forget()
    guard.contain_under_pytest = False


@contextmanager
def _watched(stack: Stack, exchanges: list[Exchange]) -> Iterator[None]:
    """Add an observer to a stack, whether its middleware is built or not."""
    entry = ("testing.observer", exchanges.append)
    stack.plan._finish.append(entry)
    built = _exchange_middleware(stack)
    if built is not None:
        built.observers = replace(
            built.observers, finish=(*built.observers.finish, entry)
        )
    try:
        yield
    finally:
        stack.plan._finish.remove(entry)
        late = _exchange_middleware(stack)
        if late is not None:
            kept = tuple(one for one in late.observers.finish if one is not entry)
            late.observers = replace(late.observers, finish=kept)


def _exchange_middleware(stack: Stack) -> ExchangeMiddleware | None:
    current: Any = stack.plan.app.middleware_stack
    while current is not None and not isinstance(current, ExchangeMiddleware):
        current = getattr(current, "app", None)
    return current


@contextmanager
def _logs_into(stream: io.StringIO) -> Iterator[None]:
    if "steadfastapi.logs.pipeline" not in sys.modules:
        yield
        return
    from steadfastapi.logs.pipeline import pipeline  # noqa: PLC0415 - only if on
    from steadfastapi.logs.renderers import render_json  # noqa: PLC0415

    before = pipeline.stream, pipeline.render
    pipeline.stream, pipeline.render = stream, render_json
    try:
        yield
    finally:
        pipeline.stream, pipeline.render = before


@contextmanager
def _sentry_into(events: list[dict[str, Any]]) -> Iterator[None]:
    sdk = sys.modules.get("sentry_sdk")
    client: Any = sdk.get_client() if sdk is not None else None
    if client is None or not client.is_active() or client.transport is None:
        yield
        return
    transport = client.transport
    before = transport.capture_envelope

    def take(envelope: Any) -> None:
        for item in envelope.items:
            event = item.get_event()
            if event is not None:
                events.append(event)

    transport.capture_envelope = take
    try:
        yield
    finally:
        transport.capture_envelope = before


def _samples(
    stack: Stack | None,
) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    if stack is None or "metrics" not in stack.plan.handles:
        return {}
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in stack.metrics.registry.collect()
        for sample in family.samples
    }


def _spans(stack: Stack | None) -> list[Any]:
    if stack is None or "tracing" not in stack.plan.handles:
        return []
    return list(stack.tracing.ring)
