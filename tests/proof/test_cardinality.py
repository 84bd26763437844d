"""SEC-7: what clients choose makes no series, and every family has an end."""

import asyncio
import random
import string
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from steadfastapi import SLO, Limits, SLOs, configure
from steadfastapi._stack import Stack
from steadfastapi.metrics import registry
from steadfastapi.metrics.registry import Families
from steadfastapi.signals import FAMILIES, LABEL_OVERFLOW, Family
from support.proof_requests import once

REQUESTS = 10_000
CAP = 2_000
"""Label sets of a family (SEC-7)."""
ALPHABET = string.ascii_letters + string.digits + "-._~%"
KNOWN = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE")


def _word(dice: random.Random, least: int = 1, most: int = 40) -> str:
    return "".join(dice.choices(ALPHABET, k=dice.randint(least, most)))


def _anywhere(dice: random.Random) -> tuple[str, str]:
    return _word(dice).upper() + "X", f"/{_word(dice)}/{_word(dice)}"


def _wrong_method(dice: random.Random) -> tuple[str, str]:
    return _word(dice).upper() + "X", "/items/7"


def _known_route(dice: random.Random) -> tuple[str, str]:
    return "GET", f"/items/{_word(dice).replace('/', '')}"


def _below_a_mount(dice: random.Random) -> tuple[str, str]:
    return "GET", f"/sub/{_word(dice)}"


STREAMS: dict[str, Callable[[random.Random], tuple[str, str]]] = {
    "any method, any path": _anywhere,
    "any method on a route": _wrong_method,
    "any value in a path": _known_route,
    "any path below a mount": _below_a_mount,
}


def _configured() -> tuple[FastAPI, Stack]:
    app, sub = FastAPI(), FastAPI()
    app.get("/items/{item}")(lambda item: item)
    app.mount("/sub", sub)
    promise = SLOs(slos=(SLO(availability=99.9, latency=(0.25, 99.0)),))
    limits = Limits(default=("1000000/minute",))
    off: dict[str, Any] = dict.fromkeys(
        ("logs", "tracing", "sentry", "inbox", "console"), False
    )
    return app, configure(app, slo=promise, limits=limits, **off)


def _label_sets(stack: Stack) -> dict[str, set[frozenset[tuple[str, str]]]]:
    """Return the label sets of each sample; buckets count once."""
    found: dict[str, set[frozenset[tuple[str, str]]]] = {}
    for family in stack.metrics.registry.collect():
        for sample in family.samples:
            labels = {k: v for k, v in sample.labels.items() if k != "le"}
            found.setdefault(sample.name, set()).add(frozenset(labels.items()))
    return found


@pytest.mark.parametrize("name", STREAMS)
def test_random_requests_add_one_label_set_at_most(name: str) -> None:
    """10⁴ methods, paths, hosts and headers in all, as an attacker chooses them."""
    dice = random.Random(name)
    app, stack = _configured()

    async def ask() -> None:
        for _ in range(REQUESTS // len(STREAMS)):
            method, path = STREAMS[name](dice)
            headers = [
                (one, _word(dice).encode())
                for one in (b"host", b"user-agent", b"x-forwarded-for", b"traceparent")
            ]
            await once(app, method, path, headers, client=f"10.0.0.{dice.randrange(9)}")

    asyncio.run(once_before(app))
    before = _label_sets(stack)
    asyncio.run(ask())
    after = _label_sets(stack)

    assert before.keys() <= after.keys()
    assert {} == {
        sample: new
        for sample, sets in after.items()
        if len(new := sets - before.get(sample, set())) > 1
    }


async def once_before(app: FastAPI) -> None:
    """Send what every service has seen: so much is there before."""
    for path in ("/items/7", "/nowhere", "/sub/nowhere"):
        await once(app, "GET", path, [])


def test_known_methods_are_the_only_ones() -> None:
    """However many there are, a family has ten."""
    app, stack = _configured()
    dice = random.Random(7)

    async def ask() -> None:
        for number in range(500):
            method = dice.choice([*KNOWN, _word(dice).upper(), f"M{number}"])
            await once(app, method, "/items/7", [])

    asyncio.run(ask())
    (methods,) = [
        {dict(labels).get("method") for labels in sets}
        for sample, sets in _label_sets(stack).items()
        if sample == "http_requests_total"
    ]

    assert methods == {*KNOWN, "OTHER"}


OPEN = [one for one in FAMILIES if one.labels and one is not LABEL_OVERFLOW]
"""The one that is left out counts by the names of the others."""


@pytest.mark.parametrize("family", OPEN, ids=lambda family: family.name)
def test_every_family_has_an_end(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever family, also of a layer that is new; with a small cap, for speed."""
    monkeypatch.setattr(registry, "MAX_LABEL_SETS", 100)
    monkeypatch.setattr(registry, "KEPT_FOR_OTHER", 10)

    assert 80 < grown(family, 150) <= 100


def test_a_family_ends_at_two_thousand() -> None:
    """The real cap."""
    (family,) = [one for one in FAMILIES if one.name == "business_events"]

    assert CAP - 200 < grown(family, CAP + 500) <= CAP


def grown(family: Family, times: int) -> int:
    """Return how many label sets a family has after so many different ones."""
    families = Families("default", CollectorRegistry())
    for number in range(times):
        families.child(family, *(f"{label}{number}" for label in family.labels))
    sets = {
        frozenset((name, text) for name, text in sample.labels.items() if name != "le")
        for metric in families._metrics[family.name].collect()
        for sample in metric.samples
    }
    return len(sets)
