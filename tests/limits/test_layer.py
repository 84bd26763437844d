"""Settings of the layer, its rows in the plan, and its handle."""

import sys
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI

from steadfastapi import ConfigurationError, Limiter, Limits, Service, by_ip, configure
from steadfastapi.exceptions import MissingExtraError
from support.limited import OFF, limited, statuses

REDIS = "redis://user:hunter2@127.0.0.1:1/0"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"storage": "postgres://a"}, "the scheme is one of memory, redis"),
        ({"trusted_proxies": ("10.0.0.0/99",)}, "10.0.0.0/99"),
        ({"trusted_proxies": ("proxy.internal",)}, "proxy.internal"),
        ({"when_storage_fails": "maybe"}, "'allow' or 'deny'"),
        ({"forwarded_header": "x-real-ip"}, "'x-forwarded-for' or 'forwarded'"),
        ({"max_keys": 0}, "greater than or equal to 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    given: dict[str, Any], problem: str
) -> None:
    """When they are created, each with its name."""
    with pytest.raises(ConfigurationError, match=problem) as caught:
        Limits(**given)

    assert next(iter(given)) in str(caught.value)


def test_a_limit_that_cannot_be_read_stops_configure() -> None:
    """With how to write one."""
    with pytest.raises(ConfigurationError, match="write it like"):
        limited(FastAPI(), limits=Limits(default=("often",)))


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several values separated by commas, and `REDIS_URL` as everywhere."""
    monkeypatch.setenv("STEADFAST_LIMITS_DEFAULT", "5/minute, 100/hour")
    monkeypatch.setenv("STEADFAST_LIMITS_TRUSTED_PROXIES", "10.0.0.0/8,unix")
    monkeypatch.setenv("REDIS_URL", REDIS)
    settings = Limits()

    assert ("5/minute", "100/hour") == settings.default
    assert ("10.0.0.0/8", "unix") == settings.trusted_proxies
    assert settings.storage is not None
    assert settings.storage.get_secret_value() == REDIS


def test_decisions_about_a_limited_route_are_counted_from_zero() -> None:
    """From the start of the application: the first refusal is a rise."""
    limiter, app = Limiter(key_func=by_ip), FastAPI()
    app.get("/a/{x}")(limiter.limit("5/minute")(lambda x: x))
    app.get("/free")(lambda: "ok")
    router = APIRouter()
    router.get("/b/{x}")(limiter.limit("5/minute")(lambda x: x))
    app.include_router(router, prefix="/p")
    stack = configure(app, **OFF)

    statuses(app)

    found = {
        (sample.labels["handler"], sample.labels["decision"]): sample.value
        for family in stack.metrics.registry.collect()
        if family.name == "rate_limit_decisions"
        for sample in family.samples
    }
    decisions = ("allowed", "denied", "fail_open", "fail_closed")
    assert found == {(h, d): 0.0 for h in ("/a/{x}", "/p/b/{x}") for d in decisions}


def test_the_plan_says_where_is_counted_and_keeps_the_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In memory, or in a Redis."""
    for storage, expected in ((None, "memory of each process"), (REDIS, "Redis")):
        settings = Limits() if storage is None else Limits(storage=storage)
        stack = configure(FastAPI(), limits=settings, **OFF)
        text = str(stack)

        assert expected in text
        assert "hunter2" not in text
        assert (storage is not None) == stack.limiter.shared


@pytest.mark.parametrize(
    "uri",
    [
        "redis://127.0.0.1:1/0",
        "rediss://127.0.0.1:1/0",
        "redis+unix:///tmp/redis.sock",
        "redis+cluster://127.0.0.1:1,127.0.0.1:2",
        "redis+sentinel://127.0.0.1:1/primary",
        "async+redis://127.0.0.1:1",
    ],
)
def test_every_kind_of_address_is_understood(uri: str) -> None:
    """And nothing is connected while configuring."""
    stack = configure(FastAPI(), limits=Limits(storage=uri), **OFF)

    assert stack.limiter.shared
    assert not stack.limiter.storage_down


def test_an_address_that_cannot_be_used_stops_configure() -> None:
    """A sentinel's service must have a name."""
    with pytest.raises(ConfigurationError, match="cannot be used"):
        configure(FastAPI(), limits=Limits(storage="redis+sentinel://a:1"), **OFF)


def test_without_the_package_configure_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Instead of counting somewhere else in silence."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "redis"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigurationError, match=r"steadfastapi\[redis\]") as caught:
        configure(FastAPI(), limits=Limits(storage=REDIS), **OFF)

    assert MissingExtraError is not type(caught.value)  # one of several problems


def test_production_without_a_known_number_of_workers_is_warned() -> None:
    """Machines may be several, too."""
    limiter = Limiter()
    app = FastAPI()
    app.get("/a")(limiter.limit("5/minute")(lambda: "ok"))
    service = Service(name="shop", environment="production")
    stack = configure(app, service=service, **OFF)

    assert any("set REDIS_URL" in sentence for sentence in stack.plan.warnings)


def test_an_application_without_limits_is_told_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Several workers in production need no Redis then."""
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    app = limited(FastAPI(), metrics=False)
    app.get("/a")(lambda: "ok")

    assert [200] == statuses(app, "/a")


def test_the_handle_forgets() -> None:
    """What this process has counted."""
    app = FastAPI()
    app.get("/a")(lambda: "ok")
    limits = Limits(default=("1/minute",), key=by_ip)
    stack = configure(app, limits=limits, **OFF)

    assert [200, 429] == statuses(app, *["/a"] * 2)
    stack.limiter.reset()
    assert [200] == statuses(app, "/a")


def test_a_handle_of_a_layer_that_is_off_says_so() -> None:
    """By the name that it has on the stack, and the keyword."""
    stack = configure(FastAPI(), limits=False, **OFF)

    with pytest.raises(AttributeError, match=r"stack\.limiter.*remove limits=False"):
        _ = stack.limiter


def test_limits_that_are_off_hold_nothing() -> None:
    """The decorators stay, and do nothing."""
    limiter = Limiter()
    app = FastAPI()
    app.get("/a")(limiter.limit("1/minute")(lambda: "ok"))

    assert [200, 200] == statuses(limited(app, limits=False), *["/a"] * 2)
