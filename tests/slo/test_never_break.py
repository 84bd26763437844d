"""NB-1: whatever fails inside of the objectives, no answer changes."""

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from steadfastapi.slo.api import count_good
from steadfastapi.slo.declared import SLO
from steadfastapi.testing import internal_errors
from support.sabotage import CAUSES, Fault
from support.slo import promising


@pytest.mark.parametrize("cause", CAUSES)
def test_a_judge_that_fails_changes_no_answer(
    cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request is served, and counted as everywhere else."""
    app = FastAPI()
    app.get("/")(lambda: "fine")
    promising(app, SLO(availability=99.9))
    monkeypatch.setattr(
        "steadfastapi.slo.watch.RequestWatch._new", Fault(CAUSES[cause])
    )

    with internal_errors() as errors, TestClient(app) as client:
        answer = client.get("/")

    assert (200, "fine") == (answer.status_code, answer.json())
    assert {"slo.observer": 1} == dict(errors)


@pytest.mark.parametrize("cause", CAUSES)
def test_a_count_that_fails_does_not_reach_its_caller(
    cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work goes on where a receipt was sent, counted or not."""
    promising(FastAPI(), SLO(name="mail", events=99))
    monkeypatch.setattr("steadfastapi.slo.budget.Budget.book", Fault(CAUSES[cause]))

    with internal_errors() as errors:
        count_good("mail")

    assert {"slo.count": 1} == dict(errors)
