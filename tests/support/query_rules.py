"""What every PromQL query of a dashboard must be like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import promql_parser as tree

from steadfastapi.slo import names
from support.promql import (
    RATE_INTERVAL,
    Selector,
    labels_of,
    nodes,
    parse,
    selectors,
    variables_in,
)
from support.vocabulary import ALERT_SERIES, TEMPO_SERIES, series

if TYPE_CHECKING:
    from support.board_rules import Rule
    from support.boards import Board, Query

Found = Iterator[tuple[str, str]]

_LEGEND = re.compile(r"{{(\w+)}}")
_COUNTS = ("rate", "irate", "increase")
_TARGET = ("job", "instance")
RECORDED = {names.rate(window) for window in (*names.WINDOWS, "30d")} | {
    value
    for name, value in vars(names).items()
    if name.isupper() and isinstance(value, str) and value.startswith("slo:")
}
RECORDED_LABELS = {"sloth_id", "sloth_service", "sloth_slo", "sloth_window", "job"}
ALERT_LABELS = {"alertname", "alertstate", "severity", *RECORDED_LABELS}


def _trees(board: Board) -> Iterator[tuple[Query, Any]]:
    for query in board.queries():
        try:
            yield query, parse(query.text)
        except ValueError:
            continue  # `queries_parse` says so


def _selectors(board: Board) -> Iterator[tuple[str, Selector]]:
    for query, root in _trees(board):
        for selector in selectors(root):
            yield query.place, selector


def queries_parse(board: Board) -> Found:
    """10 target-promql; variables in it exist, also in annotations."""
    texts = [(query.place, query.text) for query in board.queries()]
    texts += [(one["name"], one["target"]["expr"]) for one in board.annotations]
    for place, text in texts:
        for variable in variables_in(text) - set(board.variables):
            yield place, f"there is no variable {variable}"
        try:
            parse(text)
        except ValueError as error:
            yield place, f"{text}: {error}"


def rate_interval(board: Board) -> Found:
    """11 target-rate-interval."""
    expected = tree.parse_duration(RATE_INTERVAL).total_seconds()
    for place, selector in _selectors(board):
        if selector.function in ("rate", "irate") and selector.range != expected:
            yield place, f"{selector.function} of {selector.name} over a fixed range"


def of_the_job(board: Board) -> Found:
    """12 target-job: `job=~"$job"`, to the letter."""
    for place, selector in _selectors(board):
        if selector.values("job") != [("=~", "$job")]:
            yield place, f"{selector.name} of every job"


def of_the_instance(board: Board) -> Found:
    """13 target-instance, where the dashboard has that variable."""
    for place, selector in _selectors(board):
        if "instance" not in board.variables:
            continue
        if selector.values("instance") != [("=~", "$instance")]:
            yield place, f"{selector.name} of every instance"


def counters_rated(board: Board) -> Found:
    """14 target-counter-agg, also of the parts of histograms and summaries."""
    known = series(board.naming)
    for place, selector in _selectors(board):
        one = known.get(selector.name)
        counts = one.counts if one else selector.name.endswith("_total")
        if counts != (selector.function in _COUNTS):
            yield place, f"{selector.name} in {selector.function or 'nothing'}()"


def metrics_exist(board: Board) -> Found:
    """A metric is one of ours, or one of those that others make."""
    known = series(board.naming).keys() | RECORDED | {*ALERT_SERIES, *TEMPO_SERIES}
    for place, selector in _selectors(board):
        if selector.name not in known:
            yield place, f"there is no {selector.name}"


def labels_exist(board: Board) -> Found:
    """A label is one that the family has."""
    known = series(board.naming)
    for place, selector in _selectors(board):
        one = known.get(selector.name)
        allowed = _labels_of_series(selector.name)
        if one is not None:
            allowed = {*one.spelt.labels, *_TARGET}
            allowed |= {"le"} if selector.name.endswith("_bucket") else set()
        for label, _, _ in selector.matchers:
            if label not in allowed:
                yield place, f"{selector.name} has no label {label}"


def _labels_of_series(name: str) -> set[str]:
    if name in ALERT_SERIES:
        return ALERT_LABELS
    return {"service", "span_name"} if name in TEMPO_SERIES else RECORDED_LABELS


def values_exist(board: Board) -> Found:
    """A value is one that the label can hold; of `le`, a bound of the buckets."""
    known = series(board.naming)
    for place, selector in _selectors(board):
        one = known.get(selector.name)
        if one is None:
            continue
        closed = dict(one.spelt.values)
        closed["le"] = tuple(str(bound) for bound in one.spelt.buckets)
        for label, operator, value in selector.matchers:
            if label in closed and not _hits(operator, value, closed[label]):
                yield place, f"{selector.name} never has {label}{operator}{value!r}"


def _hits(operator: str, value: str, closed: tuple[str, ...]) -> bool:
    if operator in ("=~", "!~"):
        return any(re.fullmatch(value, one) for one in closed)
    return value in closed


def legends_named(board: Board) -> Found:
    """A legend names labels that the query keeps, and no other."""
    for query, root in _trees(board):
        kept = labels_of(root)
        if kept is None:
            yield query.place, "keeps whatever labels were scraped: aggregate"
            continue
        for label in _LEGEND.findall(query.target["legendFormat"]):
            if label not in kept:
                yield query.place, f"the query has no {label} for its legend"


def no_rate_of_sums(board: Board) -> Found:
    """No `rate` over an aggregate: a counter that restarts would look like a jump."""
    for query, root in _trees(board):
        for node, parent in nodes(root):
            if isinstance(node, tree.SubqueryExpr) and _name(parent) in _COUNTS:
                yield query.place, f"{_name(parent)} over a subquery"


def quantiles_keep_le(board: Board) -> Found:
    """`histogram_quantile` of sums by `le`, of buckets."""
    for query, root in _trees(board):
        for node, _ in nodes(root):
            if _name(node) != "histogram_quantile":
                continue
            if "le" not in (labels_of(node.args[1]) or ()):
                yield query.place, "a quantile without le"
            if not all(one.name.endswith("_bucket") for one in selectors(node.args[1])):
                yield query.place, "a quantile of what are no buckets"


def no_raw_division(board: Board) -> Found:
    """No division of counters since the process began."""
    for query, root in _trees(board):
        for node, _ in nodes(root):
            if isinstance(node, tree.BinaryExpr) and str(node.op) == "/":
                for side in (node.lhs, node.rhs):
                    if isinstance(side, tree.VectorSelector) and _is_raw(side, board):
                        yield query.place, f"{side.name} divided as it is"


def _is_raw(node: Any, board: Board) -> bool:
    one = series(board.naming).get(str(node.name))
    return one is not None and one.counts


def _name(node: Any) -> str:
    return str(node.func.name) if isinstance(node, tree.Call) else ""


RULES: tuple[Rule, ...] = (
    queries_parse,
    rate_interval,
    of_the_job,
    of_the_instance,
    counters_rated,
    metrics_exist,
    labels_exist,
    values_exist,
    legends_named,
    no_rate_of_sums,
    quantiles_keep_le,
    no_raw_division,
)
