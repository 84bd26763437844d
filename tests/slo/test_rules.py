"""The rules as they are written; promtool runs them in tests/prometheus."""

import json
from pathlib import Path
from typing import Any

import pytest

from steadfastapi.slo import names
from steadfastapi.slo.alerts import Links
from steadfastapi.slo.objective import Spec
from steadfastapi.slo.rules import Rendering, rule_files, written
from steadfastapi.slo.spec import read_spec
from steadfastapi.slo.unit_tests import unit_tests
from steadfastapi.slo.windows import PAGES, TICKETS, Clock
from support.slo import AVAILABILITY, SPEC

LINKS = Links(
    runbooks="https://runbooks.example/", dashboards="https://grafana.example/"
)


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    """Return a spec with an objective of each kind."""
    (tmp_path / "slo.yml").write_text(SPEC)
    return read_spec(tmp_path / "slo.yml")


def rules(files: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return all rules of all files."""
    return [
        rule
        for content in files.values()
        for group in content["groups"]
        for rule in group["rules"]
    ]


def one(spec: Spec, name: str, **labels: str) -> dict[str, Any]:
    """Return the rule of this name with these labels."""
    found = [
        rule
        for rule in rules(rule_files(spec, Rendering(links=LINKS)))
        if name in (rule.get("record"), rule.get("alert"))
        and labels.items() <= rule["labels"].items()
    ]
    assert 1 == len(found)
    return found[0]


def test_the_standard_pairs_burn_as_googles_do() -> None:
    """For 30 days; a shorter period burns faster by itself."""
    factors = [pair.factor(30) for pair in (*PAGES, *TICKETS)]

    assert [14.4, 6.0, 3.0, 1.0] == factors
    assert 13.44 == PAGES[0].factor(28)


def test_the_names_and_labels_are_sloths(spec: Spec) -> None:
    """Dashboards that were made for it show ours."""
    files = rule_files(spec, Rendering())
    group = files["rules/api-availability.slo.json"]["groups"][0]
    recorded = [rule["record"] for rule in group["rules"] if "record" in rule]

    expected = [names.rate(window) for window in (*names.WINDOWS, "30d")]
    expected += [names.OBJECTIVE, names.ERROR_BUDGET, names.PERIOD_DAYS]
    expected += [names.CURRENT_BURN, names.PERIOD_BURN, names.PERIOD_REMAINING]
    assert [*expected, names.INFO] == recorded
    assert {
        "job": "api",
        "sloth_id": "api-availability",
        "sloth_service": "api",
        "sloth_slo": "availability",
        "sloth_window": "5m",
    } == group["rules"][0]["labels"]


def test_all_that_an_alert_reads_stands_in_its_group(spec: Spec) -> None:
    """Groups run one beside the other: it would see the values of another tick."""
    files = rule_files(spec, Rendering())

    for path, content in files.items():
        for group in content["groups"]:
            recorded = {rule.get("record") for rule in group["rules"]}
            for rule in group["rules"]:
                if "alert" in rule and ".slo.json" in path:
                    assert names.rate("5m") in recorded
                    assert "slo:" not in rule["expr"].replace("slo:sli_error:", "")


def test_a_budget_has_ten_digits(spec: Spec) -> None:
    """1 - 0.999 is 0.0010000000000000009 in binary."""
    budget = one(spec, names.ERROR_BUDGET, sloth_slo="availability")

    assert "vector(0.001)" == budget["expr"]


def test_another_period_has_other_names_and_factors(spec: Spec) -> None:
    """28 days are sloth's other one."""
    page = one(spec, names.BURN, sloth_slo="mail", severity="page")

    assert "> (13.44 * 0.005)" in page["expr"]
    assert "[28d]" in one(spec, names.rate("28d"), sloth_slo="mail")["expr"]


def test_one_objective_may_say_otherwise(spec: Spec) -> None:
    """Its floor, its labels, and that it has no early alert."""
    page = one(spec, names.BURN, sloth_slo="batch", severity="page")
    files = rule_files(spec, Rendering())
    alerts = [rule.get("alert") for rule in rules(files) if "alert" in rule]

    assert "> 0.5)" in page["expr"]
    assert "data" == page["labels"]["team"]
    assert 3 == alerts.count(names.ABOVE_4X)


def test_every_alert_says_what_it_is_and_where_to_go(spec: Spec) -> None:
    """Summary, description, runbook and dashboard; whom it concerns."""
    for rule in rules(rule_files(spec, Rendering(links=LINKS))):
        if "alert" not in rule:
            continue
        own = "sloth_id" in rule["labels"]
        wiki = "https://wiki.example" if own else "https://runbooks.example"
        said = rule["annotations"]
        assert f"{wiki}/{rule['alert']}.md" == said["runbook_url"]
        assert said["dashboard_url"].startswith(
            "https://grafana.example/d/steadfastapi-oncall?var-job="
        )
        assert said["summary"]
        assert said["description"]
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["labels"]["team"]


def test_every_alert_is_written_and_no_other(spec: Spec) -> None:
    """The list is what runbooks and dashboards go by."""
    found = {rule.get("alert") for rule in rules(rule_files(spec, Rendering()))}

    assert set(names.ALERTS) == found - {None}


def test_several_jobs_have_rules_of_their_own(spec: Spec) -> None:
    """One service may be scraped in two places; they must not mix."""
    both = Spec(service="api", jobs=("blue", "green"), objectives=(AVAILABILITY,))

    for rule in rules(rule_files(both, Rendering())):
        job = rule["labels"]["job"]
        other = {"blue": "green", "green": "blue"}[job]
        assert f'"{other}"' not in rule["expr"]


def test_recorded_long_windows_read_recorded_counts(spec: Spec) -> None:
    """Prometheus reads no more than 50 million samples at once."""
    recorded = Spec(
        service="api",
        jobs=("api",),
        objectives=(AVAILABILITY,),
        long_windows="recorded",
    )

    for window in ("1d", "3d"):
        expression = one(recorded, names.rate(window))["expr"]
        assert f"sum_over_time({names.BAD_5M}" in expression
        assert "http_requests" not in expression
    ticket = one(recorded, names.BURN, severity="ticket")["expr"]
    assert "http_requests" not in ticket


def test_the_slow_rules_run_every_five_minutes(spec: Spec) -> None:
    """Or sooner, where a test shrinks all windows."""
    intervals = [
        group.get("interval")
        for scale in (1.0, 1 / 60)
        for group in rule_files(spec, Rendering(clock=Clock(scale)))[
            "rules/api-mail.slo-5m.json"
        ]["groups"]
    ]

    assert ["5m", "5000ms"] == intervals


def test_queries_of_ones_own_have_no_unit_tests(spec: Spec) -> None:
    """Nobody knows here which series they read."""
    paths = unit_tests(spec, Rendering())

    assert "tests/api-availability.slo.json" in paths
    assert not any("batch" in path for path in paths)


def test_files_are_the_same_each_time(spec: Spec) -> None:
    """Byte by byte, so that a comparison means something."""
    first, second = (
        [written(content) for content in rule_files(spec, Rendering()).values()]
        for _ in range(2)
    )

    assert first == second
    assert all(json.loads(text) for text in first)
    assert all(text.endswith("}\n") for text in first)
