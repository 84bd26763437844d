"""What must be true of what a real Prometheus answers."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from steadfastapi.signals import FAMILIES, named
from support.asked import (
    EMPTY,
    EMPTY_IN_THE_SHOP,
    PATIENCE,
    Seen,
    boards_of,
    empty,
    fill_in,
    is_finite,
    lately,
    queries_of,
    wait_for_each,
)
from support.promql import parse, selectors
from support.query_rules import RECORDED
from support.vocabulary import series

if TYPE_CHECKING:
    from support.jobs import Job

ABSENT_IN_THE_SHOP = {"circuit_breaker_state", "steadfastapi_internal_errors_total"}
"""What alerts read and the shop does not export, for the same reasons."""
ROUTES = {"/items/{item_id}", "/orders", "/calls", "none"}
ROUTES_OF_THE_SHOP = {"/catalog/{sku}", "/orders/{order_id}/items", "/admin/stats"}
FOREIGN = ("process_", "python_", "scrape_", "up", "ALERTS", "sloth_slo_info")
"""What prometheus_client says of a process without workers, what Prometheus says of a
scrape and of its alerts, and what only other people's dashboards read."""


def every_query_has_an_answer(job: Job, seen: Seen) -> None:
    """At least one finite value for every query of every panel."""
    unanswered = [
        f"{key[1]} {key[2]}: {fill_in(query.text, job, seen.began)}"
        for key, query in queries_of(job)
        if key[1:] not in empty(job) and not is_finite(seen.answers.get(key, []))
    ]

    assert [] == unanswered


def what_may_be_empty_is_empty(seen: Seen) -> None:
    """A query that has an answer after all must not be excused."""
    known = {key[1:] for job in seen.jobs for key, _ in queries_of(job)}
    answered = {
        key
        for job in seen.jobs
        for key, query in queries_of(job)
        if key[1:] in empty(job)
        and is_finite(seen.prometheus.query(fill_in(query.text, job, seen.began)))
    }

    assert set() == answered
    assert {*EMPTY, *EMPTY_IN_THE_SHOP} <= known


def series_have_the_labels_of_their_legends(job: Job, seen: Seen) -> None:
    """No legend shows `{{handler}}` as it stands."""
    missing = [
        f"{key[1]} {key[2]}: no {label} in {one.labels}"
        for key, query in queries_of(job)
        for label in re.findall(r"{{(\w+)}}", query.target["legendFormat"])
        for one in seen.answers.get(key, [])
        if not one.labels.get(label)
    ]

    assert [] == missing


def annotations_have_an_answer(job: Job, seen: Seen) -> None:
    """A deploy, and a page: the load breaks every promise."""
    for board in boards_of(job):
        for one in board.annotations:
            text = fill_in(one["target"]["expr"], job, seen.began)
            found = seen.prometheus.wait_for_series(text, PATIENCE)
            assert is_finite(found), text


def variables_offer_something(job: Job, seen: Seen) -> None:
    """`label_values` finds the job, its instance and its routes."""
    board = next(one for one in boards_of(job) if one.uid == "steadfastapi-debug")
    (target,) = seen.prometheus.query(f'up{{job="{job.name}"}}')
    wanted = {
        "job": {job.name},
        "instance": {target.labels["instance"]},
        "route": ROUTES_OF_THE_SHOP if job.shop else ROUTES,
    }

    def offers(name: str) -> bool:
        text, label = _label_values(board.variables[name]["query"]["query"])
        found = seen.prometheus.query(fill_in(text, job, seen.began))
        return wanted[name] <= {one.labels[label] for one in found}

    wait_for_each(wanted, offers)


def _label_values(text: str) -> tuple[str, str]:
    found = re.fullmatch(r"label_values\((.+), (\w+)\)", text)
    assert found
    return found[1], found[2]


def every_rule_is_healthy(seen: Seen) -> None:
    """No rule failed to evaluate."""
    rules = seen.prometheus.rules()
    sick = [
        f"{rule['name']}: {rule.get('lastError')}"
        for rule in rules
        if rule["health"] != "ok"
    ]

    assert 100 < len(rules)
    assert [] == sick


def every_recording_rule_has_series(seen: Seen) -> None:
    """Each records something for each job and objective."""
    texts = {
        _recorded(rule)
        for rule in seen.prometheus.rules()
        if rule["type"] == "recording"
    }

    wait_for_each(texts, lambda text: is_finite(seen.prometheus.query(text)))


def _recorded(rule: dict[str, Any]) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in rule["labels"].items())
    return f"{rule['name']}{{{labels}}}"


def alerts_read_what_exists(seen: Seen) -> None:
    """Every selector of every alert's expression has series."""
    expressions = {
        rule["query"] for rule in seen.prometheus.rules() if rule["type"] == "alerting"
    }
    shops = {job.name for job in seen.jobs if job.shop}
    texts = {
        one.text
        for expression in expressions
        for one in selectors(parse(expression))
        if one.name not in ABSENT_IN_THE_SHOP or one.values("job")[0][1] not in shops
    }

    wait_for_each(texts, lambda text: bool(seen.prometheus.query(text)))


def exemplars_carry_a_trace(job: Job, seen: Seen) -> None:
    """Where there are no workers: prometheus_client keeps none for several."""
    asked = next(
        query
        for board in boards_of(job)
        for query in board.queries()
        if query.target.get("exemplar")
    )
    found = seen.prometheus.exemplars(
        fill_in(asked.text, job, seen.began), seen.began, time.time()
    )
    traces = {
        exemplar["labels"].get("trace_id", "")
        for one in found
        for exemplar in one["exemplars"]
    }

    assert bool(traces) == (job.workers == 0)
    assert all(re.fullmatch("[0-9a-f]{32}", trace) for trace in traces)


def every_exported_family_is_used(job: Job, seen: Seen) -> None:
    """By a panel or a rule."""
    read = {
        one.name
        for board in boards_of(job)
        for query in board.queries()
        for one in selectors(parse(query.text))
    }
    read |= {
        one.name
        for rule in seen.prometheus.rules()
        for one in selectors(parse(rule["query"]))
    }
    known = series(job.naming)
    used = {known[name].family.name for name in read if name in known}
    exported = {one.labels["__name__"] for one in lately(job, seen)}
    ours = {known[name].family.name for name in exported if name in known}
    others = {
        name
        for name in exported - known.keys()
        if name not in RECORDED and not name.startswith(FOREIGN)
    }

    assert set() == ours - used
    assert set() == others


def every_family_is_exported(seen: Seen) -> None:
    """The application uses everything, so that nothing above passes for nothing."""
    for job in seen.jobs:
        if job.shop:
            continue
        found = lately(job, seen)
        known = series(job.naming)
        exported = {
            known[one.labels["__name__"]].family.name
            for one in found
            if one.labels["__name__"] in known
        }
        wanted = {one.name for one in FAMILIES if named(one, job.naming) is not None}
        assert set() == wanted - exported, job.name


OF_EACH = (
    every_query_has_an_answer,
    series_have_the_labels_of_their_legends,
    annotations_have_an_answer,
    variables_offer_something,
    exemplars_carry_a_trace,
    every_exported_family_is_used,
)
OF_ALL = (
    what_may_be_empty_is_empty,
    every_rule_is_healthy,
    every_recording_rule_has_series,
    alerts_read_what_exists,
    every_family_is_exported,
)
