"""`steadfastapi demo`, as people run it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from steadfastapi.cli import ports, session, shop
from support._tcp import HOST

if TYPE_CHECKING:
    from cli.conftest import RunCli

Start = Callable[..., subprocess.Popen[str]]

TIMEOUT = 55
"""Seconds that the shop may take on a machine where everything else runs as well."""


def count(summary: str, row: str) -> tuple[int, int]:
    """Return what a check expected and found."""
    found = re.search(rf"^{re.escape(row)} +(\d+) +(\d+) +ok *$", summary, re.MULTILINE)
    assert found is not None, summary
    return int(found[1]), int(found[2])


def test_demo_accounts_for_everything_that_it_sent(
    start_cli: Start, tmp_path: Path
) -> None:
    """A few seconds end by themselves with a summary whose checks hold, and 0."""
    process = start_cli("demo", "--seconds", "4", "--port", "0", "--keep")
    out, err = process.communicate(timeout=TIMEOUT)
    assert (0, "") == (process.returncode, err), out
    sent, counted = count(out, "requests sent = http_requests_total in /metrics")
    assert sent == counted > 20
    crashes, lines = count(out, "crashes sent = ERROR lines in the log")
    assert crashes == lines
    errors, with_detail = count(out, "error answers with detail")
    assert errors == with_detail >= crashes
    assert (0, 0) == count(out, "errors of steadfastapi itself")
    outage = "outage of the shipping partner: shown, and healed"
    assert (2, 2) == count(out, outage)
    assert "Everything that was sent is accounted for." in out
    assert re.search(
        r"console +http://127\.0\.0\.1:\d+/ops/login\?token=\w+$", out, re.MULTILINE
    )
    (folder,) = tmp_path.glob("steadfastapi-demo-*")
    (scrape,) = re.findall(r"scrape +(scrape_configs: .*)$", out, re.MULTILINE)
    (job,) = yaml.safe_load(scrape)["scrape_configs"]
    assert "shop" == job["job_name"]
    assert f"http://{job['static_configs'][0]['targets'][0]}/metrics" in out
    assert f"Kept: {folder}" in out
    assert '"outcome":"ok"' in (folder / "shop.log").read_text()


def test_ctrl_c_ends_with_a_summary_and_leaves_nothing(
    start_cli: Start, tmp_path: Path
) -> None:
    """Ctrl-C is the normal end: summary, exit code 0, no process, no directory."""
    process = start_cli("demo", "--port", "0")
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    log = next(line.split()[-1] for line in lines if "tail -f" in line)
    started = re.search(r"server process \[(\d+)\]", Path(log).read_text())
    assert started is not None
    next(line for line in lines if "requests/s" in line)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=TIMEOUT)
    assert (0, "") == (process.returncode, err), out
    assert "accounted for" in out
    with pytest.raises(ProcessLookupError):
        os.kill(int(started[1]), 0)
    assert [] == list(tmp_path.glob("steadfastapi-demo-*"))


def test_ctrl_c_before_the_shop_is_up(start_cli: Start, tmp_path: Path) -> None:
    """Interrupted while it starts, the demo ends at once and leaves nothing."""
    process = start_cli("demo", "--port", "0")
    deadline = time.monotonic() + TIMEOUT
    while not list(tmp_path.glob("steadfastapi-demo-*/shop.log")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=TIMEOUT)
    assert (session.STOPPED, "Stopped.\n") == (process.returncode, err), out
    assert [] == list(tmp_path.glob("steadfastapi-demo-*"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[session.Options]:
    """Run no demo, but note what it was asked for."""
    options: list[session.Options] = []

    def run(given: session.Options) -> int:
        options.append(given)
        return 0

    monkeypatch.setattr(session, "run", run)
    return options


def test_busy_port_is_named_and_the_next_free_one_used(
    run_cli: RunCli, asked: list[session.Options]
) -> None:
    """A port that is in use costs one line, not the demo."""
    with socket.create_server((HOST, 0)) as busy:
        port = busy.getsockname()[1]
        ended = run_cli("demo", "--port", str(port))
    (options,) = asked
    assert port < options.port
    assert ended.out == (
        f"Port {port} is in use; the shop runs on {options.port} instead.\n"
    )


def test_free_port_is_used_without_a_word(
    run_cli: RunCli, asked: list[session.Options]
) -> None:
    """A port that is free is the one; 0 stands for any."""
    port = ports.free_port(HOST, 0)
    assert (0, "", "") == run_cli("demo", "--port", str(port), "--seconds", "3")
    assert (0, "", "") == run_cli("demo", "--port", "0")
    assert [port, 3.0, None] == [asked[0].port, asked[0].seconds, asked[1].seconds]
    assert 0 < asked[1].port


def test_address_that_is_not_ours_is_one_line(run_cli: RunCli) -> None:
    """An address where nobody can listen ends with 2 and its reason."""
    ended = run_cli("demo", "--host", "203.0.113.1")  # RFC 5737: nobody's
    assert (2, "") == (ended.code, ended.out)
    assert ended.err.startswith("Cannot listen on 203.0.113.1 port 8000: ")


def test_missing_packages_are_named_with_the_command(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its packages the demo says how to install them, and ends with 2."""
    monkeypatch.setattr(shop, "PACKAGES", ("uvicorn", "not_here", "nor_here"))
    ended = run_cli("demo")
    assert (2, "") == (ended.code, ended.out)
    assert ended.err == (
        "The demo needs not_here, nor_here: pip install 'steadfastapi[demo]'\n"
    )


def test_installation_without_the_shop_is_told(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken installation is named as such."""
    monkeypatch.setattr(shop, "shop_folder", lambda: None)
    ended = run_cli("demo")
    assert (2, True) == (ended.code, "install the wheel again" in ended.err)


def test_addresses_of_real_systems_are_left_out(
    run_cli: RunCli, asked: list[session.Options], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demo's crashes go to a real Sentry only when somebody says so."""
    monkeypatch.setenv("SENTRY_DSN", "https://key@sentry.example/1")
    ended = run_cli("demo", "--port", "0")
    assert "SENTRY_DSN: not used; --telemetry sends there, too.\n" == ended.out
    assert "" == run_cli("demo", "--port", "0", "--telemetry").out
    assert [False, True] == [options.telemetry for options in asked]
