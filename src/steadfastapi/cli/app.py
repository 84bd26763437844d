"""All commands, put together."""

from __future__ import annotations

import typer

from steadfastapi.cli.dashboards import dashboards
from steadfastapi.cli.demo import demo
from steadfastapi.cli.inbox import inbox
from steadfastapi.cli.plan import plan
from steadfastapi.cli.rules import rules
from steadfastapi.cli.run import run
from steadfastapi.cli.version import version

app = typer.Typer(
    help="Make a FastAPI application production ready, and see what that means.",
    no_args_is_help=True,
    add_completion=False,
    # Plain help: Rich would more than double the time until it shows.
    rich_markup_mode=None,
    # Its tracebacks show local variables, and with them people's secrets.
    pretty_exceptions_enable=False,
)
app.command()(demo)
app.command()(run)
app.command()(plan)
app.add_typer(inbox, name="inbox")
app.command()(dashboards)
app.command()(rules)
app.command()(version)
