"""Every callable that a layer puts into a plan, found there, and made to fail."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest
from fastapi import FastAPI

from steadfastapi import Plan, Stack, _apply, _configure, configure
from steadfastapi._lifespan import LifespanPart
from support.sabotage import Fault

Spoil = Callable[[Plan, Fault], None]


@dataclass(frozen=True)
class Part:
    """One callable of a plan.

    Args:
        kind: The field of the plan that holds it, and how it is used.
        name: Tells it from others of its kind.
        component: What counts its failures; empty where nobody contains them.
        spoil: Puts a fault in its place.
    """

    kind: str
    name: str
    component: str
    spoil: Spoil
    variant: str = ""
    """The way in which it fails: instead of its work, unless this says otherwise."""

    def __str__(self) -> str:
        return f"{self.kind}: {self.name} {self.variant}".rstrip()


class _PlannedError(Exception):
    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan


def planned(app: FastAPI, keywords: Mapping[str, Any]) -> Plan:
    """Return what all layers want, without applying it."""

    def stop(_: FastAPI, plan: Plan) -> Any:
        raise _PlannedError(plan)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_configure, "apply", stop)
        try:
            configure(app, **keywords)
        except _PlannedError as made:
            return made.plan
    raise AssertionError("configure() did not apply its plan")


@contextmanager
def spoilt(
    app: FastAPI, keywords: Mapping[str, Any], parts: Mapping[Part, Fault]
) -> Iterator[Stack]:
    """Configure an application some of whose parts are faults."""
    apply = _apply.apply

    def spoil(app: FastAPI, plan: Plan) -> Any:
        for part, fault in parts.items():
            part.spoil(plan, fault)
        return apply(app, plan)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_configure, "apply", spoil)
        stack = configure(app, **keywords)
    try:
        yield stack
    finally:
        stack.shutdown(2)


def parts_of(plan: Plan) -> list[Part]:
    """Return every part of a plan.

    Raises:
        KeyError: A field of `Plan` is new, and nobody said here what it holds.
    """
    found: list[Part] = []
    for one in fields(Plan):
        if one.name not in INERT:
            found += FINDERS[one.name](one.name, getattr(plan, one.name))
    return found


def _watchers(kind: str, pairs: list[tuple[str, Any]]) -> Iterator[Part]:
    for index, (component, watch) in enumerate(pairs):

        def instead(plan: Plan, fault: Fault, index: int = index) -> None:
            getattr(plan, kind)[index] = (getattr(plan, kind)[index][0], fault)

        def afterwards(plan: Plan, fault: Fault, index: int = index) -> None:
            component, works = getattr(plan, kind)[index]
            getattr(plan, kind)[index] = (component, _works_first(works, fault))

        name = f"{component} ({index} {_name(watch)})"
        yield Part(kind, name, component, instead)
        yield Part(kind, name, component, afterwards, "after its work")
        if kind == "_start":
            yield Part(kind, name, component, _undo(index), "its undo")


def _undo(index: int) -> Spoil:
    def spoil(plan: Plan, fault: Fault) -> None:
        component, watch = plan._start[index]

        def start(exchange: Any) -> Any:
            undo = watch(exchange)
            return _works_first(undo or (lambda: None), fault)

        plan._start[index] = (component, start)

    return spoil


def _works_first(works: Callable[..., Any], fault: Fault) -> Callable[..., Any]:
    def run(*args: Any, **keywords: Any) -> Any:
        works(*args, **keywords)
        return fault()

    return run


def _listed(component: str) -> Callable[[str, list[Any]], Iterator[Part]]:
    def parts(kind: str, listed: list[Any]) -> Iterator[Part]:
        for index, one in enumerate(listed):

            def spoil(plan: Plan, fault: Fault, index: int = index) -> None:
                getattr(plan, kind)[index] = fault

            yield Part(kind, f"{index} {_name(one)}", component, spoil)

    return parts


def _edits(kind: str, listed: list[Any]) -> Iterator[Part]:
    """Edits fail after their work, so that the document is the same."""
    for index, one in enumerate(listed):

        def spoil(plan: Plan, fault: Fault, index: int = index) -> None:
            edits = getattr(plan, kind)
            edits[index] = _works_first(edits[index], fault)

        yield Part(kind, f"{index} {_name(one)}", "openapi", spoil)


def _lifespans(kind: str, listed: list[Any]) -> Iterator[Part]:
    for index, part in enumerate(listed):
        for moment in ("start", "stop"):
            if getattr(part, moment) is None:
                continue

            def spoil(
                plan: Plan, fault: Fault, index: int = index, moment: str = moment
            ) -> None:
                part = plan.lifespan_parts[index]
                # What is not stopped would go on in the tests that follow.
                late = _works_first(getattr(part, moment), fault)
                failing = late if moment == "stop" else fault
                plan.lifespan_parts[index] = _with(part, moment, failing)

            name = f"{part.name}, {moment}"
            yield Part(f"{kind}.{moment}", name, f"lifespan.{part.name}", spoil)


def _with(part: LifespanPart, moment: str, failing: Any) -> LifespanPart:
    changed: dict[str, Any] = {moment: failing}
    return replace(part, **changed)


def _pages(kind: str, listed: list[Any]) -> Iterator[Part]:
    for index, page in enumerate(listed):

        def spoil(plan: Plan, fault: Fault, index: int = index) -> None:
            plan.pages[index].app = fault

        yield Part(kind, f"{index} {page.path}", "", spoil)


def _areas(kind: str, areas: Mapping[str, Any]) -> Iterator[Part]:
    for path in areas:

        def spoil(plan: Plan, fault: Fault, path: str = path) -> None:
            plan.areas[path] = fault

        yield Part(kind, path, "", spoil)


def _meter(kind: str, meter: Any) -> Iterator[Part]:
    def spoil(plan: Plan, fault: Fault) -> None:
        plan.meter.connect(type("Families", (), {"child": fault})())

    yield Part(kind, "its families", "meter", spoil)


FINDERS: dict[str, Callable[[str, Any], Iterator[Part]]] = {
    "_start": _watchers,
    "_error": _watchers,
    "_response": _watchers,
    "_finish": _watchers,
    "lifespan_parts": _lifespans,
    "log_processors": _listed("logs.processor"),
    "log_taps": _listed("logs.tap"),
    "trails": _listed("inbox.trail"),
    "openapi_edits": _edits,
    "mount_openapi_edits": _edits,
    "pages": _pages,
    "areas": _areas,
    "meter": _meter,
}
"""How to find the parts in each field of `Plan`."""
INERT: dict[str, str] = {
    "service": "plain data",
    "app": "the application itself",
    "layer": "a name",
    "quiet_prefixes": "texts",
    "quiet_pages": "texts",
    "problems": "texts",
    "warnings": "texts",
    "contributions": "plain data",
    "telemetry": "settings; `tracing.exclude` is the guarded callable in them",
    "handles": "called by user code, never by a request",
    "pieces": "ASGI middleware: an exception in it is mostly the application's own, so "
    "the guards stand inside; `tests/test_never_break.py` has them by name",
    "contract": "what the answers to errors are; without it there is nothing to keep",
    "set_ups": "run by `configure`, before anything is served",
    "checks": "stop the start on purpose",
}
"""Fields of `Plan` without a callable that a request could meet, and why."""


def _name(function: Any) -> str:
    name: str = getattr(function, "__qualname__", type(function).__name__)
    return name.rpartition("<locals>.")[2]
