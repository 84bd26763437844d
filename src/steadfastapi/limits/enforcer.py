"""What is asked of a request: its limits, their buckets, and the decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steadfastapi._guard import guard
from steadfastapi.limits.demands import Demand, Verdict
from steadfastapi.limits.hottest import Hottest
from steadfastapi.limits.keys import Caller, bucket, bucket_base, default_key
from steadfastapi.signals import RATE_LIMIT_DECISIONS, UNMATCHED

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Scope

    from steadfastapi._exchange import Exchange
    from steadfastapi._meter import Meter
    from steadfastapi.limits.client import Clients
    from steadfastapi.limits.marks import Mark, Priced, WhenStorageFails
    from steadfastapi.limits.storage import Storage

MAX_BASES = 10_000
"""Hashes that are kept of what buckets are for: one a limit, route and method."""
MAX_DECLARED = 250
"""Routes whose counts are there before they are needed: half of what the family
holds."""

ANY = "*"


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about to reach.

    Args:
        marks: Its limits.
        endpoint: Name of the endpoint.
        methods: What the route answers to, as part of its buckets.
    """

    marks: tuple[Mark, ...]
    endpoint: str = ""
    methods: str = ANY


@dataclass(slots=True)
class Decision:
    """What became of one request."""

    verdict: Verdict
    limits: list[Priced]
    demands: list[Demand]
    legacy: bool

    @property
    def refused(self) -> tuple[Priced, float]:
        """The limit that takes longest to be granted, and how long that is."""
        waits = [standing.wait for standing in self.verdict.standings]
        longest = max(range(len(waits)), key=waits.__getitem__)
        return self.limits[longest], waits[longest]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the layer's settings say."""

    namespace: str
    clients: Clients
    key: Callable[..., Any]
    when_storage_fails: WhenStorageFails = "allow"
    headers: bool = True
    legacy_headers: bool = False


class Enforcer:
    """Decides for one application.

    Args:
        policy: The settings.
        storage: Where buckets are.
        meter: Counts the decisions.
    """

    def __init__(self, policy: Policy, storage: Storage, meter: Meter) -> None:
        self.policy = policy
        self.storage = storage
        self._meter = meter
        self._declared: set[str] = set()
        self._bases: dict[tuple[Priced, str, str], Any] = {}
        self.hottest = Hottest()

    async def decide(
        self, target: Target, exchange: Exchange, scope: Scope, template: str
    ) -> Decision | None:
        """Measure a request; None when nothing limits it after all.

        Args:
            target: What it is about to reach.
            exchange: Its record.
            scope: Its scope, nearest to the endpoint.
            template: Route template, the same string as in logs and metrics.
        """
        caller = Caller(scope, self.policy.clients)
        limits: list[Priced] = []
        demands: list[Demand] = []
        keys: list[bytes] = []
        deny = legacy = False
        for mark in target.marks:
            if not await self._applies(mark, caller, exchange):
                continue
            key = await caller.key(self._key_of(mark))
            priced = _limits_of(mark, key)
            cost = await self._cost_of(mark, caller)
            if cost < 1:
                continue
            method = exchange.method if mark.per_method else target.methods
            for limit in priced:
                base = self._base(mark, limit, template, method, target.endpoint)
                demand = Demand(bucket(base, key), limit.amount, limit.window, cost)
                if any(demand.bucket == known.bucket for known in demands):
                    continue  # the same limit, said twice
                limits.append(limit)
                demands.append(demand)
                keys.append(key)
            deny = deny or self._denies(mark)
            legacy = legacy or bool(getattr(mark.limiter, "_headers_enabled", False))
        if not demands:
            return None
        verdict = await self.storage.take(demands, deny=deny)
        self._count(exchange, verdict)
        asked = list(zip(limits, demands, keys, strict=True))
        guard.call("limits.hottest", self.hottest.note, template, asked, verdict)
        legacy = legacy or self.policy.legacy_headers
        return Decision(verdict, limits, demands, legacy)

    def denies(self, target: Target) -> bool:
        """Return whether a failing storage closes what has these limits."""
        return self.storage.shared and any(map(self._denies, target.marks))

    def _denies(self, mark: Mark) -> bool:
        chosen = mark.when_storage_fails or self.policy.when_storage_fails
        return chosen == "deny"

    async def _applies(self, mark: Mark, caller: Caller, exchange: Exchange) -> bool:
        if not mark.enabled:
            return False
        if mark.methods is not None and exchange.method not in mark.methods:
            return False
        if mark.exempt_when is None:
            return True
        return not await caller.ask("limits.exempt_when", mark.exempt_when, False)

    def _key_of(self, mark: Mark) -> Callable[..., Any]:
        function = mark.key_func
        if function is default_key:
            return self.policy.key
        return function

    async def _cost_of(self, mark: Mark, caller: Caller) -> int:
        if isinstance(mark.cost, int):
            return mark.cost
        cost = await caller.ask("limits.cost", mark.cost, 1)
        return cost if isinstance(cost, int) else 1

    def _base(
        self, mark: Mark, limit: Priced, template: str, method: str, endpoint: str
    ) -> Any:
        known = self._bases.get((limit, template, method))
        if known is not None:
            return known
        limiter = mark.limiter
        parts = [self.policy.namespace, str(getattr(limiter, "_key_prefix", "") or "")]
        if mark.kind == "application":
            parts += ["application"]
        elif mark.kind == "shared":
            parts += ["shared", mark.scope_for(endpoint)]
        elif endpoint and getattr(limiter, "_key_style", "url") == "endpoint":
            parts += ["endpoint", endpoint, method]
        else:
            parts += ["route", template, method]
        base = bucket_base(*parts, limit.text)
        if len(self._bases) >= MAX_BASES:
            self._bases.clear()
        self._bases[limit, template, method] = base
        return base

    def declare(self, handler: str) -> None:
        """Let the counts of a limited route start at 0, as far as there is room."""
        if handler in self._declared or len(self._declared) >= MAX_DECLARED:
            return
        self._declared.add(handler)
        for decision in RATE_LIMIT_DECISIONS.values["decision"]:
            self._meter.declare(RATE_LIMIT_DECISIONS, handler, decision)

    def _count(self, exchange: Exchange, verdict: Verdict) -> None:
        if verdict.unavailable:
            decision = "fail_closed"
        elif not verdict.granted:
            decision = "denied"
        else:
            decision = "fail_open" if verdict.alone else "allowed"
        handler = exchange.resolve_route() or UNMATCHED
        self.declare(handler)
        self._meter.count(RATE_LIMIT_DECISIONS, handler, decision)


def _limits_of(mark: Mark, key: bytes) -> tuple[Priced, ...]:
    if mark.static is not None:
        return mark.static
    try:
        return mark.limits(mark.ask(key[1:].decode("utf-8", "surrogatepass")))
    except Exception as error:
        guard.swallow("limits.limit", error)
        return ()
