"""The helpers for tests of a configured application."""

import logging
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
import structlog
from fastapi import FastAPI

from steadfastapi import Plan, Sentry, configure
from steadfastapi._guard import guard
from steadfastapi.exceptions import ConfigurationError
from steadfastapi.testing import Captured, capture, internal_errors, reset
from support.apps import configured
from support.asgi import call
from support.drive import in_loop

LATER: dict[str, Any] = {"tracing": False, "sentry": False}


def shop(**keywords: Any) -> FastAPI:
    """Return a configured application with two routes."""
    app = configured(FastAPI(), **keywords)
    app.add_api_route("/a/{x}", lambda: "ok")

    @app.get("/crash")
    def crash() -> None:
        raise ValueError("crash")

    return app


class Broken:
    """A layer whose observers raise."""

    name = "broken"

    def contribute(self, plan: Plan) -> None:
        """Watch errors, badly."""

        def fail(*_: object) -> NoReturn:
            raise ValueError("broken")

        plan.on_error(fail)


@pytest.mark.parametrize("started", [False, True])
def test_a_capture_sees_what_happens_while_it_lasts(started: bool) -> None:
    """Not what was before, not what comes after, whether the app has started or not."""
    app = shop()
    if started:
        in_loop(call, app, path="/a/before")
    with capture(app) as seen:
        in_loop(call, app, path="/a/1")
        in_loop(call, app, path="/a/2")
    in_loop(call, app, path="/a/after")

    assert ["/a/1", "/a/2"] == [exchange.path for exchange in seen.exchanges]
    assert ["/a/1", "/a/2"] == [line["path"] for line in seen.events("request")]
    assert 2 == len(seen.logs) == len(seen.log_lines)


def test_metrics_are_counted_from_the_beginning_of_the_capture() -> None:
    """By name and any labels; series that match are summed up."""
    app = shop()
    for path in ("/a/1", "/nothing"):
        in_loop(call, app, path=path)
    with capture(app) as seen:
        for path in ("/a/1", "/a/2", "/nothing"):
            in_loop(call, app, path=path)

        assert 3 == seen.metric("http_requests_total")
        assert 2 == seen.metric("http_requests_total", handler="/a/{x}", status="2xx")
        assert 1 == seen.metric("http_requests_total", status="4xx")
        assert 0 == seen.metric("http_requests_total", handler="/b")
        assert 0 == seen.metric("no_such_total")


def test_captures_may_be_nested() -> None:
    """Each sees its own time."""
    app = shop()
    with capture(app) as outer:
        in_loop(call, app, path="/a/1")
        with capture(app) as inner:
            in_loop(call, app, path="/a/2")
        in_loop(call, app, path="/a/3")

    assert ["/a/1", "/a/2", "/a/3"] == [exchange.path for exchange in outer.exchanges]
    assert ["/a/2"] == [exchange.path for exchange in inner.exchanges]


def test_logs_of_all_loggers_are_captured_as_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And go where they went again afterwards."""
    app = shop()
    with capture(app) as seen:
        logging.getLogger("shop").warning("from stdlib")
        structlog.get_logger("shop").warning("from structlog", order=7)
    during = capsys.readouterr().out
    logging.getLogger("shop").warning("afterwards")

    assert ["from stdlib", "from structlog"] == [line["event"] for line in seen.logs]
    assert [7] == [line["order"] for line in seen.events("from structlog")]
    assert "" == during
    assert "afterwards" in capsys.readouterr().out


def test_sentry_events_are_captured_instead_of_sent() -> None:
    """The address is nobody's: nothing leaves."""
    app = shop(sentry=Sentry(dsn="http://public@127.0.0.1:9/1"))
    with capture(app) as seen:
        in_loop(call, app, path="/crash")

    assert ["ValueError"] == [
        event["exception"]["values"][-1]["type"] for event in seen.sentry_events
    ]


def test_an_application_without_layers_can_be_captured() -> None:
    """There are exchanges, and nothing else."""
    app = FastAPI()
    off: dict[str, Any] = dict.fromkeys(["logs", "metrics", "contract"], False)
    configure(app, **LATER, **off)
    with capture(app) as seen:
        in_loop(call, app)

    assert 1 == len(seen.exchanges)
    assert ([], [], []) == (seen.logs, seen.spans, seen.sentry_events)
    assert 0 == seen.metric("http_requests_total")


def test_only_a_configured_application_can_be_captured() -> None:
    """The message says what to do."""
    with (
        pytest.raises(ConfigurationError, match=r"call configure\(app\) first"),
        capture(FastAPI(title="bare")),
    ):
        pass


def test_the_fixture_captures_until_the_test_ends(
    capture_app: Callable[[FastAPI], Captured],
) -> None:
    """Of several applications, too; pytest finds it by the package's entry point."""
    apps = [shop(), shop()]
    seen = [capture_app(app) for app in apps]
    for app in apps:
        in_loop(call, app, path="/a/1")

    assert [1, 1] == [len(one.exchanges) for one in seen]


def test_internal_errors_are_contained_as_in_production() -> None:
    """And counted from the beginning of the context."""
    app = shop(extra=[Broken()])
    with internal_errors() as first:
        in_loop(call, app, path="/crash")
    with internal_errors() as second:
        in_loop(call, app, path="/crash")
        in_loop(call, app, path="/crash")

    assert {"broken.error": 1} == first
    assert {"broken.error": 2} == second
    assert {"broken.error": 3} == guard.counts


def test_internal_errors_may_be_nested() -> None:
    """The inner context does not end the outer one."""
    app = shop(extra=[Broken()])
    with internal_errors() as outer:
        with internal_errors():
            pass
        in_loop(call, app, path="/crash")

    assert {"broken.error": 1} == outer
    assert not guard.contain_under_pytest


def test_a_reset_gives_the_process_back() -> None:
    """Logging as it was found, the guard as new."""
    root = logging.getLogger()
    before = list(root.handlers), structlog.is_configured()
    app = shop(extra=[Broken()])
    with internal_errors():
        in_loop(call, app, path="/crash")
    during = list(root.handlers), structlog.is_configured()
    reset()

    assert before != during
    assert before == (list(root.handlers), structlog.is_configured())
    assert {} == guard.counts
    assert {} == guard._last_logged
