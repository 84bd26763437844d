"""Which addresses of the network are public, whatever form they come in."""

from __future__ import annotations

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_CLOSED = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers; Alibaba's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's metadata has a public address
        "169.254.0.0/16",  # link-local; most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",  # Oracle's metadata
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/3",  # multicast and reserved
        "2001::/23",  # Teredo among others: leads to an IPv4 address
        "2002::/16",  # 6to4: leads to an IPv4 address
    )
)
"""Closed whatever `ipaddress` says: its lists differ between versions of Python."""

_GLOBAL_V6 = IPv6Network("2000::/3")
"""All that IANA has handed out."""
_NAT64 = IPv6Network("64:ff9b::/96")
"""Networks without IPv4 reach it through these: RFC 6052."""


def parsed(text: str) -> Address:
    """Return the address that `text` is; one that carries an IPv4 address as that.

    Raises:
        ValueError: It is none.
    """
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Return whether anyone on the internet could be asked at this address."""
    if any(address in network for network in _CLOSED):
        return False
    if isinstance(address, IPv6Address) and address not in _GLOBAL_V6:
        return False
    return address.is_global and not address.is_multicast


def network(text: str) -> Network:
    """Return the network that `text` is: `10.0.0.0/8`, or a single address.

    Raises:
        ValueError: It is none.
    """
    return ip_network(text)
