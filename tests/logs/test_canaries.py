"""SEC-1: none of the fourteen secrets reaches the log."""

import logging
from typing import Any

import httpx2
import pytest
import structlog
from fastapi import FastAPI, Request

from steadfastapi import Logs, bind
from steadfastapi.logs import clean, frames, tracebacks
from support.apps import configured
from support.canaries import Canaries, raise_with_all
from support.lines import Lines, collected
from support.server import LiveServer


def crash(canaries: Canaries, renderer: Any) -> Lines:
    """Send a request with all secrets to an endpoint that logs them and crashes."""
    app = FastAPI()
    configured(app, logs=Logs(renderer=renderer))

    @app.post("/crash")
    async def endpoint(request: Request) -> None:
        body = await request.json()
        headers = dict(request.headers)
        client_secret, label = canaries.named_local, canaries.provider_key
        form = {"user": "ada", "password": canaries.local_password}
        settings = {"payment": {"api_key": canaries.nested_api_key}}
        bind(body=body, form=form, label=label, client_secret=client_secret)
        structlog.get_logger("shop").warning(
            "crashing", headers=headers, raw=request.scope["headers"], settings=settings
        )
        logging.getLogger("shop").warning("%s: %s %r", request.url, headers, settings)
        logging.getLogger("shop").warning("body", extra={"body": body, "form": form})
        raise_with_all(canaries, request, body)

    # An address from `X-Forwarded-For` is the client's where a proxy is trusted.
    server = LiveServer(app, proxy_headers=False)
    with collected() as lines, server, httpx2.Client(base_url=server.url) as client:
        client.post("/crash", **canaries.request_kwargs())
    return lines


@pytest.mark.parametrize("renderer", ["json", "console"])
def test_no_secret_of_a_crash_is_in_the_log(renderer: str) -> None:
    """Neither of the crash itself, nor of what the application logs before it."""
    canaries = Canaries()
    text = crash(canaries, renderer).text

    assert {} == canaries.find(text)
    assert 1 == text.count("CanaryError: cannot store")
    assert text.count("[redacted]") > 20


@pytest.mark.parametrize("renderer", ["json", "console"])
def test_without_scrubbing_all_of_them_are(
    renderer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above can fail: every secret is there to be found."""

    class Open:
        def __init__(self, **_: Any) -> None:
            pass

        def of(self, value: Any) -> Any:
            return repr(value)

    monkeypatch.setattr(clean, "Copy", Open)
    monkeypatch.setattr(clean, "hides", lambda _name, _value: False)
    for module in (tracebacks, frames):
        monkeypatch.setattr(module, "scrub_text", lambda text, _limit: text)
    canaries = Canaries()

    assert (
        canaries.values().keys() == canaries.find(crash(canaries, renderer).text).keys()
    )
