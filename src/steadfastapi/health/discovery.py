"""Probes of routes that nobody declared: made when a route is first called."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steadfastapi._guard import guard
from steadfastapi._predicates import under
from steadfastapi._routes import templates
from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health.options import MAX_NAME
from steadfastapi.health.routes import SERVER_ERROR, RouteProbe
from steadfastapi.health.sockets import WebSocketProbe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from steadfastapi._exchange import Exchange
    from steadfastapi._predicates import PathPredicate
    from steadfastapi.health.passive import PassiveProbe, WatchOptions

MAX_ROUTES = 200
"""Routes that are discovered; each costs some 40 kB when it is busy."""
ABNORMAL = 1011
"""Close code of a WebSocket whose handler failed (RFC 6455)."""

_logger = logging.getLogger("steadfastapi.health")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Which routes are watched, and how.

    Args:
        included: Whether a route's path counts.
        excluded: Whether it does not.
        methods: HTTP methods that count; none means all. WebSockets always do.
        critical: Whether readiness depends on them.
        options: Options of each probe.
        router: A router whose routes alone count.
    """

    included: PathPredicate | None
    excluded: PathPredicate
    methods: frozenset[str]
    critical: bool
    options: WatchOptions
    router: Any = None
    _endpoints: set[int] = field(default_factory=set)

    def covers(self, exchange: Exchange, route: str) -> bool:
        """Return whether a route is to be watched by this rule."""
        if self.excluded(route):
            return False
        if self.included is not None and not self.included(route):
            return False
        if self.methods and exchange.method not in {*self.methods, "WEBSOCKET"}:
            return False
        return self.router is None or self._is_the_routers(exchange)

    def _is_the_routers(self, exchange: Exchange) -> bool:
        if not self._endpoints:
            # Only now it is complete: routes may be added to it after it was named.
            found = guard.call("health.routes", templates, self.router) or ()
            self._endpoints.update(
                id(getattr(one, "endpoint", None)) for _, one in found
            )
        return id(exchange.scope.get("endpoint")) in self._endpoints


def rule_of(  # noqa: PLR0913 - all by keyword
    *,
    include: Iterable[str],
    exclude: Iterable[str],
    methods: Iterable[str],
    critical: bool,
    options: WatchOptions,
    router: Any = None,
) -> Rule:
    """Return a rule by what the user wrote.

    Raises:
        ConfigurationError: An option is none of a probe's, or there is no router.
    """
    if router is not None and not hasattr(router, "routes"):
        raise ConfigurationError(
            f"watch_router({type(router).__name__}): give an APIRouter."
        )
    RouteProbe("a route", **options)  # says at once what is wrong with the options
    included = tuple(include)
    return Rule(
        included=under(*included) if included else None,
        excluded=under(*exclude),
        methods=frozenset(method.upper() for method in methods),
        critical=critical,
        options=options,
        router=router,
    )


class Discovery:
    """Makes a probe for each route that is called; the route is not touched.

    Args:
        add: Adds a probe to the application's.
    """

    def __init__(self, add: Callable[[PassiveProbe, bool], Any]) -> None:
        self._add = add
        self._rules: list[Rule] = []
        self._probes: dict[tuple[str, str], PassiveProbe | None] = {}

    def follow(self, rule: Rule) -> None:
        """Watch what a rule covers; those of a router come first."""
        self._rules.append(rule)
        self._rules.sort(key=lambda one: one.router is None)

    def observe(self, exchange: Exchange) -> None:
        """Count a finished exchange for its route."""
        route = exchange.route
        if route is None or exchange.quiet:
            return
        key = (exchange.method, route)
        if key not in self._probes:
            if len(self._probes) >= MAX_ROUTES:
                return
            self._probes[key] = self._discovered(exchange, route)
        probe = self._probes[key]
        if probe is not None:
            status = exchange.status or 0
            probe.record(exchange.duration, _error(exchange, status), status)

    def _discovered(self, exchange: Exchange, route: str) -> PassiveProbe | None:
        rule = next((one for one in self._rules if one.covers(exchange, route)), None)
        if rule is None:
            return None
        name = f"{exchange.method} {route}".replace(",", ";")[:MAX_NAME]
        kind = RouteProbe if exchange.kind == "http" else WebSocketProbe
        probe = kind(name, **rule.options)
        try:
            self._add(probe, rule.critical)
        except ConfigurationError as error:
            # Two long paths may begin alike, and there may be too many probes.
            _logger.warning("a route is not watched: %s", error)
            return None
        return probe


def _error(exchange: Exchange, status: int) -> str:
    """Return the class of what went wrong; empty where nothing did."""
    failed = status >= SERVER_ERROR
    if exchange.kind == "websocket":
        failed = exchange.close_code == ABNORMAL or exchange.outcome == "server_error"
    if not failed:
        return ""
    cause = exchange.error
    return f"HTTP {status}" if cause is None else type(cause).__name__
