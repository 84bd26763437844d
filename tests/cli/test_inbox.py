"""`steadfastapi inbox …`."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

import pytest

from steadfastapi.inbox.query import Query
from steadfastapi.inbox.sqlite import SQLiteStore
from support.inbox import entry, issue_id, write

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import RunCli

FLARE = """
CREATE TABLE logs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, entry_id TEXT NOT NULL DEFAULT '',
    timestamp DATETIME NOT NULL, level TEXT NOT NULL, event TEXT NOT NULL,
    message TEXT NOT NULL DEFAULT '', endpoint TEXT, http_method TEXT,
    http_status INTEGER, duration_ms INTEGER, request_id TEXT, issue_fingerprint TEXT,
    ip_address TEXT, error TEXT, stack_trace TEXT, context TEXT, request_body TEXT,
    response_body TEXT);
CREATE TABLE flare_issues (
    fingerprint TEXT PRIMARY KEY, exception_type TEXT, endpoint TEXT,
    sample_message TEXT NOT NULL DEFAULT '', sample_request_id TEXT,
    occurrence_count INTEGER NOT NULL DEFAULT 1, first_seen DATETIME NOT NULL,
    last_seen DATETIME NOT NULL, level TEXT NOT NULL,
    resolved INTEGER NOT NULL DEFAULT 0, resolved_at DATETIME);
"""
"""Tables of fastapi-flare 0.5.1."""
TRACE = """Traceback (most recent call last):
  File "/srv/shop/pay.py", line 7, in pay
    charge(token="hunter22")
  File "/srv/lib/python3.12/site-packages/bank/api.py", line 90, in charge
    raise ValueError("no")
