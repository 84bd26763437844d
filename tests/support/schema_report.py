"""Schemathesis against a running shop: what it finds, as comparable findings."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from support import schema_shop
from support.server import LiveServer
from support.services import require

if TYPE_CHECKING:
    from collections.abc import Iterator

ADA = {"email": "ada@example.org", "name": "Ada", "password": "correct-horse"}
_RECEIVED = re.compile(r"Received: (\d{3})")


class Finding(NamedTuple):
    """One kind of failure of one operation."""

    operation: str
    """Method and template."""
    code: str
    """Schemathesis's, e.g. `ST103`; `st explain ST103` says more."""
    status: str
    """The status that was not documented, for failures of that kind; else empty."""
    title: str


class Report(NamedTuple):
    """What a run of Schemathesis saw."""

    findings: frozenset[Finding]
    checks: frozenset[str]
    """Names of the checks that were run."""
    cases: int
    phases: frozenset[str]
    """Those that ran to their end."""


def examine(folder: Path, *options: str, steadfast: bool) -> Report:
    """Serve the shop from `folder` and run Schemathesis, logged in, with all checks.

    Args:
        folder: Empty; keeps the shop's data and the events of the run.
        *options: Further ones of `st run`.
        steadfast: Whether the shop is configured.
    """
    require("schemathesis", find_spec("schemathesis"))
    folder.mkdir(parents=True, exist_ok=True)
    environment = schema_shop.environment(folder, steadfast=steadfast)
    root = Path(__file__).parents[2]
    path = f"{root / 'tests'}:{root / 'examples'}"
    with LiveServer(
        "support.schema_shop:create",
        factory=True,
        subprocess=True,
        env={**environment, "PYTHONPATH": path},
        cwd=folder,
    ) as server:
        _run(server.url, _login(server.url), folder, options)
    return _read(folder / "events.ndjson")


def _login(url: str) -> str:
    with httpx.Client(base_url=url, trust_env=False) as client:
        client.post("/users", json=ADA).raise_for_status()
        answer = client.post("/auth/login", json=ADA).raise_for_status()
    return str(answer.json()["access_token"])


def _run(url: str, token: str, folder: Path, options: tuple[str, ...]) -> None:
    finished = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("st")), "run", f"{url}/openapi.json"),
            *("--checks", "all", "--generation-deterministic", "--no-shrink"),
            *("--continue-on-failure", "--request-timeout", "10"),
            *("-H", f"Authorization: Bearer {token}"),
            *("--report-ndjson-path", "events.ndjson", *options),
        ],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    # 1 is failures, which are the caller's to judge; anything else is no run at all.
    if finished.returncode not in (0, 1):
        raise RuntimeError(finished.stdout[-2000:] + finished.stderr[-2000:])


def _read(events: Path) -> Report:
    findings: set[Finding] = set()
    checks: set[str] = set()
    phases: set[str] = set()
    cases = 0
    for line in events.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        phase = event.get("PhaseFinished")
        if phase is not None and phase["status"] in ("success", "failure"):
            phases.add(phase["phase"]["name"])
        for case in _checked(event):
            cases += 1
            checks.update(check["name"] for check in case)
            failed = [check for check in case if check["status"] == "failure"]
            findings.update(_finding(one["failure_info"]["failure"]) for one in failed)
    return Report(frozenset(findings), frozenset(checks), cases, frozenset(phases))


def _checked(event: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    recorder = event.get("ScenarioFinished", {}).get("recorder") or {}
    yield from (recorder.get("checks") or {}).values()


def _finding(failure: dict[str, Any]) -> Finding:
    undocumented = failure["type"] == "UndefinedStatusCode"
    status = _RECEIVED.search(failure["message"]) if undocumented else None
    return Finding(
        failure["operation"],
        failure["code"],
        status[1] if status else "",
        failure["title"],
    )
