"""The backends of the outage matrix that are posted to, and what all have in common.

A backend stands behind a `LossyProxy`; `fail` breaks it in one way, `repair` mends it.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

from support.outage_proxy import LossyProxy
from support.receiver import HttpReceiver

if TYPE_CHECKING:
    from collections.abc import Callable

FAULTS = ("refused", "black_hole", "latency", "reset", "429", "500", "trickle")
RETRY_AFTER = 3
"""Seconds that an HTTP backend asks for with its 429."""
LATENCY, TRICKLE = 10.0, 1.0
KIND = re.compile(r"Error([0-9a-f]{32})")
REQUEST_ID = re.compile(rb'"request_id":\s*"([\w.-]+)"')


class Backend(ABC):
    """What fails.

    Attributes:
        name: In the table.
        variable: Of the environment, that leads the application to it.
        back_within: Seconds from the repair until it is used again, by NB-6.
    """

    name: str
    variable: str
    back_within: float = 10.0

    def __init__(self) -> None:
        self._held = contextlib.ExitStack()
        self.proxy: LossyProxy

    @property
    @abstractmethod
    def url(self) -> str:
        """What the application is given."""

    @abstractmethod
    def enter(self) -> tuple[str, int]:
        """Start it; returns where it listens."""

    @abstractmethod
    def arrived(self, identity: str) -> bool:
        """Return whether what a failed request caused is here.

        Args:
            identity: The request's id, and its trace's.
        """

    def too_many(self) -> None:
        """Say that there are too many clients."""
        raise NotImplementedError

    def broken(self) -> None:
        """Answer, and not with what was asked for."""
        raise NotImplementedError

    def well(self) -> None:
        """Undo `too_many` and `broken`."""
        raise NotImplementedError

    def fail(self, fault: str) -> None:
        """Break it.

        Args:
            fault: One of `FAULTS`.
        """
        ways: dict[str, Callable[[], None]] = {
            "refused": self.proxy.refuse,
            "black_hole": self.proxy.swallow,
            "latency": lambda: self.proxy.latency(LATENCY),
            "reset": self.proxy.reset,
            "429": self.too_many,
            "500": self.broken,
            "trickle": lambda: self.proxy.trickle(TRICKLE),
        }
        ways[fault]()

    def repair(self) -> None:
        """Let it be well."""
        self.well()
        self.proxy.heal()

    def pause(self, fault: str) -> float:
        """Return for how long it asked to be left alone, at most, at the repair."""
        return 0.0

    def __enter__(self) -> Self:
        host, port = self.enter()
        self.proxy = self._held.enter_context(LossyProxy(host, port))
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()


class Collector(HttpReceiver):
    """Keeps the ids of what it was sent, each as often as it came.

    Args:
        ids: Returns them of a path and a body; None for a path that is not served.
    """

    def __init__(self, ids: Callable[[str, bytes], list[str] | None]) -> None:
        super().__init__()
        self._ids = ids
        self.taken: dict[str, int] = {}
        self.answered = 0  # ids, in requests that were accepted

    def collect(self, path: str, body: bytes) -> bool:
        """Take the ids of one request, and forget the request."""
        self._received.clear()
        ids = self._ids(path, body)
        for one in ids or ():
            self.taken[one] = self.taken.get(one, 0) + 1
        self.answered += len(ids or ())
        return ids is not None


class HttpBackend(Backend):
    """A backend that is posted to."""

    def __init__(self) -> None:
        super().__init__()
        self.collector = Collector(self.ids)

    @abstractmethod
    def ids(self, path: str, body: bytes) -> list[str] | None:
        """Return the ids in a request."""

    def enter(self) -> tuple[str, int]:
        """Listen."""
        collector = self._held.enter_context(self.collector)
        return collector.host, collector.port

    def arrived(self, identity: str) -> bool:
        """Return whether a request with this id came."""
        return identity in self.collector.taken

    def too_many(self) -> None:
        """Answer 429, and ask for a pause."""
        self.collector.respond_with(429, {"Retry-After": str(RETRY_AFTER)})

    def broken(self) -> None:
        """Answer 500."""
        self.collector.respond_with(500)

    def well(self) -> None:
        """Answer 200."""
        self.collector.respond_with(200)

    def pause(self, fault: str) -> float:
        """Return what the last 429 may have asked for a moment ago."""
        return float(RETRY_AFTER) if fault == "429" else 0.0


class SentryBackend(HttpBackend):
    """Sentry."""

    name, variable = "sentry", "SENTRY_DSN"

    @property
    def url(self) -> str:
        """The DSN."""
        return f"http://public@{self.proxy.host}:{self.proxy.port}/1"

    def ids(self, path: str, body: bytes) -> list[str] | None:
        """Return the request's id of an event; none of a client report."""
        first = REQUEST_ID.search(body)
        return [first[1].decode()] if first and b'"type":"event"' in body else []


class OtlpBackend(HttpBackend):
    """An OpenTelemetry collector: spans by their trace, lines by their request."""

    name, variable = "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT"

    def __init__(self) -> None:
        super().__init__()
        self.spans = 0
        self.lines = 0

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://{self.proxy.host}:{self.proxy.port}"

    def ids(self, path: str, body: bytes) -> list[str] | None:
        """Return the ids of traces; lines are only counted."""
        if path == "/v1/logs":
            found = ExportLogsServiceRequest.FromString(body).resource_logs
            self.lines += sum(
                len(scoped.log_records) for one in found for scoped in one.scope_logs
            )
            return []
        spans = [
            span
            for one in ExportTraceServiceRequest.FromString(body).resource_spans
            for scoped in one.scope_spans
            for span in scoped.spans
        ]
        self.spans += len(spans)
        # Those of failures that the test caused; the load's would fill the memory.
        return [span.trace_id.hex() for span in spans if span.parent_span_id]


class WebhookBackend(HttpBackend):
    """Who is told of new issues; each names the request that it began with."""

    name, variable = "webhook", "OUTAGE_WEBHOOK"

    @property
    def url(self) -> str:
        """The address."""
        return f"http://{self.proxy.host}:{self.proxy.port}/hook"

    def ids(self, path: str, body: bytes) -> list[str] | None:
        """Return the kind of the issue, which is the id of its first request."""
        found = KIND.search(json.loads(body)["title"])
        return [found[1] if found else "log line"]


def until(condition: Callable[[], bool], seconds: float) -> float | None:
    """Return the seconds until something was so; None if it never was in time."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            return None
        time.sleep(0.02)
    return time.monotonic() - began
