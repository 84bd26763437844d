"""NB-12: whoever asks to be left alone is, whatever is exported there."""

from __future__ import annotations

import time

import pytest

from support.otlp import OtlpReceiver
from support.spans import traced

SAID = 30
"""Seconds that the collector asks for; more than any test waits."""
LOOKS = 2.0
"""Seconds: the SDK would try again after one."""
SPANS = 300
"""More than fit in one batch."""


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Retry-After": str(SAID)}, id="said"),
        pytest.param({}, id="unsaid"),
    ],
)
def test_nb_12_spans_wait_while_the_collector_wants_a_pause(
    headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a 429 nothing is sent for `Retry-After`, or for a minute (as lines are)."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    with OtlpReceiver() as collector:
        collector.respond_with(429, headers)
        stack = traced(endpoint=collector.endpoint)
        tracer = stack.tracing.provider.get_tracer("test")
        tracer.start_span("first").end()
        (refused,) = collector.wait_for_requests(1)
        for number in range(SPANS):
            tracer.start_span(str(number)).end()
        ends_at = refused.at + LOOKS
        while time.monotonic() < ends_at and collector.requests == 1:
            time.sleep(0.02)
        sent = collector.requests

    assert 1 == sent
