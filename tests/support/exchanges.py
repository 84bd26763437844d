"""Exchanges without a server, for what only needs the finished record."""

from typing import Any

from steadfastapi import Exchange


def finished(**facts: Any) -> Exchange:
    """Return a GET that was answered with 200 in 2 ms.

    Args:
        **facts: What is different: any field of `Exchange`, or `duration` in seconds.
    """
    exchange = Exchange(
        id="0" * 32, kind="http", method="GET", path="/", client=None, scope={}
    )
    exchange.status = 200
    exchange.first_byte = exchange.start + 0.001
    exchange.end = exchange.start + facts.pop("duration", 0.002)
    for name, value in facts.items():
        setattr(exchange, name, value)
    return exchange
