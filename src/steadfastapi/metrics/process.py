"""What a worker process says of itself: its resources, errors of ours, retries.

prometheus_client's own `process_*` family does not exist in multi-process mode
(PROM-7), so these are ours, summed up over the workers.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING

from steadfastapi._counts import counts
from steadfastapi._guard import guard
from steadfastapi._service import Service, package_version
from steadfastapi.signals import (
    APP_INFO,
    APP_START_TIME,
    HTTP_CLIENT_DURATION,
    INTERNAL_ERRORS,
    WORKER_CPU,
    WORKER_MAX_FDS,
    WORKER_MEMORY,
    WORKER_OPEN_FDS,
    WORKER_UP,
    Family,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from steadfastapi.metrics.registry import Families

SAMPLE_INTERVAL = 5.0
"""Seconds; half of the shortest usual scrape interval."""


class Worker:
    """Writes the gauges of this process every few seconds, and counts our errors.

    Applications that share their families share this too: what a process uses is
    counted once.

    Args:
        families: Where to.
        interval: Seconds between two samples.
    """

    def __init__(self, families: Families, interval: float = SAMPLE_INTERVAL) -> None:
        self._families = families
        self._interval = interval
        self._lock = threading.Lock()
        self._applications = 0
        self._pid = os.getpid()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._unsubscribe: list[Callable[[], None]] = []
        self._cpu = 0.0

    def watch_errors(self) -> None:
        """Count what the guard contains, and what has no layer, from now on."""
        if not self._unsubscribe:
            self._unsubscribe = [
                guard.subscribe(self._count_error),
                counts.subscribe(self._count),
            ]

    def start(self, service: Service) -> None:
        """Say what runs since when, and begin to sample."""
        child = self._families.child
        child(APP_START_TIME, service.version, service.revision).set(time.time())
        child(
            APP_INFO,
            service.version,
            service.revision,
            service.environment,
            f"{sys.version_info.major}.{sys.version_info.minor}",
            package_version("fastapi"),
        ).set(1)
        child(WORKER_UP).set(1)
        self._families.prepare()
        self.watch_errors()
        with self._lock:
            if self._pid != os.getpid():
                # Forked from a worker that ran: threads and times stayed behind.
                self._pid, self._applications, self._cpu = os.getpid(), 0, 0.0
            self._applications += 1
            if self._applications == 1:
                self._begin()

    def stop(self, deadline: float) -> bool:
        """Stop sampling, once the last application has ended."""
        with self._lock:
            self._applications -= 1
            thread = self._thread
            if self._applications > 0 or thread is None:
                return True
            self._stopping.set()
            self._thread = None
            while self._unsubscribe:
                self._unsubscribe.pop()()
        thread.join(deadline)
        return not thread.is_alive()

    def sample(self) -> None:
        """Write the gauges once."""
        child = self._families.child
        cpu = time.process_time()
        child(WORKER_CPU).inc(max(0.0, cpu - self._cpu))
        self._cpu = cpu
        for family, value in (
            (WORKER_MEMORY, _resident_bytes()),
            (WORKER_OPEN_FDS, _open_descriptors()),
            (WORKER_MAX_FDS, _max_descriptors()),
        ):
            if value is not None:
                child(family).set(value)

    def _begin(self) -> None:
        self.sample()
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._run,
            args=(self._stopping,),
            name="steadfastapi-worker-metrics",
            daemon=True,
        )
        self._thread.start()

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.wait(self._interval):
            guard.call("metrics.worker", self.sample)

    def _count_error(self, component: str) -> None:
        self._families.child(INTERNAL_ERRORS, component).inc()

    def _count(self, family: Family, labels: tuple[str, ...], value: float) -> None:
        if family is HTTP_CLIENT_DURATION:
            labels = (*labels[:2], self._families.status(labels[2]))
        child = self._families.child(family, *labels)
        if family.kind == "gauge":
            child.set(value)
        elif family.kind == "histogram":
            child.observe(value)
        else:
            child.inc(value)


def _resident_bytes() -> int | None:
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - procfs
            pages = int(file.read().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def _open_descriptors() -> int | None:
    try:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - procfs
    except OSError:
        return None


def _max_descriptors() -> float | None:
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return float("inf") if soft == resource.RLIM_INFINITY else soft
