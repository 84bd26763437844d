"""An OpenID provider that does as a test tells it, with real keys over real HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

if TYPE_CHECKING:
    from types import TracebackType

Claims = dict[str, Any]
Signer = Callable[[Claims, Claims], str]


@cache
def rsa_key(kid: str = "rsa") -> RSAKey:
    """Return a key of this test run."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


@cache
def ec_key(kid: str = "ec") -> ECKey:
    """Return a key of this test run."""
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"})


def by_rsa(header: Claims, claims: Claims) -> str:
    """Sign as the provider does."""
    signed = _changed({"alg": "RS256", "kid": "rsa"}, header)
    return jwt.encode(signed, claims, rsa_key())


def by_ec(header: Claims, claims: Claims) -> str:
    """Sign as the provider does with its other key."""
    signed = {"alg": "ES256", "kid": "ec", **header}
    return jwt.encode(signed, claims, ec_key(), algorithms=["ES256"])


def by_nobody(header: Claims, claims: Claims) -> str:
    """Sign nothing, and say so."""
    return f"{_part({'alg': 'none', **header})}.{_part(claims)}."


def by_public_key(header: Claims, claims: Claims) -> str:
    """Sign with what everybody can read: the public key as a secret."""
    body = f"{_part({'alg': 'HS256', 'kid': 'rsa', **header})}.{_part(claims)}"
    public = rsa_key().as_pem(private=False)
    return f"{body}.{_text(hmac.digest(public, body.encode(), 'sha256'))}"


def by_a_stranger(header: Claims, claims: Claims) -> str:
    """Sign with another key, under the name of the provider's."""
    stranger = rsa_key("stranger")
    return jwt.encode({"alg": "RS256", "kid": "rsa", **header}, claims, stranger)


class HostileProvider:
    """A provider on a free port of 127.0.0.1; good, until a test changes it."""

    def __init__(self) -> None:
        self.metadata: Claims = {}
        """Changes to what it says about itself; None removes."""
        self.claims: Claims = {}
        """Changes to the claims of ID tokens; None removes."""
        self.callback: dict[str, str | None] = {}
        """Changes to what it sends back with the browser; None removes."""
        self.sign: Signer = by_rsa
        self.header: Claims = {}
        self.keys: list[Any] = [rsa_key(), ec_key()]
        self.userinfo: Claims = {}
        self.answers: dict[str, tuple[int, bytes]] = {}
        """Status and body by path, instead of what is right."""
        self.headers: dict[str, str] = {}
        """Further headers of every answer."""
        self.hangs: set[str] = set()
        """Paths that are not answered before the provider ends."""
        self.asked: list[str] = []
        """Paths, in order."""
        self.secrets_seen: list[str | None] = []
        """`Authorization` of each question for a token."""
        self._codes: dict[str, dict[str, str]] = {}
        self._over = threading.Event()

    @property
    def issuer(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def log_in(self, address: str) -> str:
        """Do what somebody does at the provider, and return where it sends them."""
        asked = dict(parse_qsl(urlsplit(address).query))
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.issuer}
        query = urlencode(_changed(back, self.callback))
        parts = urlsplit(asked["redirect_uri"])
        return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))

    def token(self, **changes: Any) -> str:
        """Return an access token; None removes a claim."""
        claims = {"aud": "console", "sub": "ada", **self._times()}
        return self.sign(self.header, _changed(claims, changes))

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, bytes]:
        """Return status and body of an answer."""
        self.asked.append(path)
        if path in self.hangs:
            self._over.wait(60)
        if path in self.answers:
            return self.answers[path]
        if path == "/token":
            status, said = self._exchange(form)
            return status, json.dumps(said).encode()
        return 200, json.dumps(self._page(path)).encode()

    def _page(self, path: str) -> Claims:
        if path == "/keys":
            return {"keys": [key.as_dict(private=False) for key in self.keys]}
        return self.userinfo if path == "/userinfo" else self._about()

    def _about(self) -> Claims:
        about = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/bye?from=there",
            "code_challenge_methods_supported": ["plain", "S256"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "authorization_response_iss_parameter_supported": True,
        }
        return _changed(about, self.metadata)

    def _exchange(self, form: dict[str, str]) -> tuple[int, Claims]:
        asked = self._codes.pop(form.get("code", ""), None)
        verifier = form.get("code_verifier", "").encode()
        challenge = _text(hashlib.sha256(verifier).digest())
        if asked is None or asked["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant"}
        claims = {
            "aud": asked["client_id"],
            "sub": "ada",
            "nonce": asked["nonce"],
            "email": "ada@example.org",
            "email_verified": True,
            **self._times(),
        }
        token = self.sign(self.header, _changed(claims, self.claims))
        return 200, {
            "access_token": "opaque",
            "token_type": "Bearer",
            "id_token": token,
        }

    def _times(self) -> Claims:
        now = int(time.time())
        return {"iss": self.issuer, "iat": now, "exp": now + 300}


class _Handler(BaseHTTPRequestHandler):
    owner: HostileProvider

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        self.owner.secrets_seen.append(self.headers["Authorization"])
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer({name: values[0] for name, values in parse_qs(body).items()})

    def _answer(self, form: dict[str, str]) -> None:
        status, body = self.owner.answer(urlsplit(self.path).path, form)
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            for name, value in self.owner.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # whoever asked has given up

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


def _changed(given: Claims, changes: Claims) -> Claims:
    return {k: v for k, v in {**given, **changes}.items() if v is not None}


def _part(value: Claims) -> str:
    return _text(json.dumps(value).encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
