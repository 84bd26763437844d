"""A pytest plugin that applies `configure` to an application, and writes down a run.

`benchmarks/adopt.py` loads it into the pytest that it starts, for the run without
steadfastapi too, so that both differ in nothing but `configure`. The folder above
holds nothing else, because it is on the path of somebody else's tests.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from .applying import Applying
from .exchanges import Exchanges

VARIABLE = "ADOPTION"
"""JSON: `target`, `configure`, `folder`. Not below `STEADFAST_`, where `configure`
would call it a typing error."""

SEED = 20_260_101
"""For pytest-randomly: both runs shuffle alike."""


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Wait for the application before any of the suite's own code is imported."""
    settings = json.loads(os.environ[VARIABLE])
    plugin = Adoption(settings)
    early_config.pluginmanager.register(plugin, "steadfastapi-adoption-run")
    plugin.applying.begin()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let a suite in random order have the same order twice."""
    if getattr(config.option, "randomly_seed", None) == "default":
        config.option.randomly_seed = SEED


class Adoption:
    """One run of the suite: what its tests did, and what the application answered."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.exchanges = Exchanges()
        self.applying = Applying(
            settings["target"], settings["configure"], self.exchanges
        )
        self._folder = Path(settings["folder"])
        self._tests: dict[str, dict[str, Any]] = {}
        self._warnings: list[tuple[str, str]] = []
        self._started = time.perf_counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the outcome that counts: a failing set-up or end outdoes the call."""
        test = self._tests.setdefault(
            report.nodeid, {"outcome": "passed", "seconds": 0.0, "why": ""}
        )
        if report.when == "call":
            test["seconds"] = report.duration
        outcome = _outcome(report)
        if outcome != "passed" and test["outcome"] == "passed":
            test["outcome"] = outcome
            test["why"] = _why(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be imported is an outcome, too."""
        if report.failed:
            why = _last_line(str(report.longrepr))
            self._tests[report.nodeid] = {
                "outcome": "error",
                "seconds": 0.0,
                "why": why,
            }

    def pytest_warning_recorded(self, warning_message: Any) -> None:
        """Keep what Python and the libraries warn of."""
        category = warning_message.category.__name__
        self._warnings.append((category, str(warning_message.message)))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write it all down; a worker of pytest-xdist leaves the tests to its chief."""
        is_worker = hasattr(session.config, "workerinput")
        document = {
            "tests": {} if is_worker else self._tests,
            "warnings": [] if is_worker else self._warnings,
            "seconds": 0.0 if is_worker else time.perf_counter() - self._started,
            "exchanges": self.exchanges.recorded,
            "applied": self.applying.applied,
            "error": self.applying.error,
            "seen": self.applying.applications_seen(),
        }
        file = self._folder / f"{os.getpid()}.json"
        file.write_text(json.dumps(document), encoding="utf-8")


def _outcome(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    if report.failed and report.when != "call":
        return "error"
    return str(report.outcome)


def _why(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return _last_line(crash.message if crash else str(report.longrepr or ""))


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return (lines[0] if len(lines) == 1 else " … ".join(lines[:1] + lines[-1:]))[:300]
