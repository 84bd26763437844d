"""NB-1: each part of the plan fails in five ways, and no answer changes.

The parts are found in a plan with everything on, so that what a new layer registers
is tested without a line here. `tests/test_never_break.py` has what is not in a plan.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from steadfastapi import Plan, _unavailable
from steadfastapi._lifespan import LifespanPart
from steadfastapi.testing import internal_errors
from support.asgi import AsgiValidator, call
from support.otlp import OtlpReceiver
from support.proof_app import REQUESTS, Drive, everything, whole_shop
from support.proof_plan import FINDERS, INERT, Part, parts_of, planned, spoilt
from support.sabotage import CAUSES, Answer, Fault
from support.sentry import SentryReceiver

DEFINED = ("unmatched", "wrong method", "invalid", "crash", "mounted crash")
"""What the error contract answers: the control is a healthy configured application."""
SHORT = ("json", "conflict", "crash", "socket")
DOCUMENTS: Mapping[str, Drive] = {
    "document": partial(call, path="/openapi.json"),
    "document of a mount": partial(call, path="/sub/openapi.json"),
}
"""Slow to make, so asked for only where it matters."""
ONCE = ("lifespan_parts", "trails", "openapi_edits", "mount_openapi_edits")
"""Kinds that are called once in the life of an application."""


@cache
def parts() -> tuple[Part, ...]:
    """Return every part of a plan with everything on."""
    return tuple(parts_of(planned(whole_shop(), everything(Path("nowhere")))))


SINGLE = [part for part in parts() if part.component]
KINDS = {kind: tuple(found) for kind, found in groupby(parts(), lambda one: one.kind)}


@dataclass(frozen=True)
class Seen:
    """What happened outside of steadfastapi."""

    answers: dict[str, Answer]
    done: list[str]
    """What endpoints and background tasks did."""


@pytest.fixture(scope="module")
def backends() -> Iterator[dict[str, str]]:
    """Return addresses of a Sentry and a collector that work."""
    with SentryReceiver() as sentry, OtlpReceiver() as collector:
        yield {"dsn": sentry.dsn, "collector": collector.endpoint}


async def _asked(app: FastAPI, requests: Iterable[str], documents: bool) -> Seen:
    chosen = {name: REQUESTS[name] for name in requests}
    chosen |= DOCUMENTS if documents else {}
    app.state.done.clear()
    answers = {
        name: Answer.of(await drive(AsgiValidator(app)))
        for name, drive in chosen.items()
    }
    return Seen(answers, list(app.state.done))


async def _lived(
    app: FastAPI,
    faults: Iterable[Fault],
    causes: Iterable[str],
    requests: Iterable[str],
    documents: bool,
) -> list[Seen]:
    """Return what was seen with each cause, in one life of the application."""
    seen = []
    async with app.router.lifespan_context(app):
        for cause in causes:
            for fault in faults:
                fault._cause = CAUSES[cause]
            seen.append(await _asked(app, requests, documents))
    return seen


@pytest.fixture(scope="module")
def control(backends: Any, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Return what is seen of a healthy application, and of a bare one."""
    keywords = everything(tmp_path_factory.mktemp("control"), **backends)
    # As for each test: of the functions that others have decorated, none counts here.
    _unavailable._Use.possible = False
    with spoilt(healthy := whole_shop(), keywords, {}), internal_errors() as counted:
        (with_contract,) = asyncio.run(_lived(healthy, (), ["-"], REQUESTS, True))
    (bare,) = asyncio.run(_lived(whole_shop(), (), ["-"], REQUESTS, False))

    assert {} == counted
    assert with_contract.done == bare.done
    left_alone = {
        name: answer for name, answer in bare.answers.items() if name not in DEFINED
    }
    return replace(with_contract, answers=with_contract.answers | left_alone)


