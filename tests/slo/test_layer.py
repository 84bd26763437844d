"""The layer, and what application code calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.slo.api import count_bad, count_good
from steadfastapi.slo.declared import SLO
from steadfastapi.slo.layer import SLOs
from steadfastapi.testing import internal_errors
from support.scrape import Page
from support.slo import SPEC, handle_of, promising

if TYPE_CHECKING:
    from pathlib import Path


def shop() -> FastAPI:
    """Return an application with a route that works and one that does not."""
    app = FastAPI(title="Shop")

    @app.get("/orders/{order_id}")
    def read(order_id: int) -> int:
        return order_id

    @app.get("/crash")
    def crash() -> int:
        raise RuntimeError

    return app


def test_requests_are_judged_and_the_status_tells() -> None:
    """Health checks, scrapes and unknown paths included or not as they should be."""
    app = shop()
    stack = promising(app, SLO(availability=50, latency=(10, 99)))

    with TestClient(app, raise_server_exceptions=False) as client:
        for path in ("/orders/1", "/crash", "/nothing", "/health/live", "/metrics"):
            client.get(path)

    found = [(one.name, one.good, one.bad) for one in handle_of(stack).status()]
    assert [("availability", 2, 1), ("latency", 2, 0)] == found


def test_nothing_is_watched_until_something_is_promised() -> None:
    """The plan says how to."""
    stack = promising(shop())

    assert [] == handle_of(stack).status()
    assert not any("slo" in name for name, _ in stack.plan._finish)
    assert "nothing is promised" in str(stack)


def test_the_plan_shows_what_is_promised() -> None:
    """In words."""
    stack = promising(shop(), SLO(availability=99.9, latency=(0.25, 99.0)))

    shown = str(stack)
    assert "availability: 99.9 % good in 30 days" in shown
    assert "latency: 99 % within 0.25 s in 30 days" in shown


def test_a_file_declares_objectives_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its variable, beside those in code; raw queries have no status here."""
    app = shop()
    app.get("/events")(lambda: "")
    (tmp_path / "slo.yml").write_text(SPEC)
    monkeypatch.setenv("STEADFAST_SLO_FILE", str(tmp_path / "slo.yml"))

    stack = promising(app, SLO(name="extra", availability=99), file=SLOs().file)
    with TestClient(app):
        names = [one.name for one in handle_of(stack).status()]

    assert ["availability", "latency", "mail", "extra"] == names


def test_mistakes_in_the_file_stop_configure(tmp_path: Path) -> None:
    """NB-5: with those of other layers, before anything is served."""
    (tmp_path / "slo.yml").write_text("service: api\nslos: []\n")

    with pytest.raises(ConfigurationError, match="slos is"):
        promising(shop(), file=tmp_path / "slo.yml")


def test_what_is_no_promise_is_refused() -> None:
    """Such as a bare percentage."""
    with pytest.raises(ConfigurationError, match=r"SLOs\(slos=…\) is .*99.9 is no SLO"):
        SLOs(slos=(99.9,))


def test_two_objectives_of_one_name_are_refused() -> None:
    """Their series would be one."""
    with pytest.raises(ConfigurationError, match="two objectives named 'availability'"):
        promising(shop(), SLO(availability=99), SLO(availability=95))


def test_a_route_that_nobody_serves_stops_the_start() -> None:
    """Its alerts would be silent for ever; the message knows the closest one."""
    app = shop()
    promising(app, SLO(availability=99, routes=("/orders/{id}",)))

    with (
        pytest.raises(
            ConfigurationError,
            match=r"'availability' names the route '/orders/\{id\}'.*"
            r"Did you mean '/orders/\{order_id\}'",
        ),
        TestClient(app),
    ):
        pass


def test_events_are_counted_by_name() -> None:
    """In the process and for Prometheus, where both results are there at once."""
    app = shop()
    stack = promising(app, SLO(name="mail", events=99))

    with TestClient(app) as client:
        before = Page(client.get("/metrics").text)
        count_good("mail")
        count_good("mail")
        count_bad("mail")
        after = Page(client.get("/metrics").text)

    counts = [
        page.total("slo_events_total", slo="mail", result=result)
        for page in (before, after)
        for result in ("good", "bad")
    ]
    assert [0.0, 0.0, 2.0, 1.0] == counts
    assert [(2, 1)] == [(one.good, one.bad) for one in handle_of(stack).status()]


def test_an_event_of_an_unknown_objective_breaks_nothing() -> None:
    """NB-1: it is an internal error, which says what is known."""
    stack = promising(shop(), SLO(name="mail", events=99))

    with internal_errors() as errors:
        count_bad("mial")

    assert {"slo.count": 1} == dict(errors)
    assert [(0, 0)] == [(one.good, one.bad) for one in handle_of(stack).status()]


def test_events_without_any_objective_are_nothing() -> None:
    """A library may count what no application promises."""
    count_good("mail")
    count_bad("mail")
