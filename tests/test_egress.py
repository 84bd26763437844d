"""What is posted reaches configured, public addresses, and nothing behind them."""

from __future__ import annotations

import socket
import threading
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from steadfastapi import _wire
from steadfastapi._addresses import is_public, network, parsed
from steadfastapi._egress import (
    MAX_ANSWER,
    EgressError,
    EgressRefused,
    Rules,
    post,
    target,
)
from steadfastapi._wire import Until, Wire
from support.faults import (
    BlackHole,
    ResetServer,
    SlowServer,
    TrickleServer,
    refused_port,
)
from support.names import Names
from support.receiver import HttpReceiver
from support.tls import TlsReceiver, certificate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOOPBACK = Rules(allow=(network("127.0.0.0/8"),), plain_http=True)
ANYWHERE = Rules(plain_http=True)
LISTED = Rules(hosts=("hooks.example.com", ".allowed.example"), plain_http=True)
PUBLIC = "93.184.215.14"
PRIVATE = "127.0.0.1"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """A resolver of the test's own; whoever connects is seen."""
    return Names(monkeypatch)


@pytest.fixture
def neighbour() -> Iterator[HttpReceiver]:
    """What nobody may reach, on the port that each vector names."""
    with HttpReceiver() as receiver:
        yield receiver


def is_blocked(url: str, rules: Rules = ANYWHERE) -> bool:
    """Return whether nothing is sent to a URL, be it refused early or late."""
    try:
        to = target(url, rules)
    except ValueError:
        return True
    try:
        post(to, b"{}", {}, 0.5)
    except EgressRefused:
        return True
    return False


VECTORS = {
    "01_loopback": ["127.0.0.1"],
    "02_elsewhere_in_127": ["127.8.8.8", "127.255.255.254"],
    "03_decimal": ["2130706433"],
    "04_octal": ["0177.0.0.1", "017700000001"],
    "05_hexadecimal": ["0x7f000001", "0x7f.0.0.1", "0X7F000001"],
    "06_short": ["127.1", "127.0.1"],
    "07_unspecified": ["0.0.0.0", "0", "[::]"],
    "08_ipv6_loopback": ["[::1]", "[0:0:0:0:0:0:0:1]"],
    "09_ipv4_mapped": ["[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]"],
    "10_nat64_and_6to4": ["[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[64:ff9b:1::1]"],
    "11_unique_local": ["[fd00::1]", "[fc00::1]", "[fd00:ec2::254]"],
    "12_link_local_with_zone": ["[fe80::1%25lo]", "[fe80::1%lo]", "[fe80::1]"],
    "13_rfc_1918": ["10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1"],
    "14_carrier": ["100.64.0.1", "100.100.100.200"],
    "15_metadata": ["169.254.169.254", "168.63.129.16", "metadata.google.internal"],
    "16_public_name_private_address": ["private.example", "mixed.example"],
    "19_scheme": ["127.0.0.1"],
    "20_host_list": [
        "hooks.example.com@127.0.0.1",
        "hooks.example.com:secret@127.0.0.1",
        "hooks.example.com.evil.example",
        "evil-hooks.example.com",
        "evilallowed.example",
        "allowed.example",
        "hooks.example.com.",
        "127.0.0.1.",
        "１２７.0.0.1",  # noqa: RUF001 - full-width digits are the vector
        "hooks。example。com",
        "127.0.0.1\\@hooks.example.com",
        "127.0.0.1#@hooks.example.com",
        "127.0.0.1%2f@hooks.example.com",
        "hooks.example.com%00.evil.example",
    ],
}


def try_spellings(vector: str, names: Names, neighbour: HttpReceiver) -> None:
    """Post to every spelling of a vector, over every scheme that could lead there."""
    names.add("metadata.google.internal", ["169.254.169.254"])
    names.add("private.example", [PRIVATE])
    names.add("mixed.example", [PUBLIC, PRIVATE])
    rules = {"19_scheme": Rules(), "20_host_list": LISTED}.get(vector, ANYWHERE)
    other = ["http", "file", "gopher", "ftp", ""]
    urls = [
        f"{scheme}://{host}:{neighbour.port}/hook"
        for scheme in (other if vector == "19_scheme" else ["http", "https"])
        for host in VECTORS[vector]
    ]

    assert [] == [url for url in urls if not is_blocked(url, rules)]
    assert [] == names.connected


