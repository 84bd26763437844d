"""`steadfastapi dashboards`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from steadfastapi.dashboards.files import dashboards

if TYPE_CHECKING:
    from cli.conftest import RunCli


def test_the_command_works_for_any_application(
    run_cli: RunCli, workplace: Path
) -> None:
    """Outside of this repository, with the job and the runbooks of its user."""
    ended = run_cli(
        *("dashboards", "--out", "grafana/mine", "--names", "otel"),
        *("--job", "till", "--runbooks", "https://wiki.example.org/runbooks/"),
    )

    assert (0, "") == (ended.code, ended.err)
    written = [Path(line) for line in ended.out.split()]
    assert 3 == len(written)
    expected = dashboards(
        "otel", job="till", runbooks="https://wiki.example.org/runbooks"
    )
    assert expected == {path.name: (workplace / path).read_text() for path in written}


def test_a_folder_that_cannot_be_written(run_cli: RunCli, workplace: Path) -> None:
    """Is one sentence, with the reason."""
    (workplace / "file").write_text("")

    ended = run_cli("dashboards", "--out", "file/below")

    assert 2 == ended.code
    assert ended.err.startswith("Cannot write to --out file/below: ")
