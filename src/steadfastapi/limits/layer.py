"""Settings of the limits, and what they add to the plan."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from steadfastapi._guard import guard
from steadfastapi._lifespan import LifespanPart
from steadfastapi._service import worker_count
from steadfastapi._settings import LayerSettings, Names
from steadfastapi.exceptions import ConfigurationError
from steadfastapi.limits import memory, openapi
from steadfastapi.limits.client import Clients
from steadfastapi.limits.enforcer import Enforcer, Policy
from steadfastapi.limits.hottest import HotBucket, Hottest, RouteDecisions
from steadfastapi.limits.keys import by_ip
from steadfastapi.limits.limiter import Limiter
from steadfastapi.limits.marks import Mark, WhenStorageFails
from steadfastapi.limits.memory import MemoryStorage
from steadfastapi.limits.middleware import LimitMiddleware
from steadfastapi.limits.storage import Storage
from steadfastapi.limits.survey import Survey

if TYPE_CHECKING:
    import slowapi

    from steadfastapi._plan import Plan
    from steadfastapi._service import Service

MEMORY = "memory"
SCHEMES = (
    MEMORY,
    "redis",
    "rediss",
    "redis+unix",
    "redis+cluster",
    "redis+sentinel",
)
CONNECT_TIMEOUT = 1.0
"""Seconds for a connection in the background; a decision waits 50 ms at most."""

_logger = logging.getLogger("steadfastapi.limits")


class Limits(LayerSettings):
    """Enforce rate limits by route template, client and method.

    Limits stand at the endpoints, `@limiter.limit("5/minute")`; these settings say
    what holds for all of them.
    """

    model_config = SettingsConfigDict(env_prefix="STEADFAST_LIMITS_")
    name: ClassVar[str] = "limits"
    conventional: ClassVar[dict[str, tuple[str, ...]]] = {"storage": ("REDIS_URL",)}

    default: Names = ()
    """Limits of each route that has none of its own, such as `100/minute`."""

    application: Names = ()
    """Limits of all routes together."""

    storage: SecretStr | None = None
    """Where is counted: `memory://`, in this process, or the address of a Redis, which
    workers and machines share: `redis://`, `rediss://`, `redis+unix://`,
    `redis+cluster://` or `redis+sentinel://`."""

    namespace: str | None = Field(default=None, max_length=64)
    """Keeps services apart that share a Redis; the service's name by default."""

    key: Callable[..., Any] | None = None
    """What limits count by that do not say: gets the request, sync or async. By
    default the client's address."""

    trusted_proxies: Names = ()
    """Addresses and networks of proxies whose forwarding header is believed; `unix`
    for a peer on a Unix socket."""

    forwarded_header: Literal["x-forwarded-for", "forwarded"] = "x-forwarded-for"
    """The header that those proxies maintain; the other one is never read."""

    when_storage_fails: WhenStorageFails = "allow"
    """`allow` counts in each process meanwhile, `deny` answers 503."""

    headers: bool = True
    """Whether responses of limited routes have `RateLimit` and `RateLimit-Policy`."""

    legacy_headers: bool = False
    """Whether they have `X-RateLimit-Limit`, `-Remaining` and `-Reset` too."""

    allow_memory: bool = False
    """Whether several workers may each count by themselves in production, so that
    every limit is granted as often as there are workers."""

    max_keys: int = Field(default=memory.MAX_KEYS, ge=1)
    """Buckets that a process remembers; those used longest ago go first."""

    @field_validator("storage")
    @classmethod
    def _known(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            scheme = value.get_secret_value().partition("://")[0]
            if scheme.removeprefix("async+") not in SCHEMES:
                raise ValueError(f"the scheme is one of {', '.join(SCHEMES)}")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        Clients.of(value)
        return value

    def contribute(self, plan: Plan) -> None:
        """Put the piece into the plan, and say what is limited."""
        namespace, key = self.namespace or plan.service.name, self.key or by_ip
        policy = Policy(
            namespace=namespace,
            clients=Clients.of(self.trusted_proxies, self.forwarded_header),
            key=key,
            when_storage_fails=self.when_storage_fails,
            headers=self.headers,
            legacy_headers=self.legacy_headers,
        )
        storage = Storage(
            MemoryStorage(self.max_keys),
            workers=worker_count() or 1,
            meter=plan.meter,
        )
        place = _Place(storage, f"steadfast:{namespace}"[:80])
        if self.storage is not None:
            place.use(self.storage.get_secret_value())
        marks = {
            kind: tuple(
                Mark(value=value, key_func=key, kind=kind)
                for value in getattr(self, kind)
            )
            for kind in ("default", "application")
        }
        found = None if self.storage is not None else place.of_limiters
        survey = Survey(plan.app, marks["default"], marks["application"], found)
        enforcer = Enforcer(policy, storage, plan.meter)
        plan.piece("limits", LimitMiddleware, survey=survey, enforcer=enforcer)
        plan.openapi(openapi.completing(plan, survey, enforcer), mounts=True)
        where = "Redis" if storage.shared else "the memory of each process"
        plan.note(f"counts in {where}", "storage")
        plan.handle(LimitsHandle(storage, enforcer.hottest))
        plan.lifespan(
            LifespanPart(
                name="the storage of limits",
                start=partial(_start, storage, survey, enforcer),
                stop=storage.close_from_thread,
            )
        )
        self._look_out(plan, survey, storage)

    def _look_out(self, plan: Plan, survey: Survey, storage: Storage) -> None:
        """Refuse to start where every worker would count by itself, unknown to all."""
        guard.call("limits.survey", survey.read)
        workers = worker_count()
        if survey.active and not storage.shared:
            self._complain(plan.service, workers, plan.problem, plan.warn)
        early = survey.active

        def check() -> None:
            guard.call("limits.survey", survey.read)
            if survey.active and not storage.shared and not early:
                self._complain(plan.service, workers, _refuse, _logger.warning)

        plan.check(check)

    def _complain(
        self,
        service: Service,
        workers: int | None,
        refuse: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> None:
        if self.allow_memory or workers == 1:
            return
        if workers is None:
            if service.production:
                warn(
                    "Limits count in the memory of this process: set REDIS_URL where "
                    "several processes or machines serve."
                )
            return
        sentence = (
            f"{workers} workers would each count by themselves, and grant every limit "
            f"{workers} times: set REDIS_URL to the address of a Redis that they "
            "share, or accept it with STEADFAST_LIMITS_ALLOW_MEMORY=true."
        )
        (refuse if service.production else warn)(sentence)


class _Place:
    """Where an application counts."""

    def __init__(self, storage: Storage, prefix: str) -> None:
        self._storage = storage
        self._prefix = prefix

    def use(self, uri: str) -> None:
        """Count at an address."""
        uri = uri.removeprefix("async+")
        if uri.partition("://")[0] == MEMORY:
            return
        from steadfastapi.limits.redis import RedisStorage  # noqa: PLC0415 - an extra

        connect = partial(
            RedisStorage, uri, prefix=self._prefix, timeout=CONNECT_TIMEOUT
        )
        connect()  # finds out now whether that can be done
        self._storage.share(connect)

    def of_limiters(self, limiters: list[slowapi.Limiter]) -> None:
        """Count where the application's own limiter says, if the settings do not."""
        for limiter in limiters:
            uri = limiter._storage_uri  # noqa: SLF001 - slowapi has no other way
            if isinstance(limiter, Limiter):
                uri = limiter.storage_uri
            if uri and not self._storage.shared:
                self.use(uri)


class LimitsHandle:
    """`stack.limiter`."""

    def __init__(self, storage: Storage, hottest: Hottest | None = None) -> None:
        self._storage = storage
        self._hottest = hottest or Hottest()

    @property
    def shared(self) -> bool:
        """Whether the limits are shared with other processes."""
        return self._storage.shared

    @property
    def storage_down(self) -> bool:
        """Whether the shared storage does not answer, and each process counts."""
        return self._storage.down

    def hottest(self, most: int = 50) -> list[HotBucket]:
        """Return the buckets that this process was asked about lately."""
        return self._hottest.buckets(most)

    def routes(self) -> list[RouteDecisions]:
        """Return what this process has decided for each route."""
        return self._hottest.routes()

    def reset(self) -> None:
        """Forget what this process has counted; what Redis has counted stays."""
        self._storage.local.clear()


def _start(storage: Storage, survey: Survey, enforcer: Enforcer) -> None:
    storage.warm()
    for handler in survey.handlers():
        enforcer.declare(handler)


def _refuse(sentence: str) -> None:
    raise ConfigurationError(sentence)
