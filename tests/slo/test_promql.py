"""What an objective counts, in PromQL."""

import pytest

from steadfastapi.signals import Naming
from steadfastapi.slo.objective import Objective
from steadfastapi.slo.promql import Events, one_of, quoted
from steadfastapi.slo.windows import Clock
from support.slo import AVAILABILITY, EVENTS, LATENCY

RAW = Objective(
    name="raw",
    percent=99,
    kind="raw",
    error_query="rate(bad[{{.window}}])",
    total_query="rate(all[{{.window}}])",
)


def events(
    objective: Objective, naming: Naming = "default", scale: float = 1.0
) -> Events:
    """Return the counts of an objective of the job `api`."""
    return Events(objective, "api", naming, Clock(scale))


@pytest.mark.parametrize(
    ("objective", "total", "bad"),
    [
        (
            AVAILABILITY,
            'sum(rate(http_requests_total{job="api"}[5m]))',
            (
                '(sum(rate(http_requests_total{job="api",status=~"5.."}[5m])) or '
                '0 * sum(rate(http_requests_total{job="api"}[5m])))'
            ),
        ),
        (
            LATENCY,
            (
                'sum(rate(http_request_duration_seconds_count{job="api",status!~"5.."}'
                "[5m]))"
            ),
            (
                'clamp_min(sum(rate(http_request_duration_seconds_count{job="api",'
                'status!~"5.."}[5m])) - sum(rate(http_request_duration_seconds_bucket{'
                'job="api",status!~"5..",le="0.25"}[5m])), 0)'
            ),
        ),
        (
            EVENTS,
            'sum(rate(slo_events_total{job="api",slo="mail"}[5m]))',
            (
                '(sum(rate(slo_events_total{job="api",slo="mail",result="bad"}[5m]))'
                ' or 0 * sum(rate(slo_events_total{job="api",slo="mail"}[5m])))'
            ),
        ),
        (
            RAW,
            "sum(rate(all[5m]))",
            "(sum(rate(bad[5m])) or 0 * sum(rate(all[5m])))",
        ),
    ],
    ids=lambda value: value.kind if isinstance(value, Objective) else "",
)
def test_each_kind_has_its_counts(objective: Objective, total: str, bad: str) -> None:
    """No bad event is 0, and not nothing; a fast 500 is no good response."""
    assert total == events(objective).total("5m")
    assert bad == events(objective).bad("5m")


def test_queries_of_ones_own_become_increases() -> None:
    """They are rates, as sloth asks; how many there were is what the floor needs."""
    assert "(sum(rate(all[1h])) * 3600)" == events(RAW).total("1h", "increase")


def test_semantic_conventions_have_other_names_and_labels() -> None:
    """Requests are counted by their durations, statuses are exact."""
    assert (
        '(sum(rate(http_server_request_duration_seconds_count{job="api",'
        'http_response_status_code=~"5.."}[5m])) or 0 * sum(rate('
        'http_server_request_duration_seconds_count{job="api"}[5m])))'
    ) == events(AVAILABILITY, "otel").bad("5m")


@pytest.mark.parametrize(
    ("naming", "threshold", "matcher"),
    [
        ("default", 1.0, 'le="1.0"'),
        ("default", 0.25, 'le="0.25"'),
        ("otel", 1.0, 'le=~"1(\\\\.0)?"'),
        ("otel", 0.25, 'le="0.25"'),
    ],
)
def test_a_bound_is_written_as_prometheus_has_it(
    naming: Naming, threshold: float, matcher: str
) -> None:
    """The client writes `1.0`; what comes over OTLP may say `1`."""
    objective = Objective(name="a", percent=99, kind="latency", threshold=threshold)

    assert matcher in events(objective, naming).bad("5m")


def test_routes_narrow_the_counts_down() -> None:
    """Templates are no regular expressions, whatever is in them."""
    objective = Objective(
        name="a",
        percent=99,
        kind="availability",
        handlers=("/a", "/b/{id}.json"),
        exclude_handlers=("/c/{id}",),
    )

    total = events(objective).total("5m")

    assert r'handler=~"/a|/b/\\{id\\}\\.json",handler!="/c/{id}"' in total


@pytest.mark.parametrize(
    ("values", "negated", "expected"),
    [
        (("/a",), False, '="/a"'),
        (("/a",), True, '!="/a"'),
        (("/a", "/b"), False, '=~"/a|/b"'),
        (("/a", "/b"), True, '!~"/a|/b"'),
        (('"', "\\"), False, r'=~"\"|\\\\"'),
    ],
)
def test_matchers_are_quoted(
    values: tuple[str, ...], negated: bool, expected: str
) -> None:
    """As PromQL reads them back."""
    assert expected == one_of(values, negated=negated)


def test_a_quoted_string_keeps_its_letters() -> None:
    """Only quotes, backslashes and control characters are escaped."""
    assert '"Grüße\\n"' == quoted("Grüße\n")


def test_windows_shrink_with_the_clock() -> None:
    """Tests with real servers wait for seconds, and not for hours."""
    assert "[2500ms]" in events(AVAILABILITY, scale=1 / 120).total("5m")
