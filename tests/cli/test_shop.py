"""How the demo sets its shop up."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from random import Random

import pytest

from steadfastapi.cli import ports, shop, sockets, traffic
from support._tcp import HOST

SURROUNDINGS = {
    "PATH": "/bin",
    "DATABASE_URL": "postgresql://real/one",
    "SHOP_PARTNER_URL": "https://real.example",
    "STEADFAST_METRICS_PATH": "/elsewhere",
    "LOG_LEVEL": "ERROR",
    "WEB_CONCURRENCY": "4",
    "SENTRY_DSN": "https://key@sentry.example/1",
    "OTEL_SERVICE_NAME": "mine",
}


def test_shop_is_found() -> None:
    """The shop is beside the package in a checkout, and inside of it in a wheel."""
    folder = shop.shop_folder()
    assert folder is not None
    assert (folder / "shop" / "main.py").is_file()


def test_installation_without_shop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is none, none is found."""
    monkeypatch.setattr(shop, "__file__", "/a/b/c/steadfastapi/cli/shop.py")
    assert None is shop.shop_folder()


def test_nothing_is_missing_here() -> None:
    """The packages of the demo are installed where the tests run."""
    assert [] == shop.missing_packages()


def test_surroundings_do_not_reach_the_shop() -> None:
    """A configured database, other settings and real backends stay out of it."""
    env = shop.environment(SURROUNDINGS, Path("/tmp/x"), token="t", telemetry=False)
    assert env == {
        "PATH": "/bin",
        "SHOP_DATA_DIR": "/tmp/x/data",
        "SHOP_ADMIN_TOKEN": "t",
        "STEADFAST_HEALTH_CHECK_EVERY": "0.25",
        "STEADFAST_LIMITS_TRUSTED_PROXIES": "127.0.0.0/8,::1",
    }


def test_import_path_is_made_absolute() -> None:
    """`PYTHONPATH=src` means the same in the directory where the shop works."""
    given = {"PYTHONPATH": os.pathsep.join(["src", "/opt/lib"])}
    env = shop.environment(given, Path("/tmp/x"), token="t", telemetry=False)
    wanted = [str(Path.cwd() / "src"), "/opt/lib"]
    assert wanted == env["PYTHONPATH"].split(os.pathsep)


def test_telemetry_reaches_it_on_demand() -> None:
    """With `--telemetry` the addresses of Sentry and OTLP are passed on."""
    env = shop.environment(SURROUNDINGS, Path("/tmp/x"), token="t", telemetry=True)
    assert {"SENTRY_DSN", "OTEL_SERVICE_NAME"} == env.keys() & {
        "SENTRY_DSN",
        "OTEL_SERVICE_NAME",
        "DATABASE_URL",
    }
    assert ["SENTRY_DSN"] == shop.ignored_addresses(SURROUNDINGS)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("shop.local", "http://shop.local:80"),
    ],
)
def test_url_can_be_opened(host: str, url: str) -> None:
    """Where it listens everywhere, the printed address is one of them."""
    assert url == ports.url(host, 80)


def test_ports_may_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """When all ports that were tried are in use, that is said."""
    monkeypatch.setattr(ports, "ATTEMPTS", 1)
    with socket.create_server((HOST, 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(OSError, match=f"no free port from {port} on"):
            ports.free_port(HOST, port)


def test_day_has_everything_in_it() -> None:
    """Every action comes in one deal of the deck, as often as it is in there."""
    deck = traffic.Deck(Random(1), traffic.DAY)
    total = sum(count for count, _ in traffic.DAY)
    dealt = [deck.deal() for _ in range(2 * total)]
    for count, action in traffic.DAY:
        assert 2 * count == dealt.count(action)
        assert count == dealt[:total].count(action)


def test_sockets_need_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package websockets the demo goes on without WebSockets."""

    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    assert sockets.available()
    monkeypatch.setattr(sockets, "find_spec", missing)
    assert not sockets.available()
