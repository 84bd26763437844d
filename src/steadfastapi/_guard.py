"""Never break the application: every internal error ends here.

steadfastapi runs inside other people's requests. Whatever one of its own pieces
raises is counted by component, logged at most once per cause in `LOG_INTERVAL`
seconds, and goes no further. Only `Exception` is caught: `CancelledError`,
`KeyboardInterrupt` and `SystemExit` always pass.

Under pytest the error is raised again, so that a bug of ours fails a test instead
of hiding in a counter; `steadfastapi.testing.internal_errors()` switches that off.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

LOG_INTERVAL = 20.0
"""Seconds between two log lines about the same cause (the OpenTelemetry error
handling guideline asks for a bound; the figure is ours)."""

MAX_CAUSES = 1_000
"""Causes that are remembered; beyond it the memory starts anew."""

_logger = logging.getLogger("steadfastapi.internal")


class Guard:
    """Counts, reports and contains internal errors. One per process."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        """Swallowed errors by component."""
        self.contain_under_pytest = False
        """Whether a test asked for the behaviour of production."""
        self._listeners: list[Callable[[str], None]] = []
        self._last_logged: dict[tuple[str, str], float] = {}
        self._busy = threading.local()
        self._lock = threading.Lock()

    def subscribe(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Call `listener(component)` for every swallowed error; returns the undo."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    def forget(self) -> None:
        """Count anew, and log each cause again; for tests."""
        with self._lock:
            self.counts.clear()
            self._last_logged.clear()

    def swallow(self, component: str, error: Exception) -> None:
        """Contain `error`, which `component` raised.

        Raises:
            Exception: `error` itself, under pytest, unless a test asked otherwise.
        """
        if not self.contain_under_pytest and "PYTEST_CURRENT_TEST" in os.environ:
            raise error
        reporting = getattr(self._busy, "active", False)
        self._busy.active = True
        try:
            with self._lock:
                self.counts[component] += 1
            for listener in tuple(self._listeners):
                with contextlib.suppress(Exception):  # the others hear of it too
                    listener(component)
            # An error of the report itself is counted, and not reported in turn.
            if not reporting and self._is_due(component, error):
                self._log(component, error)
        except Exception:  # noqa: S110 - the last line of defence reports nothing
            pass
        finally:
            self._busy.active = reporting

    def call(
        self,
        component: str,
        function: Callable[P, T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T | None:
        """Return `function(*args, **kwargs)`, or None when it raised."""
        try:
            return function(*args, **kwargs)
        except Exception as error:
            self.swallow(component, error)
            return None

    def _is_due(self, component: str, error: Exception) -> bool:
        cause = (component, _place(error))
        now = time.monotonic()
        with self._lock:
            if len(self._last_logged) > MAX_CAUSES:
                self._last_logged.clear()
            last = self._last_logged.get(cause)
            if last is not None and now - last < LOG_INTERVAL:
                return False
            self._last_logged[cause] = now
            return True

    def _log(self, component: str, error: Exception) -> None:
        message = "steadfastapi contained an error of its own; the application goes on"
        if component.startswith("logs"):
            # The log pipeline is what failed: do not ask it to report itself.
            sys.stderr.write(
                f"{message}: component={component} {type(error).__name__}\n"
            )
            return
        _logger.error(
            message,
            exc_info=(type(error), error, error.__traceback__),
            extra={"component": component},
        )


def _place(error: Exception) -> str:
    """Type, file and line: what makes two errors the same cause."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return type(error).__name__
    code = traceback.tb_frame.f_code
    return f"{type(error).__name__}:{code.co_filename}:{traceback.tb_lineno}"


guard = Guard()
"""The guard of this process."""
