"""The console of several workers: one link, one session, one logout."""

import re
import time
from contextlib import ExitStack
from pathlib import Path

import httpx

from support.server import LiveServer

APP = "apps.console_app:app"


def clients(
    server: LiveServer, opened: ExitStack, seconds: float = 40.0
) -> list[httpx.Client]:
    """Return two clients whose connections are served by two workers."""
    found: dict[int, httpx.Client] = {}
    deadline = time.monotonic() + seconds
    while len(found) < 2 and time.monotonic() < deadline:
        client = httpx.Client(base_url=server.url, timeout=30.0)
        pid = client.get("/pid").json()
        if pid in found:
            client.close()
        else:
            opened.callback(client.close)
            found[pid] = client
    assert 2 == len(found)
    return list(found.values())


def test_sec_13_a_session_holds_and_ends_in_every_worker(tmp_path: Path) -> None:
    """SEC-13 with two processes: the link is printed once, and lets in everywhere."""
    env = {"TMPDIR": str(tmp_path)}
    with LiveServer(APP, workers=2, env=env) as server, ExitStack() as opened:
        one, other = clients(server, opened)
        server.wait_for_line("Console: http://", timeout=30.0)
        links = re.findall(r"Console: http://127\.0\.0\.1:(\d+)(\S+)", server.stderr())
        entered = one.get(links[0][1])
        other.cookies = httpx.Cookies(one.cookies)
        pages = [client.get("/ops/logs") for client in (one, other)]
        csrf = re.findall(r'name="csrf" value="(\w+)"', pages[1].text)[0]
        own = {"sec-fetch-site": "same-origin"}
        out = one.post("/ops/logout", data={"csrf": csrf}, headers=own)
        ended = [client.get("/ops/api/logs") for client in (one, other)]

    assert [str(server.port)] == [port for port, _ in links]
    assert 303 == entered.status_code
    assert [200, 200] == [page.status_code for page in pages]
    assert (303, [401, 401]) == (out.status_code, [one.status_code for one in ended])
