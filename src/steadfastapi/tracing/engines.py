"""SQLAlchemy engines that were made, or will be, past the instrumentation.

It replaces `create_engine`; a module that imported the function before `configure`
calls the original. Such an engine is found when it first connects.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from steadfastapi._guard import guard

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

_provider: TracerProvider | None = None
_seen: weakref.WeakSet[Any] = weakref.WeakSet()
_is_listening = False


def adopt(provider: TracerProvider) -> None:
    """Trace every engine of the process from its next connection on."""
    global _provider, _is_listening  # noqa: PLW0603 - one per process
    _provider = provider
    if not _is_listening:
        from sqlalchemy import event  # noqa: PLC0415 - only with the library
        from sqlalchemy.engine import Engine  # noqa: PLC0415

        event.listen(Engine, "engine_connect", _connected)
        _is_listening = True


def forget() -> None:
    """Adopt no more engines."""
    global _provider, _is_listening  # noqa: PLW0603
    _provider = None
    _seen.clear()
    if _is_listening:
        from sqlalchemy import event  # noqa: PLC0415
        from sqlalchemy.engine import Engine  # noqa: PLC0415

        event.remove(Engine, "engine_connect", _connected)
        _is_listening = False


def _connected(connection: Any) -> None:
    if _provider is not None:
        engine = connection.engine
        while hasattr(engine, "_proxied"):  # of `engine.execution_options()`
            engine = engine._proxied  # noqa: SLF001
        if engine not in _seen:
            _seen.add(engine)
            guard.call("tracing.libraries", _trace, engine, _provider)


def _trace(engine: Any, provider: TracerProvider) -> None:
    from opentelemetry.instrumentation.sqlalchemy.engine import (  # noqa: PLC0415
        EngineTracer,
    )
    from opentelemetry.metrics import NoOpMeterProvider  # noqa: PLC0415

    listening = EngineTracer._remove_event_listener_params  # noqa: SLF001
    if any(reference() is engine for reference, *_ in listening):
        return
    usage = NoOpMeterProvider().get_meter(__name__)
    EngineTracer(  # type: ignore[no-untyped-call]
        provider.get_tracer("opentelemetry.instrumentation.sqlalchemy"),
        engine,
        usage.create_up_down_counter("db.client.connections.usage"),
    )
