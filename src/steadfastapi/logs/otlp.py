"""Structured logs by OTLP: whether, where to, and for how long."""

from __future__ import annotations

import logging
import os
from functools import partial
from typing import TYPE_CHECKING, Any

from steadfastapi._export import EXPORT_TIMEOUT, quieten
from steadfastapi._lifespan import LifespanPart
from steadfastapi._otlp import Signal
from steadfastapi._scrub import scrub_text, scrub_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.resources import Resource
    from pydantic import SecretStr

    from steadfastapi._otlp_pause import Pause
    from steadfastapi._plan import Plan
    from steadfastapi.logs.otlp_export import LogExport

LOGS = Signal("logs", "Logs")
_PROVIDERS = (
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_LOGS_CREDENTIAL_PROVIDER",
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER",
)
"""Variables that name a session of the operator's own; ours would replace it."""

_current: LogExport | None = None
"""Of this process, like the pipeline whose lines it sends."""


def send(plan: Plan, endpoint: str, headers: SecretStr | None) -> None:
    """Let the lines of `plan` go to an OTLP endpoint too; report what is wrong."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        plan.note("not sent: OTEL_SDK_DISABLED=true", "process")
        return
    if not LOGS.is_usable(plan, endpoint, headers):
        return
    # Only who sends pays for the import of the SDK and its HTTP client.
    from steadfastapi._otlp_pause import Pause  # noqa: PLC0415
    from steadfastapi.logs.otlp_export import LogExport  # noqa: PLC0415

    pause = Pause()
    url = LOGS.url(endpoint)
    make = partial(_exporter, url, _header_map(headers), pause)
    try:
        built = [make()]
    except Exception as error:
        plan.problem(
            f"The OTLP exporter refuses its settings (OTEL_EXPORTER_OTLP_…): "
            f"{type(error).__name__}: {scrub_text(str(error))}."
        )
        return
    plan.note(f"lines sent to {scrub_url(url)}", "process")
    export = LogExport(lambda: built.pop() if built else make(), _resource(plan), pause)
    plan.log_tap(export)
    plan.set_up(partial(_use, export))
    plan.lifespan(LifespanPart(name="logs", stop=_stop))


def reset() -> None:
    """Send nothing any more; what waits is dropped."""
    global _current
    current, _current = _current, None
    if current is not None:
        current.close()


def _use(export: LogExport) -> None:
    """Make an export that of the process; the last `configure` decides."""
    global _current
    former, _current = _current, export
    if former is not None and former is not export:
        former.retire()


def _stop(seconds: float) -> bool:
    return _current is None or _current.stop(seconds)


def _exporter(
    url: str, headers: Mapping[str, str] | None, pause: Pause
) -> LogRecordExporter:
    """Return an exporter that posts protobuf to `url`.

    Raises:
        Exception: A variable of OpenTelemetry is wrong, e.g. a certificate's path.
    """
    import requests  # noqa: PLC0415 - what the exporter sends with
    from opentelemetry.exporter.otlp.proto.http._log_exporter import (  # noqa: PLC0415
        OTLPLogExporter,
    )

    quieten(logging.getLogger(OTLPLogExporter.__module__))
    session = None
    if not any(os.environ.get(name) for name in _PROVIDERS):
        session = requests.Session()
        session.hooks["response"].append(pause)
    return OTLPLogExporter(
        endpoint=url,
        headers=dict(headers) if headers else None,
        timeout=None if LOGS.has_timeout() else EXPORT_TIMEOUT,
        session=session,
    )


def _header_map(headers: SecretStr | None) -> Mapping[str, str] | None:
    if headers is None:
        return None
    from opentelemetry.util.re import parse_env_headers  # noqa: PLC0415

    return parse_env_headers(headers.get_secret_value(), liberal=True)


def _resource(plan: Plan) -> Callable[[], Resource]:
    """Return what describes the process: as its traces do, by any provider."""
    handles, service = plan.handles, plan.service
    own: dict[int, Resource] = {}

    def resource() -> Resource:
        provider: Any = getattr(handles.get("tracing"), "provider", None)
        found: Resource | None = getattr(provider, "resource", None)
        if found is not None:
            return found
        pid = os.getpid()
        if pid not in own:
            from steadfastapi._resource import resource_of  # noqa: PLC0415

            own[pid] = resource_of(service)
        return own[pid]

    return resource
