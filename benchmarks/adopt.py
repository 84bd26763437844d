"""Run a test suite without and with `configure(app)`, and print the differences.

    python benchmarks/adopt.py app.main:app
    python benchmarks/adopt.py app.main:create_app --tests tests/api -- -x -k users

Run it where you run pytest, with the Python of your application, in which steadfastapi
is installed. Nothing of the application is changed: a pytest plugin calls `configure`
once your tests have imported it. Exit status: 0 when nothing differs; 1 when a test,
a response or a warning does, beyond what the error contract promises; 2 when there is
nothing to compare, with what to write instead.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if __package__ in (None, ""):  # run by its path, from somebody else's folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from rich.console import Console

from benchmarks.adoption.compare import Differences, compare
from benchmarks.adoption.run import AdoptionError, Run, run
from benchmarks.adoption.tables import show

if TYPE_CHECKING:
    from collections.abc import Sequence

EQUAL, DIFFERENT, UNUSABLE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status."""
    options = _options(arguments)
    console = Console()
    try:
        _check(options.target)
        without, with_it, found = _compared(options)
    except AdoptionError as error:
        Console(stderr=True).print(
            str(error), markup=False, highlight=False, soft_wrap=True
        )
        return UNUSABLE
    show(console, without, with_it, found, every=options.all)
    if options.json is not None:
        document = asdict(found) | {
            "tests_run": len(with_it.tests),
            "requests": len(with_it.exchanges),
            "seconds": {"without": without.seconds, "with": with_it.seconds},
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return DIFFERENT if found else EQUAL


def _compared(options: argparse.Namespace) -> tuple[Run, Run, Differences]:
    """Run the suite twice; a third time if that is what it takes to know."""
    given = (options.target, options.tests, options.pytest)
    with Console(stderr=True).status("the tests, without steadfastapi") as status:
        without = run(*given, configure=False)
        status.update("the tests, with steadfastapi")
        with_it = run(*given, configure=True)
        found = compare(without, with_it)
        if found:
            status.update("the tests, without steadfastapi once more")
            again = run(*given, configure=False)
            found = found.less(compare(without, again))
    return without, with_it, found


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    given = list(sys.argv[1:] if arguments is None else arguments)
    # argparse would take what follows `--` as further targets.
    end = given.index("--") if "--" in given else len(given)
    parser = argparse.ArgumentParser(
        prog="adopt.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s module:app [--tests PATH …] [--all] [--json FILE] "
        "[-- pytest arguments]",
    )
    parser.add_argument(
        "target", metavar="module:app", help="as your tests import it, or a factory"
    )
    parser.add_argument(
        "--tests", nargs="+", default=[], metavar="PATH", help="pytest's choice if none"
    )
    parser.add_argument("--all", action="store_true", help="list every test")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write them too")
    options = parser.parse_args(given[:end])
    options.pytest = given[end + 1 :]
    return options


def _check(target: str) -> None:
    """Refuse what names no application, before any test is run."""
    module, colon, attribute = target.partition(":")
    if "/" in module or module.endswith(".py"):
        parts = Path(module).with_suffix("").parts
        dotted = ".".join(part for part in parts if part not in ("/", ".", ".."))
        written = f"{dotted}:{attribute or 'app'}"
        raise AdoptionError(f"{target!r} is a path: write {written} instead.")
    if not (module and colon and attribute):
        raise AdoptionError(
            f"{target!r} does not name an application: write module:app as your tests "
            f"import it, e.g. {module or 'main'}:{attribute or 'app'}, or a factory, "
            f"e.g. {module or 'main'}:create_app."
        )


if __name__ == "__main__":
    sys.exit(main())
