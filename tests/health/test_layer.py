"""The settings of the health checks, and what they put in the plan."""

import subprocess
import sys
from typing import Any

import pytest
from fastapi import Depends, FastAPI

from steadfastapi import Service, _giving_way, configure
from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health import Health, NoOpProbe, ProbeGroup
from steadfastapi.testing import capture, internal_errors
from support.health import KEY, WITH_KEY, ask, layer, running, with_health

PAGES = (
    "",
    "/alerts",
    "/dashboard",
    "/dashboard/stream",
    "/drain",
    "/history",
    "/live",
    "/maintenance",
    "/metrics",
    "/probes",
    "/ready",
    "/ready/stream",
    "/startup",
    "/status",
    "/status/stream",
)


@pytest.mark.parametrize(
    "settings",
    [
        {"prefix": "health"},
        {"prefix": "/"},
        {"prefix": "/health/"},
        {"prefix": "/{tenant}"},
        {"timeout": 0},
        {"check_every": 0},
        {"fail_after": 0},
        {"recover_after": 0},
        {"api_key": ""},
        {"history_size": 0},
        {"max_alerts": 0},
        {"max_streams": -1},
        {"groups": [NoOpProbe()]},
        {"storage": object()},
        {"probe": ()},
    ],
)
def test_nonsense_is_refused(settings: dict[str, Any]) -> None:
    """When the settings are made, by name."""
    (name,) = settings
    with pytest.raises(ConfigurationError, match=rf"Health\({name}=…\)"):
        Health(**settings)


def test_simple_settings_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By their names, in capitals."""
    for name, value in (
        ("PREFIX", "/ops/health"),
        ("API_KEY", "s3cret"),
        ("TIMEOUT", "0.3"),
        ("FAIL_AFTER", "3"),
        ("SERVE_503", "true"),
    ):
        monkeypatch.setenv(f"STEADFAST_HEALTH_{name}", value)
    health = Health()

    assert ("/ops/health", 0.3, 3, True) == (
        health.prefix,
        health.timeout,
        health.fail_after,
        health.serve_503,
    )
    assert health.api_key is not None
    assert "s3cret" == health.api_key.get_secret_value()
    assert "s3cret" not in f"{health!r} {health.summary()}"


@pytest.mark.anyio
async def test_pages_move_with_their_prefix() -> None:
    """And are as quiet there."""
    app, handle = with_health(prefix="/ops/health")
    codes = [
        (await ask(app, path)).status for path in ("/ops/health/ready", "/health/ready")
    ]

    assert [200, 404] == codes
    assert handle._plan.is_quiet()("/ops/health/ready")


@pytest.mark.anyio
async def test_routes_of_the_application_are_served_instead_of_ours() -> None:
    """Whoever has a `/health` relies on it; the start says what that hides."""
    app = FastAPI()
    app.post("/health/ready")(lambda: "mine")
    app, _ = with_health(app=app)
    app.get("/health")(lambda: "mine")  # also one that is added later
    app.get("/health/other")(lambda: "mine")
    with capture(app) as seen:
        async with running(app):
            bodies = [
                (await ask(app, path, method)).body
                for path, method in (
                    ("/health", "GET"),
                    ("/health/other", "GET"),
                    ("/health/ready", "POST"),
                    ("/health/ready", "GET"),
                    ("/health/live", "GET"),
                )
            ]
    (line,) = [one for one in seen.logs if one.get("logger") == "steadfastapi.health"]

    assert [*["mine"] * 3, {"status": "healthy"}, {"status": "ok"}] == bodies
    assert "would be: /health;" in line["event"]


@pytest.mark.anyio
async def test_an_application_that_cannot_be_listed_has_our_pages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is an internal error, once."""

    def fails(_: Any) -> Any:
        raise RuntimeError("routes of an unknown kind")

    monkeypatch.setattr(_giving_way, "endpoints", fails)
    app, _ = with_health()
    with internal_errors() as counted:
        codes = [(await ask(app, "/health/live")).status for _ in range(2)]

    assert ([200, 200], {"routes": 1}) == (codes, dict(counted))


@pytest.mark.parametrize("shown", [True, False])
def test_pages_are_in_the_document_only_where_asked_for(*, shown: bool) -> None:
    """Each with what it is for."""
    app, _ = with_health(include_in_schema=shown)
    document = app.openapi()
    found = sorted(path.removeprefix("/health") for path in document["paths"])

    assert (list(PAGES) if shown else []) == found
    if shown:
        ready = document["paths"]["/health/ready"]["get"]
        assert (
            "Whether traffic should come here: 503 when it should not."
            == (ready["summary"])
        )
        assert {"get", "post", "delete"} == set(
            document["paths"]["/health/maintenance"]
        )


def test_the_plan_says_what_is_closed() -> None:
    """In production without authentication, and what to set."""
    closed, _ = with_health()
    service = Service(name="shop", environment="production")
    stack = configure(
        FastAPI(), service=service, tracing=False, **layer(Health(api_key="k"))
    )
    on = layer(Health())
    text = str(configure(FastAPI(), service=service, tracing=False, **on))

    assert closed
    assert "STEADFAST_HEALTH_API_KEY" in text
    assert "STEADFAST_HEALTH_API_KEY" not in str(stack)
    assert "/health/ready" in text


def test_settings_are_no_secret_in_the_plan() -> None:
    """Whatever the way in."""
    stack = configure(
        FastAPI(),
        tracing=False,
        **layer(
            Health(
                auth={"type": "basic", "username": "admin", "password": "s3cret"},
                groups=[ProbeGroup().add(NoOpProbe())],
            )
        ),
    )

    assert "s3cret" not in str(stack)


def test_a_dependency_is_a_setting_as_well() -> None:
    """It is looked at when the settings are made."""
    assert Health(auth=Depends(lambda: None)).auth is not None


def test_no_driver_and_no_other_layer_is_imported_for_health_alone() -> None:
    """A probe imports what it needs when it is created."""
    program = """
import sys
from fastapi import FastAPI
import steadfastapi
from steadfastapi.health import Health, ProbeGroup, RouteProbe
off = dict.fromkeys(["logs", "metrics", "tracing", "sentry", "contract"], False)
from steadfastapi._configure import DEFAULT_LAYERS
off["limits"] = False
on = {"health": Health()} if "health" in DEFAULT_LAYERS else {"extra": [Health()]}
steadfastapi.configure(FastAPI(), **off, **on)
heavy = {"asyncpg", "aiomysql", "redis", "aio_pika", "aiokafka", "pymongo", "celery",
         "httpx", "sqlalchemy", "aiomcache", "prometheus_client", "structlog",
         "opentelemetry.sdk", "sentry_sdk", "jinja2"}
print(sorted(heavy & set(sys.modules)))
print(sorted(m for m in sys.modules if m.startswith("steadfastapi.health.probes")))
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert ["[]", "[]"] == ended.stdout.splitlines()


@pytest.mark.anyio
async def test_the_page_for_people_can_be_switched_off() -> None:
    """And is not there then, nor are its files."""
    app, _ = with_health(dashboard=False, api_key=KEY)
    codes = [
        (await ask(app, f"/health/dashboard{below}", headers=WITH_KEY)).status
        for below in ("", "/stream", "/static/x/console.css")
    ]

    assert [404, 404, 404] == codes