def try_rebinding(_: str, names: Names, neighbour: HttpReceiver) -> None:
    """Post to a name that says something else the second time: it is asked once."""
    names.add("rebinding.example", ["127.0.0.2"], [PRIVATE])
    rules = Rules(allow=(network("127.0.0.2/32"),), plain_http=True)
    allowed = HttpReceiver(neighbour.port)
    allowed.host = "127.0.0.2"
    with allowed:
        post(target(f"http://rebinding.example:{allowed.port}/", rules), b"{}", {})

        assert ["rebinding.example"] == names.asked
        assert ["127.0.0.2"] == names.connected
        assert 1 == allowed.requests


def try_redirect(_: str, names: Names, neighbour: HttpReceiver) -> None:
    """Post to a listed host that redirects to a private one."""
    names.add("hooks.example.com", ["127.0.0.2"])
    rules = Rules(LISTED.hosts, (network("127.0.0.2/32"),), plain_http=True)
    allowed = HttpReceiver()
    allowed.host = "127.0.0.2"
    allowed.respond_with(307, {"Location": f"{neighbour.endpoint}/"})
    with allowed:
        to = target(f"http://hooks.example.com:{allowed.port}/", rules)

        assert 307 == post(to, b"{}", {}).status
        assert ["127.0.0.2"] == names.connected


TRIALS = {
    **dict.fromkeys(VECTORS, try_spellings),
    "17_rebinding": try_rebinding,
    "18_redirect": try_redirect,
}


@pytest.mark.parametrize("vector", sorted(TRIALS))
def test_sec_19_a_vector_reaches_nobody(
    vector: str, names: Names, neighbour: HttpReceiver
) -> None:
    """In none of its spellings, by itself or behind a public name."""
    TRIALS[vector](vector, names, neighbour)

    assert 20 == len(TRIALS)
    assert 0 == neighbour.connections


def test_sec_19_the_same_post_arrives_where_it_may(neighbour: HttpReceiver) -> None:
    """So that it is the rules that keep the vectors out."""
    to = target(f"{neighbour.endpoint}/hook?a=1", LOOPBACK)

    assert 200 == post(to, b'{"x":1}', {"Content-Type": "application/json"}).status
    [request] = neighbour.received
    assert ("POST", "/hook?a=1", b'{"x":1}') == (
        request.method,
        request.path,
        request.body,
    )
    assert f"127.0.0.1:{neighbour.port}" == request.headers["host"]


def test_sec_19_17_the_connected_socket_is_checked(neighbour: HttpReceiver) -> None:
    """Linux connects 0.0.0.0 to 127.0.0.1: not a byte is sent there."""
    rules = Rules(allow=(network("0.0.0.0/32"),), plain_http=True)
    to = target(f"http://0.0.0.0:{neighbour.port}/", rules)

    with pytest.raises(EgressRefused):
        post(to, b"{}", {})
    assert 0 == neighbour.requests


@pytest.mark.parametrize(
    "text",
    ["8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::808:808"],
)
def test_public_addresses_are_public(text: str) -> None:
    """IPv6-only networks reach IPv4 by NAT64."""
    assert is_public(parsed(text))


@pytest.mark.parametrize(
    "text",
    [
        "192.0.0.192",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_other_addresses_are_not_public(text: str) -> None:
    """Multicast, reserved, documentation, benchmarks, other people's metadata."""
    assert not is_public(ip_address(text))


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com",
        "https://HOOKS.example.com/services/T0/B0/x?y=%20",
        "https://a.b.allowed.example:8443/",
    ],
)
def test_usual_urls_are_read(url: str) -> None:
    """Case makes no difference to a host; the path stays as it is."""
    to = target(url, LISTED)

    assert url.partition("://")[2].partition(":")[0].partition("/")[0].lower() == (
        to.host
    )
    assert "<Target [redacted]>" == repr(to)


