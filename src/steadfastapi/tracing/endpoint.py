"""Where spans are sent to, as OpenTelemetry's variables say it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pydantic import SecretStr

FULL = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
"""The whole address of the traces."""
BASE = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""The address of a collector, without the path of a signal."""

_PATH = "/v1/traces"


def traces_url(endpoint: str) -> str:
    """Return the address to post to; only `FULL` is taken as it stands."""
    if endpoint == os.environ.get(FULL) or endpoint.rstrip("/").endswith(_PATH):
        return endpoint
    return endpoint.rstrip("/") + _PATH


def origin(endpoint: str) -> str:
    """Return the name of the setting that an endpoint comes from."""
    for variable in ("STEADFAST_TRACING_ENDPOINT", FULL, BASE):
        if os.environ.get(variable) == endpoint:
            return variable
    return "Tracing(endpoint=…)"


def wants_grpc() -> bool:
    """Return whether OpenTelemetry's variables ask for a protocol we do not speak."""
    names = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    asked = next((os.environ[name] for name in names if os.environ.get(name)), "")
    return asked.strip().lower() == "grpc"


def mistakes(headers: SecretStr | None) -> list[str]:
    """Say which headers are not name=value pairs; their values are secrets."""
    given = {
        name: os.environ.get(name, "")
        for name in ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
    }
    if headers is not None:
        given = {"Tracing(headers=…)": headers.get_secret_value()}
    return [
        f"{name} is no list of name=value pairs: write e.g. api-key=…,tenant=…."
        for name, text in given.items()
        if any(part.strip() and "=" not in part for part in text.split(","))
    ]


def what_is_wrong(endpoint: str) -> str:
    """Say what is wrong with an endpoint, and what would be right; empty if nothing."""
    right = "write the address of an OTLP/HTTP collector, e.g. http://localhost:4318."
    try:
        url = urlsplit(endpoint)
        port = url.port
    except ValueError as error:
        return f"{error}; {right}"
    if url.scheme not in ("http", "https"):
        return f"it does not start with http:// or https://; {right}"
    if not url.hostname or port == 0:
        return f"it names no host and port; {right}"
    return ""
