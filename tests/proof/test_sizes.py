"""SEC-8: what leaves is bounded, and the time for it too, whatever was raised."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from steadfastapi import Inbox, Sentry, Tracing, bind, configure
from support.asgi import call
from support.lines import collected
from support.otlp import OtlpReceiver
from support.proof_app import everything
from support.proof_requests import once
from support.sentry import SentryReceiver

KIB = 1024
HUGE = 10_000_000
EVENT, MESSAGE, PATH, HEADER, FRAMES = 64 * KIB, 8 * KIB, 2 * KIB, 1 * KIB, 50
DEPTH = 200
"""Frames of the error; with more, the frames of the servers are missing."""
BROWSER = "Browser " * 8_000
LONG_PATH = "/fail/" + "p" * 20_000


ONE_LINE = "password=hunter22 x"
MANY_LINES = "password=hunter2\n x"


def fail(depth: int, text: str, cause: Exception | None = None) -> None:
    """Raise deep down."""
    if depth:
        fail(depth - 1, text, cause)
    raise ValueError(text) from cause


def failing(size: int, of: str = ONE_LINE, cause: bool = False) -> FastAPI:
    """Return an application whose errors have so many characters."""
    app, text = FastAPI(), of * (size // len(of))

    @app.get("/fail/{rest:path}")
    async def endpoint(rest: str) -> None:
        bind(note=text, many={f"k{number}": text[:9_000] for number in range(99)})
        fail(DEPTH, text, LookupError(text) if cause else None)

    return app


@contextmanager
def backends() -> Iterator[tuple[SentryReceiver, OtlpReceiver]]:
    """Yield a Sentry and a collector."""
    with SentryReceiver() as sentry, OtlpReceiver() as collector:
        yield sentry, collector


def sizes(folder: Path) -> dict[str, list[bytes]]:
    """Return the largest things that each sink got of one huge error."""
    told: list[Any] = []
    with backends() as (sentry, collector):
        app, keywords = (
            failing(HUGE, cause=True),
            everything(folder, dsn=sentry.dsn, collector=collector.endpoint),
        )
        keywords["inbox"] = Inbox.model_validate(
            {"url": f"sqlite:///{folder / 'inbox.db'}", "alerters": (told.append,)}
        )
        stack = configure(app, **keywords)

        async def drive() -> None:
            async with app.router.lifespan_context(app):
                await call(app, path=LONG_PATH, headers=[("user-agent", BROWSER)])

        with collected() as lines:
            asyncio.run(drive())
        stack.shutdown()
        spans = [span.__repr__().encode() for span in collector.spans()]
        records = [record.__repr__().encode() for record in collector.logs()]
        events = [item.payload for env in sentry.envelopes() for item in env.items]
    return {
        "log": [line.encode() for line in lines.raw],
        "sentry": events,
        "span": spans,
        "log record": records,
        "store": _rows(folder / "inbox.db"),
        "alert": [repr(alert).encode() for alert in told],
    }


def _rows(path: Path) -> list[bytes]:
    with closing(sqlite3.connect(path)) as database:
        tables = [
            name
            for (name,) in database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
            )
            if "fts" not in name
        ]
        return [
            b"".join(
                one if isinstance(one, bytes) else str(one).encode() for one in row
            )
            for table in tables
            for row in database.execute(f'SELECT * FROM "{table}"')
        ]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bytes]]:
    """Return what one huge error left behind."""
    return sizes(tmp_path_factory.mktemp("sizes"))


def test_ten_megabytes_are_64_kib_in_every_sink(sent: dict[str, list[bytes]]) -> None:
    """Each event, line, span, row and alert; and each sink got one."""
    largest = {sink: max(map(len, found), default=0) for sink, found in sent.items()}

    assert {} == {sink: size for sink, size in largest.items() if size > EVENT}
    assert {} == {sink: size for sink, size in largest.items() if size < KIB}
    assert b"hunter22" not in b"".join(b"".join(found) for found in sent.values())


def test_each_part_of_an_event_is_bounded(sent: dict[str, list[bytes]]) -> None:
    """Header 1 KiB, path 2 KiB, message 8 KiB, 50 frames."""
    (event,) = [json.loads(one) for one in sent["sentry"] if b'"exception"' in one]
    lines = [json.loads(one) for one in sent["log"]]
    values = event["exception"]["values"]
    frames = [len(one.get("stacktrace", {}).get("frames", ())) for one in values]
    texts = {
        "message": [one["value"] for one in values],
        "header": [str(one) for one in event["request"]["headers"].values()],
        "path": [event["request"]["url"], *(one.get("path", "") for one in lines)],
    }
    bounds = {"message": MESSAGE, "header": HEADER, "path": PATH + 64}

    assert 2 == len(values)
    assert 0 < sum(frames) <= FRAMES
    for name, found in texts.items():
        assert (name, True) == (name, max(map(len, found)) <= bounds[name])
        assert (name, True) == (name, max(map(len, found)) > 100)


def seconds(app: FastAPI) -> float:
    """Return the processor time of a request that fails, at best of some."""

    async def best() -> float:
        found = []
        for _ in range(5):
            begin = time.thread_time()
            await once(app, "GET", "/fail/x", [])
            found.append(time.thread_time() - begin)
        return min(found)

    return asyncio.run(best())


LAYERS = ("logs", "tracing", "sentry", "inbox", "console", "metrics")
OTHERS = ("limits", "health", "slo")


@pytest.mark.parametrize(
    ("layer", "text"),
    [(layer, text) for layer in LAYERS for text in (ONE_LINE, MANY_LINES)],
)
def test_a_huge_error_costs_little_time(layer: str, text: str, tmp_path: Path) -> None:
    """10 MB more of exception are 10 ms more of the request, in each layer alone."""
    spent = []
    with backends() as (sentry, _), collected():
        on = {
            "sentry": Sentry.model_validate({"dsn": sentry.dsn}),
            "tracing": Tracing(instrument=False),
            "inbox": Inbox.model_validate(
                {"url": f"sqlite:///{tmp_path / 'inbox.db'}"}
            ),
        }
        for size in (19, HUGE):
            app = failing(size, text)
            alone: dict[str, Any] = dict.fromkeys(
                (*LAYERS, "limits", "health", "slo"), False
            )
            stack = configure(app, **(alone | {layer: on.get(layer)}))
            spent.append(seconds(app))
            stack.shutdown()
    small, large = spent

    assert large - small <= 0.010, spent
