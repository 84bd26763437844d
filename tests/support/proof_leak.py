"""An application that holds fourteen secrets, and everything that leaves it."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sentry_sdk
import structlog
from fastapi import FastAPI, Request
from opentelemetry import trace

from steadfastapi import Console, Health, Inbox, Logs, Sentry, bind, configure
from steadfastapi.alerts import (
    OpsGenieAlerter,
    PagerDutyAlerter,
    SlackAlerter,
    TeamsAlerter,
    WebhookAlerter,
)
from steadfastapi.inbox.api import capture_exception
from support.alerts import LOCAL
from support.canaries import Canaries, raise_with_all
from support.lines import collected
from support.otlp import OtlpReceiver
from support.proof_app import TOKEN, everything
from support.proof_visit import Visit
from support.receiver import HttpReceiver
from support.sentry import SentryReceiver
from support.server import LiveServer

SINKS = ("log", "sentry", "span", "store", "alert", "console")
BESIDE = ("responses", "metrics", "health")
"""Scanned too, and counted apart."""
KINDS = 5
"""Of alerters."""
OPEN_METRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


def told(canaries: Canaries) -> str:
    """Return a text with all secrets, each as people and programs print it."""
    sent = canaries.request_kwargs()
    body = json.dumps(sent["json"])
    headers = "\n".join(f"{name}: {value}" for name, value in sent["headers"].items())
    return (
        f"cannot reach postgresql://shop:{canaries.database_password}@db/shop; "
        f"callback?token={canaries.exception_token}&page=2 "
        f"/leak?token={canaries.query_token} password={canaries.local_password!r} "
        f"{{'api_key': '{canaries.nested_api_key}'}} client_secret="
        f"{canaries.named_local} {canaries.provider_key} {body} {headers}"
    )


def leaking(canaries: Canaries) -> FastAPI:
    """Return an application that gives its secrets to all that records something."""
    app = FastAPI(title="Shop")

    @app.post("/leak")
    async def leak(request: Request) -> None:
        body, headers = await request.json(), dict(request.headers)
        form = {"user": "ada", "password": canaries.local_password}
        settings = {"payment": {"provider": {"api_key": canaries.nested_api_key}}}
        client_secret, text = canaries.named_local, told(canaries)
        held: dict[str, Any] = {
            "form": form,
            "client_secret": client_secret,
            "settings": settings,
        }
        bind(body=body, headers=headers, **held)
        structlog.get_logger("shop").warning(text, raw=request.scope["headers"], **held)
        logging.getLogger("shop").error("%s: %r %s", request.url, headers, text)
        span = trace.get_current_span()
        span.set_attribute("note", text)
        span.set_attribute("client_secret", client_secret)
        span.add_event("called", {"text": text})
        sentry_sdk.set_context("call", held)
        sentry_sdk.add_breadcrumb(message=text, data={"headers": headers})
        capture_exception(RuntimeError(text), body=body, headers=headers, **held)
        raise_with_all(canaries, request, body)

    @app.post("/spill")
    async def spill() -> None:
        raise ConnectionError(told(canaries))

    return app


def _alerters(receiver: HttpReceiver) -> tuple[Any, ...]:
    return (
        SlackAlerter(f"{receiver.endpoint}/slack", **LOCAL),
        TeamsAlerter(f"{receiver.endpoint}/teams", **LOCAL),
        PagerDutyAlerter("routing", url=f"{receiver.endpoint}/pagerduty", **LOCAL),
        OpsGenieAlerter("of-the-genie", url=f"{receiver.endpoint}/genie", **LOCAL),
        WebhookAlerter(f"{receiver.endpoint}/webhook", **LOCAL),
    )


def _keywords(
    folder: Path, backends: dict[str, Any], canaries: Canaries, renderer: str
) -> dict[str, Any]:
    sentry, collector, alerts = (
        backends[name] for name in ("sentry", "collector", "alerts")
    )

    def broken() -> None:
        raise ConnectionError(told(canaries))

    inbox = {"url": f"sqlite:///{folder / 'inbox.db'}", "alerters": _alerters(alerts)}
    transactions = {"traces_sample_rate": 1.0}
    return {
        **everything(folder, dsn=sentry.dsn, collector=collector.endpoint),
        "logs": Logs.model_validate(
            {"renderer": renderer, "endpoint": collector.endpoint}
        ),
        "metrics": None,
        "sentry": Sentry.model_validate({"dsn": sentry.dsn, "options": transactions}),
        "health": Health(probes=(broken,), alerters=_alerters(alerts), fail_after=1),
        "inbox": Inbox.model_validate(inbox),
        "console": Console.model_validate({"token": TOKEN}),
    }


@contextmanager
def _backends() -> Iterator[dict[str, Any]]:
    with SentryReceiver() as sentry, OtlpReceiver() as spans, HttpReceiver() as alerts:
        yield {"sentry": sentry, "collector": spans, "alerts": alerts}


def leaked(canaries: Canaries, folder: Path, renderer: str) -> dict[str, bytes]:
    """Serve `leaking` over a socket; return what each sink got, byte for byte.

    Args:
        canaries: The secrets.
        folder: Where the inbox keeps its file.
        renderer: Of the log lines, `json` or `console`.

    Returns:
        What `SINKS` and `BESIDE` name.
    """
    app, found = leaking(canaries), {}
    with _backends() as backends:
        stack = configure(app, **_keywords(folder, backends, canaries, renderer))
        # An address from `X-Forwarded-For` is the client's where a proxy is trusted.
        server = LiveServer(app, proxy_headers=False)
        with collected() as lines, server, httpx2.Client(base_url=server.url) as client:
            visit = Visit(client, stack)
            found["responses"] = visit.crash(canaries)
            found["console"] = visit.console(canaries)
            found["metrics"] = visit.get("/metrics", OPEN_METRICS)
            found["health"] = b"".join(
                visit.get(page.path) for page in stack.plan.pages if _is_plain(page)
            )
            backends["alerts"].wait_for_requests(KINDS * 3)
            assert stack.inbox.flush(10)
        found["log"] = lines.text.encode(errors="surrogatepass")
        assert stack.shutdown()
        for sink, backend in (
            ("sentry", "sentry"),
            ("span", "collector"),
            ("alert", "alerts"),
        ):
            found[sink] = backends[backend].raw().encode(errors="surrogatepass")
    found["store"] = b"".join(file.read_bytes() for file in sorted(folder.iterdir()))
    return found


def _is_plain(page: Any) -> bool:
    return "GET" in page.methods and "stream" not in page.path and "{" not in page.path


@contextmanager
def unscrubbed() -> Iterator[None]:
    """Switch off all that masks secrets, wherever it was imported to."""
    from steadfastapi import _scrub, _secrets

    replacements: dict[int, Any] = {
        id(_secrets.masked): lambda text, *_: text,
        id(_secrets.masked_code): lambda line: line,
        id(_secrets.hides): lambda _name, _value: False,
        id(_secrets.is_secret_name): lambda _name: False,
        id(_scrub.scrub_query): lambda query: query,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, module in list(sys.modules.items()):
            if name.startswith("steadfastapi"):
                for attribute, value in list(vars(module).items()):
                    if id(value) in replacements:
                        patch.setattr(module, attribute, replacements[id(value)])
        yield


def matrix(found: dict[str, bytes], canaries: Canaries) -> str:
    """Return how often each secret is in each sink, as a table."""
    counts = {sink: canaries.find(text) for sink, text in found.items()}
    rows = [f"{'':24}" + "".join(f"{sink:>11}" for sink in counts)]
    rows += [
        f"{number:>2} {name:21}"
        + "".join(f"{counts[sink].get(name, 0):>11}" for sink in counts)
        for number, name in enumerate(canaries.values(), 1)
    ]
    rows.append(
        f"{'bytes':24}" + "".join(f"{len(text):>11}" for text in found.values())
    )
    return "\n".join(rows)
