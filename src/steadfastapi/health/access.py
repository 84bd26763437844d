"""Who may see details, and who may change anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import anyio
from fastapi.params import Depends

from steadfastapi._guard import guard
from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health.verdict import GRANTED, UNAVAILABLE, Verdict

if TYPE_CHECKING:
    from starlette.requests import Request

    from steadfastapi.health.verdict import Check

TIMEOUT = 5.0
"""Seconds for an authentication of the application's own."""


class Access:
    """Asks the authentication that was configured, and fails closed.

    Args:
        auth: `{"type": "basic", "username": …, "password": …}`, `{"type": "apikey",
            "key": …, "header": …}`, a function of the request, or a FastAPI
            dependency, `Depends(…)`.
        api_key: Like `{"type": "apikey", "key": …}`.
        open_details: Whether everybody sees details where neither is given.
        app: The application, for `dependency_overrides`.

    Raises:
        ConfigurationError: What was given cannot be used.
    """

    def __init__(
        self, auth: Any, api_key: str | None, *, open_details: bool, app: Any = None
    ) -> None:
        checks: list[Check] = []
        if api_key is not None:
            checks.append(_check_of({"type": "apikey", "key": api_key}, app))
        if auth is not None:
            checks.append(_check_of(auth, app))
        self._checks = checks
        self._open = open_details and not checks

    @property
    def configured(self) -> bool:
        """Whether anybody can be authenticated at all."""
        return bool(self._checks)

    async def details(self, request: Request, seconds: float | None = None) -> Verdict:
        """Return whether the caller may see details, as far as that shows in time."""
        return GRANTED if self._open else await self.change(request, seconds)

    async def change(self, request: Request, seconds: float | None = None) -> Verdict:
        """Return whether the caller may change something; nobody, unconfigured."""
        verdict = Verdict(granted=False, status=401 if self._checks else 403)
        for check in self._checks:
            try:
                with anyio.fail_after(TIMEOUT if seconds is None else seconds):
                    verdict = await check(request)
            except Exception as error:
                guard.swallow("health.auth", error)
                verdict = UNAVAILABLE
            if verdict.granted:
                return verdict
        return verdict


def _check_of(auth: Any, app: Any) -> Check:
    # Imported where they are needed: most start without any.
    if isinstance(auth, Mapping):
        from steadfastapi.health.credentials import built_in  # noqa: PLC0415

        return built_in(auth)
    if not isinstance(auth, Depends) and not callable(auth):
        raise ConfigurationError(
            f"Health(auth=…) got {type(auth).__name__}: give {{'type': 'basic', …}}, "
            "{'type': 'apikey', …}, a function of the request, or Depends(…)."
        )
    from steadfastapi.health.custom_auth import (  # noqa: PLC0415
        by_dependency,
        by_function,
    )

    return by_dependency(auth, app) if isinstance(auth, Depends) else by_function(auth)
