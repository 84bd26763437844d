"""Probes that ask the dependency itself, over a connection of their own or yours."""

from __future__ import annotations

import asyncio
import importlib
import logging
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Unpack
from urllib.parse import unquote, urlsplit

from steadfastapi._scrub import scrub_url
from steadfastapi.exceptions import ConfigurationError, MissingExtraError
from steadfastapi.health.model import ProbeResult, ProbeStatus
from steadfastapi.health.passive import PassiveProbe, WatchOptions
from steadfastapi.health.threads import Resolver

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from urllib.parse import SplitResult

    from steadfastapi.health.probe import Outcome

_logger = logging.getLogger("steadfastapi.health")

CLOSE_SECONDS = 1.0
"""What a connection gets to say goodbye, in the background."""


class DependencyProbe(PassiveProbe):
    """Asks a dependency; can watch the application's own calls beside that.

    With `url` the probe keeps one connection of its own and makes a new one when it
    broke. With `client` it uses the application's, whose pool then bounds it too.
    With neither it is passive and judges what `@probe.watch` sees.

    Args:
        name: Shown everywhere, unique in an application.
        url: Address of the dependency.
        client: The application's client, pool or engine.
        **options: Those of `PassiveProbe`.

    Raises:
        ConfigurationError: The address cannot be read, or both ways were given.
        MissingExtraError: The driver is not installed.
    """

    extra: ClassVar[str] = ""
    """What to install for an address."""
    drivers: ClassVar[Sequence[str]] = ()
    """Modules that an address needs."""
    schemes: ClassVar[Sequence[str]] = ()
    """What addresses begin with; what stands behind a `+` does not count."""

    def __init__(
        self,
        name: str | None = None,
        *,
        url: str | None = None,
        client: Any = None,
        **options: Unpack[WatchOptions],
    ) -> None:
        super().__init__(name, **options)
        if url is not None and client is not None:
            raise ConfigurationError(
                f"{type(self).__name__}(url=…, client=…) of {self.name!r}: give one of "
                "them: an address, or the client that the application has."
            )
        self.url = url
        self.client = client
        self.passive = url is None and client is None
        self._kept: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._resolver = Resolver(self.name)
        self._hosts: tuple[str, ...] = ()
        if url is not None:
            parts = self.parse(url)
            self._hosts = hosts_of(parts)
            hidden = parts.password or ""
            self.secrets = (unquote(hidden), hidden)
            self.need(*self.drivers)

    def parse(self, url: str) -> SplitResult:
        """Return the parts of an address.

        Raises:
            ConfigurationError: It cannot be read; the message masks the password.
        """
        kind = type(self).__name__
        example = f"{self.schemes[0]}://host"
        if not isinstance(url, str) or not url.strip():
            raise ConfigurationError(
                f"{kind}(url={type(url).__name__}): give text, such as {example!r}."
            )
        try:
            parts = urlsplit(url.strip())
            for host in parts.netloc.rpartition("@")[2].split(","):
                _ = urlsplit(f"//{host}").port  # raises on what is no number
        except ValueError as error:
            raise ConfigurationError(
                f"{kind}(url={scrub_url(url)!r}) cannot be read: {error}; write "
                f"something like {example!r}."
            ) from None
        if parts.scheme.partition("+")[0] not in self.schemes:
            raise ConfigurationError(
                f"{kind}(url={scrub_url(url)!r}): the address begins with "
                f"{', '.join(f'{scheme}://' for scheme in self.schemes)}."
            )
        if not parts.netloc and not parts.path and not parts.query:
            raise ConfigurationError(
                f"{kind}(url={scrub_url(url)!r}) names no server; write something like "
                f"{example!r}."
            )
        return parts

    def need(self, *modules: str) -> ModuleType | None:
        """Return the last of `modules`.

        Raises:
            MissingExtraError: One is not installed.
        """
        found = None
        for module in modules:
            try:
                found = importlib.import_module(module)
            except ImportError as error:
                raise MissingExtraError(
                    f"{type(self).__name__}(…) of {self.name!r} needs the package "
                    f"{module.partition('.')[0]!r}, which is not installed: "
                    f"pip install 'steadfastapi[{self.extra}]'."
                ) from error
        return found

    async def check(self) -> Outcome:
        """Ask the dependency, or judge the watched calls where there is no address."""
        if self.passive:
            return self.judged()
        details = await self._answer()
        if not self.window.total:
            return details
        # The dependency answers: what the application's calls say degrades at most.
        verdict = self.judged()
        return ProbeResult(
            name=self.name,
            status=ProbeStatus.DEGRADED if verdict.error else ProbeStatus.HEALTHY,
            error=verdict.error,
            details={**(details or {}), **(verdict.details or {})},
        )

    @abstractmethod
    async def connect(self) -> Any:
        """Return a new connection to `url`."""

    @abstractmethod
    async def ask(self, connection: Any) -> dict[str, Any] | None:
        """Let the dependency answer something cheap; returns details."""

    async def ask_client(self, client: Any) -> dict[str, Any] | None:
        """The same through the application's client."""
        return await self.ask(client)

    @abstractmethod
    async def disconnect(self, connection: Any) -> None:
        """Close what `connect` returned."""

    async def aclose(self) -> None:
        """Close the probe's own connection."""
        loop = asyncio.get_running_loop()
        kept, self._kept = self._kept, None
        if kept is not None and self._loop is loop:
            self._discard(kept)
        # All that is being closed, the connections of failed checks among it.
        closing = {task for task in self._closing if task.get_loop() is loop}
        if closing:
            await asyncio.wait(closing, timeout=CLOSE_SECONDS)

    async def _answer(self) -> dict[str, Any] | None:
        if self.client is not None:
            return await self.ask_client(self.client)
        loop = asyncio.get_running_loop()
        kept, self._kept = self._kept, None
        if kept is not None and self._loop is loop:
            try:
                details = await self.ask(kept)
            except Exception:
                # It broke since the last check. Whether the dependency is well, a
                # new connection tells.
                self._discard(kept)
            except BaseException:
                self._discard(kept)  # timed out amid an answer: of no more use
                raise
            else:
                self._kept = kept
                return details
        await self._resolver.resolve(self._hosts)
        fresh = await self.connect()
        try:
            details = await self.ask(fresh)
        except BaseException:
            self._discard(fresh)
            raise
        other, self._kept, self._loop = self._kept, fresh, loop
        if other is not None:
            self._discard(other)  # two applications share this probe
        return details

    def _discard(self, connection: Any) -> None:
        """Close a connection in the background, where nobody waits for it."""
        task = asyncio.get_running_loop().create_task(self._close(connection))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close(self, connection: Any) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.disconnect(connection)
        except Exception as error:
            # It is broken: that is why it is closed.
            _logger.debug(
                "closing a connection of %r: %s", self.name, type(error).__name__
            )


def hosts_of(parts: Any) -> tuple[str, ...]:
    """Return the hosts of an address, of which some have several."""
    netloc = getattr(parts, "netloc", None)
    if netloc is None:  # SQLAlchemy's
        return (parts.host,) if parts.host else ()
    several = netloc.rpartition("@")[2].split(",")
    found = (urlsplit(f"//{host}").hostname for host in several)
    return tuple(host for host in found if host)


def host_and_port(parts: SplitResult, port: int) -> tuple[str, int]:
    """Return host and port of an address, with defaults."""
    return parts.hostname or "localhost", parts.port or port
