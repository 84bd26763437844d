"""The runbooks that go with rules."""

from pathlib import Path

import pytest

from steadfastapi.slo import names, pages


def test_every_alert_has_a_page_with_panels_where_grafana_is() -> None:
    """In a checkout they are those of docs/runbooks; the address may end in a slash."""
    found = pages.runbook_pages("https://grafana.example/")

    assert {f"runbooks/{alert}.md" for alert in (*names.ALERTS, "README")} == set(found)
    assert (
        "](https://grafana.example/d/steadfastapi-oncall?"
        in found[f"runbooks/{names.BURN}.md"]
    )
    assert pages.LOCAL_GRAFANA not in str(found)


def test_an_installed_package_brings_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no docs/ beside it; without pages there are rules all the same."""
    monkeypatch.setattr(pages, "__file__", str(tmp_path / "site/steadfastapi/slo/x.py"))
    missing = pages.runbook_pages("")
    (tmp_path / "site/steadfastapi/_runbooks").mkdir(parents=True)
    (tmp_path / "site/steadfastapi/_runbooks/README.md").write_text("installed")

    assert {} == missing
    assert {"runbooks/README.md": "installed"} == pages.runbook_pages("")
