"""The demo's traffic, as the console shows it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from support.ops import Elements

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(180)

START = 60.0
"""Seconds that the shop may take to start."""
MINUTE = 60.0
"""Seconds of traffic within which every page must be full."""
LINK = re.compile(r"console +(http\S+/ops)(/login\?token=\w+)")
SHOWN = {
    "": (
        "Requests, last hour",
        "Latency p95",
        "server errors.",
        "availability",
        "ZeroDivisionError",
        "Event-loop lag",
    ),
    "/issues": ("ZeroDivisionError", "HTTPException: 401", "RateLimitExceeded"),
    "/exchanges": ("GET /catalog", "limited", "client_error"),
    "/exchanges?status=5xx": ("ZeroDivisionError", "server_error"),
    "/logs": ("method= GET", "Receipt sent for order", "logger="),
    "/logs?level=error": ("unhandled error",),
    "/health": ("database", "shipping_partner", "healthy", "figures"),
    "/limits": ("/auth/login", "20 per 1 minute", "0 of 20"),
    "/settings": ("Environment", "inbox", "console", "Order, outermost first"),
}
"""What each page must say before it counts as full."""
OF_ONE = {
    "/issues?search=ZeroDivisionError": (
        "Stack",
        "return sum(values) / len(values)",
        "unhandled error",
        "1 span",
        "Occurrences",
        "### Log lines of the request",
    ),
    "/exchanges?status=5xx": ("server_error", "unhandled error", "1 span", "Its issue"),
}
"""What must be told of the first one of a list."""


@contextmanager
def demo(folder: Path) -> Iterator[tuple[str, str]]:
    """Run the demo; yield the console's address, and what logs in there."""
    out = folder / "out.txt"
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    env |= {"TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
    with out.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "steadfastapi", "demo", "--port", "0"],
            stdout=file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=env,
        )
    try:
        ends_at = time.monotonic() + START
        while (link := LINK.search(out.read_text())) is None:
            assert process.poll() is None, out.read_text()
            assert time.monotonic() < ends_at, out.read_text()
            time.sleep(0.1)
        yield link[1], link[2]
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def lacking(client: httpx.Client, path: str, wanted: tuple[str, ...]) -> list[str]:
    """Return what a page does not show, and what it has nothing to say about."""
    answer = client.get(path)
    answer.raise_for_status()
    page = Elements(answer.text)
    found = [f"{path}: {one}" for one in wanted if one not in page.text]
    classes = [(attrs.get("class") or "").split() for _, attrs in page.found]
    return found + [f"{path} has an empty place" for one in classes if "empty" in one]


def first_of(client: httpx.Client, path: str) -> str | None:
    """Return the address of the first one of a list."""
    text = client.get(path).text
    links = re.search(r'<tr data-row.*?href="/ops(/[^"]+)"', text, re.DOTALL)
    return links[1] if links else None


def all_lacking(client: httpx.Client) -> list[str]:
    """Return what is lacking on all of the pages."""
    found = [
        one for path, wanted in SHOWN.items() for one in lacking(client, path, wanted)
    ]
    for path, wanted in OF_ONE.items():
        first = first_of(client, path)
        found += lacking(client, first, wanted) if first else [f"{path}: none"]
    return found


def test_a_minute_of_traffic_fills_every_page(tmp_path: Path) -> None:
    """With the link that the demo prints; no page has an empty place any more."""
    with demo(tmp_path) as (url, link):
        began = time.monotonic()
        with httpx.Client(base_url=url, follow_redirects=True, timeout=30) as client:
            client.get(link).raise_for_status()
            while found := all_lacking(client):
                assert time.monotonic() < began + MINUTE, found
                time.sleep(1)
