"""Which traces are kept: decided here, whatever a client asks for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import get_current_span

from steadfastapi._guard import guard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind, TraceState
    from opentelemetry.util.types import Attributes

_LOW_BITS = (1 << 64) - 1

VARIABLE = "OTEL_TRACES_SAMPLER"
_RATIOS = {
    "always_on": "1",
    "always_off": "0",
    "parentbased_always_on": "1",
    "parentbased_always_off": "0",
}
"""Values of `VARIABLE` that are a ratio by another name."""
_RATIO_BY_ARGUMENT = ("traceidratio", "parentbased_traceidratio")
"""Values whose ratio stands in `OTEL_TRACES_SAMPLER_ARG`."""


def ratio_of(text: str) -> str:
    """Return what `VARIABLE` says as a number; a number is returned as it is.

    Raises:
        ValueError: It is no ratio by any name.
    """
    name = text.strip().lower()
    if name in _RATIOS:
        return _RATIOS[name]
    if name in _RATIO_BY_ARGUMENT:
        argument = os.environ.get(f"{VARIABLE}_ARG") or "1"
        if _is_number(argument) and 0 <= float(argument) <= 1:
            return argument
        raise ValueError(f"the ratio in {VARIABLE}_ARG is {argument!r}, not 0 to 1")
    if not _is_number(text):
        known = ", ".join([*_RATIOS, *_RATIO_BY_ARGUMENT])
        raise ValueError(f"use a number from 0 to 1, or one of {known}")
    return text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


class LocalSampler(Sampler):
    """Keeps a ratio of all traces, and whole ones within this process.

    A parent in this process decides for its children. A remote parent does not: its
    flag is the client's word, and a client must not be able to force 100 %
    (OTEL-12). The decision is a function of the trace id (OpenTelemetry's
    TraceIdRatioBased), so that services with the same ratio keep the same traces.

    Args:
        ratio: From 0 to 1.
    """

    def __init__(self, ratio: float) -> None:
        self.ratio = ratio
        self._bound = round(ratio * (_LOW_BITS + 1))

    def should_sample(  # noqa: PLR0913, PLR0917 - the SDK's signature
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,  # noqa: ARG002 - the SDK's signature
        kind: SpanKind | None = None,  # noqa: ARG002
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,  # noqa: ARG002
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide about one span."""
        parent = get_current_span(parent_context).get_span_context()
        if parent.is_valid:
            trace_state = parent.trace_state
            if not parent.is_remote:
                kept = parent.trace_flags.sampled
                return _result(kept, attributes, trace_state)
        return _result(self.keeps(trace_id), attributes, trace_state)

    def keeps(self, trace_id: int) -> bool:
        """Decide about a trace that starts here, or was started by a remote caller."""
        return trace_id & _LOW_BITS < self._bound

    def get_description(self) -> str:
        """Return a name for logs."""
        return f"LocalSampler{{{self.ratio}}}"


class GuardedSampler(Sampler):
    """A sampler that may raise or return nonsense without harm.

    Args:
        inner: Is asked.
        fallback: Decides when `inner` failed.
    """

    def __init__(self, inner: Sampler, fallback: Sampler) -> None:
        self._inner = inner
        self._fallback = fallback

    def should_sample(  # noqa: PLR0913, PLR0917 - the SDK's signature
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide about one span."""
        try:
            result: object = self._inner.should_sample(
                parent_context, trace_id, name, kind, attributes, links
            )
        except Exception as error:
            guard.swallow("tracing.sampler", error)
        else:
            if isinstance(result, SamplingResult):
                return result
            wrong = TypeError(f"should_sample() returned {type(result).__name__}")
            guard.swallow("tracing.sampler", wrong)
        return self._fallback.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        """Return the inner sampler's name."""
        return guard.call("tracing.sampler", self._inner.get_description) or "unknown"


def _result(
    kept: bool, attributes: Attributes, trace_state: TraceState | None
) -> SamplingResult:
    if kept:
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, trace_state)
    return SamplingResult(Decision.DROP, None, trace_state)
