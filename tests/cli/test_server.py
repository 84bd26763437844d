"""The shop's process and its log."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from steadfastapi.cli import server
from steadfastapi.cli.interrupts import Interrupts

if TYPE_CHECKING:
    from pathlib import Path


def test_tail_is_readable(tmp_path: Path) -> None:
    """JSON lines are shown as people would write them, with their tracebacks."""
    log = tmp_path / "shop.log"
    lines = [
        json.dumps({"level": "info", "event": "Waiting"}),
        json.dumps(
            {"level": "info", "event": "request", "method": "GET", "path": "/x"}
            | {"status": 200}
        ),
        json.dumps({"level": "error", "event": "oops", "exception": "a\n  ~~^\nb"}),
        '  File "<frozen importlib._bootstrap>", line 1204, in _gcd_import',
        "[1]",
        "plain text",
        "",
    ]
    log.write_text("\n".join(lines))
    assert server.tail(log) == [
        "info: Waiting",
        "info: request GET /x 200",
        "error: oops",
        "a",
        "b",
        "[1]",
        "plain text",
    ]
    assert ["[1]", "plain text"] == server.tail(log, 2)


def test_stubborn_process_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that ignores SIGTERM is killed when its time is over."""
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "main.py").write_text(
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('deaf', flush=True)\ntime.sleep(60)\n"
    )
    monkeypatch.setattr(server, "GRACE", 0.2)
    with server.Server(
        app_dir=tmp_path, folder=tmp_path, host="127.0.0.1", port=9, env=os.environ
    ) as running:
        assert "It wrote no log." == running.last_words()
        while "deaf" not in running.last_words():
            running.check()
    with pytest.raises(server.ServerError, match="ended with SIGKILL"):
        running.check()


def test_first_signal_asks_and_second_insists() -> None:
    """Ctrl-C once is a request; twice is a `KeyboardInterrupt`."""
    with Interrupts() as interrupts:
        before = interrupts.requested
        signal.raise_signal(signal.SIGINT)
        assert (False, True) == (before, interrupts.requested)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)


def test_impatience_kills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who presses Ctrl-C while the server drains leaves no process behind."""
    monkeypatch.setattr(server.Server, "__init__", lambda self: None)
    running = server.Server()  # type: ignore[call-arg]
    process = subprocess.Popen(["sleep", "60"])
    monkeypatch.setattr(process, "terminate", lambda: None)
    original = process.wait

    def impatient(timeout: float | None = None) -> int:
        if timeout is not None:
            raise KeyboardInterrupt
        return original()

    monkeypatch.setattr(process, "wait", impatient)
    running._process = process
    with pytest.raises(KeyboardInterrupt):
        running.stop()
    assert -signal.SIGKILL == process.poll()


def test_the_link_to_the_console_is_what_the_shop_printed(tmp_path: Path) -> None:
    """The demo finds the link among the lines of the start; without one, none."""
    link = "http://127.0.0.1:8000/ops/login?token=0123abcd"
    own = server.Server.__new__(server.Server)
    own.log = tmp_path / "shop.log"
    own.log.write_text(f"INFO: started\nConsole: {link}\n" + '{"event": "request"}\n')
    assert link == own.console_link()
    own.log.write_text('{"event": "Console: http://evil.example/"}\n')
    assert own.console_link() is None
