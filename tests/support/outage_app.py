"""An application with every layer on and five backends, which the outage matrix breaks.

`served` is what uvicorn runs: the configured application behind a thin wrapper that
answers `/control/…` by itself, so that asking how it is changes nothing of that.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import sentry_sdk
from fastapi import FastAPI

from steadfastapi import Inbox, Limits, Metrics, Sentry, configure, limiter
from steadfastapi._export import exporting
from steadfastapi.alerts import WebhookAlerter
from steadfastapi.logs import otlp as log_export
from support.outage_lag import LagProbe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from steadfastapi import Plan

# Lines are rendered and written as ever; a gigabyte of them is of no use to anybody.
sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - as long as the process


class Accepted:
    """What was offered to queues that do not count it themselves.

    A layer, as a team would write one: the log's tap and Sentry's hook count.
    """

    name = "accepted"

    def __init__(self) -> None:
        self.lines = 0
        self.events = 0
        self.delivered = 0

    def contribute(self, plan: Plan) -> None:
        """Listen to the log."""
        plan.log_tap(self._line)

    def _line(self, line: dict[str, Any], error: object, size: int) -> None:
        self.lines += not exporting.active

    def event(self, event: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
        """Count an event of Sentry's that is about to be queued."""
        self.events += 1
        return event


accepted = Accepted()
app = FastAPI(title="Outage")


@app.get("/plain")
async def plain() -> dict[str, bool]:
    """Answer without asking anybody."""
    return {"ok": True}


@app.get("/limited")
@limiter.limit("1000000/second")
async def limited() -> dict[str, bool]:
    """Answer after Redis was asked."""
    return {"ok": True}


@app.get("/crash/{kind}")
async def crash(kind: str) -> None:
    """Fail; each kind is an issue of its own, and so an alert."""
    raise type(f"Error{kind}", (Exception,), {})(f"the wheels came off: {kind}")


hook = WebhookAlerter(
    os.environ["OUTAGE_WEBHOOK"],
    allow=["127.0.0.0/8"],
    hosts=["127.0.0.1"],
    plain_http=True,
)
stack = configure(
    app,
    sentry=Sentry(before_send=accepted.event),
    limits=Limits(),
    metrics=Metrics(),
    inbox=Inbox(alerters=(hook,), alert_cooldown=0.0),
    extra=(accepted,),
)


def ledger() -> dict[str, dict[str, float]]:
    """Return what each queue says of itself; the dropped are on the metrics page."""
    tracing: Any = stack.tracing.provider
    spans = tracing.pipeline.export
    lines: Any = log_export._current
    inbox = stack.inbox.status()
    told = _notifier().tallies["webhook"]
    return {
        "otlp_traces": {
            "accepted": spans._accepted,
            "sent": spans._exporter.sent,
            "queued": len(spans._queue) + spans._exporter.under_way,
        },
        "otlp_logs": {
            "accepted": accepted.lines,
            "sent": lines.sent,
            "queued": lines.waiting,
        },
        "sentry": {
            "accepted": accepted.events,
            "sent": accepted.delivered,
            "queued": _transport()._worker._queue.unfinished_tasks,
        },
        "inbox": {
            "accepted": inbox.accepted,
            "sent": inbox.written,
            "dropped": sum(inbox.dropped.values()),
            "queued": inbox.queued,
        },
        "webhook": {
            "accepted": told.accepted,
            "sent": told.delivered,
            "dropped": sum(told.dropped.values()),
            "queued": told.waiting,
        },
        "redis": {"down": float(stack.limiter.storage_down)},
    }


def _transport() -> Any:
    return sentry_sdk.get_client().transport


def _count_delivered() -> None:
    """Let Sentry's transport count its successes: it tells of failures only."""
    transport = _transport()
    handle = transport._handle_response

    def handled(response: Any, envelope: Any) -> None:
        handle(response, envelope)
        if 200 <= response.status < 300 and envelope.get_event() is not None:
            accepted.delivered += 1

    transport._handle_response = handled


def _notifier() -> Any:
    """Return the inbox's notifier; no handle leads there."""
    for part in stack.plan.lifespan_parts:
        if part.name == "inbox alerters":
            return part.start.__self__  # type: ignore[union-attr]
    raise LookupError("nobody is alerted")


TIMED = ("/plain", "/limited")


_count_delivered()


class Control:
    """Answers `/control/…`, and passes everything else on.

    Args:
        inner: The application.
    """

    def __init__(self, inner: Callable[..., Awaitable[None]]) -> None:
        self._inner = inner
        self._lag: LagProbe | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve."""
        path = scope.get("path", "")
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        if self._lag is None:
            self._lag = LagProbe()
        if not path.startswith("/control/"):
            with self._lag.timed(path if path in TIMED else "other"):
                await self._inner(scope, receive, send)
            return
        found = ledger() if path.endswith("/ledger") else self._lag.window()
        body = orjson.dumps(found)
        length = (b"content-length", str(len(body)).encode())
        start = {"type": "http.response.start", "status": 200, "headers": [length]}
        await send(start)
        await send({"type": "http.response.body", "body": body})


served = Control(app)
