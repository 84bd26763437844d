"""Celery workers."""

from __future__ import annotations

from typing import Any, Unpack

from steadfastapi.exceptions import ConfigurationError, MissingExtraError
from steadfastapi.health.model import ProbeResult, ProbeStatus
from steadfastapi.health.probe import BaseProbe, Outcome, ProbeOptions

REPLY_SECONDS = 0.4
"""Within the timeout of a check."""


class CeleryProbe(BaseProbe):
    """Pings Celery workers through their broker; well when enough of them answer.

    Runs in a thread. Not critical by default: that workers are gone is no reason to
    stop serving requests.

    Args:
        app: The Celery application.
        name: Shown everywhere, unique in an application.
        min_workers: How many must answer.
        **options: Those of every probe; workers get four fifths of `timeout` to
            answer.
    """

    name = "celery"
    critical_by_default = False

    def __init__(
        self,
        app: Any,
        name: str | None = None,
        *,
        min_workers: int = 1,
        **options: Unpack[ProbeOptions],
    ) -> None:
        try:
            import celery  # noqa: F401, PLC0415 - an extra
        except ImportError as error:
            raise MissingExtraError(
                "CeleryProbe(…) needs the package 'celery', which is not installed: "
                "pip install 'steadfastapi[celery]'."
            ) from error
        if not hasattr(app, "control") or min_workers < 0:
            raise ConfigurationError(
                f"CeleryProbe({type(app).__name__}, min_workers={min_workers!r}): give "
                "the Celery application, and how many workers must answer."
            )
        super().__init__(name, **options)
        self.app = app
        self.min_workers = min_workers

    def check(self) -> Outcome:
        """Ping the workers; blocks."""
        patience = REPLY_SECONDS if self.timeout is None else self.timeout * 0.8
        with self.app.connection_for_write(connect_timeout=patience) as connection:
            # Without this, kombu would try a hundred times, two seconds apart.
            connection.ensure_connection(
                max_retries=1, interval_start=0, timeout=patience
            )
            replies = self.app.control.ping(
                timeout=patience, limit=self.min_workers or None, connection=connection
            )
        workers = sorted(name for reply in replies for name in reply)
        enough = len(workers) >= self.min_workers
        return ProbeResult(
            name=self.name,
            status=ProbeStatus.HEALTHY if enough else ProbeStatus.UNHEALTHY,
            error=None
            if enough
            else f"{len(workers)} of at least {self.min_workers} workers answered",
            details={"workers": len(workers)},
        )
