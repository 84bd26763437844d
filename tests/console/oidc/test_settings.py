"""Settings of the login by OpenID Connect."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from fastapi import FastAPI

from steadfastapi import configure
from steadfastapi.console.access.identity import SingleSignOn
from steadfastapi.console.layer import Console
from steadfastapi.console.oidc import settings as module
from steadfastapi.console.oidc.settings import Oidc
from steadfastapi.exceptions import ConfigurationError, MissingExtraError

GOOD: dict[str, Any] = {
    "issuer": "https://login.example.org",
    "client_id": "console",
    "allowed": "@example.org",
}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"issuer": "http://login.example.org"}, "write the provider's https address"),
        ({"issuer": "https://login.example.org?x"}, "without a query"),
        ({"client_id": ""}, "at least 1 character"),
        ({"redirect_uri": "http://shop.example.org/x"}, "write an https address"),
        ({"redirect_uri": "https://shop.example.org/x#y"}, "without query"),
        ({"allowed": ""}, "name who may come in; '*' for everybody"),
        ({"allowed": "ops"}, "'ops' is no rule: write 'ada@example.org'"),
        ({"required": "roles="}, "'roles=' is no rule"),
        ({"scopes": "email"}, "add 'openid'"),
        ({"algorithms": "RS256,HS256"}, "choose among RS256"),
        ({"algorithms": "none"}, "choose among RS256"),
        ({"timeout": 0}, "greater than 0"),
        ({"isuer": "x"}, "Did you mean 'issuer'?"),
    ],
)
def test_a_wrong_setting(changes: dict[str, Any], says: str) -> None:
    """What is wrong is told with what to write instead."""
    with pytest.raises(ConfigurationError) as caught:
        Oidc(**{**GOOD, **changes})
    assert says in str(caught.value)


def test_nobody_is_allowed_by_default() -> None:
    """Some providers let in everybody: who may come in must be said."""
    with pytest.raises(ConfigurationError, match=r"(?s)ALLOWED.*required"):
        Oidc(issuer="https://login.example.org", client_id="console")


def test_packages_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the error names the command that installs it."""
    monkeypatch.setattr(module, "_PACKAGES", ("joserfc", "not_here"))
    with pytest.raises(MissingExtraError) as caught:
        Oidc(**GOOD).prepare(key=b"k" * 32, callback="/cb", production=True)
    assert "Oidc(…) needs not_here: pip install 'steadfastapi[oidc]'" == str(
        caught.value
    )


def test_settings_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it can be said in the environment; nothing said is no OpenID Connect."""
    assert Oidc.from_environment() is None
    for name, value in {
        "ISSUER": "https://login.example.org",
        "CLIENT_ID": "console",
        "CLIENT_SECRET": "s3cret",
        "ALLOWED": "roles=ops, @example.org",
    }.items():
        monkeypatch.setenv(f"STEADFAST_CONSOLE_OIDC_{name}", value)
    found = Oidc.from_environment()
    assert found is not None
    assert ("roles=ops", "@example.org") == found.allowed
    assert "s3cret" not in repr(found)


def test_incomplete_settings_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Half of a configuration is an error, not an open door."""
    monkeypatch.setenv("STEADFAST_CONSOLE_OIDC_ISSUER", "https://login.example.org")
    with pytest.raises(ConfigurationError, match="STEADFAST_CONSOLE_OIDC_CLIENT_ID"):
        Oidc.from_environment()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"redirect_uri": "https://shop.example.org/ops/login"}, "must end with"),
        ({"redirect_uri": "http://127.0.0.1/ops/cb"}, "an https address in production"),
        ({"issuer": "http://localhost:9000"}, "an https address in production"),
    ],
)
def test_addresses_that_do_not_fit(settings: dict[str, Any], says: str) -> None:
    """A callback that nobody serves, or plain http in production, stops the start."""
    oidc = Oidc(**{**GOOD, **settings})
    with pytest.raises(ConfigurationError, match=says):
        oidc.prepare(key=b"k" * 32, callback="/ops/cb", production=True)


def test_it_is_what_the_console_asks_for() -> None:
    """The settings are a single sign-on, with a name for the link if there is one."""
    oidc = Oidc(**GOOD)
    assert isinstance(oidc, SingleSignOn)
    assert not oidc.label
    uri = "https://shop.example.org/ops/login/oidc/callback"
    assert "login.example.org" == Oidc(**GOOD, redirect_uri=uri).label


def test_nothing_is_loaded_before_the_first_login() -> None:
    """Settings alone load neither the client nor the cryptography."""
    code = (
        "import sys\n"
        "from steadfastapi.console.oidc.settings import Oidc\n"
        "oidc = Oidc(issuer='https://a.example', client_id='c', allowed='*')\n"
        "oidc.prepare(key=b'k' * 32, callback='/cb', production=True)\n"
        "print([m for m in ('httpx', 'joserfc', 'cryptography') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "[]\n" == done.stdout


def test_the_console_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables alone make a console with a login, and typing errors stop the start."""
    for name, value in {**GOOD, "algoritms": "RS256"}.items():
        monkeypatch.setenv(f"STEADFAST_CONSOLE_OIDC_{name}".upper(), value)
    with pytest.raises(ConfigurationError) as caught:
        configure(FastAPI())
    assert str(caught.value) == (
        "STEADFAST_CONSOLE_OIDC_ALGORITMS is set, and no layer reads it. "
        "Did you mean STEADFAST_CONSOLE_OIDC_ALGORITHMS?"
    )
    assert isinstance(Console().oidc, Oidc)


def test_something_that_signs_nobody_on() -> None:
    """What is no single sign-on is refused where it is given."""
    with pytest.raises(ConfigurationError, match=r"give Oidc\(issuer=…"):
        Console(oidc="https://login.example.org")
