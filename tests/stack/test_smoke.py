"""`grafana/smoke.sh` and what it calls, against a Grafana that is made up."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from shop_stack import smoke
from support.services import require
from support.stack import DASHBOARDS, ROOT

SCRIPT = ROOT / "grafana" / "smoke.sh"
QUERIES = [
    target
    for path in DASHBOARDS
    for _, target in smoke.targets(json.loads(path.read_text()))
]
Answer = Callable[[str, Any], tuple[int, Any]]


def frames(rows: int) -> dict[str, Any]:
    """Return what Grafana says of a query with so many rows."""
    return {"frames": [{"data": {"values": [[1] * rows, [2] * rows]}}]}


def healthy(path: str, body: Any) -> tuple[int, Any]:
    """Answer like a Grafana in which everything is as it should be."""
    if path == "/api/health":
        return 200, {"version": "13.2.0"}
    if path.startswith("/api/datasources/uid/"):
        return 200, {"status": "OK"}
    if path.startswith("/api/datasources/proxy/"):
        return 200, {"traces": [{}]}
    if path.startswith("/api/dashboards/uid/"):
        return 200, {"dashboard": {"panels": [{}]}}
    assert "/api/ds/query" == path
    (query,) = body["queries"]
    assert "$job" not in query["expr"]
    return 200, {"results": {query["refId"]: frames(2)}}


@contextmanager
def grafana(answer: Answer) -> Iterator[str]:
    """Serve a made-up Grafana; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            self._answer(json.loads(self.rfile.read(size)))

        def _answer(self, body: Any) -> None:
            status, content = answer(self.path, body)
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_every_query_of_every_dashboard_is_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Beside each dashboard and each data source; the script says how many answered."""
    with grafana(healthy) as url:
        assert 0 == smoke.main(["--grafana", url, "--strict"])
    total = len(QUERIES) + len(DASHBOARDS) + len(smoke.SOURCES)
    assert f"Grafana 13.2.0: {total} answered, 0 empty, 0 failed." in (
        capsys.readouterr().out
    )


def test_a_query_that_is_refused_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """By Grafana with a status, or by the data source in its answer; it ends with 1."""

    def broken(path: str, body: Any) -> tuple[int, Any]:
        if path == "/api/datasources/uid/loki/health":
            return 200, {"status": "ERROR", "message": "no route to loki"}
        if path == "/api/dashboards/uid/steadfastapi-debug":
            return 404, {"message": "not found"}
        if (
            path == "/api/ds/query"
            and body["queries"][0]["datasource"]["uid"] == "loki"
        ):
            ref = body["queries"][0]["refId"]
            return 200, {"results": {ref: {"error": "parse error"}}}
        return healthy(path, body)

    with grafana(broken) as url:
        assert 1 == smoke.main(["--grafana", url])
    printed = capsys.readouterr().out
    for line in (
        "FAILED  data source loki: no route to loki",
        "FAILED  steadfastapi-debug: 404",
        "FAILED  steadfastapi-debug / Logs / A: parse error",
    ):
        assert line in printed


def test_an_empty_answer_fails_only_when_asked_to(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A stack that has just started has no burn rate of three days."""

    def idle(path: str, body: Any) -> tuple[int, Any]:
        if path == "/api/ds/query":
            return 200, {"results": {body["queries"][0]["refId"]: frames(0)}}
        return healthy(path, body)

    with grafana(idle) as url:
        codes = [smoke.main(["--grafana", url, *how]) for how in ([], ["--strict"])]
    assert [0, 1] == codes
    assert "empty   steadfastapi-oncall / " in capsys.readouterr().out


def test_a_grafana_that_is_not_there_is_an_answer_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In words, with the address, after the wait."""
    with grafana(healthy) as url:
        pass
    assert 1 == smoke.main(["--grafana", url, "--wait", "0"])
    assert f"Grafana does not answer at {url}" in capsys.readouterr().out


def test_variables_are_replaced_in_both_spellings() -> None:
    """What is Grafana's own stays."""
    expression = 'sum(rate(x{job=~"$job"}[$__rate_interval])) > ${__from} or ${job}'
    (found,) = smoke.substituted([expression], 1_000.0)
    assert 'sum(rate(x{job=~"shop"}[$__rate_interval])) > 100000 or shop' == found


def test_every_variable_of_the_dashboards_has_a_value() -> None:
    """Or a query would be asked with a `$` in it."""
    named = {
        variable["name"]
        for path in DASHBOARDS
        for variable in json.loads(path.read_text())["templating"]["list"]
    }
    assert set() == named - set(smoke.VALUES)


def test_the_script_checks_what_runs_already(tmp_path: Path) -> None:
    """Without Docker, and from any directory."""
    with grafana(healthy) as url:
        found = subprocess.run(
            [SCRIPT, "--no-up", "--grafana", url],
            capture_output=True,
            check=False,
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "PYTHON": sys.executable},
            text=True,
        )
    assert (0, "") == (found.returncode, found.stderr)
    assert "0 failed." in found.stdout


def test_the_script_says_what_is_missing(tmp_path: Path) -> None:
    """Without Docker it starts nothing, and ends with 2."""
    for name in ("bash", "dirname", "env"):
        (tmp_path / name).symlink_to(require(name, shutil.which(name)))
    found = subprocess.run(
        [SCRIPT],
        capture_output=True,
        check=False,
        env={"PATH": str(tmp_path)},
        text=True,
    )
    assert 2 == found.returncode
    assert "docker compose is missing" in found.stderr


def test_shellcheck_has_nothing_to_say() -> None:
    """About any of its rules."""
    binary = require("shellcheck", shutil.which("shellcheck"))
    found = subprocess.run(
        [binary, SCRIPT], capture_output=True, check=False, text=True
    )
    assert (0, "") == (found.returncode, found.stdout)
