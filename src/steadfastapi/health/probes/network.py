"""TCP ports and mail servers."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
from typing import TYPE_CHECKING, Any, Unpack
from urllib.parse import urlsplit

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health.dependency import DependencyProbe, host_and_port
from steadfastapi.health.probe import BaseProbe, Outcome, ProbeOptions
from steadfastapi.health.threads import OwnThread, Resolver

if TYPE_CHECKING:
    from steadfastapi.health.passive import WatchOptions

MAX_PORT = 65_535
SMTP_SECONDS = 5.0
"""For each step with a mail server; the check itself gives up long before."""


class TCPProbe(BaseProbe):
    """Connects to a port, and hangs up.

    Args:
        host: Name or address.
        port: Number of the port.
        name: Shown everywhere; `tcp:host:port` by default.
        **options: Those of every probe.
    """

    def __init__(
        self,
        host: str,
        port: int,
        name: str | None = None,
        **options: Unpack[ProbeOptions],
    ) -> None:
        if not host or isinstance(port, bool) or not isinstance(port, int):
            raise ConfigurationError(
                f"TCPProbe(host={host!r}, port={port!r}): give a host and a number."
            )
        if not 0 < port <= MAX_PORT:
            raise ConfigurationError(
                f"TCPProbe(port={port!r}): ports go from 1 to {MAX_PORT}."
            )
        super().__init__(name or f"tcp:{host}:{port}", **options)
        self.host = host
        self.port = port
        self._resolver = Resolver(self.name)

    async def check(self) -> Outcome:
        """Connect."""
        await self._resolver.resolve([self.host])
        _, writer = await asyncio.open_connection(self.host, self.port)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return None


class SMTPProbe(DependencyProbe):
    """Greets a mail server, and sends nothing.

    Without an address it is passive, as in fastapi-watch: it judges the calls that
    `@probe.watch` sees. Not critical by default: mail can wait.

    Args:
        name: Shown everywhere, unique in an application.
        url: `smtp://host:port`, or `smtps://…` for TLS from the start.
        **options: Those of `PassiveProbe`.
    """

    name = "smtp"
    schemes = ("smtp", "smtps")
    critical_by_default = False

    def __init__(
        self,
        name: str | None = None,
        *,
        url: str | None = None,
        **options: Unpack[WatchOptions],
    ) -> None:
        super().__init__(name, url=url, **options)
        self._thread = OwnThread(self.name)

    async def connect(self) -> Any:
        """Connect with smtplib, in a thread."""
        parts = urlsplit(str(self.url).strip())
        tls = parts.scheme == "smtps"
        host, port = host_and_port(parts, 465 if tls else 25)
        kind = smtplib.SMTP_SSL if tls else smtplib.SMTP
        return await self._thread.run(lambda: kind(host, port, timeout=SMTP_SECONDS))

    async def ask(self, connection: Any) -> dict[str, Any] | None:
        """Send `NOOP`."""
        code, _ = await self._thread.run(connection.noop)
        if code != 250:  # noqa: PLR2004 - RFC 5321: requested action okay
            raise smtplib.SMTPResponseException(code, "NOOP was refused")
        return None

    async def disconnect(self, connection: Any) -> None:
        """Hang up."""
        connection.close()
