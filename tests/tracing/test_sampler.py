"""Sampling that is decided here."""

from typing import Any

import pytest
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    Decision,
    Sampler,
    SamplingResult,
)
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from steadfastapi.testing import internal_errors
from steadfastapi.tracing.sampler import GuardedSampler, LocalSampler

KEPT, DROPPED = 1, (1 << 64) - 1
"""Trace ids at both ends: any ratio but 0 keeps one, any but 1 drops the other."""


def parent(*, remote: bool, sampled: bool) -> Any:
    """Return a context with a parent span."""
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    state = TraceState([("vendor", "x")])
    return set_span_in_context(
        NonRecordingSpan(SpanContext(7, 8, remote, flags, state))
    )


def is_kept(result: SamplingResult) -> bool:
    """Return what was decided."""
    return result.decision is Decision.RECORD_AND_SAMPLE


@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize("trace_id", [KEPT, DROPPED])
def test_a_remote_parent_decides_nothing(trace_id: int, *, sampled: bool) -> None:
    """Its flag is ignored in both directions; its trace state is passed on."""
    context = parent(remote=True, sampled=sampled)
    result = LocalSampler(0.5).should_sample(context, trace_id, "x")
    assert (trace_id == KEPT) == is_kept(result)
    assert {"vendor": "x"} == dict(result.trace_state or {})


@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize("trace_id", [KEPT, DROPPED])
def test_a_local_parent_decides_for_its_children(
    trace_id: int, *, sampled: bool
) -> None:
    """A trace is whole or absent within a process."""
    context = parent(remote=False, sampled=sampled)
    result = LocalSampler(0.5).should_sample(context, trace_id, "x")
    assert sampled == is_kept(result)


@pytest.mark.parametrize(("ratio", "kept"), [(0.0, 0), (1.0, 2), (0.5, 1)])
def test_a_root_is_decided_by_its_trace_id(ratio: float, kept: int) -> None:
    """0 keeps nothing and 1 everything."""
    sampler = LocalSampler(ratio)
    assert kept == sum(
        is_kept(sampler.should_sample(set_span_in_context(INVALID_SPAN), id_, "x"))
        for id_ in (KEPT, DROPPED)
    )


def test_attributes_belong_to_kept_spans_alone() -> None:
    """A dropped span has none to carry."""
    sampler = LocalSampler(0.5)
    results = [
        sampler.should_sample(None, trace_id, "x", None, {"a": 1})
        for trace_id in (KEPT, DROPPED)
    ]
    assert [{"a": 1}, {}] == [dict(result.attributes) for result in results]


class Nonsense(Sampler):
    """Answers with something that the SDK cannot use."""

    def should_sample(self, *args: Any, **kwargs: Any) -> Any:
        """Return no result."""
        return "yes"

    def get_description(self) -> str:
        """Fail."""
        raise RuntimeError("nameless")


def test_a_sampler_that_returns_nonsense_is_replaced_by_the_fallback() -> None:
    """The error is counted; the span is decided all the same."""
    sampler = GuardedSampler(Nonsense(), ALWAYS_OFF)
    with internal_errors() as errors:
        result = sampler.should_sample(None, KEPT, "x")
        assert "unknown" == sampler.get_description()
    assert Decision.DROP is result.decision
    assert {"tracing.sampler": 2} == dict(errors)


def test_the_description_tells_the_ratio() -> None:
    """For logs."""
    local = LocalSampler(0.25)
    assert "LocalSampler{0.25}" == GuardedSampler(local, local).get_description()
