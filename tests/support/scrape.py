"""What Prometheus would see: a page fetched, parsed and looked up."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest
from prometheus_client import values
from prometheus_client.parser import text_string_to_metric_families

from steadfastapi.metrics import multiprocess, registry
from support.raw import RawResponse, parse_response, raw_request

PATIENCE = 30.0
"""Seconds for a worker to start on a busy machine."""


class Address(Protocol):
    """Where something listens: a `LiveServer`, for example."""

    @property
    def host(self) -> str:
        """The address."""

    @property
    def port(self) -> int:
        """The port."""


class Sample(NamedTuple):
    """One line of a page."""

    name: str
    labels: dict[str, str]
    value: float


class Page:
    """One scrape.

    Args:
        text: The page in Prometheus's text format.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = {
            family.name: family for family in text_string_to_metric_families(text)
        }
        self.samples = [
            Sample(sample.name, dict(sample.labels), sample.value)
            for family in self.families.values()
            for sample in family.samples
        ]

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of the series of a name that have these labels."""
        return sum(sample.value for sample in self.named(name, **labels))

    def named(self, name: str, **labels: str) -> list[Sample]:
        """Return the series of a name that have these labels."""
        return [
            sample
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]


def fetch(
    server: Address, target: str = "/metrics", *headers: str, method: str = "GET"
) -> RawResponse:
    """Request a path on a connection of its own.

    Args:
        server: The server.
        target: The path.
        *headers: Lines such as `Accept: text/plain`.
        method: The method.
    """
    lines = [f"{method} {target} HTTP/1.1", "Host: a", *headers, "Connection: close"]
    data = "\r\n".join([*lines, "", ""]).encode()
    return parse_response(raw_request(server.host, server.port, data, PATIENCE))


def scrape(server: Address) -> Page:
    """Fetch the page of a server once."""
    return Page(fetch(server).body.decode())


def fetch_side_by_side(server: Address, target: str, count: int) -> list[bytes]:
    """Request a path by as many connections at once; returns the bodies."""
    bodies: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: bodies.append(fetch(server, target).body))
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return bodies


def until(condition: Callable[[], bool], timeout: float = PATIENCE) -> None:
    """Wait for what another process or thread does.

    Args:
        condition: Returns whether it has happened.
        timeout: Seconds until `TimeoutError`.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not after {timeout} s: {condition}")
        time.sleep(0.01)


@contextmanager
def multiprocess_mode(
    where: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], None]]:
    """Be one of several workers, as if prometheus_client had been imported there.

    Yields:
        A function that forgets what this process has open, as a new one would.
    """

    def start() -> None:
        made: Any = values.MultiProcessValue
        monkeypatch.setattr(values, "ValueClass", made())
        monkeypatch.setattr(registry, "_shared", [])

    monkeypatch.setenv(multiprocess.VARIABLE, str(where))
    start()
    yield start
    close: Any = values.close_all_multiprocess_files
    close()
