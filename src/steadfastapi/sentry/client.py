"""The Sentry client of this process: initialised once, respected if it is there.

The SDK is imported inside of the functions: a process without a DSN never pays for
it, also where `reset` or `found` are called.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from steadfastapi._counts import counts
from steadfastapi._export import EXPORT_TIMEOUT
from steadfastapi._scrub import safe_str, scrub_text
from steadfastapi.exceptions import ConfigurationError
from steadfastapi.sentry.bounds import MARGIN
from steadfastapi.sentry.hook import BeforeSend, Hook
from steadfastapi.signals import TELEMETRY_DROPPED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steadfastapi._service import Service
    from steadfastapi.sentry.layer import Sentry

MAX_VALUE_LENGTH = 8 * 1024 + MARGIN
"""Bytes that the SDK keeps of one value: it cuts before we scrub."""
SHUTDOWN_TIMEOUT = 1.0
"""Seconds at interpreter exit; the lifespan has flushed before."""
FLUSH_MARGIN = 0.2
"""Seconds before the deadline, so that the answer is there when it is asked for;
at most a fifth of it."""

_lock = threading.Lock()
_flushing = threading.Lock()
_ours: Any = None
_left_behind: list[Any] = []
"""Pools of a parent process: closing one in a child is not for the child to do."""
_watches_forks = False
_chained: list[tuple[Any, Any]] = []
"""Clients of the application, with the hook that each had."""


def found() -> Any | None:
    """Return the client of this process that sends, whoever initialised it."""
    sdk = sys.modules.get("sentry_sdk")
    get_client = getattr(sdk, "get_client", None)  # None while it is being imported
    client: Any = None if get_client is None else get_client()
    if client is None or not client.is_active() or client.transport is None:
        return None
    return client


def is_ours(client: Any) -> bool:
    """Return whether steadfastapi initialised this client."""
    return client is not None and client is _ours


def has_integration(client: Any, name: str) -> bool:
    """Return whether an integration of the SDK is active in a client."""
    return client.get_integration(name) is not None


def install(settings: Sentry, service: Service) -> None:
    """Initialise Sentry, unless a client is there; then only chain the hook.

    Idempotent; a second application of this process shares the client.

    Raises:
        ConfigurationError: The SDK refuses an option.
    """
    global _ours  # noqa: PLW0603 - one client per process
    with _lock:
        client = found()
        own = () if settings.before_send is None else (settings.before_send,)
        if client is None:
            _ours = _initialised(settings, service, Hook(own))
        else:
            chain(client, *own)
        _watch_drops(found())
        _watch_forks()


def chain(client: Any, *own: BeforeSend) -> None:
    """Put our hook around the client's; the application's own is still called."""
    present = client.options.get("before_send")
    if isinstance(present, Hook):
        for hook in own:
            present.add(hook)
        return
    client.options["before_send"] = Hook([*([present] if present else []), *own])
    _chained.append((client, present))


def _watch_drops(client: Any) -> None:
    """Count what the transport gives up; one that the application wrote may not tell.

    `flush` puts back whatever it finds here.
    """
    transport: Any = getattr(client, "transport", None)
    give_up: Any = getattr(transport, "on_dropped_event", None)
    if give_up is None or hasattr(give_up, "counts"):
        return

    def dropped(reason: str) -> None:
        why = "queue_full" if reason == "full_queue" else "error"
        counts.add(TELEMETRY_DROPPED, "sentry", why)
        give_up(reason)

    dropped.counts = True  # type: ignore[attr-defined]
    transport.on_dropped_event = dropped


def _watch_forks() -> None:
    global _watches_forks  # noqa: PLW0603 - Python cannot take a hook back
    if not _watches_forks and hasattr(os, "register_at_fork"):  # not on Windows
        os.register_at_fork(after_in_child=_begin_in_child)
        _watches_forks = True


def _begin_in_child() -> None:
    """Give a forked child a queue, a thread and connections of its own.

    The SDK's child (2.75) has its parent's: both send what waited, and each reads the
    answers that were the other's (NB-9).
    """
    global _lock, _flushing
    _lock, _flushing = threading.Lock(), threading.Lock()
    transport: Any = getattr(found(), "transport", None)
    make: Any = getattr(transport, "_create_worker", None)
    if make is not None:
        transport._worker = make(transport.options)  # noqa: SLF001 - no other way
    _renew_pool(transport)


def _renew_pool(transport: Any) -> None:
    """Let a transport connect anew, by the timeout that it has now."""
    make: Any = getattr(transport, "_make_pool", None)
    if make is not None:
        _left_behind[:] = [transport._pool]  # noqa: SLF001
        transport._pool = make()  # noqa: SLF001


def flush(deadline: float) -> bool:
    """Wait until everything is sent.

    Args:
        deadline: Seconds; the answer comes a little earlier.

    Returns:
        Whether everything that was captured has left in time. False too if the
        transport gave an event up meanwhile: the SDK counts that as done.
    """
    client = found()
    if client is None:
        return True
    # One at a time: each watches what the transport gives up, and puts it back.
    if not _flushing.acquire(timeout=deadline):
        return False
    try:
        return _flushed(client, deadline)
    finally:
        _flushing.release()


def _flushed(client: Any, deadline: float) -> bool:
    transport = client.transport
    lost: list[str] = []
    # Transports of the SDK have it; one that the application wrote may not.
    give_up: Any = getattr(transport, "on_dropped_event", None)

    def count(reason: str) -> None:
        lost.append(reason)
        give_up(reason)

    seconds = deadline - min(FLUSH_MARGIN, deadline / 5)
    ends_at = time.monotonic() + seconds
    if give_up is not None:
        transport.on_dropped_event = count
    try:
        client.flush(timeout=seconds)
    finally:
        if give_up is not None:
            transport.on_dropped_event = give_up
    return not lost and time.monotonic() < ends_at


def reset() -> None:
    """Undo what this module did to the process: close our client, unchain hooks."""
    global _ours
    with _lock:
        for client, present in _chained:
            client.options["before_send"] = present
        _chained.clear()
        ours, _ours = _ours, None
        if ours is None:
            return
        import sentry_sdk  # noqa: PLC0415 - imported long ago by `_initialised`

        ours.close(timeout=0.0)
        if sentry_sdk.get_global_scope().client is ours:
            sentry_sdk.get_global_scope().set_client(None)


def _initialised(settings: Sentry, service: Service, hook: Hook) -> Any:
    import sentry_sdk  # noqa: PLC0415 - only with a DSN

    given = dict(settings.options)
    options: dict[str, Any] = {
        "dsn": settings.dsn.get_secret_value() if settings.dsn else None,
        "release": os.environ.get("SENTRY_RELEASE") or service.release,
        "environment": os.environ.get("SENTRY_ENVIRONMENT") or service.environment,
        "sample_rate": settings.sample_rate,
        "before_send": hook,
        # Requests are captured at our boundary; the SDK's own middleware would
        # see them a second time and takes 100 µs for each.
        "default_integrations": False,
        "auto_enabling_integrations": False,
        "integrations": _integrations(given.pop("integrations", ())),
        "include_local_variables": False,
        "max_request_body_size": "never",
        "max_value_length": MAX_VALUE_LENGTH,
        "auto_session_tracking": False,
        "in_app_exclude": ["steadfastapi"],
        "shutdown_timeout": SHUTDOWN_TIMEOUT,
    }
    try:
        sentry_sdk.init(**{**options, **given})
    except Exception as error:
        raise ConfigurationError(
            f"sentry_sdk.init() refused a setting of Sentry(options=…): "
            f"{scrub_text(safe_str(error, 200))}."
        ) from error
    client: Any = sentry_sdk.get_client()
    transport: Any = client.transport
    if hasattr(transport, "TIMEOUT") and "transport" not in given:
        # 30 s by default (2.75): as long would nothing be sent after an outage in which
        # nobody answered (NB-6).
        transport.TIMEOUT = EXPORT_TIMEOUT
        _renew_pool(transport)
    return client


def _integrations(given: Sequence[Any]) -> list[Any]:
    """Ours, of which the application's replace those of the same name.

    Not among them: `argv`, which sends the command line; `modules`, which reads the
    metadata of every package on the event loop; `stdlib`, which adds headers to
    outgoing requests.
    """
    from sentry_sdk.integrations.atexit import AtexitIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.dedupe import DedupeIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.excepthook import (  # noqa: PLC0415
        ExcepthookIntegration,
    )
    from sentry_sdk.integrations.logging import LoggingIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.threading import (  # noqa: PLC0415
        ThreadingIntegration,
    )

    ours = [
        AtexitIntegration(callback=_say_nothing),
        DedupeIntegration(),
        ExcepthookIntegration(),
        LoggingIntegration(event_level=None),
        ThreadingIntegration(),
    ]
    names = {integration.identifier for integration in given}
    return [one for one in ours if one.identifier not in names] + list(given)


def _say_nothing(_pending: int, _timeout: float) -> None:
    """The SDK would write to stderr at exit."""
