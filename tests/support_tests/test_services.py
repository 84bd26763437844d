"""What the service finders promise."""

import pytest

from support import services


def test_a_missing_service_skips_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The skip says what is missing."""
    monkeypatch.delenv("STEADFAST_REQUIRE_SERVICES", raising=False)

    with pytest.raises(pytest.skip.Exception, match="needs node"):
        services.require("node", None)


def test_a_demanded_service_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where services are demanded, a skip would hide a hole."""
    monkeypatch.setenv("STEADFAST_REQUIRE_SERVICES", "1")

    with pytest.raises(pytest.fail.Exception, match="redis is missing"):
        services.require("redis", False)


def test_a_present_service_is_handed_on() -> None:
    """The finder's result comes back."""
    assert "path" == services.require("node", "path")


def test_finders_answer_without_the_services(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with nothing installed yields None everywhere."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setattr(services, "POSTGRES", ("127.0.0.1", 1))
    monkeypatch.setattr(services, "REDIS", ("127.0.0.1", 1))

    finders = [
        services.find_postgres,
        services.find_redis,
        services.find_node,
        services.find_prometheus,
        services.find_promtool,
        services.find_chromium,
    ]
    assert [None] * 6 == [find() for find in finders]
