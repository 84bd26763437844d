"""`steadfastapi inbox …`: the error inbox on the command line."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from steadfastapi.inbox import addresses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steadfastapi.inbox.store import Store

DEFAULT_URL = addresses.DEFAULT
SHOWN_ENTRIES = 5

inbox = typer.Typer(
    help="Look at the errors of an application, and resolve them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Url = Annotated[
    str,
    typer.Option(envvar="STEADFAST_INBOX_URL", help="Where the errors are kept."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Ids = Annotated[list[str], typer.Argument(metavar="ISSUE...", help="Ids of issues.")]
Search = Annotated[str, typer.Option(help="Words that must all be found.")]


@inbox.command("list")
def list_issues(  # noqa: PLR0913 - one option a filter
    *,
    url: Url = DEFAULT_URL,
    state: Annotated[
        str, typer.Option(help="open, resolved, ignored or all.")
    ] = "open",
    level: Annotated[str, typer.Option(help="error or warning.")] = "",
    event: Annotated[str, typer.Option(help="E.g. unhandled_exception.")] = "",
    route: Annotated[str, typer.Option(help="Template of a route.")] = "",
    search: Search = "",
    sort: Annotated[
        str, typer.Option(help="last_seen, first_seen or count.")
    ] = "last_seen",
    limit: Annotated[int, typer.Option(help="How many, 200 at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List issues, the latest first."""
    from steadfastapi.inbox.query import known  # noqa: PLC0415 - not for --help

    with _store(url) as store:
        query = known(
            state=None if state == "all" else state,
            level=level or None,
            event=event or None,
            route=route or None,
            search=search,
            sort=sort,
            limit=limit,
        )
        page = store.issues(query)
    if as_json:
        _print_json({"items": [asdict(one) for one in page.items], "next": page.next})
        return
    from steadfastapi.cli.inbox_tables import issues_table  # noqa: PLC0415

    issues_table(page.items)


@inbox.command()
def show(
    issue: Annotated[str, typer.Argument(help="Id of an issue.")],
    *,
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Show an issue and its latest entry; ends with 1 if there is none."""
    from steadfastapi.inbox.query import Query  # noqa: PLC0415 - not for --help

    with _store(url) as store:
        query = Query(issue=issue, limit=SHOWN_ENTRIES)
        found = store.issue(issue)
        entries = store.entries(query).items
    if found is None:
        typer.echo(f"There is no issue {issue}.", err=True)
        raise typer.Exit(1)
    if as_json:
        latest = [entry.as_dict() for entry in entries]
        _print_json({"issue": asdict(found), "entries": latest})
        return
    from steadfastapi.cli.inbox_tables import issue_page  # noqa: PLC0415

    issue_page(found, entries)


@inbox.command()
def resolve(
    issues: Ids,
    *,
    url: Url = DEFAULT_URL,
    release: Annotated[
        str, typer.Option(help="Which has the cure: older ones do not reopen them.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Resolve issues; ends with 1 if one of them is unknown."""
    with _store(url) as store:
        count = store.set_state(issues, "resolved", release=release or None)
    if as_json:
        _print_json({"resolved": count})
    else:
        typer.echo(f"{count} of {len(issues)} resolved.")
    raise typer.Exit(0 if count == len(issues) else 1)


@inbox.command()
def export(
    *,
    url: Url = DEFAULT_URL,
    issue: Annotated[str, typer.Option(help="Entries of this issue only.")] = "",
    search: Search = "",
) -> None:
    """Print entries as JSON, one a line, the newest first."""
    from steadfastapi.inbox.query import Query  # noqa: PLC0415 - not for --help

    with _store(url) as store:
        cursor = None
        while True:
            query = Query(issue=issue or None, search=search, cursor=cursor, limit=200)
            page = store.entries(query)
            for entry in page.items:
                sys.stdout.write(f"{entry.as_json().decode()}\n")
            cursor = page.next
            if cursor is None:
                return


@inbox.command("import-flare")
def import_from_flare(
    file: Annotated[Path, typer.Argument(help="The SQLite file of fastapi-flare.")],
    *,
    url: Url = DEFAULT_URL,
) -> None:
    """Copy what fastapi-flare has kept; its file is only read."""
    from steadfastapi.inbox.flare_import import import_flare  # noqa: PLC0415

    if not file.is_file():
        _fail(f"There is no file {file}.")
    with _store(url, make=True) as store:
        copied, resolved = import_flare(file, store)
    typer.echo(f"{copied} entries copied, {resolved} issues resolved.")


@inbox.command()
def copy(
    target: Annotated[str, typer.Argument(help="Where they go: postgresql://…")],
    *,
    url: Url = DEFAULT_URL,
) -> None:
    """Copy entries, and the states of issues, into another store."""
    from steadfastapi.inbox import copying  # noqa: PLC0415 - not for --help

    with _store(url) as source, _store(target, make=True) as into:
        copied, changed = copying.copy(source, into)
    typer.echo(f"{copied} entries copied, {changed} issues resolved or ignored.")


@contextmanager
def _store(url: str, *, make: bool = False) -> Iterator[Store]:
    """Yield the store of an address; end with 2 when something is wrong with it."""
    from steadfastapi.exceptions import SteadfastError  # noqa: PLC0415

    try:
        addresses.check(url)
        if not make and not addresses.starts_at_once(url):
            _fail(f"There is no inbox at {url}.")
        store = addresses.store_of(url)
        try:
            yield store
        finally:
            store.close()
    except (SteadfastError, ValueError) as error:
        _fail(str(error))


def _fail(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(2)


def _print_json(data: Any) -> None:
    import orjson  # noqa: PLC0415 - not for --help

    typer.echo(orjson.dumps(data, option=orjson.OPT_INDENT_2))
