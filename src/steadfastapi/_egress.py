"""Posts to addresses that were configured, and to nothing that they may lead to.

A webhook's address comes from a setting. Whoever may write it must not reach what only
this process can: its neighbours, the cloud's metadata. So https, a public address that
is checked on the very socket that is used, no redirects, and bounds on time and size.

Python's own sockets and response parser do this in one screen. A client library would
resolve the name again after any check of ours, and `http.client`'s connection tells
Sentry's breadcrumbs the URL, which is a secret. Proxies are not supported: behind one,
nobody could say where a connection ends.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from steadfastapi._addresses import is_public, parsed
from steadfastapi._wire import Until, Wire, connected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steadfastapi._addresses import Address, Network

MAX_SECONDS = 5.0
"""For everything together: name, connection, TLS, request and answer (SEC-19)."""
MAX_ANSWER = 64 * 1024
"""Bytes of an answer, its headers included, that are read (SEC-19)."""

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_PRINTABLE = re.compile(r"[!-\[\]-~]+")
"""ASCII without spaces and backslashes, which parsers read in different ways."""


class EgressError(Exception):
    """Nothing was answered. The text names neither address nor path."""


class EgressRefused(EgressError):  # noqa: N818 - a decision, not a failure
    """The name leads to where nothing is sent."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be posted to.

    Args:
        hosts: Names of hosts; with a leading dot, everything below one. Empty means
            any.
        allow: Networks that are reached although they are not public.
        plain_http: Whether http without TLS will do.
    """

    hosts: tuple[str, ...] = ()
    allow: tuple[Network, ...] = ()
    plain_http: bool = False

    def permits(self, address: Address) -> bool:
        """Return whether a connection may end at this address."""
        return is_public(address) or any(address in one for one in self.allow)

    def lists(self, host: str) -> bool:
        """Return whether the host is listed."""
        return not self.hosts or any(
            host.endswith(one) if one.startswith(".") else host == one
            for one in self.hosts
        )


@dataclass(frozen=True, slots=True, repr=False)
class Target:
    """Where to post to; its repr shows nothing."""

    rules: Rules
    tls: bool
    host: str
    port: int
    path: str

    def at(self, path: str) -> Target:
        """Return another path of the same host."""
        return replace(self, path=path)

    def __repr__(self) -> str:
        return "<Target [redacted]>"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Args:
        status: Status code.
        retry_after: The header of this name; empty without.
    """

    status: int
    retry_after: str


def target(url: str, rules: Rules) -> Target:
    """Return where `url` leads.

    Raises:
        ValueError: It leads to where `rules` do not, or cannot be read; the text says
            what would be right, and nothing of the URL.
    """
    if not _PRINTABLE.fullmatch(url):
        raise ValueError("holds characters that no URL has; write a host as punycode")
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and rules.plain_http):
        raise ValueError("does not begin with https://")
    if "@" in parts.netloc:
        raise ValueError("holds a user name or password; give headers instead")
    host = _host(parts.hostname or "", rules)
    if not rules.lists(host):
        raise ValueError("names a host that is not among hosts=…")
    tls = parts.scheme == "https"
    try:
        port = parts.port or (443 if tls else 80)
    except ValueError:
        raise ValueError("names a port that is none") from None
    query = f"?{parts.query}" if parts.query else ""
    return Target(rules, tls, host, port, f"{parts.path or '/'}{query}")


def _host(host: str, rules: Rules) -> str:
    closed = "names an address that is not public; allow=… lists networks that may be"
    if ":" in host or _NUMBER.fullmatch(host.rpartition(".")[2]):
        try:
            # `ipaddress` reads the usual form only; resolvers read 0x7f.1 as well.
            address = parsed(host if "%" not in host else "")
        except ValueError:
            raise ValueError("names an address in an unusual form") from None
        if not rules.permits(address):
            raise ValueError(closed)
    elif not _HOST.fullmatch(host):
        raise ValueError("names no host, or one that cannot be")
    elif host.rpartition(".")[2] == "localhost" and not rules.permits(
        parsed("127.0.0.1")
    ):
        raise ValueError(closed)
    return host


def post(
    to: Target, body: bytes, headers: Mapping[str, str], seconds: float = MAX_SECONDS
) -> Answer:
    """Post `body` and return the answer's status; blocks.

    Args:
        to: Where to.
        body: What to send.
        headers: Beside `Host`, `Content-Length` and `Connection`.
        seconds: For everything together; more than `MAX_SECONDS` counts as that.

    Raises:
        EgressRefused: The name leads to an address that `to.rules` do not permit;
            nothing was sent.
        EgressError: No answer came in time, or none at all.
    """
    until = Until(min(seconds, MAX_SECONDS))
    try:
        connection = connected(to.host, to.port, partial(_check, to.rules), until)
        with Wire(connection, until, MAX_ANSWER) as wire:
            if to.tls:
                wire.secure(to.host)
            wire.send(_request(to, body, headers))
            # Sees one response only: a 3xx is an answer like any other.
            # Closed before the wire is: since Python 3.13 a later end complains.
            with HTTPResponse(wire, method="POST") as response:  # type: ignore[arg-type]
                response.begin()
                return Answer(response.status, response.getheader("Retry-After", ""))
    except EgressError:
        raise
    except (OSError, HTTPException, UnicodeError) as error:
        # Texts of these errors name the host.
        raise EgressError(_said(error)) from None


def _said(error: Exception) -> str:
    name = type(error).__name__
    if isinstance(error, ssl.SSLError):
        return f"{name}: {error.reason or 'TLS'}"
    reason = getattr(error, "strerror", None)
    return f"{name}: {reason}" if reason else name


def _request(to: Target, body: bytes, headers: Mapping[str, str]) -> bytes:
    host = f"[{to.host}]" if ":" in to.host else to.host
    usual = 443 if to.tls else 80
    lines = [
        f"POST {to.path} HTTP/1.1",
        f"Host: {host}" if to.port == usual else f"Host: {host}:{to.port}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
        "\r\n",
    ]
    return "\r\n".join(lines).encode("latin-1") + body


def _check(rules: Rules, address: str) -> None:
    if not rules.permits(parsed(address)):
        raise EgressRefused(
            "the name leads to an address that is not public; allow=… lists networks "
            "that may be"
        )
