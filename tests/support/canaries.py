"""The 14 secrets of the canary matrix, and the search for them."""

import base64
import json
import random
import re
import secrets
import string
from dataclasses import asdict, dataclass, field
from typing import Any, NoReturn
from urllib.parse import quote, quote_plus

from pydantic import BaseModel

LENGTH = 24
ALPHABET = string.ascii_letters + string.digits


class CanaryError(RuntimeError):
    """Raised with every secret within reach."""


class Login(BaseModel):
    """A body whose repr shows a password."""

    user: str
    password: str


def _secret() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def _provider_key() -> str:
    return f"sk-{_secret()}"


def _address() -> str:
    # Three digits at the end, so that no other address holds this one.
    return f"203.0.113.{random.randint(100, 254)}"


@dataclass(frozen=True, repr=False)
class Canaries:
    """Random secrets, drawn anew for each instance; its repr shows none of them.

    The numbers are those of the canary matrix. Source lines that reach a sink lack the
    values, because these exist at run time only.
    """

    database_password: str = field(default_factory=_secret)
    """1: password of a database URL, in the exception text and a local."""
    exception_token: str = field(default_factory=_secret)
    """2: `token=…` in the exception text."""
    local_password: str = field(default_factory=_secret)
    """3: `password` in a local dict."""
    nested_api_key: str = field(default_factory=_secret)
    """4: `api_key` in a nested local dict."""
    named_local: str = field(default_factory=_secret)
    """5: a local variable with a telling name."""
    provider_key: str = field(default_factory=_provider_key)
    """6: provider-style key in an innocent local."""
    query_token: str = field(default_factory=_secret)
    """7: `token` in the query string."""
    body_password: str = field(default_factory=_secret)
    """8: `password` in the body, and in the repr of a Pydantic model."""
    nested_body_password: str = field(default_factory=_secret)
    """9: `password` nested in the body."""
    x_api_key: str = field(default_factory=_secret)
    """10: `X-API-Key` header."""
    bearer: str = field(default_factory=_secret)
    """11: `Authorization: Bearer` header."""
    session_cookie: str = field(default_factory=_secret)
    """12: `session` cookie."""
    forwarded_for: str = field(default_factory=_address)
    """13: address in `X-Forwarded-For`, from the documentation range."""
    x_auth_token: str = field(default_factory=_secret)
    """14: `X-Auth-Token` header."""

    def __repr__(self) -> str:
        return f"<{len(self.values())} canaries>"

    def values(self) -> dict[str, str]:
        """Return the secrets by name, in the order of the matrix."""
        return asdict(self)

    def request_kwargs(self) -> dict[str, Any]:
        """Return `headers`, `params` and `json` for an httpx request.

        The cookie travels as a header: httpx deprecates cookies per request.
        """
        return {
            "headers": {
                "X-API-Key": self.x_api_key,
                "Authorization": f"Bearer {self.bearer}",
                "Cookie": f"session={self.session_cookie}",
                "X-Forwarded-For": self.forwarded_for,
                "X-Auth-Token": self.x_auth_token,
            },
            "params": {"token": self.query_token},
            "json": {
                "user": "ada",
                "password": self.body_password,
                "account": {"owner": {"password": self.nested_body_password}},
            },
        }

    def find(self, haystack: str | bytes) -> dict[str, int]:
        """Count the secrets in what a sink received.

        Looks for the raw, URL-encoded, JSON-escaped and repr forms and for base64 at
        all three alignments, in both alphabets.

        Args:
            haystack: Text, or bytes in UTF-8.

        Returns:
            Occurrences by name; empty if there is no leak.
        """
        if isinstance(haystack, str):
            haystack = haystack.encode(errors="surrogatepass")
        counts = {
            name: len(re.findall(_pattern(value), haystack))
            for name, value in self.values().items()
        }
        return {name: count for name, count in counts.items() if count}


def raise_with_all(canaries: Canaries, *bound: object) -> NoReturn:
    """Raise with secrets 1 to 6 and 8 in the locals and 1, 2 and 8 in the text.

    The others come with the request; hand it in to have them in this frame as well.

    Args:
        canaries: The secrets.
        bound: Anything else to hold in the frame, such as the request or its body.
    """
    url = f"postgresql://shop:{quote(canaries.database_password)}@db.internal:5432/shop"
    form = {"user": "ada", "password": canaries.local_password}
    settings = {"payment": {"provider": {"api_key": canaries.nested_api_key}}}
    client_secret = canaries.named_local
    label = canaries.provider_key
    login = Login(user="ada", password=canaries.body_password)
    held = (form, settings, client_secret, label, bound)
    raise CanaryError(
        f"cannot store {login!r} in {url} after {len(held)} attempts: "
        f"callback?token={canaries.exception_token} failed"
    )


def _pattern(secret: str) -> bytes:
    encoders = (
        str,
        quote,
        quote_plus,
        lambda text: quote(text, safe=""),
        lambda text: json.dumps(text)[1:-1],
        lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
        lambda text: repr(text)[1:-1],
        lambda text: ascii(text)[1:-1],
    )
    forms = {encode(secret).encode() for encode in encoders}
    forms |= {re.sub(rb"%..", lambda hit: hit[0].lower(), form) for form in forms}
    forms |= _base64_forms(secret.encode())
    return b"|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))


def _base64_forms(secret: bytes) -> set[bytes]:
    """Encode at each alignment, without the characters that neighbours change."""
    forms = set()
    for shift in range(3):
        bits_before = 8 * shift
        bits_after = bits_before + 8 * len(secret)
        inner = slice(-(-bits_before // 6), bits_after // 6)
        padded = bytes(shift) + secret
        forms.add(base64.b64encode(padded)[inner])
        forms.add(base64.urlsafe_b64encode(padded)[inner])
    return forms
