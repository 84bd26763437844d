"""Where spans end in every composition that traces: counted and forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan


class NoOpExporter(SpanExporter):
    """Takes every span and sends none."""

    exported = 0
    """Spans of this process so far."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Count the spans."""
        NoOpExporter.exported += len(spans)
        return SpanExportResult.SUCCESS