def check(
    spoilt_parts: Iterable[Part],
    lives: Iterable[tuple[str, ...]],
    requests: Iterable[str],
    keywords: dict[str, Any],
    control: Seen,
) -> None:
    """Assert that parts that fail change nothing, and are counted by their names.

    Args:
        spoilt_parts: What fails.
        lives: The causes of each life of an application.
        requests: Names of what it is asked.
        keywords: Of `configure`.
        control: What is seen where nothing fails.
    """
    for causes in lives:
        faults = {part: Fault(CAUSES[causes[0]]) for part in spoilt_parts}
        documents = any("openapi" in part.kind for part in faults)
        app = whole_shop()
        with internal_errors() as counted, spoilt(app, keywords, faults):
            lived = _lived(app, faults.values(), causes, requests, documents)
            found = asyncio.run(lived)

        for cause, seen in zip(causes, found, strict=True):
            for name, answer in seen.answers.items():
                expected = control.answers[name]
                where = (cause, name)
                assert (where, expected.messages) == (where, answer.messages)
                assert (where, expected.exception) == (where, answer.exception)
                assert (where, 1) == (where, answer.request_ids)
            assert (control.done if "background" in requests else []) == seen.done
        expected_counts: Counter[str] = Counter()
        for part, fault in faults.items():
            if part.component:
                assert (str(part), True) == (str(part), fault.calls > 0)
                expected_counts[part.component] += fault.calls
        assert expected_counts == counted


@pytest.mark.parametrize("kind", KINDS)
def test_all_parts_of_a_kind_fail_and_no_answer_changes(
    kind: str, backends: Any, control: Seen, tmp_path: Path
) -> None:
    """Each part meets each of the five causes; every failure is counted by its name."""
    once = kind.startswith(ONCE)
    lives = [(cause,) for cause in CAUSES] if once else [tuple(CAUSES)]
    requests = SHORT if once else REQUESTS
    # A part that fails instead of working hides what it would do.
    for variant in sorted({part.variant for part in KINDS[kind]}):
        chosen = [part for part in KINDS[kind] if part.variant == variant]
        check(chosen, lives, requests, everything(tmp_path, **backends), control)


CAUSE_OF = dict(zip(SINGLE, list(CAUSES) * len(SINGLE), strict=False))
"""One for each, so that neighbours have different ones."""


@pytest.mark.proof
@pytest.mark.parametrize("part", [one for one in SINGLE if not one.variant], ids=str)
def test_a_part_that_fails_alone_changes_no_answer(
    part: Part, backends: Any, control: Seen, tmp_path: Path
) -> None:
    """What others make of its silence is harmless too: nobody else fails."""
    keywords = everything(tmp_path, **backends)
    check([part], [(CAUSE_OF[part],)], SHORT, keywords, control)


@pytest.mark.soak
@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("part", SINGLE, ids=str)
def test_each_part_alone_for_each_cause(
    part: Part, cause: str, backends: Any, control: Seen, tmp_path: Path
) -> None:
    """The whole matrix, every request, every way of failing."""
    check([part], [(cause,)], REQUESTS, everything(tmp_path, **backends), control)


def test_every_field_of_a_plan_is_known() -> None:
    """A field that is new fails here, until somebody says what a fault in it is."""
    known = FINDERS.keys() | INERT.keys()

    assert {field.name for field in fields(Plan)} == known
    assert FINDERS.keys().isdisjoint(INERT)


def test_a_new_layer_is_covered_by_itself() -> None:
    """Whatever it registers is in the matrix, by its own name."""

    class Fresh:
        name = "fresh"

        def contribute(self, plan: Plan) -> None:
            plan.on_start(lambda exchange: None)
            plan.observe(print)
            plan.log_tap(print)
            plan.lifespan(LifespanPart(name="fresh", start=print))

    keywords = everything(Path("nowhere"))
    fresh = parts_of(planned(whole_shop(), keywords | {"extra": [Fresh()]}))
    new = Counter(part.component for part in fresh)
    new -= Counter(part.component for part in parts())

    assert {
        "fresh.start": 3,
        "fresh.observer": 2,
        "logs.tap": 1,
        "lifespan.fresh": 1,
    } == new


def test_no_layer_stays_out_of_the_matrix() -> None:
    """Each that registers callables has one here."""
    names = {part.component.partition(".")[0] for part in SINGLE}
    contract_and_limits = {"openapi", "lifespan"}

    assert contract_and_limits < names
    assert {"logs", "tracing", "sentry", "inbox", "slo", "console", "metrics"} <= names


def test_a_check_with_a_bug_stops_no_start(tmp_path: Path, backends: Any) -> None:
    """Only a mistake in the configuration does, as `Plan.check` says."""
    app, fault = whole_shop(), Fault(CAUSES["ValueError"])
    check_all = Part("checks", "ours", "", lambda plan, it: plan.check(it))
    keywords = everything(tmp_path, **backends)

    with internal_errors() as counted, spoilt(app, keywords, {check_all: fault}):
        asyncio.run(_lived(app, (), ["-"], ["json"], documents=False))

    assert 1 == sum(counted.values())
