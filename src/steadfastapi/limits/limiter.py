"""SlowAPI's limiter, whose decorators record and whose limits hold.

slowapi decides inside of the endpoint, in the event loop, with a storage that
blocks, and after dependencies have run. Here a decorator leaves a mark on the
endpoint and returns it unchanged; the limits layer reads the marks and decides
before the body is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import slowapi
from fastapi import Depends

from steadfastapi.limits import marks
from steadfastapi.limits.keys import default_key
from steadfastapi.limits.marks import Mark, RouterMark, WhenStorageFails
from steadfastapi.limits.memory import clear_all

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.responses import Response

Endpoint = TypeVar("Endpoint")


class Limiter(slowapi.Limiter):
    """`slowapi.Limiter` as its users know it, enforced by the limits layer.

    Endpoints need no `request` argument, and may be sync or async, return anything,
    stream, or be WebSockets. Windows always move: `strategy` has no effect.

    Args:
        key_func: What to count by: gets the request, or nothing; sync or async. By
            default `Limits(key=…)`, which is the client's address.
        default_limits: For every route without limits of its own.
        application_limits: For all routes together.
        headers_enabled: Whether responses of limited routes have `X-RateLimit-*`
            besides `RateLimit`.
        strategy: Accepted for compatibility.
        storage_uri: Where to count, if `Limits(storage=…)` does not say.
        options: The other arguments of `slowapi.Limiter`: `key_prefix`, `key_style`
            and `enabled` have their meaning, the rest has become superfluous.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the order of slowapi's arguments
        self,
        key_func: Callable[..., Any] = default_key,
        default_limits: Sequence[str | Callable[..., str]] = (),
        application_limits: Sequence[str | Callable[..., str]] = (),
        headers_enabled: bool = False,
        strategy: str | None = None,  # noqa: ARG002
        storage_uri: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            key_func,
            headers_enabled=headers_enabled,
            # Never used: only a memory storage can be had without a connection.
            storage_uri="memory://",
            **{**options, "auto_check": False, "storage_options": {}},
        )
        self.storage_uri: str | None = storage_uri or self.get_app_config(
            "RATELIMIT_STORAGE_URL"
        )
        self.default_marks = self._marks(
            default_limits or self._configured("DEFAULT"), "default"
        )
        self.application_marks = self._marks(
            application_limits or self._configured("APPLICATION"), "application"
        )

    def _configured(self, name: str) -> Sequence[str]:
        value: str | None = self.get_app_config(f"RATELIMIT_{name}")
        return (value,) if value else ()

    def _marks(self, values: Sequence[Any], kind: marks.Kind) -> tuple[Mark, ...]:
        return tuple(
            Mark(value=value, key_func=self._key_func, limiter=self, kind=kind)
            for value in dict.fromkeys(values)
        )

    def limit(  # noqa: PLR0913, PLR0917 - slowapi's arguments
        self,
        limit_value: str | Callable[..., str],
        key_func: Callable[..., Any] | None = None,
        per_method: bool = False,
        methods: Sequence[str] | None = None,
        error_message: str | Callable[..., str] | None = None,
        exempt_when: Callable[..., bool] | None = None,
        cost: int | Callable[..., int] = 1,
        override_defaults: bool = True,
        *,
        when_storage_fails: WhenStorageFails | None = None,
    ) -> Callable[[Endpoint], Endpoint]:
        """Limit one endpoint: each client by itself, on each of its routes.

        Args:
            limit_value: `"5/minute"`, several separated by `;`, or a function that
                returns that, which may take the `key` of the client.
            key_func: What to count by, instead of the limiter's own.
            per_method: Whether the methods of one route count apart.
            methods: The only methods that are limited.
            error_message: What the response says instead of the limit.
            exempt_when: Whether a request is let through uncounted; may take it.
            cost: How much a request takes; may be a function of it.
            override_defaults: Whether this limit stands instead of the default ones.
            when_storage_fails: `allow` counts in this process meanwhile, `deny`
                answers 503; by default `Limits(when_storage_fails=…)`.

        Returns:
            A decorator that returns what it is given.

        Raises:
            ConfigurationError: The limit cannot be read.
        """
        mark = Mark(
            value=limit_value,
            key_func=key_func or self._key_func,
            limiter=self,
            per_method=per_method,
            methods=methods,
            error_message=error_message,
            exempt_when=exempt_when,
            cost=cost,
            override_defaults=override_defaults,
            when_storage_fails=when_storage_fails,
        )
        return _recorder(mark)

    def shared_limit(  # noqa: PLR0913, PLR0917 - slowapi's arguments
        self,
        limit_value: str | Callable[..., str],
        scope: str | Callable[..., str],
        key_func: Callable[..., Any] | None = None,
        error_message: str | Callable[..., str] | None = None,
        exempt_when: Callable[..., bool] | None = None,
        cost: int | Callable[..., int] = 1,
        override_defaults: bool = True,
        *,
        when_storage_fails: WhenStorageFails | None = None,
    ) -> Callable[[Endpoint], Endpoint]:
        """Limit several endpoints together.

        Args:
            limit_value: As for `limit`.
            scope: Name of what they share, or a function that returns it, which may
                take the name of the endpoint.
            key_func: As for `limit`, like those that follow.
            error_message: As there.
            exempt_when: As there.
            cost: As there.
            override_defaults: As there.
            when_storage_fails: As there.

        Returns:
            A decorator that returns what it is given.

        Raises:
            ConfigurationError: The limit cannot be read.
        """
        mark = Mark(
            value=limit_value,
            key_func=key_func or self._key_func,
            limiter=self,
            kind="shared",
            scope=scope,
            error_message=error_message,
            exempt_when=exempt_when,
            cost=cost,
            override_defaults=override_defaults,
            when_storage_fails=when_storage_fails,
        )
        return _recorder(mark)

    def on_router(
        self,
        limit_value: str | Callable[..., str],
        *,
        scope: str | None = None,
        key_func: Callable[..., Any] | None = None,
        override_defaults: bool = True,
        when_storage_fails: WhenStorageFails | None = None,
    ) -> Any:
        """Limit every route of a router.

        `APIRouter(dependencies=[limiter.on_router("100/minute")])`. Works wherever
        FastAPI takes dependencies: on the application, on `include_router`, on one
        route. Limits of the routes themselves hold too.

        Args:
            limit_value: As for `limit`.
            scope: Counts all routes together under this name; by default each route
                counts for itself.
            key_func: As for `limit`.
            override_defaults: As for `limit`.
            when_storage_fails: As for `limit`.

        Returns:
            A dependency that does nothing.

        Raises:
            ConfigurationError: The limit cannot be read.
        """
        mark = Mark(
            value=limit_value,
            key_func=key_func or self._key_func,
            limiter=self,
            kind="shared" if scope is not None else "route",
            scope=scope,
            override_defaults=override_defaults,
            when_storage_fails=when_storage_fails,
        )
        return Depends(RouterMark(mark))

    def exempt(self, obj: Endpoint) -> Endpoint:
        """Keep an endpoint out of every limit.

        Args:
            obj: The endpoint.

        Returns:
            The same.
        """
        setattr(getattr(obj, "__func__", obj), marks.EXEMPT, True)
        return obj

    def reset(self) -> None:
        """Forget what this process has counted; what Redis has counted stays."""
        clear_all()

    def _check_request_limit(self, *_: Any, **__: Any) -> None:
        """Do nothing: slowapi's middleware, left in place, decides nothing more."""

    def _inject_headers(self, response: Response, *_: Any, **__: Any) -> Response:
        """Return the response as it is: the layer adds headers."""
        return response

    def _inject_asgi_headers(self, headers: Any, *_: Any, **__: Any) -> Any:
        return headers


def _recorder(mark: Mark) -> Callable[[Endpoint], Endpoint]:
    def record(endpoint: Endpoint) -> Endpoint:
        marks.add(endpoint, mark)
        return endpoint

    return record
