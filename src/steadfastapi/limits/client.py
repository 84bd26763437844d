"""Who is asking: the address of the client, and what proxies say of it.

A forwarding header is the client's to write until a proxy that we know has added to
it. So it is read only if the peer is a listed proxy, and from the right: what listed
proxies added is skipped, and the first address that is not theirs is the client's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any

from steadfastapi.limits.server import believed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Scope

UNIX = "unix"
"""Stands for a peer without an address, on a Unix socket."""
UNKNOWN = "unknown"
FORWARDED = "forwarded"
"""Who comes with an address that the server took from a header of an unlisted
proxy: nobody in particular, so that forged ones win nothing."""

IPV6_PREFIX = 64
"""Bits: what a provider hands to one customer (RFC 6177), who may use any address in
it."""

_FOR = re.compile(r"(?:^|;)\s*for\s*=\s*(\"[^\"]*\"|[^;,\s]*)", re.IGNORECASE)
MAX_HOPS = 32
MAX_HEADER = 8192
"""Characters of the header's end, where the nearest proxies have written."""


@dataclass(frozen=True, slots=True)
class Clients:
    """Finds the address of clients.

    Args:
        networks: Listed proxies.
        unix: Whether a peer on a Unix socket is a listed proxy.
        header: Name of the forwarding header that the proxies maintain, lower case.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    unix: bool = False
    header: bytes = b"x-forwarded-for"
    agrees: bool = False
    """Whether every peer that the server believes is a listed proxy."""

    @classmethod
    def of(cls, proxies: Iterable[str], header: str = "x-forwarded-for") -> Clients:
        """Return the finder for a list of networks, addresses and `unix`.

        Raises:
            ValueError: One is none of these.
        """
        listed = list(proxies)
        networks = tuple(ip_network(one, strict=False) for one in listed if one != UNIX)
        agrees = all(_is_inside(one, networks) for one in believed())
        return cls(networks, UNIX in listed, header.encode("latin-1"), agrees)

    def trusts(self, host: str) -> bool:
        """Return whether `host` is the address of a listed proxy."""
        address = _parsed(host)
        return address is not None and any(address in one for one in self.networks)

    def address(self, scope: Scope) -> str:
        """Return the address that limits count for.

        IPv6 addresses stand for their network of 64 bits.
        """
        client = scope.get("client")
        peer: str = client[0] if client else ""
        hops = self._hops(scope)
        if not hops:
            return _counted(peer) if peer else UNKNOWN
        trusted = self.trusts(peer) if peer else self.unix
        if not trusted:
            # The server may have put an address of the header in the peer's place,
            # as uvicorn does by default for whoever connects from this machine.
            if peer and not self.agrees and _canonical(peer) in hops:
                return FORWARDED
            return _counted(peer) if peer else UNKNOWN
        nearest = peer
        for hop in reversed(hops):
            if _parsed(hop) is None:
                break  # obfuscated, or rubbish: what is left of it proves nothing
            nearest = hop
            if not self.trusts(hop):
                break
        return _counted(nearest) if nearest else UNKNOWN

    def _hops(self, scope: Scope) -> list[str]:
        wanted = self.header
        values = [
            value.decode("latin-1")
            for name, value in scope["headers"]
            if name == wanted
        ]
        if not values:
            return []
        joined = ",".join(values)
        if wanted == b"forwarded":
            found = (_FOR.search(one) for one in _elements(joined[-MAX_HEADER:]))
            parts = [one[1] if one else "" for one in found]
        else:
            parts = joined[-MAX_HEADER:].split(",")
        return [_canonical(part) for part in parts[-MAX_HOPS:]]


def _elements(text: str) -> list[str]:
    """Split at commas outside of quotes, counted from the end: the start may be cut."""
    found: list[str] = []
    current = ""
    for position, piece in enumerate(reversed(text.split('"'))):
        mark = '"' if position else ""
        if position % 2:  # inside of quotes
            current = f"{piece}{mark}{current}"
            continue
        *before, last = piece.split(",")
        current = f"{last}{mark}{current}"
        for one in reversed(before):
            found.append(current)
            current = one
    found.append(current)
    return found[::-1]


def _canonical(text: str) -> str:
    """Return an address without port, brackets and quotes, in its shortest form."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    address = _parsed(text)
    return text if address is None else str(address)


def _parsed(text: str) -> Any:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_inside(text: str, networks: Iterable[Any]) -> bool:
    try:
        network: Any = ip_network(text, strict=False)
    except ValueError:
        return False  # everybody, or a name
    return any(
        network.version == one.version and network.subnet_of(one) for one in networks
    )


@lru_cache(maxsize=4096)
def _counted(host: str) -> str:
    address = _parsed(host)
    if not isinstance(address, IPv6Address):
        return host if address is None else str(address)
    network = ip_network((address, IPV6_PREFIX), strict=False)
    return str(network)