ValueError: token=hunter22
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return the address of an inbox with two issues."""
    path = tmp_path / "inbox.db"
    store = SQLiteStore(path)
    write(store, entry("one", message="[bold]no markup[/bold]"), entry("one"))
    write(store, entry("two", level="warning", route="/b", event="http_exception"))
    store.close()
    return f"sqlite:///{path}"


def test_issues_are_listed(url: str, run_cli: RunCli) -> None:
    """As a table: who, what, where, how often."""
    ended = run_cli("inbox", "list", "--url", url)

    assert (0, "") == (ended.code, ended.err)
    for word in (issue_id("one"), "PayError: one", "/pay/{id}", "warning"):
        assert word in ended.out


def test_issues_are_listed_as_json(url: str, run_cli: RunCli) -> None:
    """With the same filters as everywhere."""
    ended = run_cli("inbox", "list", "--url", url, "--json", "--level", "warning")

    (issue,) = json.loads(ended.out)["items"]
    assert (issue_id("two"), "/b", 1) == (issue["id"], issue["route"], issue["count"])


@pytest.mark.parametrize(
    "arguments",
    [("--sort", "odd"), ("--state", "odd"), ("--limit", "0"), ("--level", "loud")],
)
def test_wrong_filters_end_with_2(
    url: str, run_cli: RunCli, arguments: tuple[str, str]
) -> None:
    """And say what would be right."""
    ended = run_cli("inbox", "list", "--url", url, *arguments)

    assert (2, "") == (ended.code, ended.out)
    assert "use " in ended.err


def test_an_issue_is_shown(url: str, run_cli: RunCli) -> None:
    """With its latest entry; what an error says is no markup."""
    ended = run_cli("inbox", "show", issue_id("one"), "--url", url)
    as_data = run_cli("inbox", "show", issue_id("one"), "--url", url, "--json")

    assert 0 == ended.code
    for word in ("PayError: one", "2, 0 users", "shop/pay.py:7 in pay"):
        assert word in ended.out
    assert "[bold]no markup[/bold]" in as_data.out
    assert 2 == json.loads(as_data.out)["issue"]["count"]


def test_an_unknown_issue_ends_with_1(url: str, run_cli: RunCli) -> None:
    """A wrong id with 2."""
    assert 1 == run_cli("inbox", "show", "0" * 16, "--url", url).code
    assert 2 == run_cli("inbox", "show", "nonsense", "--url", url).code


def test_issues_are_resolved(url: str, run_cli: RunCli) -> None:
    """Those that there are; one that is not makes it end with 1."""
    ended = run_cli("inbox", "resolve", issue_id("one"), "0" * 16, "--url", url)
    left = run_cli("inbox", "list", "--url", url, "--json")
    again = run_cli(
        "inbox", "resolve", issue_id("two"), "--url", url, "--release", "2", "--json"
    )

    assert (1, "1 of 2 resolved.\n") == (ended.code, ended.out)
    assert [issue_id("two")] == [one["id"] for one in json.loads(left.out)["items"]]
    assert (0, {"resolved": 1}) == (again.code, json.loads(again.out))


def test_entries_are_exported(url: str, run_cli: RunCli) -> None:
    """One JSON object a line, all of them or those of an issue."""
    everything = run_cli("inbox", "export", "--url", url)
    some = run_cli("inbox", "export", "--url", url, "--issue", issue_id("one"))

    assert 3 == len([json.loads(line) for line in everything.out.splitlines()])
    assert 2 == len(some.out.splitlines())


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://u:hunter22@h/d", "name a store"),
        ("sqlite:///nowhere.db", "no inbox at"),
        ("redis://:hunter22@127.0.0.1:1/0", "Redis"),
    ],
)
def test_a_wrong_address_ends_with_2(
    run_cli: RunCli, workplace: Path, url: str, said: str
) -> None:
    """Without its password, and without a new file."""
    ended = run_cli("inbox", "list", "--url", url)

    assert (2, "") == (ended.code, ended.out)
    assert said in ended.err
    assert "hunter22" not in ended.err
    assert [] == list(workplace.iterdir())


@pytest.fixture
def flare(tmp_path: Path) -> Path:
    """Return a file of fastapi-flare."""
    path = tmp_path / "flare.db"
    connection = sqlite3.connect(path)
    connection.executescript(FLARE)
    columns = (
        "timestamp, level, event, message, endpoint, http_method, http_status, "
        "request_id, issue_fingerprint, error, stack_trace, context"
    )
    marks = ", ".join("?" * 12)
    rows = [
        (
            "2026-01-05T10:00:00+00:00",
            "ERROR",
            "unhandled_exception",
            "password=hunter22",
            "/pay",
            "POST",
            500,
            "r1",
            "f1",
            "ValueError: token=hunter22",
            TRACE,
            '{"api_key": "hunter22"}',
        ),
        (
            "2026-01-05 10:00:01",
            "WARNING",
            "http_exception",
            "no such item",
            "/items",
            "GET",
            404,
            "r2",
            "f2",
            "HTTPException 404: no such item",
            None,
            "odd",
        ),
        (
            "nonsense",
            "ERROR",
            "\x1b[31m",
            "x",
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            None,
        ),
    ]
    connection.executemany(f"INSERT INTO logs ({columns}) VALUES ({marks})", rows)
    connection.execute(
        "INSERT INTO flare_issues "
        "(fingerprint, first_seen, last_seen, level, resolved) "
        "VALUES ('f2', '', '', 'WARNING', 1)"
    )
    connection.commit()
    connection.close()
    return path


def test_a_file_of_fastapi_flare_is_copied(flare: Path, run_cli: RunCli) -> None:
    """Scrubbed, with its states; a second time nothing is doubled."""
    path = flare.with_name("inbox.db")
    arguments = ("inbox", "import-flare", str(flare), "--url", f"sqlite:///{path}")

    first, second = run_cli(*arguments), run_cli(*arguments)

    assert "3 entries copied, 1 issues resolved.\n" == first.out
    assert "0 entries copied, 1 issues resolved.\n" == second.out
    store = SQLiteStore(path)
    entries = store.entries(Query()).items
    issues = store.issues(Query()).items
    store.close()
    assert "hunter22" not in str(entries)
    assert "\x1b" not in str(entries)
    crash = entries[-1]
    assert ("ValueError", "/pay", 500) == (
        crash.faults[0].type,
        crash.route,
        crash.status,
    )
    assert [("/srv/shop/pay.py", True), ("bank", False)] == [
        (frame.file if frame.in_app else "bank", frame.in_app)
        for frame in crash.faults[0].frames
    ]
    assert {"/items"} == {one.route for one in issues if one.state == "resolved"}


def test_another_file_is_refused(tmp_path: Path, run_cli: RunCli) -> None:
    """Whatever it is."""
    (tmp_path / "odd.db").write_bytes(b"junk" * 999)
    url = f"sqlite:///{tmp_path}/inbox.db"

    for name in ("odd.db", "missing.db"):
        ended = run_cli("inbox", "import-flare", str(tmp_path / name), "--url", url)
        assert 2 == ended.code


def test_an_inbox_is_copied_into_another_store(
    url: str, tmp_path: Path, run_cli: RunCli
) -> None:
    """The old one is only read; a store that is not there is said."""
    target = f"sqlite:///{tmp_path}/moved.db"

    first = run_cli("inbox", "copy", target, "--url", url)
    missing = run_cli("inbox", "copy", target, "--url", f"sqlite:///{tmp_path}/no.db")

    assert "3 entries copied, 0 issues resolved or ignored.\n" == first.out
    assert 2 == missing.code
    store = SQLiteStore(tmp_path / "moved.db")
    counts = [one.count for one in store.issues(Query(sort="count")).items]
    store.close()
    assert [2, 1] == counts
