"""Every rule finds the mistake that it is there for: dashboards broken on purpose."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from dashboards.test_lint import RULES
from support.boards import BOARDS, Board

ON_CALL = next(one for one in BOARDS if one.uid == "steadfastapi-oncall")
Break = Callable[[Board], None]


def panel(board: Board, number: int) -> dict[str, Any]:
    """Return a panel by its id."""
    return next(one for one in board.panels if one["id"] == number)


def sets(number: int, **changes: Any) -> Break:
    """Change keys of a panel."""
    return lambda board: panel(board, number).update(changes)


def asks(number: int, text: str) -> Break:
    """Ask something else in a panel's first query."""

    def change(board: Board) -> None:
        panel(board, number)["targets"][0]["expr"] = text

    return change


def leads(number: int, url: str) -> Break:
    """Let a panel's first data link lead elsewhere."""

    def change(board: Board) -> None:
        panel(board, number)["fieldConfig"]["defaults"]["links"][0]["url"] = url

    return change


def declares(name: str, /, **changes: Any) -> Break:
    """Change keys of a variable."""
    return lambda board: board.variables[name].update(changes)


def _misunit(board: Board) -> None:
    panel(board, 3)["fieldConfig"]["defaults"]["unit"] = "secs"


def _editable(board: Board) -> None:
    board.data["editable"] = True


J = 'job=~"$job",instance=~"$instance"'
COUNT = f"http_requests_total{{{J}}}"
BUCKET = f"http_request_duration_seconds_bucket{{{J}}}"
ALL = "http_request_duration_seconds_count"
MISTAKES: list[tuple[str, Break]] = [
    ("datasource_variables", declares("prometheus_datasource", name="ds")),
    ("datasource_variables", declares("prometheus_datasource", label="Source")),
    ("target_variables", declares("job", allValue=".*")),
    ("target_variables", declares("instance", multi=False)),
    ("variable_queries", declares("job", query={"query": "label_values(up{, job)"})),
    ("variables_reload", declares("job", refresh=1)),
    ("panel_sources", sets(2, datasource={"type": "prometheus", "uid": "P1809F7"})),
    ("panel_sources", declares("job", datasource={"uid": "${other_datasource}"})),
    ("panels_explained", sets(2, title="")),
    ("panels_explained", sets(4, description="The heatmap of the latency")),
    ("panel_units", _misunit),
    ("panels_ask", sets(15, targets=[])),
    ("not_editable", _editable),
    ("no_overlap", sets(2, gridPos={"x": 7, "y": 10, "w": 8, "h": 8})),
    ("no_overlap", sets(2, gridPos={"x": 20, "y": 900, "w": 8, "h": 8})),
    ("unique_ids", sets(2, id=3)),
    ("queries_parse", asks(2, f"sum(rate({COUNT}[$__rate_interval])")),
    ("queries_parse", asks(2, f'sum(rate({COUNT}[$__rate_interval])) > "$nothing"')),
    ("rate_interval", asks(2, f"sum(rate({COUNT}[5m]))")),
    ("of_the_job", asks(2, 'sum(http_requests_inprogress{job="api"})')),
    ("of_the_instance", asks(2, 'sum(http_requests_inprogress{job=~"$job"})')),
    ("counters_rated", asks(2, f"sum({COUNT})")),
    ("counters_rated", asks(2, f"sum(rate(worker_up{{{J}}}[$__rate_interval]))")),
    ("metrics_exist", asks(2, f"sum(http_request_in_progress{{{J}}})")),
    ("labels_exist", asks(2, f'sum(worker_up{{{J},path="/"}})')),
    (
        "values_exist",
        asks(2, f'sum(rate(http_requests_total{{{J},method="BREW"}}[$__range]))'),
    ),
    (
        "values_exist",
        asks(2, f'sum(rate({BUCKET.replace("}", "")},le="0.3"}}[$__range]))'),
    ),
    ("legends_named", asks(6, f"sum by (handler) (rate({COUNT}[$__rate_interval]))")),
    ("legends_named", asks(2, f"http_requests_inprogress{{{J}}}")),
    ("no_rate_of_sums", asks(2, f"rate(sum(worker_up{{{J}}})[5m:1m])")),
    (
        "quantiles_keep_le",
        asks(3, f"histogram_quantile(0.9, sum(rate({BUCKET}[$__rate_interval])))"),
    ),
    (
        "quantiles_keep_le",
        asks(3, f"histogram_quantile(0.9, sum by (le) (rate({ALL}[$__range])))"),
    ),
    ("no_raw_division", asks(2, f"{COUNT} / {COUNT}")),
    ("dashboards_exist", leads(2, "/d/steadfastapi-else?${__url_time_range}")),
    ("dashboards_exist", leads(2, "/d/steadfastapi-debug?var-rout=x")),
    ("dashboards_exist", leads(2, "/d/steadfastapi-executive?${instance:queryparam}")),
    ("placeholders_exist", leads(2, "/d/steadfastapi-debug?var-route=${nothing}")),
    (
        "placeholders_exist",
        leads(7, "/d/steadfastapi-debug?var-route=${__field.labels.route}"),
    ),
    (
        "explorations_valid",
        leads(
            2,
            "/explore?panes=%7B%22a%22%3A%7B%22datasource%22%3A%22x%22%2C%22"
            "queries%22%3A%5B%7B%22datasource%22%3A%7B%22uid%22%3A%22x%22%7D%7D%5D%7D%7D",
        ),
    ),
    ("alerts_exist", leads(14, "/alerting/list?search=SteadfastapiNothing")),
    ("links_known", leads(2, "https://example.org/")),
]


@pytest.mark.parametrize(
    ("rule", "mistake"),
    MISTAKES,
    ids=[f"{rule}-{i}" for i, (rule, _) in enumerate(MISTAKES)],
)
def test_a_rule_finds_its_mistake(rule: str, mistake: Break) -> None:
    """The dashboard was fine, and is not any more."""
    check = next(one for one in RULES if one.__name__ == rule)
    board = Board(ON_CALL.naming, copy.deepcopy(ON_CALL.data))
    before = list(check(board))
    mistake(board)

    assert before != list(check(board))
    assert list(check(board))


def test_every_rule_is_tried() -> None:
    """A rule that finds nothing is worth nothing."""
    assert {rule.__name__ for rule in RULES} == {rule for rule, _ in MISTAKES}
