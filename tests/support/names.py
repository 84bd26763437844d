"""A resolver that answers as a test wants, and what was connected to."""

import ipaddress
import socket
from collections.abc import Sequence
from typing import Any

import pytest


class Names:
    """Stands in for the resolver; addresses themselves go to the real one.

    Args:
        monkeypatch: Puts everything back.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._real = socket.getaddrinfo
        self._answers: dict[str, list[Sequence[str]]] = {}
        self.asked: list[str] = []
        self.connected: list[str] = []
        """Addresses that anybody tried to connect to."""
        connect = socket.socket.connect
        connected = self.connected

        def connect_and_tell(self: socket.socket, address: Any) -> None:
            connected.append(address[0])
            connect(self, address)

        monkeypatch.setattr(socket, "getaddrinfo", self._ask)
        monkeypatch.setattr(socket.socket, "connect", connect_and_tell)

    def add(self, name: str, *answers: Sequence[str]) -> None:
        """Let `name` have these addresses, other ones with each question."""
        self._answers[name] = list(answers)

    def _ask(self, host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        self.asked.append(host)
        answers = self._answers.get(host)
        if answers is None:
            return list(self._real(host, port, *args, **kwargs))
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [_entry(address, port) for address in addresses]


def _entry(address: str, port: int) -> tuple[Any, ...]:
    if ipaddress.ip_address(address).version == 4:
        return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
    return (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
