"""What `stack.inbox` is: questions to the store, off the event loop."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import anyio
import anyio.to_thread

from steadfastapi.exceptions import StoreError
from steadfastapi.inbox.query import Query, known

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from steadfastapi.inbox.entry import Entry
    from steadfastapi.inbox.query import Page, State
    from steadfastapi.inbox.status import Status
    from steadfastapi.inbox.store import Change, Issue, Store
    from steadfastapi.inbox.writer import Writer

P = ParamSpec("P")
T = TypeVar("T")

DEADLINE = 5.0
"""Seconds for one answer."""
MAX_THREADS = 4
"""Threads that may hang in a store that does not answer: never those of the app."""


class InboxHandle:
    """Issues and entries, to be read and resolved.

    Coroutines ask the store and raise `StoreError` when it fails or does not answer
    in time, `BadQueryError` for filters that it does not know.

    Args:
        writer: What writes entries.
        changes: Who is told of new and reopened issues and of storms.
    """

    def __init__(self, writer: Writer, changes: list[Callable[[Change], None]]) -> None:
        self._writer = writer
        self._changes = changes
        self._limiter: anyio.CapacityLimiter | None = None

    @property
    def store(self) -> Store:
        """The store itself; its methods block."""
        return self._writer.store

    def status(self) -> Status:
        """Return counts, and whether the store works; asks nobody."""
        return self._writer.status()

    def flush(self, seconds: float = DEADLINE) -> bool:
        """Wait until all entries are written; blocks.

        Returns:
            Whether they were in time.
        """
        return self._writer.flush(seconds)

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call `listener` for each new or reopened issue and each storm.

        It is called in the writer's thread, and should not be long about it.

        Returns:
            What ends it.
        """
        self._changes.append(listener)

        def unsubscribe() -> None:
            if listener in self._changes:
                self._changes.remove(listener)

        return unsubscribe

    async def list(self, **filters: Any) -> Page[Issue]:
        """Return a page of issues.

        Args:
            **filters: Fields of `Query`: state, level, event, route, since, until,
                release, search, sort, limit, cursor.
        """
        return await self._ask(self.store.issues, known(**filters))

    async def get(self, issue: str) -> Issue | None:
        """Return one issue by its id."""
        return await self._ask(self.store.issue, issue)

    async def entries(self, **filters: Any) -> Page[Entry]:
        """Return a page of entries, newest first; `issue=` for those of one issue."""
        return await self._ask(self.store.entries, known(**filters))

    async def entry(self, identity: str) -> Entry | None:
        """Return one entry by its id."""
        return await self._ask(self.store.entry, identity)

    async def search(self, text: str, *, limit: int = 50) -> Page[Issue]:
        """Return the issues that a text is found in."""
        return await self._ask(self.store.issues, Query(search=text, limit=limit))

    async def resolve(
        self, issues: str | Iterable[str], *, release: str | None = None
    ) -> int:
        """Resolve issues; they open again when they happen again.

        Args:
            issues: One id, or several.
            release: Which has the cure: older releases that still run do not open
                them again.

        Returns:
            How many there were.
        """
        return await self._set(issues, "resolved", release)

    async def ignore(self, issues: str | Iterable[str]) -> int:
        """Go on counting issues, and tell nobody; return how many there were."""
        return await self._set(issues, "ignored")

    async def reopen(self, issues: str | Iterable[str]) -> int:
        """Open issues again; return how many there were."""
        return await self._set(issues, "open")

    async def _set(
        self, issues: str | Iterable[str], state: State, release: str | None = None
    ) -> int:
        several = [issues] if isinstance(issues, str) else list(issues)
        change = partial(self.store.set_state, several, state, release=release)
        return await self._ask(change)

    async def _ask(
        self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(MAX_THREADS)
        try:
            with anyio.fail_after(DEADLINE):
                return await anyio.to_thread.run_sync(
                    partial(question, *args, **kwargs),
                    limiter=self._limiter,
                    abandon_on_cancel=True,
                )
        except TimeoutError as error:
            raise StoreError(f"no answer from the store in {DEADLINE:g} s") from error
