"""The page that Prometheus scrapes."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, choose_encoder
from starlette.responses import JSONResponse, Response

from steadfastapi._guard import guard
from steadfastapi.metrics import multiprocess
from steadfastapi.metrics.merged import Merged

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator
    from pathlib import Path

    from prometheus_client.metrics_core import Metric
    from starlette.requests import Request

    from steadfastapi.metrics.registry import Families

_scrapes: RunVar[CapacityLimiter] = RunVar("steadfastapi_scrapes")


class Exposition:
    """Collects this application's families, then those of the default registry.

    What the application registers itself (`Counter("orders", …)`) is served too.
    Where both have a family of one name, ours counts: a second instrumentation left
    in place must not break the scrape.
    """

    def __init__(self, own: CollectorRegistry, other: CollectorRegistry) -> None:
        self._own = own
        self._other = other

    def collect(self) -> Iterator[Metric]:
        """Yield the families, each name once."""
        seen = set()
        for family in self._own.collect():
            seen.add(family.name)
            yield family
        for family in self._other.collect():
            if family.name not in seen:
                yield family


class _Collected:
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def exposition(families: Families, accept: str) -> tuple[bytes, str]:
    """Return the page and its content type, as the scraper accepts it.

    Blocks on files in multi-process mode: call it from a thread.
    """
    encode, content_type = _encoder(accept)
    where = multiprocess.directory()
    if where is not None and multiprocess.active():
        collector: Any = _Collected(_of_all_processes(families, where))
    else:
        collector = Exposition(families.registry, REGISTRY)
    return encode(collector), content_type


def _encoder(accept: str) -> tuple[Callable[[Any], bytes], str]:
    try:
        return choose_encoder(accept)
    except Exception:
        # prometheus_client raises on a version that is no number (0.26).
        return generate_latest, CONTENT_TYPE_PLAIN_0_0_4


def _of_all_processes(families: Families, where: Path) -> list[Metric]:
    with multiprocess.locked(where) as got:
        if got:
            guard.call("metrics.reap", multiprocess.reap, where)
        return Merged(where, families.help).collect()


def metrics_page(
    families: Families, token: str | None
) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of the page.

    Args:
        families: What is served, besides the default registry.
        token: What a scraper must send as `Authorization: Bearer …`.
    """

    async def metrics(request: Request) -> Response:
        if not authorised(request.headers.get("authorization", ""), token):
            return JSONResponse(
                {"detail": "Not authenticated"},
                status_code=401,
                headers={"WWW-Authenticate": "Bearer"},
            )
        accept = request.headers.get("accept", "")
        try:
            body, content_type = await to_thread.run_sync(
                exposition, families, accept, limiter=_limiter()
            )
        except Exception as error:
            guard.swallow("metrics.page", error)
            return JSONResponse({"detail": "Metrics are unavailable"}, status_code=503)
        return Response(
            body, headers={"content-type": content_type, "cache-control": "no-store"}
        )

    return metrics


def authorised(header: str, token: str | None) -> bool:
    """Return whether an `Authorization` header holds the token, if there is one.

    Args:
        header: As servers decode it, latin-1.
        token: The secret; None lets everybody in.
    """
    if token is None:
        return True
    scheme, _, given = header.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(
        given.strip().encode("latin-1", "replace"), token.encode()
    )


def _limiter() -> CapacityLimiter:
    """Return a thread of the event loop for scrapes alone.

    Endpoints that block may use up the common threads; that is when somebody needs
    to see the metrics.
    """
    try:
        return _scrapes.get()
    except LookupError:
        limiter = CapacityLimiter(1)
        _scrapes.set(limiter)
        return limiter
