"""A run of the demo against shops that are not as they should be."""

from __future__ import annotations

import signal
import tempfile
from typing import TYPE_CHECKING

import pytest

from steadfastapi.cli import checks, ports, session
from support._tcp import HOST

if TYPE_CHECKING:
    from pathlib import Path

SHOP = """\
import json, os

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({{"type": "lifespan.startup.complete"}})
        await receive()
        await send({{"type": "lifespan.shutdown.complete"}})
    elif scope["path"] == "/metrics":
        await answer(send, 200, b"")
    else:
        {behaviour}

async def answer(send, status, body):
    headers = [(b"content-length", str(len(body)).encode())]
    start = {{"type": "http.response.start", "status": status, "headers": headers}}
    await send(start)
    await send({{"type": "http.response.body", "body": body}})
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(checks, "SETTLE", 0.1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def run(folder: Path, source: str, *, seconds: float | None = 0.5) -> int:
    """Run the demo on a shop of one module."""
    (folder / "shop").mkdir()
    (folder / "shop" / "__init__.py").touch()
    (folder / "shop" / "main.py").write_text(source)
    options = session.Options(
        app_dir=folder,
        host=HOST,
        port=ports.free_port(HOST, 0),
        seconds=seconds,
        keep=False,
        telemetry=False,
    )
    return session.run(options)


def test_failing_checks_are_shown(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A service that neither counts nor logs fails the checks: 1, and the log stays.

    It runs until its log is full, as a demo that was forgotten does.
    """
    monkeypatch.setattr(session, "MAX_LOG_BYTES", 10)
    body = """b'{"id": 1, "access_token": "x"}'"""
    source = SHOP.format(behaviour=f"await answer(send, 200, {body})")
    assert 1 == run(tmp_path, source, seconds=None)
    out = capsys.readouterr().out
    for words in ("The log is full", "FAILED", "without our id", "checks failed."):
        assert words in out
    (folder,) = tmp_path.glob("steadfastapi-demo-*")
    assert f"Kept: {folder}" in out


def test_shop_that_dies_is_shown_with_its_last_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A shop that ends while it is used ends the demo: 1, and its last log lines."""
    source = SHOP.format(behaviour="print('I cannot go on', flush=True); os._exit(3)")
    assert 1 == run(tmp_path, source, seconds=30)
    err = capsys.readouterr().err
    assert "The shop ended with exit code 3. Its last log lines:" in err
    assert "  I cannot go on" in err


def test_shop_that_does_not_start_is_shown_with_its_last_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A shop that cannot be imported ends the demo the same way; Ctrl-C works again."""
    before = signal.getsignal(signal.SIGINT)
    assert 1 == run(tmp_path, "raise RuntimeError('closed for renovation')")
    err = capsys.readouterr().err
    assert "The shop ended with exit code 1." in err
    assert "RuntimeError: closed for renovation" in err
    assert before is signal.getsignal(signal.SIGINT)


def test_shop_without_metrics_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is no shop, such as one without /metrics, is not waited for."""
    source = SHOP.format(behaviour="pass").replace('200, b""', '404, b""')
    assert 1 == run(tmp_path, source)
    assert "The shop does not answer (HTTPStatusError)." in capsys.readouterr().err
