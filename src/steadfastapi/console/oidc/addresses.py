"""Which addresses a provider and its answers may have."""

from __future__ import annotations

from urllib.parse import urlsplit

from steadfastapi._addresses import parsed


def is_loopback(host: str) -> bool:
    """Return whether a host is this very machine, whoever resolves it."""
    if host == "localhost":
        return True
    try:
        return parsed(host).is_loopback
    except ValueError:
        return False


def is_plain(url: str) -> bool:
    """Return whether `url` is http without TLS on this very machine."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and is_loopback(parts.hostname or "")
    except ValueError:
        return False


def may_be_asked(url: object, *, plain: bool) -> bool:
    """Return whether `url` is https, or http on this machine where that will do."""
    if not isinstance(url, str) or not url.isprintable() or "\\" in url or " " in url:
        return False
    try:
        parts = urlsplit(url)
        good = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        return False
    return good and (parts.scheme == "https" or (plain and is_plain(url)))


def shown(url: str) -> str:
    """Return what of an address people may read: no query, no user name."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:200]
    except ValueError:
        return "the address"
