"""What the command line says: what is measured, and how much."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.compositions import BARE, COMPOSITIONS, SHORT, USUAL, USUAL_SENTRY

DEFAULT_JSON = Path("build/bench.json")
LIMITED = ("steadfast_limit", "steadfast_tenth")
SHORT_HTTP = (BARE, USUAL, USUAL_SENTRY, "steadfast")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options; what is not given depends on `--full`."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="What steadfastapi costs, beside bare FastAPI, the usual "
        "composition of tools and other libraries. Exit status 1: a bound of the "
        "design is exceeded; a goal that is not reached is only named.",
    )
    parser.add_argument("--full", action="store_true", help="everything, in an hour")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help=f"by default {DEFAULT_JSON}"
    )
    parser.add_argument(
        "--lenient", action="store_true", help="exit status 0 also over a bound"
    )
    parser.add_argument("--rounds", type=int, help="in-process")
    parser.add_argument("--requests", type=int, default=80, help="of one round")
    parser.add_argument("--starts", type=int, help="fresh processes each")
    parser.add_argument("--http-rounds", type=int, help="0: nothing over HTTP")
    parser.add_argument(
        "--routes", type=_numbers, help="numbers of routes, separated by commas"
    )
    parser.add_argument(
        "--compositions",
        type=_names,
        help=f"of {', '.join(COMPOSITIONS)}; {BARE} is always among them",
    )
    parser.add_argument(
        "--instructions",
        nargs="*",
        choices=list(COMPOSITIONS),
        metavar="COMPOSITION",
        help="only count instructions, of these or of all; needs valgrind",
    )
    options = parser.parse_args(arguments)
    _fill(options)
    return options


def _fill(options: argparse.Namespace) -> None:
    """Set what was not given: much for `--full`, little otherwise."""
    full = options.full
    every = list(COMPOSITIONS if full else SHORT)
    defaults = {
        "json": DEFAULT_JSON,
        "rounds": 60 if full else 20,
        "starts": 15 if full else 4,
        "http_rounds": 7 if full else 3,
        "http_seconds": 5 if full else 2,
        "http_workers": (1, 4) if full else (1,),
        "http_names": [*SHORT, *LIMITED] if full else list(SHORT_HTTP),
        "counted": [*SHORT, *LIMITED] if full else [],
        "routes": [1, 50, 200] if full else [1, 200],
        "compositions": every,
    }
    if options.instructions is not None:
        defaults["routes"] = [1]
    for name, value in defaults.items():
        if getattr(options, name, None) is None:
            setattr(options, name, value)
    options.http_names = [n for n in options.http_names if n in options.compositions]
    options.counted = [n for n in options.counted if n in options.compositions]


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _names(text: str) -> list[str]:
    given = text.split(",")
    unknown = [name for name in given if name not in COMPOSITIONS]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}")
    return [name for name in COMPOSITIONS if name in given or name == BARE]
