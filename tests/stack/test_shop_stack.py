"""The customers of the local stack, and the one who is paged there."""

import asyncio
import json
import os
import threading
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from shop_stack import load
from shop_stack.webhook import KEPT, MAX_BODY, Sink
from steadfastapi.cli import traffic
from steadfastapi.slo import names
from support.receiver import HttpReceiver
from support.stack import ROOT, services

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

    def noticed() -> None:
        load._beat()
        pulse.set()

    async def until_the_pulse(url: str) -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(load.run(url, stop, beat=noticed))
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


def test_the_runbook_of_an_alert_opens_where_its_link_leads() -> None:
    """Every alert of the committed rules; a page that is not there is a 404."""
    links = {
        urlsplit(rule["annotations"]["runbook_url"])
        for path in (ROOT / "prometheus").rglob("rules/*.json")
        for group in json.loads(path.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    assert {"127.0.0.1:8080"} == {link.netloc for link in links}
    assert ["127.0.0.1:8080:8080"] == services()["webhook"]["ports"]
    assert len(names.ALERTS) == len(links)

    with Sink(("127.0.0.1", 0), ROOT / "docs/runbooks") as sink:
        thread = threading.Thread(target=sink.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{sink.server_port}"
        for link in links:
            with urlopen(f"{url}{link.path}", timeout=PATIENCE) as answer:
                page = answer.read().decode()
            assert f"# {Path(link.path).stem}\n" in page
            assert '<a href="http://127.0.0.1:3000/d/steadfastapi-' in page
            assert "](" not in page
        outside = "/runbooks/..%2fREADME.md", "/runbooks/Nothing.md"
        found = [get(f"{url}{path}") for path in outside]
        sink.shutdown()
        thread.join()
    assert [200, 404] == found  # the first is the list of pages


def get(url: str) -> int:
    """Return the status of an answer."""
    try:
        with urlopen(url, timeout=PATIENCE) as answer:
            return int(answer.status)
    except HTTPError as error:
        error.close()
        return error.code


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
