"""Settings of the logs, and what they add to the plan."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import PositiveFloat, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from steadfastapi._otlp import BASE
from steadfastapi._scrub import scrub_url
from steadfastapi._settings import LayerSettings, conventional_name
from steadfastapi.logs import otlp
from steadfastapi.logs.access import AccessLine, log_error
from steadfastapi.logs.install import install
from steadfastapi.logs.logger import NamedLogger
from steadfastapi.logs.pipeline import pipeline
from steadfastapi.logs.renderers import render_json
from steadfastapi.logs.sink import is_utf8

if TYPE_CHECKING:
    from steadfastapi._plan import Plan
    from steadfastapi._service import Service
    from steadfastapi.logs.renderers import Render

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_ALIASES = {"WARN": "WARNING", "FATAL": "CRITICAL"}


class Logs(LayerSettings):
    """Write one structured line per finished request, and all other logs like it."""

    model_config = SettingsConfigDict(env_prefix="STEADFAST_LOGS_")
    name: ClassVar[str] = "logs"
    conventional: ClassVar[dict[str, tuple[str, ...]]] = {
        "level": ("LOG_LEVEL",),
        "endpoint": (otlp.LOGS.full, BASE),
    }

    level: str = "INFO"
    """Lines below are not written; can be changed at run time by `stack.logs`."""

    renderer: Literal["auto", "json", "console"] = "auto"
    """`console` is for people, `json` for machines; `auto` is the console in
    development on a terminal, and JSON everywhere else."""

    access: bool = True
    """Whether each finished request is logged."""

    slow_after: PositiveFloat = 1.0
    """Seconds after which a successful request is logged as a warning."""

    processors: tuple[Callable[..., Any], ...] = ()
    """Processors of structlog's kind, `f(logger, method, event)`. They get the lines
    of structlog, stdlib and the requests alike, before secrets are masked, may raise
    `structlog.DropEvent`, and otherwise may raise without harm."""

    endpoint: str | None = None
    """Where lines go besides stdout, by OTLP over HTTP: `http://collector:4318`.
    `/v1/logs` is appended, except to `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT`, as
    OpenTelemetry has it. `OTEL_LOGS_EXPORTER=none` keeps them here."""

    headers: SecretStr | None = None
    """Sent along with each export, e.g. `api-key=…,tenant=…`;
    `OTEL_EXPORTER_OTLP_HEADERS` by default."""

    @field_validator("level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        level = _known(value)
        if level is None:
            raise ValueError(f"use one of {', '.join(LEVELS)}")
        return level

    def contribute(self, plan: Plan) -> None:
        """Take over logging and watch the exchanges."""
        console = self._is_console(plan.service)
        plan.note(
            "structlog, stdlib, uvicorn and warnings "
            + ("on the console" if console else "as JSON lines"),
            "process",
        )
        own = [partial(_process, processor) for processor in self.processors]
        plan.set_up(
            lambda: install(
                render=_renderer(console=console),
                processors=[*own, *plan.log_processors],
                taps=plan.log_taps,
                level=logging.getLevelNamesMapping()[self.level],
            )
        )
        if self.endpoint is not None and not self._is_none():
            otlp.send(plan, self.endpoint, self.headers)
        plan.on_error(log_error)
        if self.access:
            plan.observe(AccessLine(slow_after=self.slow_after))
        plan.handle(LogControl())

    def summary(self) -> dict[str, str]:
        """Return what differs from the defaults, without a password in the address."""
        found = super().summary()
        if "endpoint" in found:
            found["endpoint"] = scrub_url(found["endpoint"])
        return found

    def _is_none(self) -> bool:
        """Whether OpenTelemetry's variables name an endpoint, but no logs for it."""
        return conventional_name(type(self), "endpoint") is not None and (
            otlp.LOGS.is_none()
        )

    def _is_console(self, service: Service) -> bool:
        if self.renderer == "auto":
            return not service.production and _is_terminal()
        return self.renderer == "console"


def _process(processor: Callable[..., Any], line: dict[str, Any]) -> dict[str, Any]:
    """Call a processor of structlog's kind as a log processor of the plan."""
    result: dict[str, Any] = processor(
        NamedLogger(line.get("logger")), line["level"], line
    )
    return result


def _renderer(*, console: bool) -> Render:
    if not console:
        return render_json
    from steadfastapi.logs.console import ConsoleRenderer  # noqa: PLC0415 - for people

    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return ConsoleRenderer(colours=_has_colours(), drawing=is_utf8(encoding))


def _has_colours() -> bool:
    """Follow no-color.org and force-color.org, then ask the terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return _is_terminal() and os.environ.get("TERM") != "dumb"


def _is_terminal() -> bool:
    try:
        return sys.stdout.isatty()
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False


def _known(level: str) -> str | None:
    name = level.strip().upper()
    name = _ALIASES.get(name, name)
    return name if name in LEVELS else None


class LogControl:
    """The level of the logs, to be read and changed while the application runs."""

    @property
    def level(self) -> str:
        """Name of the level below which nothing is written."""
        return logging.getLevelName(pipeline.level)

    def set_level(self, level: str, logger: str | None = None) -> None:
        """Change the level of everything, or of one stdlib logger.

        Args:
            level: `DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`.
            logger: Name of a stdlib logger, e.g. `sqlalchemy.engine`.

        Raises:
            ValueError: The level is unknown.
        """
        name = _known(level)
        if name is None:
            raise ValueError(f"level is {level!r}: use one of {', '.join(LEVELS)}.")
        pipeline.set_level(logging.getLevelNamesMapping()[name], logger)
