"""Who may come in, of all whom the provider lets in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EVERYBODY = "*"
EMAIL_CLAIMS = frozenset({"email", "email_verified"})


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition on the claims of a token.

    Args:
        claim: Name of the claim, or a path with dots; `email` and `domain` stand for
            a verified address.
        value: What the claim must be, contain, or have as a key.
    """

    claim: str
    value: str

    def holds(self, claims: Mapping[str, Any]) -> bool:
        """Return whether the claims fulfil the condition."""
        if self.claim == EVERYBODY:
            return True
        if self.claim in ("email", "domain"):
            address = _verified_address(claims)
            name, at, domain = address.rpartition("@")
            if not (name and at and domain):
                return False
            return (address if self.claim == "email" else domain) == self.value
        return self.value in _texts(_found(claims, self.claim))

    def needs(self) -> frozenset[str]:
        """Return the claims at the top that decide."""
        if self.claim == EVERYBODY:
            return frozenset()
        if self.claim in ("email", "domain"):
            return EMAIL_CLAIMS
        return frozenset({self.claim})


def rule(text: str) -> Rule:
    """Return the rule that is written as `text`.

    Raises:
        ValueError: It is none; the text says how rules are written.
    """
    claim, equals, value = (part.strip() for part in text.partition("="))
    if text == EVERYBODY:
        return Rule(EVERYBODY, "")
    if equals and claim and value:
        return Rule(claim, value)
    name, at, domain = text.rpartition("@")
    if at and domain and not equals and not (set(text) & set(" \t,;<>")):
        if name:
            return Rule("email", text.casefold())
        return Rule("domain", domain.casefold())
    raise ValueError(
        f"{text!r} is no rule: write 'ada@example.org', '@example.org', "
        "'roles=ops' (claim=value), or '*' for everybody whom the provider lets in"
    )


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may come in.

    Args:
        allowed: One of these must hold.
        required: All of these must.
    """

    allowed: tuple[Rule, ...]
    required: tuple[Rule, ...] = ()

    def permit(self, claims: Mapping[str, Any]) -> bool:
        """Return whether whoever has these claims may come in."""
        return all(one.holds(claims) for one in self.required) and any(
            one.holds(claims) for one in self.allowed
        )

    def lacks(self, claims: Mapping[str, Any]) -> bool:
        """Return whether a claim is not there that might decide."""
        return any(
            name not in claims and _found(claims, name) is None
            for one in (*self.allowed, *self.required)
            for name in one.needs()
        )


def rules_of(allowed: Iterable[str], required: Iterable[str]) -> Rules:
    """Return the rules that are written so.

    Raises:
        ValueError: One of them is none.
    """
    return Rules(
        tuple(rule(text) for text in allowed), tuple(rule(text) for text in required)
    )


def _verified_address(claims: Mapping[str, Any]) -> str:
    """Return the e-mail address; empty where nobody vouches for it."""
    address = claims.get("email")
    verified = claims.get("email_verified")
    # AWS Cognito writes the claim as text.
    if not isinstance(address, str) or not (verified is True or verified == "true"):
        return ""
    return address.casefold()


def _found(claims: Mapping[str, Any], name: str) -> Any:
    """Return a claim by its name, or by its path: `realm_access.roles`."""
    if name in claims:
        return claims[name]  # names that are URLs have dots, too
    value: Any = claims
    for part in name.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def _texts(value: Any) -> frozenset[str]:
    """Return what a claim says: a text, the items of a list, the keys of an object.

    Zitadel writes roles as keys: `{"ops": {"2385…": "example.org"}}`.
    """
    if isinstance(value, bool):
        return frozenset({"true" if value else "false"})
    if isinstance(value, str | int):
        return frozenset({str(value)})
    if isinstance(value, list | dict):
        return frozenset(one for one in value if isinstance(one, str))
    return frozenset()
