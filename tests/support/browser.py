"""Chromium, the console in front of it, and what both have to say."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import httpx
from playwright.sync_api import sync_playwright

from support.server import LiveServer
from support.services import find_chromium, require

if TYPE_CHECKING:
    from types import TracebackType

    from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Route

ROOT = Path(__file__).parents[2]
AXE = ROOT / "tests" / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
TOKEN = "the token of the browser tests"
ELSEWHERE = re.compile(r"https?://(?!127\.0\.0\.1|localhost)")
PATIENCE = 20.0
"""Seconds for anything that is waited for; machines of CI are slow."""


class Chromium:
    """One browser process.

    Args:
        arguments: Of the command line, beside what a container needs.
    """

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments

    def __enter__(self) -> Self:
        path = require("Chromium", find_chromium())
        self._playwright = sync_playwright().start()
        try:
            self._browser = self._playwright.chromium.launch(
                executable_path=path,
                args=["--no-sandbox", "--disable-dev-shm-usage", *self._arguments],
            )
        except BaseException:
            self._playwright.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._browser.close()
        self._playwright.stop()

    def person(self, **options: Any) -> Person:
        """Return somebody with a window of their own, and no cookies."""
        context = self._browser.new_context(**options)
        context.set_default_timeout(1000 * PATIENCE)
        return Person(context)


class Person:
    """Somebody with one window.

    Args:
        context: Theirs alone.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.page: Page = context.new_page()
        self.said: list[str] = []
        """Warnings and errors of the browser, violations of the policy among them."""
        self.dialogs: list[str] = []
        self.elsewhere: list[str] = []
        """Addresses of other machines that a page wanted, in vain."""
        context.route(ELSEWHERE, self._refuse)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", self._dismiss)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.context.close()

    def log_in(self, url: str) -> None:
        """Type the token."""
        self.page.goto(f"{url}/ops/login")
        self.page.get_by_label("Token").fill(TOKEN)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(f"{url}/ops")

    def violations(self, *rules: str) -> list[str]:
        """Return what axe-core finds wrong with the page.

        Args:
            *rules: The only ones to check; all by default.
        """
        if not self.page.evaluate("typeof axe === 'object'"):
            self.page.evaluate(f"{AXE.read_text()};0")
        options: dict[str, Any] = {"resultTypes": ["violations"]}
        if rules:
            options["runOnly"] = {"type": "rule", "values": list(rules)}
        found = self.page.evaluate("options => axe.run(document, options)", options)
        return [
            f"{self.page.url} {one['id']}: {node['html'][:200]}"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    def _refuse(self, route: Route) -> None:
        self.elsewhere.append(route.request.url)
        route.abort()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.said.append(message.text)

    def _dismiss(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()


class ConsoleShop:
    """The shop with its console, under uvicorn.

    Args:
        folder: For its data.
        **env: More of its environment.
    """

    def __init__(self, folder: Path, **env: str) -> None:
        self.server = LiveServer(
            "apps.console_shop:app",
            subprocess=True,
            cwd=ROOT / "examples",
            env={
                "PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), "."]),
                "SHOP_DATA_DIR": str(folder),
                "STEADFAST_INBOX_URL": f"sqlite:///{folder}/inbox.db",
                "STEADFAST_CONSOLE_TOKEN": TOKEN,
                # A second worker would not know the exchanges of the first.
                "WEB_CONCURRENCY": None,
                "REDIS_URL": None,
                **env,
            },
            start_timeout=40.0,
        )

    def __enter__(self) -> Self:
        self.server.__enter__()
        self.url = self.server.url
        self._client = httpx.Client(base_url=self.url, timeout=PATIENCE)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.close()
        self.server.__exit__(kind, error, traceback)

    def get(self, path: str, **headers: str) -> str:
        """Ask the shop, and return the id of the request."""
        request_id = uuid4().hex
        self._client.get(path, headers={"X-Request-ID": request_id, **headers})
        return request_id

    def api(self, path: str, **params: str) -> Any:
        """Return what the console's API answers."""
        answer = self._client.get(
            f"/ops/api{path}",
            params=params,
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        answer.raise_for_status()
        return answer.json()

    def issue_of(self, request_id: str) -> dict[str, Any]:
        """Return the issue that a request became, once it is written.

        Raises:
            TimeoutError: It was not, in `PATIENCE` seconds.
        """
        ends_at = time.monotonic() + PATIENCE
        while time.monotonic() < ends_at:
            items = self.api("/issues", search=request_id, state="all")["items"]
            if items:
                found: dict[str, Any] = items[0]
                return found
            time.sleep(0.05)
        raise TimeoutError(f"no issue of {request_id}")
