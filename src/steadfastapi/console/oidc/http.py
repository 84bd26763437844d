"""Asks the provider: with a deadline, a cap on the answer, and TLS."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import httpx

from steadfastapi.console.oidc.addresses import may_be_asked, shown
from steadfastapi.console.oidc.answers import ProviderTrouble

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

MAX_ANSWER = 256 * 1024
"""Bytes of an answer that are read; a set of keys has a few thousand."""


@cache
def _certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context()


class Http:
    """Asks addresses of one provider.

    Args:
        plain: Whether http without TLS will do, for a provider on this machine.
        seconds: For each question: name, connection, TLS and answer.
    """

    def __init__(self, *, plain: bool, seconds: float) -> None:
        self._plain = plain
        self.seconds = seconds

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
        """Return the JSON object at `url`.

        Raises:
            ProviderTrouble: There is none, or not in time.
        """
        status, answer = await self._ask("GET", url, headers, None)
        if status != httpx.codes.OK:
            raise ProviderTrouble(f"{shown(url)} answered {status}.")
        return answer

    async def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[int, Any]:
        """Return the status and the JSON object with which a form is answered.

        Raises:
            ProviderTrouble: There is no such answer, or not in time.
        """
        return await self._ask("POST", url, headers, form)

    async def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        form: Mapping[str, str] | None,
    ) -> tuple[int, Any]:
        if not may_be_asked(url, plain=self._plain):
            raise ProviderTrouble(f"{shown(url)} is no https address.")
        sent = {"Accept": "application/json", "Accept-Encoding": "identity"}
        try:
            with anyio.fail_after(self.seconds):
                status, body = await self._read(
                    method, url, sent | dict(headers or {}), form
                )
            answer = json.loads(body)
        except (TimeoutError, httpx.TimeoutException):
            raise ProviderTrouble(
                f"{shown(url)} did not answer within {self.seconds:g} s."
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise ProviderTrouble(
                f"{shown(url)} cannot be reached ({type(error).__name__})."
            ) from None
        except (ValueError, RecursionError):
            raise ProviderTrouble(f"{shown(url)} answered no JSON.") from None
        if not isinstance(answer, dict):
            raise ProviderTrouble(f"{shown(url)} answered no JSON object.")
        return status, answer

    async def _read(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None,
    ) -> tuple[int, bytes]:
        # Reading the certificates takes 20 ms; a login is no reason to stop all.
        context = await anyio.to_thread.run_sync(_certificates)
        # A client for each question: logins are rare, and it belongs to one loop.
        async with (
            httpx.AsyncClient(
                verify=context,
                follow_redirects=False,
                timeout=self.seconds,
                trust_env=not self._plain,  # a proxy cannot see this machine
            ) as client,
            client.stream(method, url, headers=headers, data=form) as response,
        ):
            if response.headers.get("content-encoding", "identity") != "identity":
                raise ProviderTrouble(f"{shown(url)} answered compressed, unasked.")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_ANSWER:
                    raise ProviderTrouble(
                        f"{shown(url)} answered more than {MAX_ANSWER // 1024} KiB."
                    )
            return response.status_code, bytes(body)
