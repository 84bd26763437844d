"""What may leave in each part of an event, and how large an event gets."""

from __future__ import annotations

import json
from typing import Any

from steadfastapi.sentry.bounds import MAX_EVENT
from steadfastapi.sentry.event import safe_event


def test_breadcrumbs_are_bounded_and_scrubbed() -> None:
    """The newest 50 stay; messages, data, URLs and queries hold no secret."""
    crumb = {
        "type": "http",
        "category": "httplib",
        "level": "info",
        "timestamp": "2026-01-01T00:00:00Z",
        "message": "token=hunter2",
        "data": {
            "url": "https://ada:hunter2@example.org/a?key=hunter2",
            "http.query": "q=hunter2",
            "password": "hunter2",
            "status": 200,
        },
        "unknown": "hunter2",
    }
    event = safe_event({"breadcrumbs": {"values": [{"message": "old"}] + [crumb] * 50}})
    values = event["breadcrumbs"]["values"]
    assert 50 == len(values)
    assert {"values": [{"message": "bare"}]} == safe_event(
        {"breadcrumbs": ["junk", {"message": "bare", "timestamp": []}, {"level": None}]}
    )["breadcrumbs"]
    assert {
        "type": "http",
        "category": "httplib",
        "level": "info",
        "timestamp": "2026-01-01T00:00:00Z",
        "message": "token=[redacted]",
        "data": {
            "url": "https://[redacted]@example.org/a?key=[redacted]",
            "http.query": "q=[redacted]",
            "password": "[redacted]",
            "status": 200,
        },
    } == values[0]


def test_a_request_of_the_sdk_loses_body_cookies_and_most_headers() -> None:
    """Outside of an exchange, what the SDK knows of a request is cut to the same."""
    request = {
        "method": "POST",
        "url": "https://example.org/login?token=hunter2",
        "query_string": "token=hunter2",
        "headers": {"Host": "example.org", "X-Api-Key": "hunter2", "Cookie": "hunter2"},
        "cookies": {"session": "hunter2"},
        "data": {"password": "hunter2"},
        "env": {"REMOTE_ADDR": "203.0.113.7"},
    }
    assert {
        "method": "POST",
        "url": "https://example.org/login?token=[redacted]",
        "query_string": "token=[redacted]",
        "headers": {"Host": "example.org"},
    } == safe_event({"request": request})["request"]


def test_a_log_entry_keeps_no_parameters() -> None:
    """A parameter alone says too much: the formatted text names it."""
    entry = {
        "message": "token=%s",
        "formatted": "token=hunter2",
        "params": ["hunter2"],
    }
    clean = safe_event({"logentry": entry})["logentry"]
    assert {"message", "formatted"} == clean.keys()
    assert "hunter2" not in json.dumps(clean)


def test_tags_are_short_texts_without_secrets() -> None:
    """A tag is at most 200 characters, whatever it was."""
    tags = safe_event({"tags": {"n": 1, "api_key": "hunter2", "long": "x" * 999}})[
        "tags"
    ]
    assert ("1", "[redacted]") == (tags["n"], tags["api_key"])
    assert len(tags["long"]) <= 200


def test_a_part_of_another_form_is_left_out() -> None:
    """What Sentry could not read is not sent, and costs nothing else."""
    texts = ("breadcrumbs", "contexts", "exception", "extra", "logentry", "modules")
    lists = ("request", "tags", "threads", "timestamp", "user")
    junk = {name: "?" for name in texts} | {name: ["?"] for name in lists}  # noqa: C420
    assert {"level": "error"} == safe_event({**junk, "level": "error"})
    assert {"request": {}} == safe_event({"request": {"cookies": "session=1"}})


def test_every_other_part_is_scrubbed() -> None:
    """Also parts that are unknown today pass through the scrubber."""
    event = safe_event(
        {
            "message": "Bearer hunter2hunter2",
            "user": {"id": "7", "password": "hunter2"},
            "extra": {"pairs": [["authorization", "hunter2"]]},
            "contexts": {"state": {"value": {"secret": "hunter2"}}, "junk": 5},
            "modules": {"fastapi": "0.165.0"},
            "fingerprint": ["token=hunter2"],
            "of_the_future": {"password": "hunter2"},
            "_meta": {"extra": {"password": {"": {"len": 7}}}},
        }
    )
    assert "hunter2" not in json.dumps(event)
    assert {"id": "7", "password": "[redacted]"} == event["user"]
    assert {"fastapi": "0.165.0"} == event["modules"]
    assert {"state"} == event["contexts"].keys()
    assert "_meta" not in event


def _frame(*, in_app: bool) -> dict[str, Any]:
    lines = ["source " * 20] * 5
    return {
        "function": "f",
        "in_app": in_app,
        "context_line": "here",
        "pre_context": lines,
        "post_context": lines,
    }


def _event(frames: int, crumbs: int, extra: int) -> dict[str, Any]:
    stack = [_frame(in_app=n % 2 == 0) for n in range(frames)]
    value = {"type": "E", "value": "v" * 9000, "stacktrace": {"frames": stack}}
    return {
        "exception": {"values": [value]},
        "breadcrumbs": {"values": [{"message": "c" * 2000}] * crumbs},
        "extra": {str(n): "e" * 3000 for n in range(extra)},
        "contexts": {"c": {str(n): "e" * 3000 for n in range(extra)}},
        "tags": {"http_status": "500"},
    }


def _size(event: dict[str, Any]) -> int:
    return len(json.dumps(event, separators=(",", ":")))


def test_a_small_event_keeps_everything() -> None:
    """Nothing is given up without need."""
    event = safe_event(_event(4, 5, 1))
    frames = event["exception"]["values"][0]["stacktrace"]["frames"]
    assert all(len(frame["pre_context"]) == 5 for frame in frames)
    assert 5 == len(event["breadcrumbs"]["values"])


def test_source_of_libraries_goes_first() -> None:
    """Frames of the application keep their source longest."""
    event = safe_event(_event(50, 0, 0))
    ours, library = event["exception"]["values"][0]["stacktrace"]["frames"][:2]
    assert _size(event) <= MAX_EVENT
    assert "pre_context" in ours
    assert {"function", "in_app", "context_line"} == library.keys()
    crowded = _event(50, 0, 60)
    del crowded["contexts"]
    assert _size(safe_event(crowded)) <= MAX_EVENT


def test_then_breadcrumbs_and_values_shrink() -> None:
    """The last 10 breadcrumbs stay, and each value keeps its beginning."""
    event = safe_event(_event(10, 50, 60))
    assert _size(event) <= MAX_EVENT
    assert 10 == len(event["breadcrumbs"]["values"])
    assert event["extra"]["0"].startswith("e" * 150)
    assert {"http_status": "500"} == event["tags"]


def test_the_exception_stays_to_the_end() -> None:
    """Of an event full of everything, the exception and the tags are what is left."""
    event = _event(50, 50, 0)
    many = {str(n): "e" * 180 for n in range(200)}
    event["contexts"] = {"c": many}
    event["extra"] = {"status_code": 500, **many}
    event["threads"] = {"values": [{"stacktrace": {"frames": [_frame(in_app=True)]}}]}
    clean = safe_event(event)
    assert _size(clean) <= MAX_EVENT
    value = clean["exception"]["values"][0]
    assert ("E", 1024) == (value["type"], len(value["value"]))
    assert value["value"].startswith("v" * 1000)
    assert {"http_status": "500"} == clean["tags"]
    assert {"status_code": 500} == clean["extra"]
