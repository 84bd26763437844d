"""The customers of the local stack, and the one who is paged there."""

import asyncio
import json
import os
import threading
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from shop_stack import load
from shop_stack.webhook import KEPT, MAX_BODY, Sink
from steadfastapi.cli import traffic
from support.receiver import HttpReceiver

PATIENCE = 20.0


def test_customers_come_until_they_are_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pulse shows that somebody answers, and memory of requests does not grow."""
    monkeypatch.setattr(load, "PULSE", tmp_path / "pulse")
    monkeypatch.setattr(load, "BEAT", 0.02)
    monkeypatch.setattr(traffic, "ARRIVAL", 0.01)
    assert not load.is_alive()

    pulse = asyncio.Event()
    beat = load._beat

    def noticed() -> None:
        beat()
        pulse.set()

    monkeypatch.setattr(load, "_beat", noticed)

    async def until_the_pulse(url: str) -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(load.run(url, stop))
        async with asyncio.timeout(PATIENCE):
            await pulse.wait()
        stop.set()
        await running

    with HttpReceiver() as shop:
        asyncio.run(until_the_pulse(shop.endpoint))
        assert shop.requests >= 1
    assert load.is_alive()
    long_ago = time.time() - 2 * load.LATE
    os.utime(load.PULSE, (long_ago, long_ago))
    assert not load.is_alive()


def test_pages_are_kept_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """The last hundred, and each one as a line on stdout; nonsense is refused."""
    with Sink(("127.0.0.1", 0)) as sink:
        thread = threading.Thread(target=sink.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{sink.server_port}"
        for number in range(KEPT + 1):
            send(Request(f"{url}/pages", json.dumps({"number": number}).encode()))
        too_long = {"Content-Length": str(MAX_BODY + 1)}
        assert [400, 413] == [
            refused(Request(f"{url}/pages", b"{", headers))
            for headers in ({}, too_long)
        ]
        with urlopen(url, timeout=PATIENCE) as answer:
            pages = json.load(answer)
        sink.shutdown()
        thread.join()
    assert [{"number": number} for number in range(1, KEPT + 1)] == pages
    assert KEPT + 1 == len(capsys.readouterr().out.splitlines())


def send(request: Request) -> Any:
    """Return the answer."""
    with urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)


def refused(request: Request) -> int:
    """Return the status that refuses a request."""
    with pytest.raises(HTTPError) as caught:
        send(request)
    caught.value.close()
    return caught.value.code
