"""What `before_send` adds, keeps, drops, and survives."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from fastapi import HTTPException

from sentry.harness import answer, delivered, sentried
from steadfastapi import before_send, bind, current_exchange
from steadfastapi.sentry.hook import Hook


def _hint(exception: BaseException) -> dict[str, Any]:
    return {"exc_info": (type(exception), exception, None)}


def _sent(event: Any, hint: Any = None) -> dict[str, Any]:
    result = before_send(event, {} if hint is None else hint)
    assert result is not None
    return result


def test_it_completes_an_event_outside_of_any_exchange() -> None:
    """As the hook of an application's own client it needs no `configure`."""
    error = HTTPException(409, {"code": "taken", "token": "abc"})
    event = _sent({"event_id": "1", "timestamp": "now"}, _hint(error))
    assert {
        "event_id": "1",
        "timestamp": "now",
        "contexts": event["contexts"],
        "extra": {
            "http_exception_detail": {"code": "taken", "token": "[redacted]"},
            "status_code": 409,
        },
        "tags": {"http_status": "409"},
    } == event
    assert {"runtime"} == event["contexts"].keys()


def test_an_exception_outside_of_any_exchange_is_never_dropped() -> None:
    """A worker that raises one object again and again reports it each time."""
    hint = _hint(RuntimeError("again"))
    assert "1" == _sent({"event_id": "1"}, hint)["event_id"]
    assert "2" == _sent({"event_id": "2"}, hint)["event_id"]


def test_the_exchange_is_part_of_the_event() -> None:
    """Request id, template, trace, request and bound fields are added."""
    with sentried() as (app, receiver):

        @app.get("/orders/{number}")
        async def order(number: int) -> None:
            exchange = current_exchange()
            assert exchange is not None
            exchange.trace_id, exchange.span_id = "a" * 32, "b" * 16
            exchange.bind(user_id=7, cart=["apple"], password="hunter2")
            raise HTTPException(409)

        headers = [
            ("host", "shop.example.org"),
            ("x-request-id", "request-1"),
            ("user-agent", "curl"),
            ("x-customer-key", "hunter2"),
            ("cookie", "session=hunter2"),
        ]
        answer(app, "GET", "/orders/3?page=hunter2&q=1", headers=headers)
        (event,) = delivered(receiver)
        assert "request-1" == event["tags"]["request_id"]
        assert "/orders/{number}" == event["tags"]["route"]
        trace = event["contexts"]["trace"]
        assert ("a" * 32, "b" * 16) == (trace["trace_id"], trace["span_id"])
        assert {"id": "7"} == event["user"]
        assert {"user_id": 7, "cart": ["apple"], "password": "[redacted]"} == event[
            "contexts"
        ]["exchange"]
        assert {
            "method": "GET",
            "url": "http://shop.example.org/orders/3",
            "query_string": "page=[redacted]&q=[redacted]",
            "headers": {"host": "shop.example.org", "user-agent": "curl"},
        } == event["request"]
        assert "hunter2" not in receiver.raw()


def test_a_transaction_that_the_application_named_stays() -> None:
    """`set_transaction_name(…, source="custom")` wins, and so does a hook's tag."""

    def rename(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
        event["tags"]["route"] = "till"
        return event

    with sentried(before_send=rename) as (app, receiver):
        import sentry_sdk

        @app.get("/crash")
        async def crash() -> None:
            bind(table=1)
            sentry_sdk.get_current_scope().set_transaction_name("till", "custom")
            raise HTTPException(500)

        answer(app, "GET", "/crash")
        (event,) = delivered(receiver)
        assert ("till", "till") == (event["transaction"], event["tags"]["route"])


def test_a_template_that_looks_like_a_secret_stays() -> None:
    """`/tokens:revoke` is the same string in logs, metrics and Sentry."""
    with sentried() as (app, receiver):

        @app.post("/tokens:revoke-everything")
        async def revoke() -> None:
            raise HTTPException(500)

        answer(app, "POST", "/tokens:revoke-everything")
        (event,) = delivered(receiver)
        assert "POST /tokens:revoke-everything" == event["transaction"]
        assert "/tokens:revoke-everything" == event["tags"]["route"]


def test_what_the_application_adds_is_scrubbed_too() -> None:
    """The application's hook runs before the scrubber, on the completed event."""

    def mine(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
        return {**event, "extra": {**event["extra"], "password": "hunter2"}}

    event = Hook([mine, mine])({}, _hint(HTTPException(400, "no")))
    assert event is not None
    assert {
        "http_exception_detail": "no",
        "status_code": 400,
        "password": "[redacted]",
    } == event["extra"]


def test_an_event_that_the_application_drops_may_be_sent_later() -> None:
    """A hook that drops one report of an exception decides on the next one anew."""
    answers = iter([None, {"level": "error"}])
    hook = Hook([lambda event, hint: next(answers)])
    hint = _hint(RuntimeError())
    tags = {"request_id": "request-1"}
    assert hook({"tags": tags}, hint) is None
    assert hook({"tags": tags}, hint) is not None
    assert hook({"tags": tags}, hint) is None  # sent in this exchange


def test_a_detail_without_json_is_readable() -> None:
    """Enumerations, NaN and objects arrive as what they say."""

    class Reason(StrEnum):
        TAKEN = "taken"

    def detail(value: Any) -> Any:
        return _sent({}, _hint(HTTPException(409, value)))["extra"][
            "http_exception_detail"
        ]

    assert "taken" == detail(Reason.TAKEN)
    assert ["NaN", 1.5] == detail([float("nan"), 1.5])
    assert {"for": "3"} == detail({"for": Decimal(3)})


def test_a_check_in_is_not_an_error() -> None:
    """Check-ins of cron monitors pass without anything of the exchange."""
    event = {"type": "check_in", "check_in_id": "1", "status": "ok", "duration": 1.5}
    event["event_id"], event["timestamp"] = "1", "now"
    assert event == before_send(dict(event), {})


def test_the_time_of_an_event_survives() -> None:
    """A datetime becomes text; a missing time is now."""
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    assert "2026-01-02T00:00:00+00:00" == _sent({"timestamp": moment})["timestamp"]
    assert datetime.fromisoformat(_sent({})["timestamp"]).tzinfo is not None
