"""Objectives for tests, and applications that keep or break them."""

from pathlib import Path

from fastapi import FastAPI

from steadfastapi import Stack, configure
from steadfastapi.slo.declared import SLO
from steadfastapi.slo.handle import SLOHandle
from steadfastapi.slo.layer import SLOs
from steadfastapi.slo.objective import Objective

ROOT = Path(__file__).parents[2]
AVAILABILITY = Objective(name="availability", percent=99.9, kind="availability")
LATENCY = Objective(name="latency", percent=99, kind="latency", threshold=0.25)
EVENTS = Objective(name="mail", percent=99.5, kind="events")
SPEC = """
service: api
slos:
- {name: availability, objective: 99.9, sli: {kind: availability}}
- name: latency
  objective: 99
  sli: {kind: latency, threshold: 0.25, exclude_handlers: ["/events"]}
- {name: mail, objective: 99.5, window: 28d, sli: {kind: events}}
- name: batch
  objective: 95
  min_bad_events: 1
  above_4x: false
  labels: {team: data}
  sli:
    kind: raw
    error_query: sum(rate(failed{queue="a"}[{{.window}}]))
    total_query: sum(rate(done{queue="a"}[{{.window}}]))
defaults: {labels: {team: core}, runbook: https://wiki.example}
"""
"""One objective of each kind."""


def promising(app: FastAPI, *slos: SLO, file: Path | None = None) -> Stack:
    """Configure an application with objectives, and nothing that opens a file."""
    layer = SLOs(slos=slos, file=file)
    return configure(app, tracing=False, sentry=False, slo=layer)


def handle_of(stack: Stack) -> SLOHandle:
    """Return `stack.slo`."""
    handle: SLOHandle = stack.plan.handles["slo"]
    return handle
