"""Spans made safe to show and to send."""

import time
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, Span, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from steadfastapi.tracing.clean import (
    MAX_MESSAGE,
    MAX_STACK,
    OUTCOME,
    exception_event,
    sanitized,
    scrub_target,
)
from support.spans import attributes

SECRET = "hunter2hunter2"


def opened(**names: Any) -> tuple[Span, InMemorySpanExporter]:
    """Return an open span of the SDK, and where it goes when it ends.

    Args:
        **names: Attributes; `__` stands for a dot.
    """
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    values = {name.replace("__", "."): value for name, value in names.items()}
    span = provider.get_tracer("test").start_span("span", attributes=values)
    assert isinstance(span, Span)
    return span, exporter


def ended(span: Span, exporter: InMemorySpanExporter) -> ReadableSpan:
    """End a span and return what an exporter gets."""
    span.end()
    return exporter.get_finished_spans()[0]


def test_a_span_with_nothing_to_hide_is_not_copied() -> None:
    """The usual request costs no copy."""
    found = ended(*opened(url__path="/items/1", http__route="/items/{x}", size=3))
    assert sanitized(found) is found


@pytest.mark.parametrize(
    ("name", "value", "clean"),
    [
        ("url.query", f"token={SECRET}&page=2", "token=[redacted]&page=[redacted]"),
        ("url.full", f"https://a/b?c={SECRET}", "https://a/b?c=[redacted]"),
        ("http.url", f"https://me:{SECRET}@a/b", "https://[redacted]@a/b"),
        ("http.target", f"/b?c={SECRET}", "/b?c=[redacted]"),
        ("db.statement", f"ALTER USER x PASSWORD = '{SECRET}'", None),
        ("user.password", SECRET, "[redacted]"),
        ("user.password", 12345678, 12345678),
        ("http.request.header.x_api_key", [SECRET], "[redacted]"),
        ("notes", ["fine", f"token={SECRET}"], ("fine", "token=[redacted]")),
        ("notes", ["fine", "fine too"], ("fine", "fine too")),
    ],
)
def test_secrets_in_attributes_are_masked(name: str, value: Any, clean: Any) -> None:
    """By the attribute's name, or by what the text looks like."""
    found = sanitized(ended(*opened(**{name.replace(".", "__"): value})))
    assert SECRET not in str(attributes(found))
    if clean is not None:
        assert clean == attributes(found)[name]


def test_events_and_status_are_scrubbed() -> None:
    """Also those that the application or another library recorded."""
    span, exporter = opened()
    span.add_event("fine", {"count": 1})
    span.record_exception(ValueError(f"password={SECRET}"))
    span.set_status(StatusCode.ERROR, f"postgres://me:{SECRET}@db/x is down")
    found = sanitized(ended(span, exporter))
    assert "[redacted]" in str(found.status.description)
    assert SECRET not in found.to_json()
    assert ["fine", "exception"] == [event.name for event in found.events]


def test_a_sanitized_span_is_else_the_same() -> None:
    """Identity, kind, times, links and resource stay."""
    span, exporter = opened(token=SECRET)
    span.add_link(span.get_span_context(), {"a": 1})
    raw = ended(span, exporter)
    clean = sanitized(raw)
    for name in (
        "name",
        "context",
        "parent",
        "kind",
        "start_time",
        "end_time",
        "links",
        "resource",
        "instrumentation_scope",
    ):
        assert getattr(raw, name) == getattr(clean, name)


def test_a_sanitized_span_is_clean_already() -> None:
    """Passing it on again changes nothing, so that the ring keeps its objects."""
    span, exporter = opened(url__query="a=b", note=f"token={SECRET}", many=["x", "y"])
    span.record_exception(ValueError(f"token={SECRET}" + "x" * 9_000))
    span.set_status(StatusCode.ERROR, "x" * 9_000)
    once = sanitized(ended(span, exporter))
    assert sanitized(once) is once


def test_an_aborted_request_is_no_error() -> None:
    """FastAPI says ERROR; the outcome says what happened."""
    span, exporter = opened()
    span.set_attribute(OUTCOME, "aborted")
    span.set_status(StatusCode.ERROR)
    found = sanitized(ended(span, exporter))
    assert StatusCode.UNSET is found.status.status_code


def test_the_target_of_an_open_span_is_scrubbed() -> None:
    """For processors that send a span when it starts."""
    span, exporter = opened(url__query=f"a={SECRET}", url__path="/a")
    scrub_target(span)
    expected = {"url.query": "a=[redacted]", "url.path": "/a"}
    assert expected == attributes(ended(span, exporter))


def test_ten_megabytes_of_exception_are_bounded_quickly() -> None:
    """Truncated before it is scrubbed (SEC-8), the innermost frames kept."""

    def innermost() -> None:
        raise ValueError("x" * 10_000_000)

    try:
        innermost()
    except ValueError as error:
        start = time.process_time()
        event = exception_event(error)
        seconds = time.process_time() - start
    assert len(event["exception.message"]) <= MAX_MESSAGE + 64
    assert len(event["exception.stacktrace"]) <= MAX_STACK
    assert "in innermost" in event["exception.stacktrace"]
    assert seconds < 0.1


def test_a_secret_at_the_cut_is_found_before_the_text_is_cut() -> None:
    """Cutting first would take the `@` away that marks a password."""
    padding = "x" * (MAX_MESSAGE - 20)
    event = exception_event(ValueError(f"{padding} db://u:{SECRET}@host/x"))
    assert "hunter" not in event["exception.message"]


def test_a_chain_of_a_thousand_frames_is_bounded() -> None:
    """Recursion is no reason for a megabyte of stack."""

    def deeper(level: int) -> None:
        if level:
            deeper(level - 1)
        raise LookupError("bottom")

    try:
        deeper(900)
    except LookupError as error:
        event = exception_event(error)
    assert event["exception.stacktrace"].endswith("LookupError: bottom\n")
    assert len(event["exception.stacktrace"]) <= MAX_STACK


def test_an_exception_that_cannot_be_printed_has_its_event() -> None:
    """Whatever its methods raise."""

    class MuteError(Exception):
        __module__ = "shop"

        def __str__(self) -> str:
            raise RuntimeError("mute")

    event = exception_event(MuteError())
    assert event["exception.type"].startswith("shop.")
    assert "RuntimeError" in event["exception.message"]
