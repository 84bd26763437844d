"""How often somebody may guess: ten failures a minute from one address."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

FAILURES = 10
WINDOW = 60.0
"""Seconds."""
MAX_CLIENTS = 5_000
"""Addresses that are remembered; those that failed longest ago go first."""
_NETWORK = (1 << 128) - (1 << 64)
"""The /64 that an IPv6 host can choose its addresses from."""


class Throttle:
    """Counts failed logins by client, in this worker.

    Args:
        clock: Seconds, going forwards.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, request: Request) -> float:
        """Return the seconds until this client may try again; 0 is at once."""
        failures = self._failures.get(_client(request))
        if failures is None or len(failures) < FAILURES:
            return 0.0
        return max(0.0, failures[0] + WINDOW - self._clock())

    def failed(self, request: Request) -> None:
        """Count a failure."""
        client = _client(request)
        failures = self._failures.setdefault(client, deque(maxlen=FAILURES))
        failures.append(self._clock())
        self._failures.move_to_end(client)
        while len(self._failures) > MAX_CLIENTS:
            self._failures.popitem(last=False)


def _client(request: Request) -> str:
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host[:64]
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(IPv6Address(int(address) & _NETWORK))
    return host
