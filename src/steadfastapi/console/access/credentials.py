"""The console's own secrets, compared in constant time (SEC-17)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steadfastapi.console.access.identity import MAX_NAME, Identity

if TYPE_CHECKING:
    from starlette.requests import Request

MAX_SECRET = 4_096
"""Characters of what somebody sends as a secret."""


def same(given: str, secret: str) -> bool:
    """Return whether two texts are equal; the time tells nothing of either.

    Their digests are compared, so that not even their lengths show.
    """
    mine, theirs = (
        hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
        for text in (secret, given[:MAX_SECRET])
    )
    return hmac.compare_digest(mine, theirs)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the settings say.

    Args:
        token: Lets anybody in who knows it.
        basic: `user:password`.
    """

    token: str | None = None
    basic: str | None = None

    def by_token(self, given: str) -> Identity | None:
        """Return who knows the token."""
        if self.token is not None and same(given, self.token):
            return Identity(name="token", method="token")
        return None

    def by_password(self, user: str, password: str) -> Identity | None:
        """Return who knows user and password."""
        if self.basic is not None and same(f"{user}:{password}", self.basic):
            return Identity(name=user[:MAX_NAME], method="basic")
        return None


def authorization(request: Request) -> tuple[str, str]:
    """Return scheme, in lower case, and value of the `Authorization` header."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return scheme.lower(), _utf8(value.strip())


def _utf8(header: str) -> str:
    # Servers decode headers as latin-1; the bytes were the client's UTF-8.
    return header.encode("latin-1", "replace").decode("utf-8", "replace")


def user_and_password(value: str) -> tuple[str, str] | None:
    """Return what a Basic header holds; None where it is broken."""
    try:
        text = base64.b64decode(value, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None
    user, mark, password = text.partition(":")
    return (user, password) if mark else None
