"""TP-7: `python tests/proof/fuzz.py scrubber -max_total_time=600` (needs atheris)."""

import importlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

atheris: Any = importlib.import_module("atheris")  # it has no types
WATCHED = ("_scrub", "_secrets", "limits.client")

with atheris.instrument_imports(include=[f"steadfastapi.{one}" for one in WATCHED]):
    from steadfastapi._scrub import scrub, scrub_query, scrub_text, scrub_url
    from steadfastapi.limits.client import Clients

SLOWEST = 1.0
"""Seconds for one input."""
PROXIES = {
    name: Clients.of(("127.0.0.0/8",), name)
    for name in ("x-forwarded-for", "forwarded")
}


def scrubber(data: bytes) -> None:
    """Scrub a text, alone and inside of things."""
    text = data.decode("utf-8", "surrogateescape")
    clean = scrub_text(text)
    assert clean == scrub_text(clean)
    json.dumps(scrub({"a": [text, data], text: text}))
    scrub_url(text)


def parsers(data: bytes) -> None:
    """Read what clients send: queries, and the headers of proxies."""
    scrub_query(unquote(data.decode("latin-1")))
    for name, clients in PROXIES.items():
        headers = [(name.encode(), data)]
        clients.address({"headers": headers, "client": ("127.0.0.1", 1)})


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "scrubber": scrubber,
    "parsers": parsers,
}


def timed(target: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """Return what also fails when an input takes too long."""

    def run(data: bytes) -> None:
        begin = time.thread_time()
        target(data)
        assert time.thread_time() - begin < SLOWEST

    return run


if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    if name not in TARGETS:
        sys.exit(f"{name!r} is no target: {', '.join(TARGETS)}.")
    atheris.Setup([sys.argv[0], *arguments], timed(TARGETS[name]))
    atheris.Fuzz()
