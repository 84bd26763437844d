"""Read back from the running shop what its logs and metrics say of our traffic."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from steadfastapi.signals import (
    HTTP_REQUESTS,
    INTERNAL_ERRORS,
    RATE_LIMIT_DECISIONS,
    RETRY_ATTEMPTS,
    WEBSOCKET_CONNECTIONS,
    Family,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from steadfastapi.cli.client import Client
    from steadfastapi.cli.log_reader import LogReader
    from steadfastapi.cli.tally import Tally

SETTLE = 10.0
"""Seconds in which the last requests have to arrive in logs and metrics: the service
hears of a client that left only when it sends it more."""
INTERVAL = 0.1
PROBE = "shipping_partner"
"""The shop's probe of its shipping partner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One comparison of what we sent with what the service says."""

    name: str
    expected: int
    found: int
    examples: tuple[str, ...] = field(default=())

    @property
    def passed(self) -> bool:
        """Whether both are the same, and nothing speaks against it."""
        return self.expected == self.found and not self.examples


@dataclass(frozen=True, slots=True)
class Counted:
    """The totals of one scrape."""

    requests: int
    sockets: int
    internal_errors: int
    limited: int
    """Requests that a rate limit has refused."""
    retries: int
    """Attempts that another one followed."""


def counted(page: str) -> Counted:
    """Sum up the families of a metrics page that the checks need."""
    wanted: tuple[tuple[Family, dict[str, str]], ...] = (
        (HTTP_REQUESTS, {}),
        (WEBSOCKET_CONNECTIONS, {}),
        (INTERNAL_ERRORS, {}),
        (RATE_LIMIT_DECISIONS, {"decision": "denied"}),
        (RETRY_ATTEMPTS, {"outcome": "retry"}),
    )
    samples = [
        sample
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    ]
    return Counted(
        *(
            int(
                sum(
                    sample.value
                    for sample in samples
                    if sample.name == f"{family.name}_total"
                    and labels.items() <= sample.labels.items()
                )
            )
            for family, labels in wanted
        )
    )


async def read_back(client: Client, log: LogReader) -> list[Check]:
    """Compare until everything fits, or `SETTLE` seconds have passed."""
    deadline = time.monotonic() + SETTLE
    while True:
        page = await client.scrape()
        log.read()
        checks = compare(client.tally, log, counted(page))
        if client.tally.outages:
            checks.append(noticed(await client.state_changes(PROBE)))
        if all(check.passed for check in checks) or time.monotonic() > deadline:
            return checks
        await asyncio.sleep(INTERVAL)


def compare(tally: Tally, log: LogReader, service: Counted) -> list[Check]:
    """Return every check. What others asked the service meanwhile is left out."""
    answered = sum(tally.statuses.values())
    checks = [
        Check(
            name=f"requests sent = {HTTP_REQUESTS.name}_total in /metrics",
            expected=tally.sent,
            found=service.requests - log.partner_calls - log.visitors,
        ),
        Check(
            name="requests sent = access lines in the log",
            expected=tally.sent + tally.sockets,
            found=log.access_lines,
            examples=_ids("no line, or two:", log.unmatched),
        ),
        Check(
            name="crashes sent = ERROR lines in the log",
            expected=tally.crashes,
            found=log.error_lines,
            examples=_ids("no line, or two:", log.unmatched_errors),
        ),
        _complaints(
            tally, "detail", "error answers with detail", tally.error_responses
        ),
        _complaints(tally, "request_id", "answers with our X-Request-ID", answered),
        _complaints(tally, "status", "answers with the right status", answered),
        _complaints(tally, "unanswered", "requests without an answer", 0),
        Check(
            name=f"refused logins = 429s in {RATE_LIMIT_DECISIONS.name}_total",
            expected=tally.outcomes["limited"],
            found=service.limited,
        ),
        Check(
            name="database hiccups that a retry hid",
            expected=tally.hiccups,
            found=min(tally.hidden_hiccups, service.retries),
        ),
        Check(
            name="errors of steadfastapi itself",
            expected=0,
            found=service.internal_errors,
        ),
    ]
    if tally.sockets:
        found = service.sockets - log.visiting_sockets
        name = f"WebSockets opened = {WEBSOCKET_CONNECTIONS.name}_total"
        checks.insert(1, Check(name=name, expected=tally.sockets, found=found))
    return checks


def noticed(states: Sequence[str]) -> Check:
    """Check that a probe showed the outage, and that it is over.

    Args:
        states: What the probe went to, oldest first.
    """
    down = "unhealthy" in states
    healed = down and states[-1] == "healthy"
    return Check(
        name="outage of the shipping partner: shown, and healed",
        expected=2,
        found=down + healed,
    )


def _complaints(tally: Tally, kind: str, name: str, expected: int) -> Check:
    """A count of answers that were right; `expected` 0 counts the wrong ones."""
    wrong = tally.complaints[kind]
    return Check(
        name=name,
        expected=expected,
        found=expected - wrong if expected else wrong,
        examples=tuple(tally.examples.get(kind, ())),
    )


def _ids(what: str, ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{what} {request_id}" for request_id in sorted(ids)[:3])
