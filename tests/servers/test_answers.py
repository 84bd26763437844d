"""The error contract, connections, streams and WebSockets under every server."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from websockets.sync.client import connect

from support.raw import disconnect_midway
from support.servers_catalog import EVERY_SERVER, Server, installed
from support.servers_running import Answer, Running, ask

if TYPE_CHECKING:
    from pathlib import Path

GIVEN = "0123456789abcdef-from-the-gateway"

CONTRACT: dict[tuple[str, str], tuple[int, object]] = {
    ("GET", "/nowhere"): (404, "Not Found"),
    ("POST", "/items/1"): (405, "Method Not Allowed"),
    ("GET", "/items/x"): (422, ["path", "number"]),
    ("GET", "/crash"): (500, "Internal server error"),
    ("GET", "/items/2"): (200, 2),
}
"""Status, and what the body says; in an order where the crash is not the last."""


def said(answer: Answer) -> tuple[int, object]:
    """Return the status, and the part of the body that a table can hold."""
    body: dict[str, Any] = answer.json
    detail = body.get("detail", body.get("number"))
    return answer.status, detail[0]["loc"] if isinstance(detail, list) else detail


def refused(running: Running) -> Answer:
    """Ask a limited route until the worker that is hit says no."""
    answers = [running.get("/limited") for _ in range(2 * running.server.workers + 1)]
    allowed = [answer for answer in answers if answer.status == 200]
    assert 2 <= len(allowed) <= 2 * running.server.workers
    return next(answer for answer in answers if answer.status != 200)


@EVERY_SERVER
def test_the_contract_does_not_hang_on_the_server(
    server: Server, tmp_path: Path
) -> None:
    """Every error is JSON with a detail and an id; only a crash ends a connection."""
    with (
        Running(installed(server), tmp_path) as running,
        contextlib.closing(running.connect()) as connection,
    ):
        told, kept, ids = {}, {}, []
        for method, path in CONTRACT:
            answer = ask(connection, path, method, **{"X-Request-ID": GIVEN})
            told[method, path] = said(answer)
            kept[path] = connection.sock is not None
            ids.append(answer.headers["x-request-id"])
        limited = refused(running)
        new = running.get("/items/1").headers["x-request-id"]
        allow = running.get("/items/1", "POST").headers["allow"]
        health = [running.get(f"/health{end}").status for end in ("", "/ready")]

    assert CONTRACT == told
    assert {path: path != "/crash" for _, path in CONTRACT} == kept
    assert {GIVEN} == set(ids)
    assert GIVEN != new
    assert 32 == len(new)
    assert "GET" in allow
    assert 429 == limited.status
    assert limited.json["detail"].startswith("Rate limit exceeded: ")
    assert 1 <= int(limited.headers["retry-after"]) <= 60
    assert [200, 200] == health


@EVERY_SERVER
def test_what_lasts_is_one_record(server: Server, tmp_path: Path) -> None:
    """Streams and WebSockets pass whole; a client that leaves is a 499."""
    data = b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n"
    with Running(installed(server), tmp_path) as running:
        stream = running.get("/stream")
        with connect(f"ws://{running.host}:{running.port}/echo") as websocket:
            websocket.send("hello")
            echoed = websocket.recv(timeout=10)
        disconnect_midway(running.host, running.port, data, read_bytes=64)
        running.until(lambda: len(records(running)) == 3, "a line of each")
        found = records(running)

    assert b"piece 0\npiece 1\npiece 2\n" == stream.body
    assert "hello" == echoed
    assert {
        "/stream": [(200, "ok")],
        "/echo": [(101, "ok")],
        "/endless": [(499, "aborted")],
    } == found


def records(running: Running) -> dict[str, list[tuple[int, str]]]:
    """Return status and outcome of each access line, by route."""
    found: dict[str, list[tuple[int, str]]] = {}
    for line in [*running.events("request"), *running.events("websocket")]:
        found.setdefault(line["route"], []).append((line["status"], line["outcome"]))
    return found
