"""What Schemathesis finds in the shop, with steadfastapi and without (TP-5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from support.schema_report import Report, examine

if TYPE_CHECKING:
    from pathlib import Path

ALL_CHECKS = {
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ensure_resource_availability",
    "ignored_auth",
    "object_level_authorization",
}
OURS = {"413", "429", "500", "503"}
"""Statuses that steadfastapi answers with, and therefore documents."""

UNDOCUMENTED = "ST103"
BLOCKS = ("--exclude-path", "/debug/block")
"""It stops the event loop for up to ten seconds, on purpose."""

SHORT = (
    *("--include-path-regex", "^/(catalog|debug/crash)"),
    *("--phases", "coverage"),
)


class Pair(NamedTuple):
    """The same shop twice."""

    on: Report
    off: Report


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """All phases and checks, every operation but the one that blocks."""
    folder = tmp_path_factory.mktemp("schemathesis")
    options = (*BLOCKS, "--max-examples", "20")
    on, off = (
        examine(folder / str(steadfast), *options, steadfast=steadfast)
        for steadfast in (True, False)
    )
    return Pair(on, off)


@pytest.mark.proof
def test_what_the_library_answers_is_documented(tmp_path: Path) -> None:
    """Of its own statuses none surprises a client, and its 500 is of its schema."""
    report = examine(tmp_path, *SHORT, steadfast=True)

    surprises = {one for one in report.findings if one.status in OURS}
    assert set() == surprises
    crashed = {one.code for one in report.findings if "/debug/crash" in one.operation}
    assert {"ST101"} == crashed  # the crash is there, and nothing else is wrong with it


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_nothing_fails_with_the_library_that_did_not_without(everything: Pair) -> None:
    """Every failure of the configured shop is the bare shop's as well."""
    assert set() == everything.on.findings - everything.off.findings


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_the_bare_shop_has_failures_that_the_library_mends(everything: Pair) -> None:
    """Bare, a crash is undocumented: the comparison can tell both shops apart."""
    mended = everything.off.findings - everything.on.findings

    assert ("GET /debug/crash", UNDOCUMENTED, "500") in {one[:3] for one in mended}
    assert not {one for one in everything.on.findings if one.status in OURS}


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_both_runs_were_complete(everything: Pair) -> None:
    """Every check and every phase was run, on hundreds of requests each."""
    for report in everything:
        assert set() == ALL_CHECKS - report.checks
        assert {"coverage", "fuzzing", "stateful"} <= report.phases
        assert report.cases > 500
