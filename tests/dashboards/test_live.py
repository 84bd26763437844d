"""Every query of every panel and rule, against a real Prometheus and real processes.

One Prometheus scrapes four of them at once: both namings, with and without workers.
"""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from steadfastapi.signals import FAMILIES, named
from support.boards import BOARDS, Board, Query
from support.busy import JOBS, Job, busy_servers, load, prometheus
from support.promql import parse, selectors
from support.query_rules import RECORDED
from support.services import find_prometheus, require
from support.vocabulary import series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.prometheus import Prometheus, Series

PATIENCE = 60.0
"""Seconds until every query must have an answer; it takes ten on an idle machine."""
FIRST_SCRAPES = 4.0
"""Seconds before which there is no use in asking: a rate needs two of them."""
INTERVAL = "10s"
"""`$__rate_interval` at a scrape a second."""
HOUR = 3_600

EMPTY = {
    (
        "steadfastapi-executive",
        "8B",
    ): "a week ago there was nothing",
    ("steadfastapi-debug", "3A"): "counted by Tempo, which does not run here",
}
"""Queries without an answer, by dashboard and place."""
FOREIGN = ("process_", "python_", "scrape_", "up", "ALERTS", "sloth_slo_info")
"""What prometheus_client says of a process without workers, what Prometheus says of a
scrape and of its alerts, and what only other people's dashboards read."""


@dataclass(frozen=True)
class Seen:
    """What Prometheus answered.

    Args:
        prometheus: It goes on scraping while the tests ask.
        began: Unix time of its start.
        answers: Series by job, dashboard and place; nothing for what has none.
    """

    prometheus: Prometheus
    began: float
    answers: dict[tuple[str, str, str], list[Series]]


def fill_in(text: str, job: Job, began: float) -> str:
    """Put values in place of all variables, as Grafana does."""
    values = {
        "${__from}": str(int((began - HOUR) * 1_000)),
        "$__rate_interval": INTERVAL,
        "$__range": "5m",
        "$instance": ".+",
        "$route": ".+",
        "$job": job.name,
    }
    for name, value in values.items():
        text = text.replace(name, value)
    assert "$" not in text, text
    return text


def boards_of(job: Job) -> list[Board]:
    """Return the dashboards in the naming of a job."""
    return [board for board in BOARDS if board.naming == job.naming]


def queries_of(job: Job) -> Iterator[tuple[tuple[str, str, str], Query]]:
    """Return every PromQL query for a job, by what it is known as."""
    for board in boards_of(job):
        for query in board.queries():
            yield (job.name, board.uid, query.place), query


def is_finite(found: list[Series]) -> bool:
    """Whether any value is a number."""
    return any(math.isfinite(one.value) for one in found)


def ask_until_answered(server: Prometheus, began: float) -> dict[Any, list[Series]]:
    """Ask everything again and again, until all is answered or patience is over."""
    waiting = {
        key: fill_in(query.text, job, began)
        for job in JOBS
        for key, query in queries_of(job)
        if key[1:] not in EMPTY
    }
    answers: dict[Any, list[Series]] = {}
    deadline = time.monotonic() + PATIENCE
    time.sleep(FIRST_SCRAPES)
    while waiting and time.monotonic() < deadline:
        time.sleep(1.0)
        answers |= {key: server.query(text) for key, text in waiting.items()}
        waiting = {
            key: text for key, text in waiting.items() if not is_finite(answers[key])
        }
    return answers


def wait_until_none(missing: Callable[[], list[str]]) -> None:
    """Wait until nothing is missing any more; rules run once in several seconds."""
    deadline = time.monotonic() + PATIENCE
    while missing() and time.monotonic() < deadline:
        time.sleep(0.5)
    assert [] == missing()


def every_query_has_an_answer(job: Job, seen: Seen) -> None:
    """At least one finite value for every query of every panel."""
    unanswered = [
        f"{key[1]} {key[2]}: {fill_in(query.text, job, seen.began)}"
        for key, query in queries_of(job)
        if key[1:] not in EMPTY and not is_finite(seen.answers.get(key, []))
    ]

    assert [] == unanswered


def what_may_be_empty_is_empty(seen: Seen) -> None:
    """A query that has an answer after all must not be excused."""
    known = {key[1:] for job in JOBS for key, _ in queries_of(job)}
    answered = {
        key[1:]
        for job in JOBS
        for key, query in queries_of(job)
        if key[1:] in EMPTY
        and is_finite(seen.prometheus.query(fill_in(query.text, job, seen.began)))
    }

    assert set() == answered
    assert set(EMPTY) <= known


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
    offered = {}
    for name in ("job", "instance", "route"):
        text, label = _label_values(board.variables[name]["query"]["query"])
        found = seen.prometheus.query(fill_in(text, job, seen.began))
        offered[name] = {one.labels[label] for one in found}

    assert job.name in offered["job"]
    assert 1 == len(offered["instance"])
    assert {"/items/{item_id}", "/orders", "/calls", "none"} <= offered["route"]


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
    rules = [one for one in seen.prometheus.rules() if one["type"] == "recording"]

    def silent() -> list[str]:
        return [
            f"{rule['name']} {rule['labels']}"
            for rule in rules
            if not is_finite(seen.prometheus.query(_recorded(rule)))
        ]

    wait_until_none(silent)


def _recorded(rule: dict[str, Any]) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in rule["labels"].items())
    return f"{rule['name']}{{{labels}}}"


def alerts_read_what_exists(seen: Seen) -> None:
    """Every selector of every alert's expression has series."""
    expressions = {
        rule["query"] for rule in seen.prometheus.rules() if rule["type"] == "alerting"
    }
    texts = {
        one.text for expression in expressions for one in selectors(parse(expression))
    }

    def silent() -> list[str]:
        return [text for text in sorted(texts) if not seen.prometheus.query(text)]

    assert texts
    wait_until_none(silent)


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
    exported = {
        one.labels["__name__"]
        for one in seen.prometheus.query(f'group by (__name__) ({{job="{job.name}"}})')
    }
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
    for job in JOBS:
        found = seen.prometheus.query(f'group by (__name__) ({{job="{job.name}"}})')
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


@pytest.mark.timeout(240)
def test_every_query_lives(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """All of it, in one test: a worker of xdist starts what it needs only once."""
    require("prometheus", find_prometheus())
    began = time.time()
    with (
        busy_servers(tmp_path) as servers,
        prometheus(servers) as server,
        load(servers),
    ):
        seen = Seen(server, began, ask_until_answered(server, began))
        for check in OF_ALL:
            with subtests.test(check.__name__):
                check(seen)
        for check_each in OF_EACH:
            for job in JOBS:
                with subtests.test(check_each.__name__, job=job.name):
                    check_each(job, seen)
