"""PromQL as a tree: what it reads, and which labels are left."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import promql_parser as tree

from steadfastapi.slo.promql import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE_INTERVAL = "4m7s"
RANGE = "3h7s"
_FIXED = {"__rate_interval": RATE_INTERVAL, "__range": RANGE, "__from": "1700000000000"}
"""What Grafana fills in by itself; odd lengths, so that nobody means them by chance."""
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))")
_KEEPS_SERIES = ("topk", "bottomk")


@dataclass(frozen=True, slots=True)
class Selector:
    """One selector of a query.

    Args:
        name: The metric.
        matchers: Label, operator and value of each.
        function: The function around it, without a range too: `rate`, `increase`, …
        range: Its range in seconds; 0 for an instant.
    """

    name: str
    matchers: tuple[tuple[str, str, str], ...]
    function: str
    range: float

    @property
    def text(self) -> str:
        """The selector by itself."""
        matchers = (f"{name}{op}{quoted(value)}" for name, op, value in self.matchers)
        return f"{self.name}{{{','.join(matchers)}}}"

    def values(self, label: str) -> list[tuple[str, str]]:
        """Return operator and value of the matchers of a label."""
        return [(op, value) for name, op, value in self.matchers if name == label]


def variables_in(text: str) -> set[str]:
    """Return the variables of a query that are not Grafana's own."""
    found = {first or second for first, second in _VARIABLE.findall(text)}
    return found - set(_FIXED)


def fill_in(text: str) -> str:
    """Put values in place of what Grafana fills in by itself; ours stay."""

    def value(found: re.Match[str]) -> str:
        return _FIXED.get(found[1] or found[2], found[0])

    return _VARIABLE.sub(value, text)


@functools.cache
def parse(text: str) -> Any:
    """Return the tree of a query; wrong PromQL is a ValueError."""
    return tree.parse(fill_in(text))


def nodes(node: Any, parent: Any = None) -> Iterator[tuple[Any, Any]]:
    """Return every node of a tree with the one above it."""
    yield node, parent
    for child in _children(node):
        yield from nodes(child, node)


def selectors(node: Any) -> list[Selector]:
    """Return every selector of a tree."""
    found = []
    for one, parent in nodes(node):
        if isinstance(one, tree.VectorSelector):
            ranged = isinstance(parent, tree.MatrixSelector)
            length = parent.range.total_seconds() if ranged else 0.0
            found.append((one, length))
    around = _functions(node)
    return [
        Selector(
            str(one.name),
            tuple(
                (match.name, _OPERATORS[str(match.op)], match.value)
                for match in one.matchers.matchers
            ),
            function,
            length,
        )
        for (one, length), function in zip(found, around, strict=True)
    ]


_OPERATORS = {
    "MatchOp.Equal": "=",
    "MatchOp.NotEqual": "!=",
    "MatchOp.Re": "=~",
    "MatchOp.NotRe": "!~",
}


def _functions(node: Any, name: str = "") -> list[str]:
    """Return the innermost function around each selector, in the order of `nodes`."""
    if isinstance(node, tree.VectorSelector):
        return [name]
    if isinstance(node, tree.Call):
        name = node.func.name
    elif not isinstance(node, tree.MatrixSelector):
        name = ""
    return [found for child in _children(node) for found in _functions(child, name)]


def _children(node: Any) -> list[Any]:
    if isinstance(node, tree.BinaryExpr):
        return [node.lhs, node.rhs]
    if isinstance(node, tree.Call):
        return list(node.args)
    if isinstance(node, tree.MatrixSelector):
        return [node.vector_selector]
    if isinstance(
        node, tree.AggregateExpr | tree.ParenExpr | tree.UnaryExpr | tree.SubqueryExpr
    ):
        return [node.expr]
    return []


def labels_of(node: Any) -> frozenset[str] | None:
    """Return the labels that series of a query have; None: whatever was scraped."""
    if isinstance(node, tree.AggregateExpr):
        return _labels_of_aggregate(node)
    if isinstance(node, tree.Call):
        return _labels_of_call(node)
    if isinstance(node, tree.BinaryExpr):
        return _labels_of_binary(node)
    if isinstance(node, tree.ParenExpr | tree.UnaryExpr | tree.SubqueryExpr):
        return labels_of(node.expr)
    return frozenset() if isinstance(node, tree.NumberLiteral) else None


def _labels_of_aggregate(node: Any) -> frozenset[str] | None:
    if str(node.op) in _KEEPS_SERIES:
        return labels_of(node.expr)
    return frozenset(node.modifier.labels) if node.modifier else frozenset()


def _labels_of_call(node: Any) -> frozenset[str] | None:
    if node.func.name in ("time", "vector", "scalar"):
        return frozenset()
    if node.func.name == "histogram_quantile":
        inner = labels_of(node.args[1])
        return None if inner is None else inner - {"le"}
    return labels_of(node.args[0])


def _labels_of_binary(node: Any) -> frozenset[str] | None:
    matching = node.modifier.matching if node.modifier else None
    one_to_one = tree.VectorMatchCardinality.OneToOne
    if (
        matching is not None
        and matching.type == tree.LabelModifierType.Include
        and node.modifier.card == one_to_one
    ):
        return frozenset(matching.labels)
    if isinstance(node.lhs, tree.NumberLiteral) or _is_scalar(node.lhs):
        return labels_of(node.rhs)
    return labels_of(node.lhs)


def _is_scalar(node: Any) -> bool:
    return isinstance(node, tree.Call) and node.func.name in ("time", "scalar")
