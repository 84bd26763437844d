"""What the settings of Sentry promise."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import sentry_sdk
from fastapi import FastAPI

from sentry.harness import configured, own_client, sentried
from steadfastapi import ConfigurationError, Sentry, configure
from steadfastapi._configure import stack_of

DSN = "https://key@sentry.example.org/4"


def _notes(app: FastAPI) -> list[str]:
    stack = stack_of(app)
    assert stack is not None
    return [line.what for line in stack.plan.contributions if line.layer == "sentry"]


def test_without_a_dsn_nothing_is_imported() -> None:
    """A layer that is off costs no import, and the plan says that it is off."""
    program = (
        "import sys\n"
        "from fastapi import FastAPI\n"
        "from steadfastapi import configure\n"
        "stack = configure(FastAPI(), metrics=False, tracing=False)\n"
        "lines = [c.what for c in stack.plan.contributions if c.layer == 'sentry']\n"
        "print(lines, 'sentry_sdk' in sys.modules)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "['off: no DSN'] False" == run.stdout.strip()


@pytest.mark.parametrize("dsn", [None, "", "  "])
def test_a_blank_dsn_is_none(dsn: str | None) -> None:
    """What an unset variable leaves behind switches the layer off."""
    assert ["off: no DSN"] == _notes(configured(Sentry(dsn=dsn)))


def test_a_client_without_a_transport_is_none() -> None:
    """`sentry_sdk.init()` without a DSN does not switch the layer on."""
    sentry_sdk.init(default_integrations=False, auto_enabling_integrations=False)
    try:
        assert ["off: no DSN"] == _notes(configured())
    finally:
        sentry_sdk.get_global_scope().set_client(None)


def test_the_dsn_comes_from_the_tools_own_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`SENTRY_DSN` is honoured; our own variable and an argument win over it."""
    monkeypatch.setenv("SENTRY_DSN", "https://one@example.org/1")
    assert _dsn(Sentry()) == "https://one@example.org/1"
    monkeypatch.setenv("STEADFAST_SENTRY_DSN", "https://two@example.org/2")
    assert _dsn(Sentry()) == "https://two@example.org/2"
    assert _dsn(Sentry(dsn=DSN)) == DSN


def _dsn(sentry: Sentry) -> str:
    assert sentry.dsn is not None
    return sentry.dsn.get_secret_value()


@pytest.mark.parametrize(
    ("dsn", "reason"),
    [
        ("s3cr3tkey", "it must begin with https:// or http://"),
        ("s3cr3tkey:rest", "it must begin with https:// or http://"),
        ("https://s3cr3tkey@", "the host is missing"),
        ("https://s3cr3tkey.example.org/1", "the public key before the @ is missing"),
        ("https://s3cr3tkey@example.org/", "the project's number at the end"),
        ("https://k@example.org/s3cr3tkey", "the project's number at the end"),
        ("https://s3cr3tkey@example.org:s3cr3tkey/1", "the host or its port is wrong"),
    ],
)
def test_a_wrong_dsn_is_explained_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, dsn: str, reason: str
) -> None:
    """The message names the variable and the mistake, and leaks no part of the key."""
    monkeypatch.setenv("SENTRY_DSN", dsn)
    with pytest.raises(ConfigurationError) as caught:
        configure(FastAPI(), metrics=False, tracing=False)
    message = str(caught.value)
    assert message.startswith(f"SENTRY_DSN is **********: {reason}")
    assert "s3cr3t" not in message


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"statuses": {409, 500}}, "500 is no 4xx code"),
        ({"sample_rate": 1.5}, "less than or equal to 1"),
        ({"before_send": "drop"}, "callable"),
        ({"options": {"relase": "1"}}, "Did you mean 'release'?"),
        ({"options": {"dsn": DSN}}, "write Sentry(dsn=…) instead"),
    ],
)
def test_a_wrong_setting_is_refused(settings: dict[str, Any], reason: str) -> None:
    """Settings are checked when they are created."""
    with pytest.raises(ConfigurationError) as caught:
        Sentry(**settings)
    assert reason in str(caught.value)


def test_an_option_that_the_sdk_refuses_fails_in_configure() -> None:
    """Also a value that only `sentry_sdk.init` can judge fails at start-up."""
    sentry = Sentry(dsn=DSN, options={"max_request_body_size": "huge"})
    with pytest.raises(ConfigurationError, match=r"Sentry\(options=…\).*Invalid value"):
        configured(sentry)


def test_statuses_are_a_list_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Codes are separated by commas."""
    monkeypatch.setenv("STEADFAST_SENTRY_STATUSES", "409, 403")
    assert {409, 403} == Sentry().statuses


def test_the_printed_settings_hide_the_dsn() -> None:
    """The summary in the plan masks the key, and of options shows the names."""
    options = {"http_proxy": "http://ada:hunter2@proxy", "dist": "7"}
    assert {} == Sentry().summary()
    assert {"dsn": "**********", "options": "dist, http_proxy"} == Sentry(
        dsn=DSN, options=options
    ).summary()


def test_the_plan_says_whose_client_it_is() -> None:
    """One line tells who initialised Sentry."""
    with sentried() as (app, _):
        assert "initialises sentry_sdk" == _notes(app)[0]
        shared = "uses the client initialised by an earlier configure()"
        assert shared == _notes(configured())[0]
    with own_client():
        own = "uses the client initialised by the application; before_send is chained"
        assert own == _notes(configured())[0]


def test_another_dsn_than_that_of_the_process_is_a_warning() -> None:
    """A DSN that cannot be honoured is said so."""
    with sentried():
        app = configured(Sentry(dsn=DSN))
        stack = stack_of(app)
        assert stack is not None
        (warning,) = stack.plan.warnings
        assert "another DSN" in warning
        assert "key" not in warning
