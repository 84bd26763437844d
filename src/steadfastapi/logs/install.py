"""Process-wide set-up of logging; idempotent, and undone by `reset`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import structlog

from steadfastapi.logs import otlp
from steadfastapi.logs.logger import NamedLogger, TotalBoundLogger, deliver
from steadfastapi.logs.pipeline import pipeline
from steadfastapi.logs.stdlib import Takeover

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steadfastapi._plan import LogProcessor, LogTap
    from steadfastapi.logs.renderers import Render


class _Found:
    """structlog's configuration before the first `install`."""

    def __init__(self) -> None:
        self.configured = structlog.is_configured()
        self.settings: dict[str, Any] = structlog.get_config()
        self.processors = list(self.settings["processors"])


_takeover = Takeover()
_found: list[_Found] = []


def install(
    *,
    render: Render,
    processors: Sequence[LogProcessor] = (),
    taps: Sequence[LogTap] = (),
    level: int = logging.INFO,
) -> None:
    """Make structlog and stdlib logging use the pipeline.

    May be called again: the last call decides for the whole process.

    Args:
        render: Turns a cleaned line into text.
        processors: Called with each event before it is cleaned.
        taps: Called with each line once it is written.
        level: Lines below are not written.
    """
    if not _found:
        _found.append(_Found())
    pipeline.render = render
    pipeline.processors = list(processors)
    pipeline.taps = list(taps)
    # In place: a logger that was cached before keeps its list of processors, and
    # follows what is in it (LOG-7).
    current = structlog.get_config()["processors"]
    if not isinstance(current, list):
        current = []
    current[:] = [deliver]
    structlog.configure(
        processors=current,
        wrapper_class=TotalBoundLogger,
        logger_factory=NamedLogger,
        cache_logger_on_first_use=False,
    )
    _takeover.begin(pipeline)
    pipeline.set_level(level)


def reset() -> None:
    """Give structlog and stdlib logging back as they were found."""
    otlp.reset()
    _takeover.end()
    for found in _found:
        current = structlog.get_config()["processors"]
        current[:] = found.processors
        if found.configured:
            structlog.configure(**{**found.settings, "processors": current})
        else:
            structlog.reset_defaults()
    _found.clear()
    pipeline.reset()
