"""Customers of a shop that runs elsewhere: `python -m shop_stack.load http://api:8000`."""

import asyncio
import os
import signal
import sys
import tempfile
import time
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


async def run(url: str, stop: asyncio.Event) -> None:
    """Send customers to `url` until `stop` is set."""
    pace, tally = Pace(RATE), Tally()
    # The demo compares answers with the log; here the log is in Loki.
    log = LogReader(Path(os.devnull), "load-")
    client = Client(url, pace=pace, prefix="load-", tally=tally, log=log)
    try:
        async with Traffic(client, pace, os.environ.get("SHOP_ADMIN_TOKEN", "")):
            while not stop.is_set():
                if tally.rate() > 0:
                    _beat()
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
    await run(url, stop)


def _beat() -> None:
    PULSE.touch()


def is_alive() -> bool:
    """Return whether an answer came lately."""
    return PULSE.exists() and time.time() - PULSE.stat().st_mtime < LATE


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(not is_alive())
    asyncio.run(main(sys.argv[1] if sys.argv[1:] else "http://127.0.0.1:8000"))
