"""What limited responses say: `RateLimit`, `RateLimit-Policy`, `Retry-After`.

The fields are those of draft-ietf-httpapi-ratelimit-headers-10: lists of Structured
Fields (RFC 9651), a named policy with its quota `q` and window `w`, and how it stands
with what remains, `r`, and the seconds `t` until more can be had.
"""

from __future__ import annotations

import math
import time
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Message, Send

    from steadfastapi.limits.demands import Demand, Standing

    Fields = list[tuple[bytes, bytes]]

STARTS = frozenset({"http.response.start", "websocket.http.response.start"})
RETRY_STATUSES = frozenset({429, 503})
MAX_INTEGER = 999_999_999_999_999
"""The largest of RFC 9651, section 3.3.1."""


def seconds(duration: float) -> int:
    """Return whole seconds, at least 1, after which `duration` has surely passed."""
    return max(1, math.ceil(duration))


def fields(
    names: Sequence[str], demands: Sequence[Demand], standings: Sequence[Standing]
) -> Fields:
    """Return `RateLimit-Policy` and `RateLimit` for what a request was measured by.

    Args:
        names: Of the policies, such as `5 per 1 minute`; repeated ones get a number.
        demands: What was asked.
        standings: How that stands; may be shorter when a later one was not asked.
    """
    policies, stands = [], []
    used: set[str] = set()
    for name, demand, standing in zip(names, demands, standings, strict=False):
        text, policy = _policy(_unique(name, used), demand.amount, demand.window)
        policies.append(policy)
        remaining = min(standing.remaining, MAX_INTEGER)
        stands.append(f"{text};r={remaining};t={seconds(standing.reset)}")
    return [
        (b"ratelimit-policy", ", ".join(policies).encode("ascii")),
        (b"ratelimit", ", ".join(stands).encode("ascii")),
    ]


def legacy_fields(demands: Sequence[Demand], standings: Sequence[Standing]) -> Fields:
    """Return `X-RateLimit-*` for the limit that is nearest, as slowapi has them.

    The reset is Unix time, in whole seconds.
    """
    pairs = zip(demands, standings, strict=False)
    demand, standing = min(pairs, key=lambda pair: pair[1].remaining)
    reset = math.ceil(time.time() + standing.reset)
    return [
        (b"x-ratelimit-limit", b"%d" % demand.amount),
        (b"x-ratelimit-remaining", b"%d" % standing.remaining),
        (b"x-ratelimit-reset", b"%d" % reset),
    ]


def _unique(name: str, used: set[str]) -> str:
    name = _printable(name)
    unique, number = name, 1
    while unique in used:
        number += 1
        unique = f"{name} ({number})"
    used.add(unique)
    return unique


@lru_cache(maxsize=1024)
def _printable(text: str) -> str:
    return "".join(one if " " <= one <= "~" else "?" for one in text)


@lru_cache(maxsize=1024)
def _policy(name: str, amount: int, window: int) -> tuple[str, str]:
    """Return a name as a String of RFC 9651, and the policy of that name."""
    text = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    quota, window = min(amount, MAX_INTEGER), min(window, MAX_INTEGER)
    return text, f"{text};q={quota};w={window}"


def adding(send: Send, extra: Fields, retry_after: int | None = None) -> Send:
    """Return `send`, adding fields to the response.

    Args:
        send: Where the response goes.
        extra: The fields.
        retry_after: For a refusal whose handler says nothing of it.
    """

    async def send_with_fields(message: Message) -> None:
        if message["type"] in STARTS:
            headers = [*message.get("headers", ()), *extra]
            if (
                retry_after is not None
                and message["status"] in RETRY_STATUSES
                and all(name.lower() != b"retry-after" for name, _ in headers)
            ):
                headers.append((b"retry-after", b"%d" % retry_after))
            message = {**message, "headers": headers}
        await send(message)

    return send_with_fields
