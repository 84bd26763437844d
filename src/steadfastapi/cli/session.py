"""One run of the demo, from the temporary directory to the exit code."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console
from rich.text import Text

from steadfastapi.cli import ports, shop
from steadfastapi.cli.checks import Check, read_back
from steadfastapi.cli.client import Client, Pace
from steadfastapi.cli.interrupts import Interrupts
from steadfastapi.cli.log_reader import LogReader
from steadfastapi.cli.panel import view
from steadfastapi.cli.server import Server, ServerError
from steadfastapi.cli.summary import introduce, print_summary, starting, verdict
from steadfastapi.cli.tally import Tally
from steadfastapi.cli.traffic import RATE, Traffic

TICK = 0.25
"""Seconds between two looks at the server, the log and the clock."""
SCRAPE_EVERY = 2.0
START_TIMEOUT = 60.0
MAX_LOG_BYTES = 512 * 1024 * 1024
"""About six hours: a demo that somebody forgot must not fill the disk."""
STOPPED = 130
"""Exit code when it was interrupted before there was anything to show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for on the command line.

    Args:
        app_dir: The directory that holds the package `shop`.
        host: The address to listen on.
        port: A free port.
        seconds: When to end; None for Ctrl-C.
        keep: Whether the directory with log and data stays.
        telemetry: Whether Sentry and OTLP addresses are passed on to the shop.
    """

    app_dir: Path
    host: str
    port: int
    seconds: float | None
    keep: bool
    telemetry: bool


class Stopped(Exception):  # noqa: N818 - what happened, not a mistake
    """Somebody pressed Ctrl-C before the shop was up."""


def run(options: Options) -> int:
    """Run the demo.

    Returns:
        The exit code: 0, or 1 when a check failed or the shop died.
    """
    console, errors = Console(highlight=False), Console(stderr=True, highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="steadfastapi-demo-"))
    keep = options.keep
    try:
        code = _serve(options, folder, console)
        keep = keep or code != 0
    except ServerError as error:
        code, keep = 1, True
        errors.print(Text(str(error)), style="red", soft_wrap=True)
    except (KeyboardInterrupt, Stopped):
        code = STOPPED
        errors.print("Stopped.")
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return STOPPED  # the terminal was closed: there is nobody to tell
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    if keep:
        console.print(Text(f"Kept: {folder}"), soft_wrap=True)
    return code


def _serve(options: Options, folder: Path, console: Console) -> int:
    token = secrets.token_urlsafe(16)
    env = shop.environment(os.environ, folder, token=token, telemetry=options.telemetry)
    with (
        Interrupts() as interrupts,
        Server(
            app_dir=options.app_dir,
            folder=folder,
            host=options.host,
            port=options.port,
            env=env,
        ) as server,
    ):
        session = Session(options, server, interrupts, console)
        checks = asyncio.run(session.run(token))
        print_summary(console, session.tally, session.log, checks)
    return verdict(console, checks)


class Session:
    """The demo while the server runs."""

    def __init__(
        self, options: Options, server: Server, interrupts: Interrupts, console: Console
    ) -> None:
        self._options = options
        self._server = server
        self._interrupts = interrupts
        self._console = console
        self._url = ports.url(options.host, options.port)
        self._prefix = f"demo-{secrets.token_hex(3)}-"
        self.tally = Tally()
        self.log = LogReader(server.log, self._prefix)

    async def run(self, token: str) -> list[Check]:
        """Send traffic until it is time, and read back what came of it.

        Args:
            token: Opens the back office of the shop.

        Raises:
            ServerError: The shop died, or does not answer.
            Stopped: Interrupted before the shop was up.
        """
        pace = Pace(RATE)
        client = Client(
            self._url, pace=pace, prefix=self._prefix, tally=self.tally, log=self.log
        )
        try:
            with starting(self._console):
                await self._wait_until_up(client)
            link = self._server.console_link()
            introduce(self._console, self._url, self._server.log, link)
            self.tally.started = time.monotonic()
            async with Traffic(client, pace, token) as traffic:
                await self._watch(client, traffic)
            self.tally.ended = time.monotonic()
            if self.log.size > MAX_LOG_BYTES:
                self._console.print("The log is full; that is enough of a demo.")
            return await read_back(client, self.log)
        except httpx.HTTPError as error:
            self._server.check()
            raise ServerError(
                f"The shop does not answer ({type(error).__name__}). "
                f"{self._server.last_words()}"
            ) from error
        finally:
            await client.aclose()

    async def _wait_until_up(self, client: Client) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            self._server.check()
            if self._interrupts.requested:
                raise Stopped
            with suppress(httpx.TransportError):
                await client.scrape()
                return
            if time.monotonic() > deadline:
                raise ServerError(
                    f"The shop is not up after {START_TIMEOUT:.0f} seconds. "
                    f"{self._server.last_words()}"
                )
            await asyncio.sleep(TICK)

    async def _watch(self, client: Client, traffic: Traffic) -> None:
        scraper = asyncio.create_task(self._scrape(client))
        try:
            with view(self._console, self._options.seconds) as screen:
                while not self._is_over():
                    await asyncio.sleep(TICK)
                    self._server.check()
                    traffic.check()
                    self.log.read()
                    screen.update(self.tally, self.log)
        finally:
            scraper.cancel()
            await asyncio.gather(scraper, return_exceptions=True)

    async def _scrape(self, client: Client) -> None:
        """Do what Prometheus does, a little more often."""
        while True:
            with suppress(httpx.HTTPError):  # the checks at the end will say so
                await client.scrape()
            await asyncio.sleep(SCRAPE_EVERY)

    def _is_over(self) -> bool:
        seconds = self._options.seconds
        return (
            self._interrupts.requested
            or (seconds is not None and self.tally.elapsed >= seconds)
            or self.log.size > MAX_LOG_BYTES
        )
