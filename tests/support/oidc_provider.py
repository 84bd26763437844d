"""A real OpenID provider on this machine: npm's oidc-provider, run by node."""

from __future__ import annotations

import re
import subprocess
import threading
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING, Self

import httpx

from support.services import find_node, require

if TYPE_CHECKING:
    from types import TracebackType

FOLDER = Path(__file__).parents[1] / "frontend"
API = "urn:steadfastapi:ops"
"""What the provider's access tokens can be asked for."""


class RealProvider:
    """Run the provider while the context lasts.

    Args:
        redirect_uri: The address to which its clients may send people back.
    """

    def __init__(self, redirect_uri: str) -> None:
        self._redirect_uri = redirect_uri
        self.issuer = ""

    def __enter__(self) -> Self:
        node = require("node", find_node())
        package = FOLDER / "node_modules" / "oidc-provider"
        require("oidc-provider (npm install in tests/frontend)", package.is_dir())
        self._process = subprocess.Popen(
            [node, "oidc_provider.mjs", self._redirect_uri],
            cwd=FOLDER,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            self.issuer = self._first_line(30)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def log_in(self, address: str, user: str) -> str:
        """Do what somebody does at the provider: give a name, agree, and go back.

        Args:
            address: To which the console has sent the browser.
            user: Who it is.

        Returns:
            The address to which the provider sends the browser back.
        """
        with httpx.Client(timeout=20) as browser:
            for _ in range(10):
                answer = browser.get(address)
                if answer.is_redirect:
                    address = str(answer.next_request.url)  # type: ignore[union-attr]
                    if address.startswith(self._redirect_uri):
                        return address
                    continue
                prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
                assert prompt is not None, answer.text
                form = {"prompt": prompt[1], "login": user, "password": "x"}
                answer = browser.post(_action(answer), data=form)
                address = str(answer.next_request.url)  # type: ignore[union-attr]
        raise AssertionError(f"still at {address}")

    def access_token(self) -> str:
        """Return an access token of the client `machine` for `API`."""
        answer = httpx.post(
            f"{self.issuer}/token",
            data={"grant_type": "client_credentials", "resource": API},
            auth=("machine", "the secret of machine, long enough".replace(" ", "%20")),
            timeout=20,
        )
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def _first_line(self, seconds: float) -> str:
        lines: Queue[str] = Queue()
        stdout = self._process.stdout
        assert stdout is not None
        threading.Thread(
            target=lambda: lines.put(stdout.readline()), daemon=True
        ).start()
        try:
            line = lines.get(timeout=seconds).strip()
        except Empty:
            raise TimeoutError("the provider did not start") from None
        assert line.startswith("http://"), "the provider died while it started"
        return line


def _action(page: httpx.Response) -> str:
    found = re.search(r'<form[^>]* action="([^"]+)"', page.text)
    assert found is not None, page.text
    return str(page.url.join(found[1].replace("&amp;", "&")))
