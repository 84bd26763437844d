"""Probes of WebSocket handlers."""

import pytest
from fastapi import FastAPI, WebSocket
from starlette.testclient import TestClient

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health import (
    FastAPIWebSocketProbe,
    ProbeStatus,
    WebSocketProbe,
)


def served(probe: WebSocketProbe) -> TestClient:
    """Return a client of an application with one watched handler."""
    app = FastAPI()

    @app.websocket("/echo/{room}")
    @probe.watch
    async def echo(websocket: WebSocket, room: str) -> None:
        """Say it back."""
        await websocket.accept()
        async for text in websocket.iter_text():
            if text == "crash":
                raise ValueError("bug")
            await websocket.send_json({room: text})

    return TestClient(app)


def crash(client: TestClient) -> None:
    """Send what the handler breaks on."""
    with client.websocket_connect("/echo/a") as socket:
        socket.send_text("crash")
        socket.receive_text()


def test_connections_and_messages_are_counted() -> None:
    """The handler gets its socket and arguments; the client's leaving is no error."""
    probe = WebSocketProbe("echo", min_calls=1)
    client = served(probe)
    with client.websocket_connect("/echo/a") as socket:
        for _ in range(3):
            socket.send_text("hi")
            answer = socket.receive_json()
        during = probe.judged()
    after = probe.judged()
    details = after.details or {}

    assert {"a": "hi"} == answer
    assert during.details is not None
    assert (ProbeStatus.HEALTHY, 1) == (
        during.status,
        during.details["active_connections"],
    )
    assert ProbeStatus.HEALTHY is after.status
    assert {
        "active_connections": 0,
        "total_connections": 1,
        "messages_received": 3,
        "messages_sent": 3,
        "error_count": 0,
    }.items() <= details.items()


def test_a_handler_that_breaks_is_an_error_and_raises_as_before() -> None:
    """Above the rate it is unhealthy."""
    probe = WebSocketProbe("echo", min_calls=1)
    client = served(probe)
    with pytest.raises(ValueError, match="bug"):
        crash(client)
    result = probe.judged()

    assert ProbeStatus.UNHEALTHY is result.status
    assert {"ValueError": 1} == (result.details or {})["error_types"]
    assert 0 == probe.active_connections


def test_some_connections_may_have_to_be_open() -> None:
    """Below that number it is unhealthy, also where none ever was."""
    probe = WebSocketProbe(min_active_connections=1)
    with served(probe).websocket_connect("/echo/a"):
        during = probe.judged().status
    after = probe.judged()

    assert ProbeStatus.HEALTHY is during
    assert (ProbeStatus.UNHEALTHY, "0 open connections, not 1") == (
        after.status,
        after.error,
    )


def test_without_any_connection_there_is_no_data() -> None:
    """An idle handler is not unwell."""
    assert ProbeStatus.NO_DATA is WebSocketProbe().judged().status


def test_the_name_of_fastapi_watch_is_the_same_class() -> None:
    """Migrating is a changed import."""
    assert FastAPIWebSocketProbe is WebSocketProbe


def test_a_negative_number_of_connections_is_refused() -> None:
    """When the probe is created."""
    with pytest.raises(ConfigurationError, match="0 or more"):
        WebSocketProbe(min_active_connections=-1)
