"""The pieces of a console, put together; imported where there is one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steadfastapi._guard import guard
from steadfastapi.console import ring, shared
from steadfastapi.console.access.admission import Access
from steadfastapi.console.access.credentials import Credentials
from steadfastapi.console.access.login import CALLBACK
from steadfastapi.console.access.revoked import Revocations
from steadfastapi.console.access.sessions import Sessions, derived
from steadfastapi.console.announcement import address, announce
from steadfastapi.console.frame import Frame
from steadfastapi.console.handle import ConsoleHandle
from steadfastapi.console.log_ring import LogRing
from steadfastapi.console.pages.issue_trail import Rememberer
from steadfastapi.console.sources import Sources
from steadfastapi.exceptions import ConfigurationError

if TYPE_CHECKING:
    from steadfastapi._plan import Plan
    from steadfastapi.console.access.revoked import Everywhere
    from steadfastapi.console.layer import Console


@dataclass(frozen=True, slots=True)
class Assembled:
    """A console, and what the layer puts into the plan for it."""

    frame: Frame
    handle: ConsoleHandle
    log_ring: LogRing
    announced: bool
    """Whether this process says where the console is."""

    def start(self) -> None:
        """Say where the console is, once for all workers."""
        self.frame.sources.level.start()
        if self.announced and not self.frame.steps_back:
            guard.call("console.announcement", announce, self.handle.link(address()))

    def stop(self, seconds: float) -> bool:  # noqa: ARG002 - nothing is waited for
        """Follow the other workers no more."""
        self.frame.sources.level.stop()
        return True


def assemble(settings: Console, plan: Plan) -> Assembled:
    """Return the console that the settings describe."""
    production = plan.service.production
    common, is_first = shared.common_secret(plan.service.name)
    invented = not settings.is_protected
    own = _credentials(settings, common if invented else None)
    secret = settings.key(common)
    sessions = Sessions(
        secret,
        Revocations(
            shared.folder(derived(secret, "folder")), _everywhere(settings, plan)
        ),
        idle=settings.idle,
        absolute=settings.absolute,
        production=production,
    )
    if settings.oidc is not None:
        settings.oidc.prepare(
            key=derived(secret, "oidc"),
            callback=f"{settings.path}{CALLBACK}",
            production=production,
        )
    dependency = None
    if settings.dependency is not None:
        from steadfastapi.console.access.dependency import asked  # noqa: PLC0415 - if there

        dependency = asked(settings.dependency, plan.app)
    access = Access(own, sessions, dependency=dependency, oidc=settings.oidc)
    log_ring = LogRing(settings.log_lines)
    sources = Sources(plan, log_ring)
    sources.extras["exchanges"] = ring.watch(
        plan, settings.exchanges, settings.slow_after
    )
    plan.trail(Rememberer(sources))
    frame = Frame(
        settings.path,
        sources,
        access,
        streams=settings.streams,
        link=invented,
    )
    login = f"{settings.path}/login" if access.has_login else settings.path
    link = f"{login}?token={own.token}" if invented else login
    return Assembled(
        frame,
        ConsoleHandle(frame, link),
        log_ring,
        announced=not production and is_first,
    )


def _credentials(settings: Console, common: bytes | None) -> Credentials:
    """Return the secrets of the settings; one of our own where there are none."""
    if common is not None:
        return Credentials(token=derived(common, "link").hex()[:40])
    return Credentials(
        token=settings.token.get_secret_value() if settings.token else None,
        basic=settings.basic.get_secret_value() if settings.basic else None,
    )


def _everywhere(settings: Console, plan: Plan) -> Everywhere | None:
    if settings.storage is None:
        return None
    from steadfastapi.console.access.revoked_redis import (  # noqa: PLC0415 - if there is one
        SCHEMES,
        SharedRevocations,
    )

    url = settings.storage.get_secret_value()
    try:
        if url.startswith(SCHEMES):
            return SharedRevocations(url)
    except ConfigurationError:
        if url != os.environ.get("REDIS_URL"):
            raise
    # REDIS_URL is everybody's: the limits may name a cluster there, and say what is
    # wrong with it.
    plan.note("a logout holds on one machine: REDIS_URL is of no use here", "access")
    return None
