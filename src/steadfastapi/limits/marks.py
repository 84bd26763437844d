"""What decorators leave on an endpoint: a record, and nothing else."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from fastapi import params
from limits import parse_many
from slowapi.wrappers import Limit

from steadfastapi.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import slowapi
    from limits import RateLimitItem

Kind = Literal["route", "shared", "default", "application"]
WhenStorageFails = Literal["allow", "deny"]

MARKS = "__steadfastapi_limits__"
EXEMPT = "__steadfastapi_exempt__"
MAX_TEXTS = 1_000
"""Different limits that one dynamic limit can name and have remembered."""


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """One limit, with what every request asks of it read beforehand."""

    limit: Limit
    text: str
    amount: int
    window: int

    @classmethod
    def of(cls, limit: Limit) -> Priced:
        """Read a limit of slowapi's."""
        item: RateLimitItem = limit.limit
        return cls(limit, str(item), item.amount, item.get_expiry())


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Mark:
    """One use of a decorator, or one entry of `default_limits` and its like.

    The arguments are slowapi's.
    """

    value: str | Callable[..., str]
    key_func: Callable[..., Any]
    limiter: slowapi.Limiter | None = None
    kind: Kind = "route"
    scope: str | Callable[..., str] | None = None
    per_method: bool = False
    methods: Sequence[str] | None = None
    error_message: str | Callable[..., str] | None = None
    exempt_when: Callable[..., bool] | None = None
    cost: int | Callable[..., int] = 1
    override_defaults: bool = True
    when_storage_fails: WhenStorageFails | None = None
    static: tuple[Priced, ...] | None = field(default=None, init=False)
    """The limits, where they are always the same."""
    _texts: dict[str, tuple[Priced, ...]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        if self.methods is not None:
            upper = frozenset(method.upper() for method in self.methods)
            object.__setattr__(self, "methods", upper)
        if not callable(self.value):
            try:
                object.__setattr__(self, "static", self.limits(self.value))
            except (TypeError, ValueError) as error:
                raise ConfigurationError(
                    f"The limit {self.value!r} cannot be read: write it like "
                    "'5/minute', '100 per hour' or '10/second;200/day'."
                ) from error

    @property
    def enabled(self) -> bool:
        """Whether its limiter is switched on; that may change at any time."""
        return self.limiter is None or bool(self.limiter.enabled)

    def limits(self, text: str) -> tuple[Priced, ...]:
        """Return the limits that a text names.

        Raises:
            ValueError: It names none.
        """
        known = self._texts.get(text)
        if known is None:
            known = tuple(self._priced(item) for item in parse_many(text))
            if len(self._texts) >= MAX_TEXTS:
                self._texts.clear()
            self._texts[text] = known
        return known

    def ask(self, key: str) -> str:
        """Return what a dynamic limit says; it may take the `key` of the client."""
        if not callable(self.value):
            return self.value
        takes = "key" in inspect.signature(self.value).parameters
        return self.value(key) if takes else self.value()

    def scope_for(self, endpoint: str) -> str:
        """Return the scope that routes share; `endpoint` is the name of one."""
        if not callable(self.scope):
            return self.scope or ""
        takes = bool(inspect.signature(self.scope).parameters)
        return str(self.scope(endpoint) if takes else self.scope())

    def _priced(self, item: RateLimitItem) -> Priced:
        return Priced.of(
            Limit(
                item,
                self.key_func,
                None,
                self.per_method,
                None,
                self.error_message,
                None,
                self.cost,
                self.override_defaults,
            )
        )


class RouterMark:
    """A dependency that does nothing, and tells the limits of a router's routes.

    FastAPI carries dependencies from routers to their routes in every generation,
    which it does with nothing else that a router could be marked with.
    """

    def __init__(self, mark: Mark) -> None:
        self.mark = mark

    async def __call__(self) -> None:
        """Do nothing: the limit was decided before the first dependency ran."""


def add(endpoint: Any, mark: Mark) -> None:
    """Leave a mark on an endpoint; what wraps it later inherits it."""
    holder = getattr(endpoint, "__func__", endpoint)
    setattr(holder, MARKS, (*getattr(holder, MARKS, ()), mark))


def of(endpoint: Any) -> tuple[Mark, ...]:
    """Return the marks on an endpoint."""
    marks: tuple[Mark, ...] = getattr(endpoint, MARKS, ())
    return marks


def of_dependencies(dependencies: Iterable[Any]) -> tuple[Mark, ...]:
    """Return what `limiter.on_router(…)` left among the dependencies of a route."""
    return tuple(
        one.dependency.mark
        for one in dependencies
        if isinstance(one, params.Depends) and isinstance(one.dependency, RouterMark)
    )
