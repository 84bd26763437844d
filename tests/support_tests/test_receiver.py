"""What the scripted HTTP server promises."""

import http.client
import json

import pytest

from support.faults import BlackHole
from support.receiver import HttpReceiver


def post(port: int, body: bytes) -> int:
    """Send one request and return the status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("POST", "/hook?a=1", body, {"X-Id": "7"})
        return connection.getresponse().status
    finally:
        connection.close()


def test_scripted_answers_come_first_and_every_attempt_is_kept() -> None:
    """Limited answers are used up before the standing one."""
    with HttpReceiver() as receiver:
        receiver.respond_with(429, {"Retry-After": "1"}, times=1)
        receiver.respond_with(204)

        statuses = [post(receiver.port, json.dumps(n).encode()) for n in range(3)]

        assert [429, 204, 204] == statuses
        assert [b"0", b"1", b"2"] == [r.body for r in receiver.received]
        assert ["7"] * 3 == [r.headers["x-id"] for r in receiver.received]
        assert "POST /hook?a=1" in receiver.raw()


def test_an_answer_can_be_dropped_after_delivery() -> None:
    """A status of None takes the request and hangs up."""
    with HttpReceiver() as receiver:
        receiver.respond_with(None, times=1)

        with pytest.raises(http.client.RemoteDisconnected):
            post(receiver.port, b"taken")

        assert b"taken" == receiver.wait_for_requests(1)[0].body


def test_a_fault_is_repaired_in_place() -> None:
    """A receiver can take over the port of a fault that ended."""
    with BlackHole() as fault:
        port = fault.port

    with HttpReceiver(port=port):
        assert 200 == post(port, b"")


def test_waiting_in_vain_says_how_many_arrived() -> None:
    """The error of a timeout holds both numbers."""
    with HttpReceiver() as receiver, pytest.raises(TimeoutError, match="0 of 2"):
        receiver.wait_for_requests(2, timeout=0.01)
