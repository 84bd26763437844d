"""A login that was begun: kept by the browser that began it, and good for once."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 600
"""For a login at the provider, second factor included."""
MAX_SPENT = 10_000
"""States that are remembered as used."""
MAX_COOKIE = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A login that was begun.

    Args:
        state: Comes back with the browser; 256 random bits.
        nonce: Comes back in the ID token; as many.
        verifier: Whose hash the provider has seen (PKCE); as many.
        target: Path of the page that was asked for.
        until: Unix time in seconds until which it may be finished.
    """

    state: str
    nonce: str
    verifier: str
    target: str
    until: int

    @property
    def challenge(self) -> str:
        """The S256 hash of the verifier (RFC 7636, section 4.2)."""
        return _encoded(hashlib.sha256(self.verifier.encode()).digest())


class Logins:
    """Makes the cookies of pending logins, and takes each once.

    The browser keeps them, signed, so that any worker can finish what another began.
    That one was used is known to the worker that took it; on others the provider
    refuses the code, which is good for once as well.

    Args:
        key: Signs the cookies; all workers share it.
        clock: Unix time in seconds.
    """

    def __init__(self, key: bytes, clock: Callable[[], float] = time.time) -> None:
        self._key = hmac.digest(key, b"steadfastapi console oidc login", "sha256")
        self._clock = clock
        self._spent: dict[str, float] = {}
        self._lock = threading.Lock()

    def begin(self, target: str) -> tuple[Pending, str]:
        """Return a new login, and the cookie's value that keeps it."""
        pending = Pending(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(32),
            target=target,
            until=int(self._clock()) + SECONDS,
        )
        fields = [pending.state, pending.nonce, pending.verifier, target, pending.until]
        body = _encoded(json.dumps(fields).encode())
        return pending, f"{body}.{self._signature(body)}"

    def take(self, cookie: str, state: str) -> Pending | None:
        """Return the login that was begun in this browser with `state`, once."""
        pending = self._read(cookie)
        if pending is None or not hmac.compare_digest(
            pending.state.encode(), state.encode("utf-8", "replace")
        ):
            return None
        now = self._clock()
        if now >= pending.until:
            return None
        with self._lock:
            if pending.state in self._spent:
                return None
            self._forget(now)
            self._spent[pending.state] = pending.until
        return pending

    def _read(self, cookie: str) -> Pending | None:
        if len(cookie) > MAX_COOKIE:
            return None
        body, _, signature = cookie.partition(".")
        expected = self._signature(body).encode()
        if not hmac.compare_digest(expected, signature.encode("utf-8", "replace")):
            return None
        try:
            fields = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        except (binascii.Error, ValueError):
            return None
        state, nonce, verifier, target, until = fields
        return Pending(
            state=state, nonce=nonce, verifier=verifier, target=target, until=until
        )

    def _signature(self, body: str) -> str:
        made = hmac.digest(self._key, body.encode("utf-8", "replace"), "sha256")
        return _encoded(made)

    def _forget(self, now: float) -> None:
        """Forget what no cookie can bring back; the oldest, if they are too many."""
        while self._spent:
            oldest = next(iter(self._spent))
            if self._spent[oldest] > now and len(self._spent) < MAX_SPENT:
                break
            del self._spent[oldest]


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
