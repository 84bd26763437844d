"""Settings, the plan, start and stop."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from steadfastapi import configure
from steadfastapi.exceptions import ConfigurationError, MissingExtraError, StoreError
from steadfastapi.inbox import addresses
from steadfastapi.inbox.api import push
from steadfastapi.inbox.layer import Inbox
from support.inbox import ToldStore
from support.inbox_apps import inbox_of

if TYPE_CHECKING:
    from pathlib import Path


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Levels as people write them there."""
    monkeypatch.setenv("STEADFAST_INBOX_URL", "redis://:hunter22@cache:6379/1")
    monkeypatch.setenv("STEADFAST_INBOX_LEVELS", "5xx=error, 404=off")
    monkeypatch.setenv("STEADFAST_INBOX_RETENTION_HOURS", "24")

    inbox = Inbox()

    assert {"5xx": "error", "404": "off"} == inbox.levels
    assert 24.0 == inbox.retention_hours
    assert "redis://cache:6379/1" == inbox.summary()["url"]
    assert "hunter22" not in str(inbox.summary()) + repr(inbox)


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "mysql://host/db"},
        {"url": "inbox.db"},
        {"url": "sqlite://"},
        {"url": "sqlite:///:memory:"},
        {"levels": {"3xx": "error"}},
        {"levels": {"404": "loud"}},
        {"levels": {"999": "error"}},
        {"retention_hours": 0},
        {"max_entries": 0},
        {"max_entries_per_issue": 0},
        {"alert_cooldown": -1},
        {"store": "redis"},
        {"fingerprint": "mine"},
        {"colour": "red"},
    ],
)
def test_mistakes_are_found_at_once(settings: dict[str, Any]) -> None:
    """NB-5: when the settings are made; no password is shown."""
    with pytest.raises(ConfigurationError) as caught:
        Inbox(**settings)

    assert "mysql://" not in str(caught.value)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.setattr(addresses, "find_spec", lambda name: None)

    for url, extra in (("redis://h", "redis"), ("postgresql://h/d", "postgres")):
        with pytest.raises(MissingExtraError, match=f"steadfastapi\\[{extra}\\]"):
            addresses.store_of(url)
        with pytest.raises(ConfigurationError):
            configure(FastAPI(), inbox=Inbox(url=url))


def test_addresses_mean_files(tmp_path: Path) -> None:
    """Three slashes from here, four from the root."""
    assert "data/in box.db" == addresses._file("sqlite:///data/in%20box.db")
    assert "/var/inbox.db" == addresses._file("sqlite:////var/inbox.db")
    assert "inbox.db" == addresses._file("sqlite:inbox.db")
    assert addresses.starts_at_once("redis://h")
    assert not addresses.starts_at_once(f"sqlite:///{tmp_path}/no.db")
    assert "postgresql://h:5432/d" == addresses.without_password(
        "postgresql://u:p@h:5432/d?x=y"
    )


def test_no_error_makes_no_file() -> None:
    """Scripts and tests that import an application leave nothing behind."""
    app = FastAPI()
    app.add_api_route("/", lambda: "ok")

    with inbox_of(app) as kept, TestClient(app) as client:
        client.get("/")
        assert [] == list(kept.folder.iterdir())


def test_a_store_that_is_there_opens_at_the_start() -> None:
    """So that its schema is new, and its state known, before the first error."""
    store = ToldStore()
    app = FastAPI()

    with inbox_of(app, store=store) as kept, TestClient(app):
        assert kept.handle.flush(1)
    assert 1 <= store.opened


def test_shutdown_writes_what_waits() -> None:
    """With the application's own end."""
    store = ToldStore()
    app = FastAPI()

    with inbox_of(app, store=store):
        with TestClient(app):
            push(event="last words")
        assert ["last words"] == [one.event for one in store.entries_written]


def test_the_plan_shows_it() -> None:
    """Without the password."""
    app = FastAPI()
    inbox = Inbox(url="sqlite:///a.db", levels={"5xx": "error"})

    shown = str(configure(app, inbox=inbox))

    assert "sqlite:///a.db" in shown
    assert "5xx" in shown


def test_what_is_off_is_not_imported() -> None:
    """Nothing of the inbox, nor sqlite3."""
    code = (
        "import sys; from fastapi import FastAPI; from steadfastapi import configure; "
        "configure(FastAPI(), **{name: False for name in sys.argv[1:]}); "
        "print([m for m in sys.modules if 'steadfastapi.inbox' in m or m == 'sqlite3'])"
    )
    from steadfastapi._configure import DEFAULT_LAYERS

    off = ["inbox"] if "inbox" in DEFAULT_LAYERS else []
    done = subprocess.run(
        [sys.executable, "-c", code, *off], capture_output=True, text=True, check=True
    )

    assert "[]" == done.stdout.strip()


def test_metrics_tell_of_it() -> None:
    """What came, was kept, was dropped, waits, and whether the store works."""
    from steadfastapi.testing import capture

    store = ToldStore()
    app = FastAPI()

    with inbox_of(app, store=store) as kept, capture(app) as seen:
        push(event="a")
        push(event="b")
        assert kept.handle.flush(5)
        store.refuses = lambda entry: entry.event == "c"
        push(event="c")
        assert kept.handle.flush(5)
        store.failure = StoreError("down")
        push(event="d")
        kept.handle.flush(0.2)
        figures = [
            *(
                seen.metric("steadfastapi_inbox_events_total", outcome=outcome)
                for outcome in ("accepted", "written", "dropped")
            ),
            seen.metric("steadfastapi_inbox_queue_items"),
            seen.metric("inbox_store_down"),
        ]
        store.failure = None

    assert [4, 2, 1, 1, 1] == figures
