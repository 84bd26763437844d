"""Whose forwarding headers the server believes, and takes addresses from."""

from __future__ import annotations

import os
import sys

OPTION = "--forwarded-allow-ips"
VARIABLE = "FORWARDED_ALLOW_IPS"
DEFAULT = "127.0.0.1"
"""Uvicorn's and gunicorn's."""


def believed() -> tuple[str, ...]:
    """Return addresses and networks whose `X-Forwarded-For` the server takes over.

    Read from the server's command line and from `FORWARDED_ALLOW_IPS`, which uvicorn,
    gunicorn and `fastapi run` share. What was said in code does not show. Empty where
    the server leaves the peer in its place.
    """
    if "--no-proxy-headers" in sys.argv:
        return ()
    value = _option(sys.argv) or os.environ.get(VARIABLE) or DEFAULT
    return tuple(one.strip() for one in value.split(",") if one.strip())


def _option(arguments: list[str]) -> str | None:
    for position, argument in enumerate(arguments):
        name, mark, value = argument.partition("=")
        if name == OPTION:
            return value if mark else "".join(arguments[position + 1 : position + 2])
    return None
