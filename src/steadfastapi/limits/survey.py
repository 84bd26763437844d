"""Which routes of a complete application are limited, and by what."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import slowapi

from steadfastapi._routes import mounted_apps, templates
from steadfastapi.limits import gates, marks
from steadfastapi.limits.enforcer import ANY, Target
from steadfastapi.limits.limiter import Limiter
from steadfastapi.limits.marks import Mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_logger = logging.getLogger("steadfastapi.limits")

_NONE = Target(())


class Survey:
    """What limits the routes of one application.

    Args:
        app: The application.
        defaults: Limits of every route without its own, by the layer's settings.
        application: Limits of all routes together.
        found: Called with the limiters that the application uses.
    """

    def __init__(
        self,
        app: Any,
        defaults: Sequence[Mark] = (),
        application: Sequence[Mark] = (),
        found: Callable[[list[slowapi.Limiter]], None] | None = None,
    ) -> None:
        self._app = app
        self._set_defaults = tuple(defaults)
        self._set_application = tuple(application)
        self._found = found
        self._adopted: list[slowapi.Limiter] = []
        self._places: list[gates.Place] = []
        self._targets: dict[int, tuple[Any, Target]] = {}
        self._routes = -1
        self._blanket: tuple[tuple[Mark, ...], tuple[Mark, ...]] = ((), ())
        self.active = False
        """Whether anything is limited."""
        self.unmatched = _NONE
        """What limits a request that no route takes."""

    @property
    def adopts(self) -> bool:
        """Whether a limiter of slowapi's own has been taken over."""
        return bool(self._adopted)

    def is_stale(self) -> bool:
        """Return whether routes were added since the last look."""
        try:
            return len(self._app.router.routes) != self._routes
        except Exception:
            return False  # whatever stands there now, the gates are where they were

    def look(self) -> None:
        """Read the application, and put gates before its limited routes."""
        self._routes = len(self._app.router.routes)
        self.read()
        for limiter in self._adopted:
            _take_over(limiter)
        for place in self._places:
            # Exempt routes too, where what comes to no gate is limited.
            if self.unmatched.marks or self.target(place.effective).marks:
                gates.close(place.route)

    def read(self) -> None:
        """Find out what is limited, and change nothing."""
        self._targets.clear()
        self._places = list(gates.places(self._app.routes))
        limiters = self._limiters()
        if self._found is not None:
            self._found(limiters)
        defaults, application = self._set_defaults, self._set_application
        for limiter in limiters:
            defaults += _defaults_of(limiter)
            application += _application_of(limiter)
        self._blanket = defaults, application
        self.unmatched = Target((*application, *defaults))
        self.active = bool(self.unmatched.marks) or any(
            self.target(place.effective).marks for place in self._places
        )

    def handlers(self) -> list[str]:
        """Return the templates of limited routes.

        Without those that only the dependencies of `include_router` limit.
        """
        return [
            template
            for template, route in templates(self._app)
            if self.target(route).marks
        ]

    def target(self, effective: Any) -> Target:
        """Return what limits a matched route."""
        known = self._targets.get(id(effective))
        if known is None or known[0] is not effective:
            known = (effective, self._target(effective))
            self._targets[id(effective)] = known
        return known[1]

    def own_marks(self, endpoint: Any) -> tuple[Mark, ...]:
        """Return what was written at an endpoint, by us or by a slowapi limiter."""
        found = marks.of(endpoint)
        name = _name(endpoint)
        for limiter in self._adopted:
            found += _adopted_marks(limiter, name)
        return found

    def _target(self, effective: Any) -> Target:
        endpoint = getattr(effective, "endpoint", None)
        name = _name(endpoint)
        if getattr(endpoint, marks.EXEMPT, False) or any(
            name in limiter._exempt_routes  # noqa: SLF001 - slowapi has no other way
            for limiter in self._adopted
        ):
            return _NONE
        dependencies = getattr(effective, "dependencies", None) or ()
        own = self.own_marks(endpoint) + marks.of_dependencies(dependencies)
        defaults, application = self._blanket
        if any(mark.override_defaults for mark in own):
            defaults = ()
        methods = set(getattr(effective, "methods", None) or ()) - {"HEAD"}
        return Target(
            (*application, *own, *defaults), name, ",".join(sorted(methods)) or ANY
        )

    def _limiters(self) -> list[slowapi.Limiter]:
        """Return the limiters of the application."""
        found: dict[int, slowapi.Limiter] = {}
        apps = [self._app, *(mount.app for mount in mounted_apps(self._app))]
        for app in apps:
            limiter = getattr(getattr(app, "state", None), "limiter", None)
            if isinstance(limiter, slowapi.Limiter):
                found[id(limiter)] = limiter
                if not isinstance(limiter, Limiter) and limiter not in self._adopted:
                    self._adopted.append(limiter)
        for place in self._places:
            endpoint = getattr(place.effective, "endpoint", None)
            dependencies = getattr(place.effective, "dependencies", None) or ()
            for mark in (*marks.of(endpoint), *marks.of_dependencies(dependencies)):
                if mark.limiter is not None:
                    found[id(mark.limiter)] = mark.limiter
        return list(found.values())


