"""Take the pictures of the console: `make screenshots`.

Starts the shop as `make demo` does, sends it the same traffic, and takes each page in
both colour schemes with Chromium. Needs Playwright and a Chromium, such as Debian's.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import sys
import tempfile
import threading
import time
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from PIL import Image
from playwright.sync_api import sync_playwright

from steadfastapi.cli import ports, shop
from steadfastapi.cli.client import Client, Pace
from steadfastapi.cli.log_reader import LogReader
from steadfastapi.cli.server import Server
from steadfastapi.cli.tally import Tally
from steadfastapi.cli.traffic import RATE, Traffic

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IMAGES = Path(__file__).parent / "images" / "console"
HOST = "127.0.0.1"
SECONDS = float(os.environ.get("SECONDS") or 75)
"""Of traffic before the first picture: two minutes of the charts have something."""
WIDTH = 1200
MAX_BYTES = 150_000
SCHEMES = ("light", "dark")


def main() -> None:
    """Write `docs/images/console/*.png`."""
    chromium = next(
        filter(None, map(shutil.which, ("chromium", "google-chrome"))), None
    )
    app_dir = shop.shop_folder()
    if chromium is None or app_dir is None:
        sys.exit("needs Chromium on the PATH (apt-get install chromium), and the shop")
    IMAGES.mkdir(parents=True, exist_ok=True)
    token = secrets.token_urlsafe(16)
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), ports.free_port(HOST, 0)
        env = shop.environment(os.environ, folder, token=token, telemetry=False)
        with Server(
            app_dir=app_dir, folder=folder, host=HOST, port=port, env=env
        ) as server:
            enough = threading.Event()
            day = _a_day(server, ports.url(HOST, port), token, enough)
            customers = threading.Thread(target=asyncio.run, args=(day,))
            customers.start()
            try:
                time.sleep(SECONDS)
                _take_all(chromium, server)
            finally:
                enough.set()
                customers.join()


def _take_all(chromium: str, server: Server) -> None:
    link = server.console_link()
    if link is None:
        sys.exit(f"the shop has no console: {server.last_words()}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
        for scheme in SCHEMES:
            _take(browser, link, scheme)
        browser.close()


async def _a_day(server: Server, url: str, token: str, enough: threading.Event) -> None:
    """Send the shop what its customers send, until there are enough pictures."""
    pace, tally = Pace(RATE), Tally()
    log = LogReader(server.log, "picture-")
    client = Client(url, pace=pace, prefix="picture-", tally=tally, log=log)
    try:
        ends_at = time.monotonic() + 60
        while time.monotonic() < ends_at:
            server.check()
            with suppress(httpx.TransportError):
                await client.scrape()
                break
            await asyncio.sleep(0.2)
        async with Traffic(client, pace, token):
            await asyncio.to_thread(enough.wait)
    finally:
        await client.aclose()


def _take(browser: Browser, link: str, scheme: Any) -> None:
    """Take every page in one colour scheme."""
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(link)
    base = page.url
    _save(page, f"overview-{scheme}")
    page.goto(f"{base}/issues")
    _save(page, f"issues-{scheme}")
    page.get_by_role("link", name="ZeroDivisionError").first.click()
    page.wait_for_load_state()
    _save(page, f"issue-{scheme}", height=1900)
    page.goto(f"{base}/exchanges")
    _save(page, f"exchanges-{scheme}")
    page.goto(f"{base}/health")
    _save(page, f"health-{scheme}", height=500)
    context.close()


def _save(page: Page, name: str, height: int = 800) -> None:
    page.set_viewport_size({"width": WIDTH, "height": height})
    page.evaluate("document.fonts.ready")
    path = IMAGES / f"{name}.png"
    with Image.open(BytesIO(page.screenshot())) as taken:
        # Few colours are on a page, and 256 of them are a third of the bytes.
        taken.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
            path, optimize=True
        )
    size = path.stat().st_size
    sys.stdout.write(f"{path.relative_to(Path(__file__).parents[1])} {size:,} bytes\n")
    if size > MAX_BYTES:
        sys.exit(f"{path.name} has more than {MAX_BYTES:,} bytes")


if __name__ == "__main__":
    main()
