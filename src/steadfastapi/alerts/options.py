"""Arguments of alerters: what they may be, and what is wrong with them.

No message shows an address, a key or the value of a header: they are secrets, and a
wrong one is most of the time nearly right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from pydantic import SecretStr

from steadfastapi._addresses import network
from steadfastapi._egress import MAX_SECONDS
from steadfastapi._settings import unknown

Secret = str | SecretStr

_TOKEN = re.compile(r"[!#$%&'*+.^`|~\w-]+", re.ASCII)
_VALUE = re.compile(r"[ -~]+")


class EgressOptions(TypedDict, total=False):
    """Options that every alerter of this module takes."""

    timeout: float
    """Seconds for one message, at most 5."""
    hosts: Sequence[str]
    """Hosts that the URL may name, in place of the system's own; with a leading dot,
    everything below one."""
    allow: Sequence[str]
    """Networks that are reached although they are not public: `10.0.0.0/8`."""
    plain_http: bool
    """Whether http without TLS will do, e.g. for a receiver beside the application."""


def revealed(secret: Any) -> str:
    """Return the text of a secret."""
    if isinstance(secret, SecretStr):
        return secret.get_secret_value()
    return secret if isinstance(secret, str) else ""


def wrong_key(argument: str, key: Any) -> list[str]:
    """Say what is wrong with a key that is sent along."""
    if _VALUE.fullmatch(revealed(key)) and " " not in revealed(key):
        return []
    return [f"{argument}=… is {_kind(key)}; give the key of the integration"]


def wrong_text(argument: str, text: Any, limit: int = 255) -> list[str]:
    """Say what is wrong with a text that is shown."""
    if isinstance(text, str) and text.isprintable() and len(text) <= limit:
        return []
    return [f"{argument}={text!r} is not a line of at most {limit} characters"]


def _kind(value: Any) -> str:
    if isinstance(value, (str, SecretStr)):
        return "no key" if revealed(value) else "empty"
    return type(value).__name__


def wrong_options(options: EgressOptions) -> list[str]:
    """Say what is wrong with the options."""
    known = EgressOptions.__optional_keys__
    given: Mapping[str, Any] = options
    problems = [
        unknown(f"{name}=…", name, sorted(known)).rstrip(".")
        for name in given
        if name not in known
    ]
    timeout = given.get("timeout", MAX_SECONDS)
    if (
        isinstance(timeout, bool)
        or not isinstance(timeout, (int, float))
        or not 0 < timeout <= MAX_SECONDS
    ):
        problems.append(f"timeout={timeout!r}: give seconds, at most {MAX_SECONDS:g}")
    for name in ("hosts", "allow"):
        value = given.get(name, ())
        if isinstance(value, (str, bytes)) or not all(
            isinstance(one, str) and one for one in value
        ):
            problems.append(f"{name}={value!r}: give several, such as [{value!r}]")
        elif name == "allow":
            problems += [f"allow: {one!r} is no network" for one in _no_networks(value)]
    if not isinstance(given.get("plain_http", False), bool):
        problems.append(f"plain_http={given['plain_http']!r}: give True or False")
    return problems


def _no_networks(texts: Sequence[str]) -> list[str]:
    wrong = []
    for text in texts:
        try:
            network(text)
        except ValueError:
            wrong.append(text)
    return wrong


def wrong_headers(headers: Any) -> list[str]:
    """Say what is wrong with headers, without their values."""
    if not isinstance(headers, Mapping):
        return [f"headers={type(headers).__name__}: give a mapping"]
    return [
        f"headers: {str(name)[:64]!r} is no header, or its value holds characters that "
        "none has, such as a line break at its end"
        for name, value in headers.items()
        if not isinstance(name, str)
        or not _TOKEN.fullmatch(name)
        or not _VALUE.fullmatch(revealed(value))
    ]
