"""Who may come in by OpenID Connect, and what a browser keeps meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from steadfastapi.console.oidc import pending as oidc_pending
from steadfastapi.console.oidc.flow import is_path
from steadfastapi.console.oidc.pending import SECONDS, Logins
from steadfastapi.console.oidc.rules import rules_of

CLAIMS = {
    "sub": "42",
    "email": "Ada@Example.org",
    "email_verified": True,
    "roles": ["ops", "dev"],
    "realm_access": {"roles": ["admin"]},
    "urn:zitadel:iam:org:project:roles": {"owner": {"23": "example.org"}},
    "https://example.org/groups": ["blue team"],
    "tid": 7,
    "mfa": True,
}


@pytest.mark.parametrize(
    ("allowed", "required", "permitted"),
    [
        ("*", (), True),
        ("ada@example.org", (), True),
        ("@example.org", (), True),
        ("@ample.org", (), False),
        ("@sub.example.org", (), False),
        ("eve@example.org", (), False),
        ("roles=ops", (), True),
        ("roles=op", (), False),
        ("realm_access.roles=admin", (), True),
        ("realm_access.roles.admin=x", (), False),
        ("urn:zitadel:iam:org:project:roles=owner", (), True),
        ("https://example.org/groups=blue team", (), True),
        ("tid=7", (), True),
        ("sub=42", (), True),
        ("nothing=x", (), False),
        ("roles=ops", ("mfa=true",), True),
        ("roles=ops", ("mfa=true", "tid=8"), False),
    ],
)
def test_who_may_come_in(
    allowed: str, required: tuple[str, ...], permitted: bool
) -> None:
    """One of the allowed rules, and all of the required ones, must hold."""
    assert permitted == rules_of((allowed,), required).permit(CLAIMS)


@pytest.mark.parametrize("verified", [False, None, "false", 1])
def test_an_address_that_nobody_vouches_for(verified: Any) -> None:
    """Whoever may write their own address is not who it says."""
    claims = {**CLAIMS, "email_verified": verified}
    assert not rules_of(("ada@example.org", "@example.org"), ()).permit(claims)


@pytest.mark.parametrize(
    ("address", "domain"),
    [("eve@example.org@evil.example", "example.org"), ("@example.org", "example.org")],
)
def test_an_address_with_two_hosts(address: str, domain: str) -> None:
    """The domain is what follows the last @, and there is a name before it."""
    claims = {"email": address, "email_verified": True}
    assert not rules_of((f"@{domain}",), ()).permit(claims)


def test_a_pending_login_ends() -> None:
    """Ten minutes after it began, a login cannot be finished."""
    now = [1_000.0]
    logins = Logins(b"k" * 32, lambda: now[0])
    pending, cookie = logins.begin("/")
    now[0] += SECONDS - 1
    assert pending == logins.take(cookie, pending.state)
    pending, cookie = logins.begin("/")
    now[0] += SECONDS
    assert logins.take(cookie, pending.state) is None


def test_a_pending_login_that_another_worker_finishes() -> None:
    """Workers with the same key finish each other's logins; others do not."""
    pending, cookie = Logins(b"k" * 32).begin("/issues")
    assert pending == Logins(b"k" * 32).take(cookie, pending.state)
    assert Logins(b"other" * 8).take(cookie, pending.state) is None


@pytest.mark.parametrize("cookie", ["", ".", "é.é", "x" * 5_000, "W10.AAAA"])
def test_cookies_that_are_none(cookie: str) -> None:
    """What we have not signed is no login."""
    assert Logins(b"k" * 32).take(cookie, "") is None


def test_used_states_are_remembered_within_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So many and no more; those that have ended make room."""
    monkeypatch.setattr(oidc_pending, "MAX_SPENT", 50)
    now = [1_000.0]
    logins = Logins(b"k" * 32, lambda: now[0])
    for _ in range(55):
        pending, cookie = logins.begin("/")
        assert logins.take(cookie, pending.state) is not None
    assert 50 == len(logins._spent)
    now[0] += SECONDS
    pending, cookie = logins.begin("/")
    logins.take(cookie, pending.state)
    assert 1 == len(logins._spent)


@pytest.mark.parametrize(
    ("target", "good"),
    [
        ("/", True),
        ("/issues?level=error&next=//x", True),
        ("", False),
        ("issues", False),
        ("//evil.example", False),
        ("/a//b", False),
        ("/a/../b", False),
        ("/%2E%2e/b", False),
        ("/\\evil.example", False),
        ("/a\nb", False),
        ("/" + "a" * 2_000, False),
    ],
)
def test_what_is_a_path(target: str, good: bool) -> None:
    """Pages below the console are; what a browser could read otherwise is not."""
    assert good == is_path(target)
