"""`steadfastapi rules`: the rules of Prometheus for an application's objectives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from steadfastapi.cli.target import load_stack

if TYPE_CHECKING:
    from steadfastapi._stack import Stack
    from steadfastapi.signals import Naming
    from steadfastapi.slo.objective import Spec

DEFAULT_SPEC = Path("slo.yml")
NO_ADDRESS = """
The alerts link to runbooks/<alert>.md, which nobody can click on in a notification.
Serve {out}/runbooks somewhere, and give its address: --runbooks https://…, or
`defaults: {{runbook: https://…}}` in slo.yml."""


def rules(  # noqa: PLR0913 - one option each
    target: Annotated[
        str,
        typer.Argument(
            metavar="[MODULE:APP]",
            help="An application: its SLOs in code, or its routes to check --slo by.",
        ),
    ] = "",
    *,
    factory: Annotated[
        bool, typer.Option("--factory", help="APP is a function that returns it.")
    ] = False,
    app_dir: Annotated[
        str, typer.Option(help="Look for MODULE here instead of this directory.")
    ] = "",
    slo: Annotated[
        Path | None,
        typer.Option(help="The objectives: YAML or JSON; slo.yml by default."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("prometheus"),
    names: Annotated[
        str, typer.Option(help="How metrics are called: default or otel.")
    ] = "",
    job: Annotated[
        list[str] | None,
        typer.Option(help="Job of the Prometheus scrape, if not the spec's; several."),
    ] = None,
    runbooks: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Where <alert>.md is served; by default written beside the rules.",
        ),
    ] = "",
    dashboards: Annotated[
        str, typer.Option(help="Address of Grafana; a path on its host by default.")
    ] = "",
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; end with 1 if it would.")
    ] = False,
) -> None:
    """Write recording and alerting rules for SLOs, and their unit tests.

    Ends with 2 when something is wrong with the objectives or the application.
    """
    from steadfastapi.exceptions import ConfigurationError  # noqa: PLC0415

    try:
        stack = _stack(target, app_dir, factory=factory) if target else None
        spec, naming = _spec(stack, slo, names, job or [])
    except ConfigurationError as error:
        _fail(str(error))
    files = _files(spec, naming, runbooks, dashboards)
    _tell_of_strangers(out, spec, files)
    if check:
        _compare(out, files)
        return
    _write(out, files)
    if not (runbooks or spec.runbook):
        typer.echo(NO_ADDRESS.format(out=out), err=True)


def _files(
    spec: Spec, naming: Naming, runbooks: str, dashboards: str
) -> dict[str, str]:
    """Return the texts of all files, by path."""
    from steadfastapi.slo.alerts import Links  # noqa: PLC0415 - not for --help
    from steadfastapi.slo.pages import runbook_pages  # noqa: PLC0415
    from steadfastapi.slo.rules import Rendering, rule_files, written  # noqa: PLC0415
    from steadfastapi.slo.unit_tests import unit_tests  # noqa: PLC0415

    links = Links(runbooks=runbooks, dashboards=dashboards)
    rendering = Rendering(naming=naming, links=links)
    made = rule_files(spec, rendering) | unit_tests(spec, rendering)
    files = {path: written(content) for path, content in made.items()}
    if not (runbooks or spec.runbook):
        files |= runbook_pages(dashboards)
    return files


def _spec(
    stack: Stack | None, slo: Path | None, names: str, jobs: list[str]
) -> tuple[Spec, Naming]:
    """Return the objectives, and how the application calls its metrics."""
    from dataclasses import replace  # noqa: PLC0415

    from steadfastapi.exceptions import ConfigurationError  # noqa: PLC0415
    from steadfastapi.slo.spec import read_spec  # noqa: PLC0415

    handles = stack.plan.handles if stack else {}
    spec: Spec | None = handles["slo"].spec if "slo" in handles else None
    if slo is not None or stack is None:
        spec = read_spec(slo or DEFAULT_SPEC)
        if stack is not None:
            _check_routes(spec, stack.plan.app)
    if spec is None or not spec.objectives:
        raise ConfigurationError(
            "The application declares no SLO: write configure(app, slo=SLOs(slos=[SLO("
            "availability=99.9)])), or give --slo slo.yml."
        )
    if jobs:
        spec = replace(spec, jobs=tuple(jobs))
    return spec, _naming(names, handles)


def _naming(names: str, handles: dict[str, Any]) -> Naming:
    from steadfastapi.exceptions import ConfigurationError  # noqa: PLC0415

    if not names and "metrics" in handles:
        naming: Naming = handles["metrics"].families.naming
        return naming
    if names in ("", "default"):
        return "default"
    if names == "otel":
        return "otel"
    raise ConfigurationError(f"--names is {names!r}: write default or otel.")


def _stack(target: str, app_dir: str, *, factory: bool) -> Stack:
    stack = load_stack(target, app_dir=app_dir, factory=factory)
    if stack is None:
        _fail(f"{target} is a FastAPI application without configure(app).")
    return stack


def _check_routes(spec: Spec, app: Any) -> None:
    from steadfastapi._routes import endpoints  # noqa: PLC0415
    from steadfastapi.exceptions import ConfigurationError  # noqa: PLC0415
    from steadfastapi.slo.known import unknown_handlers  # noqa: PLC0415

    templates = (template for template, _ in endpoints(app))
    problems = unknown_handlers(spec.objectives, templates)
    if problems:
        raise ConfigurationError(problems)


def _write(out: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        file = out / path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            _fail(f"{file} cannot be written: {error}.")
    print(f"{len(files)} files written to {out}. Check them:\n")
    print(f"    promtool check rules {out}/rules/*.json")
    print(f"    promtool test rules {out}/tests/*.json")


def _compare(out: Path, files: dict[str, str]) -> None:
    differing = [
        str(out / path) for path, text in files.items() if not _is(out / path, text)
    ]
    if differing:
        typer.echo("These files are not what would be written:", err=True)
        typer.echo("\n".join(f"    {path}" for path in differing), err=True)
        raise typer.Exit(1)
    print(f"All {len(files)} files are up to date.")


def _is(file: Path, text: str) -> bool:
    try:
        return file.read_text(encoding="utf-8") == text
    except (OSError, UnicodeDecodeError):
        return False


def _tell_of_strangers(out: Path, spec: Spec, files: dict[str, str]) -> None:
    """Name rules of objectives that are gone: Prometheus would go on with them."""
    for file in sorted((out / "rules").glob(f"{spec.service}-*.slo*.json")):
        if file.relative_to(out).as_posix() not in files:
            typer.echo(f"{file} is of no SLO in this file: remove it.", err=True)


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(2)
