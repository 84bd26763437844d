"""What `configure` returns, and several applications in one process."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from steadfastapi import Plan, Service, configure
from steadfastapi._configure import stack_of
from steadfastapi.testing import capture
from support.asgi import call
from support.drive import in_loop, visit

LATER: dict[str, Any] = {"tracing": False, "sentry": False}
OFF: dict[str, Any] = dict.fromkeys(["logs", "metrics", "contract"], False) | LATER


@pytest.mark.parametrize(
    ("given", "variables", "expected"),
    [
        (None, {}, "my-shop"),
        (None, {"OTEL_SERVICE_NAME": "from-env"}, "from-env"),
        ("given", {"OTEL_SERVICE_NAME": "from-env"}, "given"),
        (Service(name="whole"), {"OTEL_SERVICE_NAME": "from-env"}, "whole"),
    ],
)
def test_a_service_has_a_name(
    monkeypatch: pytest.MonkeyPatch,
    given: str | Service | None,
    variables: dict[str, str],
    expected: str,
) -> None:
    """The argument's, the environment's, or the title's."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stack = configure(FastAPI(title="My Shop!"), service=given, **OFF)

    assert expected == stack.service.name


def test_a_handle_of_a_layer_that_is_off_says_so() -> None:
    """With what to do about it."""
    stack = configure(FastAPI(), **OFF)

    for name in ("metrics", "logs", "tracing"):
        with pytest.raises(AttributeError, match=f"remove {name}=False"):
            getattr(stack, name)


def test_warnings_are_logged_at_start(caplog: pytest.LogCaptureFixture) -> None:
    """Something that works and should not stay."""

    class Warning_:  # noqa: N801 - a name for a test
        name = "warning"

        def contribute(self, plan: Plan) -> None:
            plan.warn("this should not stay")

    configure(FastAPI(), extra=[Warning_()], **OFF)

    assert ["this should not stay"] == [
        record.getMessage() for record in caplog.records
    ]


def test_a_mounted_configured_application_adds_no_second_record() -> None:
    """One request is one exchange, the outer one's, under its full name."""
    inner, outer = FastAPI(title="inner"), FastAPI(title="outer")
    inner.add_api_route("/a/{x}", lambda: "ok")
    configure(inner, **LATER)
    outer.mount("/in", inner)
    configure(outer, **LATER)
    with capture(inner) as seen_inside:
        statuses, seen = visit(outer, "in process", "/in/a/1", "/in/nothing")

    assert [200, 404] == statuses
    assert ["/in/a/{x}", "/in"] == [exchange.route for exchange in seen.exchanges]
    assert [] == seen_inside.exchanges
    assert 1 == seen.metric("http_requests_total", handler="/in/a/{x}")


def test_a_configured_application_works_mounted_in_a_bare_one() -> None:
    """It then begins the exchange itself."""
    inner, outer = FastAPI(), FastAPI()
    inner.add_api_route("/a/{x}", lambda: "ok")
    configure(inner, **LATER)
    outer.mount("/in", inner)
    with capture(inner) as seen, TestClient(outer) as client:
        response = client.get("/in/a/1")

    assert [response.headers["x-request-id"]] == [one.id for one in seen.exchanges]


def test_two_applications_live_side_by_side() -> None:
    """Each has its own exchanges and its own registry."""
    apps = [FastAPI(title="first"), FastAPI(title="second")]
    stacks = [configure(app, **LATER) for app in apps]
    for app in apps:
        app.add_api_route("/a", lambda: "ok")
    with capture(apps[0]) as first, capture(apps[1]) as second:
        for app in (apps[0], apps[1], apps[1]):
            in_loop(call, app, path="/a")

    assert [1, 2] == [len(first.exchanges), len(second.exchanges)]
    assert [1, 2] == [
        seen.metric("http_requests_total", handler="/a") for seen in (first, second)
    ]
    assert stacks == [stack_of(app) for app in apps]
    assert ["first", "second"] == [stack.service.name for stack in stacks]
