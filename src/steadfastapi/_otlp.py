"""Where telemetry is sent to, as OpenTelemetry's variables say it for each signal."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from steadfastapi._scrub import scrub_url

if TYPE_CHECKING:
    from pydantic import SecretStr

    from steadfastapi._plan import Plan

BASE = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""The address of a collector, without the path of a signal."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One kind of telemetry.

    Args:
        name: As OpenTelemetry's variables have it, in lower case.
        layer: Class of the settings that hold `endpoint` and `headers`.
    """

    name: Literal["traces", "logs"]
    layer: str

    @property
    def full(self) -> str:
        """The variable that holds the whole address of this signal."""
        return self._variable("ENDPOINT")

    def url(self, endpoint: str) -> str:
        """Return the address to post to; only that of `full` is taken as it stands."""
        path = f"/v1/{self.name}"
        if endpoint == os.environ.get(self.full) or endpoint.rstrip("/").endswith(path):
            return endpoint
        return endpoint.rstrip("/") + path

    def is_none(self) -> bool:
        """Return whether OpenTelemetry's variables ask not to send this signal."""
        variable = f"OTEL_{self.name.upper()}_EXPORTER"
        return os.environ.get(variable, "").strip().lower() == "none"

    def has_timeout(self) -> bool:
        """Return whether OpenTelemetry's variables say how long an export may take."""
        names = (self._variable("TIMEOUT"), "OTEL_EXPORTER_OTLP_TIMEOUT")
        return any(os.environ.get(name) for name in names)

    def is_usable(self, plan: Plan, endpoint: str, headers: SecretStr | None) -> bool:
        """Report what is wrong with an endpoint and headers to `plan`.

        Returns:
            Whether an exporter can be made. One that is made in spite of wrong headers
            would print them, secrets included.
        """
        mistakes = self._wrong_headers(headers)
        for mistake in mistakes:
            plan.problem(mistake)
        if mistakes:
            return False
        if self._wants_grpc():
            plan.warn(
                f"OTEL_EXPORTER_OTLP_PROTOCOL asks for grpc; {self.name} are sent over "
                "HTTP: let the endpoint name that port of the collector, e.g. 4318."
            )
        wrong = _what_is_wrong(endpoint)
        if wrong:
            given = scrub_url(endpoint)
            plan.problem(f"{self._origin(endpoint)} is {given!r}: {wrong}")
        return not wrong

    def _variable(self, what: str) -> str:
        return f"OTEL_EXPORTER_OTLP_{self.name.upper()}_{what}"

    def _origin(self, endpoint: str) -> str:
        """Return the name of the setting that an endpoint comes from."""
        for variable in (
            f"STEADFAST_{self.layer.upper()}_ENDPOINT",
            self.full,
            BASE,
        ):
            if os.environ.get(variable) == endpoint:
                return variable
        return f"{self.layer}(endpoint=…)"

    def _wants_grpc(self) -> bool:
        names = (self._variable("PROTOCOL"), "OTEL_EXPORTER_OTLP_PROTOCOL")
        asked = next((os.environ[name] for name in names if os.environ.get(name)), "")
        return asked.strip().lower() == "grpc"

    def _wrong_headers(self, headers: SecretStr | None) -> list[str]:
        """Say which headers are not name=value pairs; their values are secrets."""
        given = {
            name: os.environ.get(name, "")
            for name in (self._variable("HEADERS"), "OTEL_EXPORTER_OTLP_HEADERS")
        }
        if headers is not None:
            given = {f"{self.layer}(headers=…)": headers.get_secret_value()}
        return [
            f"{name} is no list of name=value pairs: write e.g. api-key=…,tenant=…."
            for name, text in given.items()
            if any(part.strip() and "=" not in part for part in text.split(","))
        ]


def _what_is_wrong(endpoint: str) -> str:
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
