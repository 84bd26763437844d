"""An OpenTelemetry collector that remembers the spans and log records it was sent."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from support.receiver import HttpReceiver


@dataclass(frozen=True)
class ReceivedSpan:
    """One span as it crossed the wire; identifiers in hex, empty where absent."""

    name: str
    kind: str
    """`SERVER`, `CLIENT`, `INTERNAL`, `PRODUCER`, `CONSUMER` or `UNSPECIFIED`."""
    trace_id: str
    span_id: str
    parent_span_id: str
    attributes: Mapping[str, Any]
    status_code: str
    """`UNSET`, `OK` or `ERROR`."""
    status_message: str
    events: list[tuple[str, dict[str, Any]]]
    links: list[tuple[str, str, dict[str, Any]]]
    """Trace id, span id and attributes of each."""
    resource: Mapping[str, Any]
    scope: str
    """Name of the instrumentation scope."""
    start_ns: int
    end_ns: int


@dataclass(frozen=True)
class ReceivedLog:
    """One log record as it crossed the wire; identifiers in hex, empty where absent."""

    body: Any
    severity: str
    """`INFO`, `WARN` and so on."""
    severity_text: str
    trace_id: str
    span_id: str
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]
    scope: str
    """Name of the instrumentation scope."""
    time_ns: int
    observed_ns: int


class OtlpReceiver(HttpReceiver):
    """Accept `POST /v1/traces` and `POST /v1/logs` with protobuf bodies.

    Spans of refused requests (status 400 and above) are not kept, so a retried batch
    counts once; `requests` and `raw` see every attempt.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self._spans: list[ReceivedSpan] = []
        self._logs: list[ReceivedLog] = []

    def spans(self, name: str | None = None) -> list[ReceivedSpan]:
        """Return the accepted spans in order of arrival.

        Args:
            name: Only spans of this name.
        """
        with self._changed:
            return [span for span in self._spans if name in {None, span.name}]

    def logs(self, body: str | None = None) -> list[ReceivedLog]:
        """Return the accepted log records in order of arrival.

        Args:
            body: Only records with this body.
        """
        with self._changed:
            return [log for log in self._logs if body in {None, log.body}]

    def wait_for_logs(self, n: int, timeout: float = 15.0) -> list[ReceivedLog]:
        """Wait until `n` log records were accepted.

        Args:
            n: The least number.
            timeout: Seconds until `TimeoutError`.

        Returns:
            Every record so far.
        """
        self._wait(lambda: len(self._logs), n, timeout)
        return self.logs()

    def wait_for(self, n: int, timeout: float = 5.0) -> list[ReceivedSpan]:
        """Wait until `n` spans were accepted.

        Args:
            n: The least number.
            timeout: Seconds until `TimeoutError`.

        Returns:
            Every span so far.
        """
        self._wait(lambda: len(self._spans), n, timeout)
        return self.spans()

    def collect(self, path: str, body: bytes) -> bool:
        """Decode one export request."""
        if path == "/v1/logs":
            self._logs.extend(_received_logs(body))
            return True
        if path != "/v1/traces":
            return False
        request = ExportTraceServiceRequest.FromString(body)
        for group in request.resource_spans:
            resource = _attributes(group.resource.attributes)
            for scoped in group.scope_spans:
                self._spans.extend(
                    _received(span, resource, scoped.scope.name)
                    for span in scoped.spans
                )
        return True


def _received(span: Span, resource: dict[str, Any], scope: str) -> ReceivedSpan:
    return ReceivedSpan(
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_span_id=span.parent_span_id.hex(),
        attributes=_attributes(span.attributes),
        status_code=Status.StatusCode.Name(span.status.code).removeprefix(
            "STATUS_CODE_"
        ),
        status_message=span.status.message,
        events=[(event.name, _attributes(event.attributes)) for event in span.events],
        links=[
            (link.trace_id.hex(), link.span_id.hex(), _attributes(link.attributes))
            for link in span.links
        ],
        resource=resource,
        scope=scope,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
    )


def _received_logs(body: bytes) -> Iterator[ReceivedLog]:
    request = ExportLogsServiceRequest.FromString(body)
    for group in request.resource_logs:
        resource = _attributes(group.resource.attributes)
        for scoped in group.scope_logs:
            for record in scoped.log_records:
                yield _received_log(record, resource, scoped.scope.name)


def _received_log(
    record: LogRecord, resource: dict[str, Any], scope: str
) -> ReceivedLog:
    return ReceivedLog(
        body=_value(record.body),
        severity=SeverityNumber.Name(record.severity_number).removeprefix(
            "SEVERITY_NUMBER_"
        ),
        severity_text=record.severity_text,
        trace_id=record.trace_id.hex(),
        span_id=record.span_id.hex(),
        attributes=_attributes(record.attributes),
        resource=resource,
        scope=scope,
        time_ns=record.time_unix_nano,
        observed_ns=record.observed_time_unix_nano,
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [_value(item) for item in value.array_value.values]
        case "kvlist_value":
            return _attributes(value.kvlist_value.values)
        case kind:
            return getattr(value, kind)
