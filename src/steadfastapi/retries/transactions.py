"""What an attempt did to SQLAlchemy's transactions, and how it is undone.

Whether a write may be repeated depends on whether its COMMIT was sent, and nobody but
the engine knows. SQLAlchemy's `commit` event comes before the driver's call, so that
what is in doubt counts as sent.
"""

from __future__ import annotations

import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from steadfastapi._guard import guard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from steadfastapi.retries.calls import Call

active: ContextVar[Call | None] = ContextVar("steadfastapi_retry", default=None)
"""The innermost call of a retried function."""


class Work:
    """What one attempt did, seen by the events of SQLAlchemy."""

    __slots__ = ("autocommit", "begun", "committing", "foreign", "sent", "sessions")

    def __init__(self) -> None:
        self.begun: list[Any] = []
        """Connections that began a transaction."""
        self.sessions: list[Any] = []
        self.sent = 0
        """COMMITs that may have happened."""
        self.committing: Any = None
        """The connection whose COMMIT was the last to be sent."""
        self.autocommit = False
        """Whether a statement may have counted by itself."""
        self.foreign = False
        """Whether the failure was in a transaction that was there before: to undo it
        would be to lose what the caller did in it."""

    @property
    def is_unsent(self) -> bool:
        """Whether nothing of it can have been kept."""
        return bool(self.begun) and not self.autocommit and not self.sent


def watch() -> None:
    """Listen to every engine and session, as soon as SQLAlchemy is loaded."""
    for name in tuple(_missing):
        if name in sys.modules:
            guard.call("retries.transactions", _listen, name)


def roll_back(work: Work) -> None:
    """Undo what is open of an attempt, so that the next one starts afresh."""
    for session in work.sessions:
        session.rollback()
    for connection in work.begun:
        if not connection.closed and connection.in_transaction():
            connection.rollback()


async def aroll_back(work: Work) -> None:
    """Do the same in async code, for async and sync engines."""
    await sys.modules["sqlalchemy.util"].greenlet_spawn(roll_back, work)


def _works() -> Iterator[Work]:
    """Yield the work of every call that is going on, innermost first."""
    call = active.get()
    while call is not None:
        if not call.done:
            yield call.work or call.new_work()
        call = call.outer


def _on_begin(connection: Any) -> None:
    for work in _works():
        work.begun.append(connection)
        work.autocommit = work.autocommit or _is_autocommit(connection)


def _on_commit(connection: Any, *_: Any) -> None:
    for work in _works():
        work.sent += 1
        work.committing = connection


def _on_error(context: Any) -> None:
    connection = context.connection
    if connection is None:
        return
    for work in _works():
        if context.statement is None and work.committing is connection:
            work.committing = None
            # The server's answer to COMMIT was an error: then it is no commit. Was
            # there no answer, it may be one.
            work.sent -= not context.is_disconnect
        elif not any(connection is one for one in work.begun):
            work.foreign = bool(connection.in_transaction())


def _on_after_begin(session: Any, *_: Any) -> None:
    for work in _works():
        if not any(session is one for one in work.sessions):
            work.sessions.append(session)


def _guarded(listener: Callable[..., None]) -> Callable[..., None]:
    def call(*arguments: Any) -> None:
        if active.get() is not None:
            guard.call("retries.transactions", listener, *arguments)

    return call


def _is_autocommit(connection: Any) -> bool:
    if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
        return True
    detect = getattr(connection.dialect, "detect_autocommit_setting", None)
    if detect is None:  # below SQLAlchemy 2.0.43
        level = getattr(connection.dialect, "_on_connect_isolation_level", None)
        return bool(level == "AUTOCOMMIT")
    try:
        return bool(detect(connection.connection.dbapi_connection))
    except RuntimeError:  # a dialect that cannot tell: the careful answer
        return True


_missing: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
    "sqlalchemy.engine": (
        "Engine",
        {
            "begin": _on_begin,
            "commit": _on_commit,
            "commit_twophase": _on_commit,
            "handle_error": _on_error,
            "prepare_twophase": _on_commit,
        },
    ),
    "sqlalchemy.orm": ("Session", {"after_begin": _on_after_begin}),
}
"""Listeners that wait for their module."""


def _listen(name: str) -> None:
    event: Any = sys.modules.get("sqlalchemy.event")
    target = getattr(sys.modules.get(name), _missing[name][0], None)
    if event is None or target is None:
        return
    _, listeners = _missing.pop(name)
    for identifier, listener in listeners.items():
        event.listen(target, identifier, _guarded(listener))
