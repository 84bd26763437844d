"""Sightings, and applications with an inbox in a folder that goes away."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from steadfastapi import configure
from steadfastapi._exchange import Exchange
from steadfastapi.inbox.capture import Sighting, copied, faults_of, request_of
from steadfastapi.inbox.entry import Entry
from steadfastapi.inbox.handle import InboxHandle
from steadfastapi.inbox.layer import Inbox
from steadfastapi.inbox.query import Query
from steadfastapi.inbox.store import Issue


def raised(error: BaseException) -> BaseException:
    """Return an exception with a traceback through this function."""
    try:
        raise error
    except BaseException as caught:
        return caught


def deep(error: BaseException, frames: int) -> BaseException:
    """Return an exception with so many frames."""

    def call(left: int) -> None:
        if left <= 1:
            raise error
        call(left - 1)

    try:
        call(frames - 1)
    except BaseException as caught:
        return caught
    raise AssertionError


def served(**facts: Any) -> Exchange:
    """Return an exchange under way on the route `/pay/{id}`."""
    scope = {"headers": [(b"user-agent", b"curl")], "query_string": b"page=2"}
    exchange = Exchange(
        id="r" * 32, kind="http", method="POST", path="/pay/7", client=None, scope=scope
    )
    exchange.route = "/pay/{id}"
    for name, value in facts.items():
        setattr(exchange, name, value)
    return exchange


def sighting(error: BaseException | None = None, **facts: Any) -> Sighting:
    """Return what the request path notes of an exception, or of a message."""
    exchange = served()
    facts = {"event": "unhandled_exception", "level": "error", **facts}
    if error is not None:
        facts.setdefault("faults", faults_of(error))
    facts.setdefault("request", request_of(exchange))
    facts["context"] = copied(facts.get("context", {}))
    return Sighting(**facts)


class Kept:
    """The inbox of a configured application, as tests look at it.

    Args:
        handle: What `stack.inbox` is.
        folder: Where its file is.
    """

    def __init__(self, handle: InboxHandle, folder: Path) -> None:
        self.handle = handle
        self.folder = folder

    def issues(self, **filters: Any) -> tuple[Issue, ...]:
        """Return issues, once everything is written, first seen first."""
        assert self.handle.flush(10)
        found = self.handle.store.issues(Query(**filters)).items
        return tuple(sorted(found, key=lambda one: one.first_seen))

    def entries(self, **filters: Any) -> tuple[Entry, ...]:
        """Return entries, once everything is written, oldest first."""
        assert self.handle.flush(10)
        return self.handle.store.entries(Query(**filters)).items[::-1]

    def events(self) -> list[str]:
        """Return the events of all entries, sorted."""
        return sorted(one.event for one in self.entries())

    def files(self) -> bytes:
        """Return all that is in the store's files."""
        assert self.handle.flush(10)
        return b"".join(file.read_bytes() for file in sorted(self.folder.iterdir()))


@contextmanager
def inbox_of(app: FastAPI, *, layers: Any = None, **settings: Any) -> Iterator[Kept]:
    """Configure an application with an inbox; yield what is in it.

    Args:
        app: The application.
        layers: Further keywords of `configure`.
        **settings: Of `Inbox`.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings.setdefault("url", f"sqlite:///{folder}/inbox.db")
        keywords = {"tracing": False, "sentry": False, **(layers or {})}
        stack = configure(app, inbox=Inbox(**settings), **keywords)
        handle: InboxHandle = stack.plan.handles["inbox"]
        try:
            yield Kept(handle, Path(folder))
        finally:
            stack.shutdown(2)