def _take_over(limiter: slowapi.Limiter) -> None:
    """Leave the decorators of a slowapi limiter, which call it, nothing to do."""
    if "_inject_headers" in vars(limiter):
        return
    limiter._auto_check = False  # noqa: SLF001
    vars(limiter)["_inject_headers"] = _unchanged
    _logger.info(
        "the slowapi.Limiter in app.state.limiter is adopted: its limits are "
        "enforced by steadfastapi, and its storage is no longer used"
    )


def _unchanged(response: Any, *_: Any) -> Any:
    return response


def _name(endpoint: Any) -> str:
    """Return what slowapi calls an endpoint."""
    if endpoint is None:
        return ""
    module = getattr(endpoint, "__module__", "")
    return f"{module}.{getattr(endpoint, '__name__', type(endpoint).__name__)}"


def _defaults_of(limiter: slowapi.Limiter) -> tuple[Mark, ...]:
    if isinstance(limiter, Limiter):
        return limiter.default_marks
    return _of_groups(limiter, limiter._default_limits, kind="default")  # noqa: SLF001


def _application_of(limiter: slowapi.Limiter) -> tuple[Mark, ...]:
    if isinstance(limiter, Limiter):
        return limiter.application_marks
    groups = limiter._application_limits  # noqa: SLF001
    return _of_groups(limiter, groups, kind="application")


def _adopted_marks(limiter: slowapi.Limiter, name: str) -> tuple[Mark, ...]:
    """Return what slowapi's decorators recorded under the name of an endpoint."""
    static = tuple(
        _of_limit(limiter, limit)
        for limit in limiter._route_limits.get(name, ())  # noqa: SLF001
    )
    groups = limiter._dynamic_route_limits.get(name, ())  # noqa: SLF001
    return static + _of_groups(limiter, groups, kind="route")


def _of_limit(limiter: slowapi.Limiter, limit: Any) -> Mark:
    scope = getattr(limit, "_Limit__scope", None)
    return Mark(
        value=str(limit.limit),
        key_func=limit.key_func,
        **_common(limiter, limit, scope, "route"),
    )


def _of_groups(
    limiter: slowapi.Limiter, groups: Iterable[Any], *, kind: marks.Kind
) -> tuple[Mark, ...]:
    return tuple(
        Mark(
            value=group._LimitGroup__limit_provider,  # noqa: SLF001
            key_func=group.key_function,
            **_common(limiter, group, getattr(group, "_LimitGroup__scope", None), kind),
        )
        for group in groups
    )


def _common(
    limiter: slowapi.Limiter, source: Any, scope: Any, kind: marks.Kind
) -> dict[str, Any]:
    """Return what slowapi's `Limit` and `LimitGroup` call by the same names."""
    return {
        "limiter": limiter,
        "kind": "shared" if scope and kind == "route" else kind,
        "scope": scope,
        "per_method": source.per_method,
        "methods": source.methods,
        "error_message": source.error_message,
        "exempt_when": source.exempt_when,
        "cost": source.cost,
        "override_defaults": source.override_defaults,
    }