@pytest.mark.parametrize(
    "url", ["", "hooks", "https://", "https://x:0x/", "https://[/"]
)
def test_what_is_no_url_is_refused(url: str) -> None:
    """With what is wrong, and without what was given."""
    with pytest.raises(ValueError, match=r"\w+") as error:
        target(url, ANYWHERE)

    assert not url or url not in str(error.value)


def test_localhost_needs_to_be_allowed(neighbour: HttpReceiver) -> None:
    """As every address that is not public."""
    url = f"http://localhost:{neighbour.port}/"

    assert is_blocked(url)
    both = (network("127.0.0.0/8"), network("::1"))
    assert 200 == post(target(url, Rules((), both, True)), b"{}", {}).status


@pytest.mark.parametrize(
    "server",
    [BlackHole, SlowServer, lambda: TrickleServer(0.05)],
    ids=["black_hole", "slow", "trickle"],
)
def test_sec_19_a_deadline_for_everything_together(
    server: type[BlackHole],
) -> None:
    """A byte now and then does not prolong it."""
    with server() as service:
        to = target(f"http://127.0.0.1:{service.port}/", LOOPBACK)
        started = time.monotonic()
        with pytest.raises(EgressError, match="TimeoutError"):
            post(to, b"{}", {}, 0.3)

        assert time.monotonic() - started < 1.0


def test_a_resolver_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its thread ends when it does."""
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait(5) and [])
    started = time.monotonic()
    with pytest.raises(EgressError, match="TimeoutError"):
        post(target("https://hooks.example.com/", LISTED), b"", {}, 0.2)
    released.set()

    assert time.monotonic() - started < 1.0


def test_errors_name_no_host(names: Names) -> None:
    """Refused, reset, unknown: the class of the error is enough."""
    with refused_port() as port, ResetServer() as reset:
        for url in (
            f"http://127.0.0.1:{port}/secret",
            f"http://127.0.0.1:{reset.port}/secret",
            "http://nowhere.invalid/secret",
        ):
            with pytest.raises(EgressError) as error:
                post(target(url, LOOPBACK), b"", {}, 2.0)

            assert "127.0.0.1" not in str(error.value)
            assert "nowhere" not in str(error.value)
            assert error.value.__cause__ is None


def test_the_next_address_is_tried(names: Names, neighbour: HttpReceiver) -> None:
    """When the first one refuses."""
    names.add("two.example", ["127.0.0.3", "127.0.0.1"])
    to = target(f"http://two.example:{neighbour.port}/", LOOPBACK)

    assert 200 == post(to, b"{}", {}).status
    assert ["127.0.0.3", "127.0.0.1"] == names.connected


def test_sec_19_at_most_64_kib_of_an_answer_are_read() -> None:
    """Then it is as if the peer had hung up."""
    ours, theirs = socket.socketpair()
    with theirs, Wire(ours, Until(5.0), MAX_ANSWER) as wire:
        theirs.settimeout(5.0)
        read = 0
        while read < MAX_ANSWER:
            theirs.sendall(b"x" * 4096)
            read += len(wire.read(4096) or b"")
        theirs.sendall(b"x")

        assert MAX_ANSWER == 64 * 1024 == read
        assert b"" == wire.read(1)


def test_tls_names_the_host(
    tmp_path: Path, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The certificate is checked for the host of the URL, at the checked address."""
    file = certificate(tmp_path, "hooks.example.com")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    names.add("hooks.example.com", ["127.0.0.1"])
    names.add("other.allowed.example", ["127.0.0.1"])
    rules = Rules(LISTED.hosts, LOOPBACK.allow)
    _wire.tls.cache_clear()
    try:
        with TlsReceiver(file) as receiver:
            port = receiver.port
            to = target(f"https://hooks.example.com:{port}/", rules)
            assert 200 == post(to, b"{}", {}).status
            other = target(f"https://other.allowed.example:{port}/", rules)
            with pytest.raises(EgressError, match="CERTIFICATE_VERIFY_FAILED"):
                post(other, b"{}", {})

            assert 1 == receiver.requests
    finally:
        _wire.tls.cache_clear()
