"""`python -m benchmarks.readme build/bench.json`: the figures of a run in the README.

Writes between two markers, indented as the first one is, so that no figure is copied by
hand and none is older than its date.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.compositions import BARE, LIMITS, SLOWAPI, STEADFAST, USUAL
from benchmarks.compositions import USUAL_SENTRY as BASE

if TYPE_CHECKING:
    from collections.abc import Iterator

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
BLOCK = re.compile(rf"^([ \t]*){BEGIN}\n.*?^[ \t]*{END}$", re.DOTALL | re.MULTILINE)
ROWS = {
    BASE: "structlog, Instrumentator, OpenTelemetry, SlowAPI and Sentry, wired as "
    "their tutorials do",
    USUAL: "the same without Sentry",
    "lite_bootstrap": "lite-bootstrap",
    "logfire": "logfire, without its backend",
    "flare": "fastapi-flare",
    STEADFAST: "**steadfastapi, everything on, every request traced**",
    "steadfast_limit": "the same, and one limit",
    "steadfast_tenth": "the same, one trace in ten",
    SLOWAPI: "`SlowAPIMiddleware` alone",
    LIMITS: "steadfastapi with limits alone",
}
PACKAGES = ("fastapi", "logfire", "lite-bootstrap", "fastapi-flare", "sentry-sdk")


def block(figures: dict[str, Any]) -> str:
    """Return the table and what has to be said about it, in Markdown.

    Args:
        figures: The JSON document of `python -m benchmarks`.
    """
    return "\n".join(
        [*_table(figures), "", " ".join([*_method(figures), *_verdict(figures)])]
    )


def replace(text: str, new: str) -> str:
    """Return the text with what is between the markers replaced.

    Raises:
        ValueError: There is not exactly one pair of markers.
    """
    if len(BLOCK.findall(text)) != 1:
        raise ValueError(f"Write {BEGIN} and {END} once, on lines of their own.")

    def indented(found: re.Match[str]) -> str:
        margin = found.group(1)
        lines = [BEGIN, *new.splitlines(), END]
        return "\n".join(f"{margin}{line}" if line else "" for line in lines)

    return BLOCK.sub(indented, text)


def _table(figures: dict[str, Any]) -> Iterator[str]:
    found = {(row["composition"], row["routes"]): row for row in figures["per_request"]}
    numbers = _numbers(figures)
    rates = {
        row["composition"]: row["rate"]
        for row in figures["throughput"]
        if row["workers"] == 1
    }
    heads = [f"added, {_routes(number)} | " for number in numbers]
    yield f"| | {' | '.join(heads)} |{' requests/s |' if rates else ''}"
    yield "| --- |" + " ---: | ---: |" * len(numbers) + (" ---: |" if rates else "")
    if rates:
        empty = " | |" * len(numbers)
        yield f"| bare FastAPI |{empty} {_rate(rates, BARE)} |"
    for name, title in ROWS.items():
        rows = [found.get((name, number)) for number in numbers]
        if any(row is None for row in rows):
            continue
        cells = [
            cell
            for row in rows
            if row is not None
            for cell in (f"{row['added']:,.0f} µs", _share(row["of_usual_sentry"]))
        ]
        cells += [_rate(rates, name)] if rates else []
        yield f"| {title} | {' | '.join(cells)} |"


def _method(figures: dict[str, Any]) -> Iterator[str]:
    machine, effort = figures["machine"], figures["effort"]
    bare = [
        row
        for row in figures["per_request"]
        if row["composition"] == BARE and row["routes"] in _numbers(figures)
    ]
    of_bare = " and ".join(f"{row['best']:,.0f}" for row in bare)
    versions = ", ".join(
        f"{name} {machine['versions'][name]}"
        for name in PACKAGES
        if name in machine["versions"]
    )
    yield (
        "Processor time that one request costs beyond bare FastAPI "
        f"({of_bare} µs), the best of {effort['rounds']} alternating rounds; "
        "written by `make bench` on "
        f"{machine['date']}: {machine['cores']} cores ({machine['processor']}), Python "
        f"{machine['python']}, {versions}."
    )
    if figures["throughput"]:
        yield "Requests per second: uvicorn, one worker, wrk on the same machine."


def _verdict(figures: dict[str, Any]) -> Iterator[str]:
    judged = [one for one in figures["budgets"] if one["judged"]]
    over = [_limit(one, "bound") for one in judged if not one["kept"]]
    missed = [_limit(one, "goal") for one in judged if not one["reached"]]
    yield (
        f"Over our own bound: {'; '.join(over)}."
        if over
        else ("Every bound that we have set ourselves is kept.")
    )
    if missed:
        yield f"Short of our goal: {'; '.join(missed)}."


def _limit(one: dict[str, Any], name: str) -> str:
    sign = "at least" if one["least"] else "at most"
    measured = f"{one['measured']:.3g} {one['unit']}"
    return f"{one['what']}, {measured} ({sign} {one[name]:g})"


def _numbers(figures: dict[str, Any]) -> list[int]:
    """Return the smallest and the largest number of routes."""
    numbers = {row["routes"] for row in figures["per_request"]}
    return sorted({min(numbers), max(numbers)})


def _routes(number: int) -> str:
    return "1 route" if number == 1 else f"{number} routes"


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.2f} ×"


def _rate(rates: dict[str, float], name: str) -> str:
    return f"{rates[name]:,.0f}" if name in rates else ""


def main() -> None:
    """Write the figures into the README, or print them where it has no place."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.readme")
    parser.add_argument("figures", type=Path, help="build/bench.json")
    parser.add_argument("readme", type=Path, nargs="?", default=Path("README.md"))
    given = parser.parse_args()
    figures = json.loads(given.figures.read_text(encoding="utf-8"))
    text = given.readme.read_text(encoding="utf-8")
    given.readme.write_text(replace(text, block(figures)), encoding="utf-8")
    print(given.readme)


if __name__ == "__main__":
    main()
