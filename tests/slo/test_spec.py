"""Objectives declared in a file."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from steadfastapi.exceptions import ConfigurationError, MissingExtraError
from steadfastapi.slo import spec
from steadfastapi.slo.objective import Objective
from steadfastapi.slo.spec import read_spec
from support.slo import SPEC

ONE = "{name: a, objective: 99, sli: {kind: availability}}"


def write(folder: Path, text: str, name: str = "slo.yml") -> Path:
    """Return the path of a file with this text."""
    path = folder / name
    path.write_text(text)
    return path


def test_every_kind_is_read(tmp_path: Path) -> None:
    """With the defaults of the file, and what one objective says otherwise."""
    found = read_spec(write(tmp_path, SPEC))

    core: dict[str, Any] = {
        "labels": {"team": "core"},
        "runbook": "https://wiki.example",
    }
    expected = (
        Objective(name="availability", percent=99.9, kind="availability", **core),
        Objective(
            name="latency",
            percent=99,
            kind="latency",
            threshold=0.25,
            exclude_handlers=("/events",),
            **core,
        ),
        Objective(name="mail", percent=99.5, kind="events", days=28, **core),
        Objective(
            name="batch",
            percent=95,
            kind="raw",
            min_bad_events=1,
            above_4x=False,
            labels={"team": "data"},
            runbook="https://wiki.example",
            error_query='sum(rate(failed{queue="a"}[{{.window}}]))',
            total_query='sum(rate(done{queue="a"}[{{.window}}]))',
        ),
    )
    assert expected == found.objectives
    assert ("api", ("api",), {"team": "core"}) == (
        found.service,
        found.jobs,
        found.labels,
    )


def test_json_needs_no_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML is an extra."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    one = {"name": "a", "objective": 99, "sli": {"kind": "availability"}}
    text = json.dumps({"service": "api", "job": ["a", "b"], "slos": [one]})

    found = read_spec(write(tmp_path, text, "slo.json"))

    assert ("a", "b") == found.jobs


def test_yaml_without_pyyaml_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or what to write instead."""
    monkeypatch.setitem(sys.modules, "yaml", None)

    with pytest.raises(MissingExtraError, match=r"steadfastapi\[slo\].*or write JSON"):
        read_spec(write(tmp_path, SPEC))


@pytest.mark.parametrize(
    ("slos", "reason"),
    [
        ("[]", "slos is .*at least 1"),
        ("[{name: a, objective: 99}]", r"slos\[0\].sli is missing"),
        (
            "[{name: a, objective: 100, sli: {kind: availability}}]",
            r"slos\[0\].objective is 100: write a percentage",
        ),
        (
            "[{name: a, objective: 99, sli: {kind: latency, threshold: 0.3}}]",
            r"slos\[0\].sli.threshold is 0.3: write the bound of a bucket",
        ),
        (
            "[{name: a, objective: 99, sli: {kind: latency}}]",
            r"slos\[0\].sli: kind latency has a threshold",
        ),
        (
            "[{name: a, objective: 99, sli: {kind: availability, threshold: 0.25}}]",
            "kind latency has a threshold",
        ),
        (
            "[{name: a, objective: 99, sli: {kind: raw, error_query: x}}]",
            "error_query and total_query",
        ),
        (
            "[{name: a, objective: 99, sli: {kind: events, handlers: [/]}}]",
            "kind events has no handlers",
        ),
        (
            "[{name: a, objective: 99, sli: {kind: uptime}}]",
            r"slos\[0\].sli.kind is 'uptime': input should be 'availability'",
        ),
        ("[{naem: a, objective: 99, sli: {kind: events}}]", r"slos\[0\].naem is unkno"),
        ("[{name: 'a/b', objective: 99, sli: {kind: events}}]", "write letters, digit"),
        (f"[{ONE}, {ONE}]", "the name 'a' is there twice"),
        (f"[{ONE}]\njob: []", "job is .*write the job"),
        (
            f"[{ONE}]\ndefaults: {{window: 30}}",
            "defaults.window is 30: write whole day",
        ),
        (f"[{ONE}]\ndefaults: {{window: 1d}}", "write 7 to 90 days"),
        (f"[{ONE}]\ndefaults: {{min_bad_events: 0}}", "defaults.min_bad_events is 0"),
    ],
)
def test_a_mistake_names_file_place_and_remedy(
    slos: str, reason: str, tmp_path: Path
) -> None:
    """So that nobody has to search."""
    path = write(tmp_path, f"service: api\nslos: {slos}\n")

    with pytest.raises(ConfigurationError, match=reason) as caught:
        read_spec(path)

    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        ("[", "slo.yml", "is no YAML"),
        ("[", "slo.json", "is no JSON"),
        ("- a", "slo.yml", "holds no mapping"),
    ],
)
def test_what_is_no_spec_is_refused(
    text: str, name: str, reason: str, tmp_path: Path
) -> None:
    """Whatever it is."""
    with pytest.raises(ConfigurationError, match=reason):
        read_spec(write(tmp_path, text, name))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With the reason of the system."""
    with pytest.raises(ConfigurationError, match=r"none.yml cannot be read: .*No such"):
        read_spec(tmp_path / "none.yml")


def test_a_huge_file_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not one that somebody wrote."""
    monkeypatch.setattr(spec, "MAX_BYTES", 10)

    with pytest.raises(ConfigurationError, match="is larger than 10 bytes"):
        read_spec(write(tmp_path, SPEC))
