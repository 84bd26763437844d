"""Customers of a shop that runs elsewhere: `python -m shop_stack.load http://api:8000`."""

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from steadfastapi.cli.client import Client, Pace
from steadfastapi.cli.log_reader import LogReader
from steadfastapi.cli.tally import Tally
from steadfastapi.cli.traffic import RATE, Traffic

PULSE = Path(tempfile.gettempdir(), "stack-load")
"""Touched as long as answers come; `--check` looks at it."""
LATE = 30.0
"""Seconds without an answer after which the customers are not healthy."""
BEAT = 1.0


async def run(
    url: str,
    stop: asyncio.Event,
    *,
    rate: float = RATE,
    admin_token: str = "",
    beat: Callable[[], None] | None = None,
) -> None:
    """Send customers until they are stopped.

    Args:
        url: Where the shop is.
        stop: Ends it when set.
        rate: Requests a second, of all customers together.
        admin_token: Opens the back office, where some of them work.
        beat: Called about once a second, as long as answers come.
    """
    pace, tally = Pace(rate), Tally()
    # The demo compares answers with the log; here the log is in Loki.
    log = LogReader(Path(os.devnull), "load-")
    client = Client(url, pace=pace, prefix="load-", tally=tally, log=log)
    try:
        async with Traffic(client, pace, admin_token):
            while not stop.is_set():
                if beat is not None and tally.rate() > 0:
                    beat()
                log.unmatched.clear()  # or they would grow for as long as this runs
                log.unmatched_errors.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), BEAT)
    finally:
        await client.aclose()


async def main(url: str) -> None:
    """Run until SIGTERM or Ctrl-C."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    token = os.environ.get("SHOP_ADMIN_TOKEN", "")
    await run(url, stop, admin_token=token, beat=_beat)


def _beat() -> None:
    PULSE.touch()


def is_alive() -> bool:
    """Return whether an answer came lately."""
    return PULSE.exists() and time.time() - PULSE.stat().st_mtime < LATE


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(not is_alive())
    asyncio.run(main(sys.argv[1] if sys.argv[1:] else "http://127.0.0.1:8000"))
