"""Who is asking, by the peer and by what listed proxies say."""

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadfastapi.limits.client import FORWARDED, UNKNOWN, Clients

LISTED = ("10.0.0.0/8", "2001:db8:ffff::/48")


def scope(peer: str | None, *values: str, name: str = "x-forwarded-for") -> Any:
    """Return what a request from `peer` with some forwarding headers looks like."""
    return {
        "client": (peer, 1) if peer is not None else None,
        "headers": [(name.encode(), value.encode("latin-1")) for value in values],
    }


@pytest.mark.parametrize(
    ("peer", "values", "expected"),
    [
        ("192.0.2.1", (), "192.0.2.1"),
        ("192.0.2.1", ("198.51.100.1",), "192.0.2.1"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("192.0.2.9, 198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("192.0.2.9", "198.51.100.1, 10.2.0.1"), "198.51.100.1"),
        ("10.0.0.1", ("10.3.0.1, 10.2.0.1",), "10.3.0.1"),
        ("10.0.0.1", ("198.51.100.1:4711",), "198.51.100.1"),
        ("10.0.0.1", ("192.0.2.9, unknown, 10.2.0.1",), "10.2.0.1"),
        ("10.0.0.1", ("192.0.2.9, <script>",), "10.0.0.1"),
        ("10.0.0.1", ("",), "10.0.0.1"),
        ("10.0.0.1", (", ".join(["192.0.2.9"] * 500),), "192.0.2.9"),
        ("2001:db8:ffff::1", ("[2001:db8:1:2:3::4]:80",), "2001:db8:1:2::/64"),
        ("2001:db8:1:2:3::4", (), "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", (), "192.0.2.1"),
        ("::ffff:10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("fe80::1%eth0", (), "fe80::/64"),
        ("testclient", (), "testclient"),
        (None, ("198.51.100.1",), UNKNOWN),
        ("198.51.100.1", ("198.51.100.1",), FORWARDED),
        ("198.51.100.1", ("198.51.100.1:80",), FORWARDED),
    ],
)
def test_the_address_is_the_first_that_no_listed_proxy_has(
    peer: str | None, values: tuple[str, ...], expected: str
) -> None:
    """From the right; without a listed peer the header says nothing."""
    assert expected == Clients.of(LISTED).address(scope(peer, *values))


def test_without_listed_proxies_nobody_is_believed() -> None:
    """An address that the server took from the header least of all."""
    clients = Clients.of(())

    assert "192.0.2.1" == clients.address(scope("192.0.2.1", "198.51.100.1"))
    assert FORWARDED == clients.address(scope("198.51.100.1", "198.51.100.1"))


def test_a_proxy_on_this_machine_is_believed_when_listed() -> None:
    """Also where uvicorn has put its word in the peer's place."""
    clients = Clients.of(("127.0.0.1", "10.0.0.0/8"))

    assert "198.51.100.1" == clients.address(scope("127.0.0.1", "198.51.100.1"))
    assert "198.51.100.1" == clients.address(scope("198.51.100.1", "198.51.100.1"))
    assert "198.51.100.1" == clients.address(
        scope("10.0.0.1", "192.0.2.6, 198.51.100.1, 10.0.0.1")
    )
    # A client that names itself and somebody else is itself.
    assert "192.0.2.6" == clients.address(scope("192.0.2.6", "192.0.2.6, 192.0.2.7"))


@pytest.mark.parametrize(
    ("variable", "arguments", "expected"),
    [
        ("", [], FORWARDED),
        ("10.1.0.0/16", [], "198.51.100.1"),
        ("10.0.0.0/8,127.0.0.1", [], FORWARDED),
        ("*", [], FORWARDED),
        ("proxy.internal", [], FORWARDED),
        ("", ["--forwarded-allow-ips", "10.0.0.1"], "198.51.100.1"),
        ("*", ["--forwarded-allow-ips=10.0.0.1"], "198.51.100.1"),
        ("", ["--forwarded-allow-ips"], FORWARDED),
        ("*", ["--no-proxy-headers"], "198.51.100.1"),
    ],
)
def test_what_the_server_took_over_is_believed_where_both_trust_the_same(
    variable: str,
    arguments: list[str],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server's list is in its command line, or in the environment."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", variable)
    monkeypatch.setattr(sys, "argv", ["uvicorn", "app:app", *arguments])
    clients = Clients.of(LISTED)

    assert expected == clients.address(scope("198.51.100.1", "198.51.100.1"))


def test_a_peer_on_a_unix_socket_is_believed_when_listed() -> None:
    """It has no address of its own."""
    for listed, expected in (((), UNKNOWN), (("unix",), "198.51.100.1")):
        for peer in (None, ""):
            clients = Clients.of(listed)
            assert expected == clients.address(scope(peer, "198.51.100.1"))
    assert UNKNOWN == Clients.of(("unix",)).address(scope(None))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("for=198.51.100.1", "198.51.100.1"),
        ("for=192.0.2.9, for=198.51.100.1;proto=https;by=10.0.0.1", "198.51.100.1"),
        ('proto=https;For="198.51.100.1:4711"', "198.51.100.1"),
        ('for="[2001:db8:1:2:3::4]:80"', "2001:db8:1:2::/64"),
        ('for=192.0.2.9, for="_hidden"', "10.0.0.1"),
        ('for="a, for=192.0.2.9"', "10.0.0.1"),
        ("proto=https", "10.0.0.1"),
    ],
)
def test_the_header_of_rfc_7239_is_read_where_it_is_maintained(
    value: str, expected: str
) -> None:
    """And the other one is not: no proxy removes it."""
    clients = Clients.of(LISTED, "forwarded")

    assert expected == clients.address(scope("10.0.0.1", value, name="forwarded"))
    assert "10.0.0.1" == clients.address(scope("10.0.0.1", "198.51.100.1"))


@given(st.lists(st.text(st.characters(max_codepoint=255)), max_size=5))
def test_no_header_can_break_it(values: list[str]) -> None:
    """Whatever a client writes, there is an address."""
    for header in ("x-forwarded-for", "forwarded"):
        for peer in ("10.0.0.1", "192.0.2.1"):
            clients = Clients.of(LISTED, header)

            assert clients.address(scope(peer, *values, name=header))
