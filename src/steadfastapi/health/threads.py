"""Checks that block: each probe has one thread, and waits for no other."""

from __future__ import annotations

import asyncio
import contextvars
import ipaddress
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class OwnThread:
    """Runs one blocking call at a time, in a thread that nothing waits for.

    The event loop's common threads are the application's: a check that hangs must
    not take one away. Threads are daemons, so that a hung call delays no exit, and
    there is at most one a probe.

    Args:
        name: Of the thread.
    """

    def __init__(self, name: str) -> None:
        self._name = f"steadfastapi-health-{name}"
        self._since: float | None = None

    async def run(self, function: Callable[[], Any]) -> Any:
        """Return what `function()` returns.

        Raises:
            TimeoutError: The call before it has not come back yet.
        """
        if self._since is not None:
            blocked = time.monotonic() - self._since
            raise TimeoutError(f"the check before it has blocked for {blocked:.1f} s")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        context = contextvars.copy_context()
        self._since = time.monotonic()

        def work() -> None:
            error: BaseException | None = None
            result: Any = None
            try:
                result = context.run(function)
            except BaseException as raised:
                error = raised
            self._since = None
            try:
                loop.call_soon_threadsafe(_deliver, future, result, error)
            except RuntimeError:
                return  # the loop is gone, and with it who asked

        threading.Thread(target=work, name=self._name, daemon=True).start()
        return await future


class Resolver(OwnThread):
    """Looks up host names in the probe's own thread, before a driver does.

    Drivers look them up in the event loop's default threads, of which there are six on
    a small machine. While a name server hangs every check would take another one.
    """

    async def resolve(self, hosts: Iterable[str]) -> None:
        """Return once every name was looked up, in vain or not."""
        names = [host for host in hosts if not _is_address(host)]
        if names:
            await self.run(lambda: [_looked_up(name) for name in names])


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _looked_up(name: str) -> bool:
    try:
        socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return False  # the driver says so in its own words
    return True


def _deliver(
    future: asyncio.Future[Any], result: Any, error: BaseException | None
) -> None:
    if future.done():
        return  # whoever asked has given up
    if error is None:
        future.set_result(result)
    elif isinstance(error, Exception) and not isinstance(error, StopIteration):
        future.set_exception(error)
    else:
        # A future refuses StopIteration; SystemExit would end the server.
        future.set_exception(RuntimeError(f"{type(error).__name__} in a check"))
