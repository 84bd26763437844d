"""Every series that dashboards and rules may read, by name."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from steadfastapi.signals import FAMILIES, Family, Naming, named

ALERT_SERIES = ("ALERTS", "ALERTS_FOR_STATE")
TEMPO_SERIES = ("traces_spanmetrics_calls_total",)
"""Counted by Tempo."""
_SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_count", "_sum"),
    "summary": ("_count", "_sum"),
}


@dataclass(frozen=True, slots=True)
class Known:
    """One series of a family.

    Args:
        family: As `signals` has it.
        spelt: As the naming has it.
        counts: Whether it only rises, so that it is read through `rate`.
    """

    family: Family
    spelt: Family
    counts: bool


@functools.cache
def series(naming: Naming) -> dict[str, Known]:
    """Return each series of our families in a naming."""
    return {
        f"{spelt.name}{suffix}": Known(family, spelt, suffix != "")
        for family in FAMILIES
        if (spelt := named(family, naming)) is not None
        for suffix in _SUFFIXES[spelt.kind]
    }
