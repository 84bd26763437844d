"""Draw the dashboards from live data with Grafana's own components: `make previews`.

Needs Prometheus, Redis, node and Chromium. What it draws are time series and single
values; Grafana itself is not started.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.boards import BOARDS, Board, Query  # noqa: E402 - they are not installed
from support.busy import JOBS, busy_servers, load, prometheus  # noqa: E402
from support.services import find_chromium  # noqa: E402

if TYPE_CHECKING:
    from support.prometheus import Prometheus, Series

PROJECT = Path(__file__).parent / "previews"
WORKSHOP = ROOT / "build/previews"
"""Where it is built: not below docs/, whose pages are all ours."""
IMAGES = Path(__file__).parent / "images/dashboards"
PICTURES = {
    "executive.png": ("steadfastapi-executive", 901, 903),
    "on-call.png": ("steadfastapi-oncall", 901, 903),
    "on-call-dependencies.png": ("steadfastapi-oncall", 904, 904),
    "on-call-process.png": ("steadfastapi-oncall", 905, 906),
    "debug.png": ("steadfastapi-debug", 901, 904),
    "debug-beside.png": ("steadfastapi-debug", 905, 908),
}
"""Dashboard, first and last row of each."""
KINDS = ("timeseries", "stat", "gauge", "bargauge")
CAPTION = "Preview, not a Grafana screenshot"
MAX_BYTES = 200_000
MAX_SERIES = 10
NODE = ("npm", "npx")
COLUMNS = 24
JOB = JOBS[0]
SECONDS = 90
"""How long the load lasts, and how much of it is drawn."""
SCALE = 0.75
"""Pixels of the picture by pixels of the page."""
PAGE = """<!doctype html><meta charset="utf-8">
<style>%s body { margin: 8px; background: #111217; color: #ccccdc; }</style>
<div id="root"></div><script>window.PREVIEW = %s;</script><script>%s</script>"""


def main() -> None:
    """Write every picture."""
    program = build()
    with tempfile.TemporaryDirectory() as folder:
        found = collect(Path(folder))
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, data in found.items():
        draw(data, program, IMAGES / name)


def build() -> tuple[str, str]:
    """Return the drawing program, with Grafana's components in it, and its styles."""
    npm, npx = (shutil.which(name) or sys.exit(f"{name} is missing") for name in NODE)
    shutil.copytree(PROJECT, WORKSHOP, dirs_exist_ok=True)
    if not (WORKSHOP / "node_modules/@grafana/ui").is_dir():
        install = [npm, "install", "--silent", "--no-package-lock", "--no-audit"]
        subprocess.run(install, cwd=WORKSHOP, check=True)  # noqa: S603
    loaders = [f"--loader:.{kind}=dataurl" for kind in ("svg", "ttf", "woff2", "png")]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "main.js"
        command = [
            npx,
            "esbuild",
            "main.jsx",
            "--bundle",
            "--minify",
            f"--outfile={out}",
        ]
        command += ["--jsx=automatic", "--log-level=error", *loaders]
        command.append('--define:process.env.NODE_ENV="production"')
        subprocess.run(command, cwd=WORKSHOP, check=True)  # noqa: S603
        return out.read_text(), out.with_suffix(".css").read_text()


def collect(folder: Path) -> dict[str, dict[str, Any]]:
    """Put applications under load, and return what each picture shows of one."""
    with (
        busy_servers(folder, [JOB]) as servers,
        prometheus(servers) as server,
        load(servers, rare=25, pause=0.1),
    ):
        time.sleep(SECONDS)
        end = time.time()
        boards = {one.uid: one for one in BOARDS if one.naming == JOB.naming}
        return {
            name: shown(server, boards[uid], (first, last), end)
            for name, (uid, first, last) in PICTURES.items()
        }


def within(board: Board, rows: tuple[int, int]) -> list[dict[str, Any]]:
    """Return the panels below some rows of a dashboard."""
    first, last = rows
    found, row = [], 0
    for panel in board.data["panels"]:
        if panel["type"] == "row":
            row = panel["id"]
        elif first <= row <= last:
            found.append(panel)
    return found


def shown(
    server: Prometheus, board: Board, rows: tuple[int, int], end: float
) -> dict[str, Any]:
    """Return the panels that can be drawn, with their series."""
    job = JOB.name
    panels = []
    left = top = height = 0
    for panel in within(board, rows):
        if panel["type"] not in KINDS or panel["datasource"]["type"] != "prometheus":
            continue
        series = [
            one
            for number, target in enumerate(panel["targets"])
            for one in answer(server, Query(panel, target), number, job, end)
        ]
        if not series:
            continue  # what Tempo would count
        place = panel["gridPos"]
        if left + place["w"] > COLUMNS:
            left, top, height = 0, top + height, 0
        placed = {"x": left, "y": top, "w": place["w"], "h": place["h"]}
        panels.append({"panel": panel, "series": series, "place": placed})
        left, height = left + place["w"], max(height, place["h"])
    caption = f"{CAPTION}: {board.data['title']}, a minute of live data of the tests"
    drawn = {"from": end - SECONDS + 20, "to": end, "caption": caption}
    return {"board": drawn, "panels": panels}


def answer(
    server: Prometheus, query: Query, number: int, job: str, end: float
) -> list[dict[str, Any]]:
    """Return the series of a query as the drawing program wants them."""
    text = fill_in(query.text, job, end)
    if query.target["instant"]:
        found = server.query(text)
    else:
        found = server.query_range(text, end - SECONDS + 20, end, 1)
    return [
        {
            "target": number,
            "name": legend(query.target["legendFormat"], one),
            "times": [round(when * 1000) for when, _ in one.values],
            # Where NaN is drawn, line and axis vanish.
            "values": [v if math.isfinite(v) else None for _, v in one.values],
        }
        for one in found[:MAX_SERIES]
    ]


def fill_in(text: str, job: str, end: float) -> str:
    """Put values in place of all variables."""
    values = {
        "${__from}": str(int((end - 3_600) * 1_000)),
        "$__rate_interval": "10s",
        "$__range": f"{SECONDS}s",
        "$instance": ".+",
        "$route": ".+",
        "$job": job,
    }
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def legend(template: str, one: Series) -> str:
    """Return the name of a series."""
    return re.sub(r"{{(\w+)}}", lambda m: one.labels.get(m[1], ""), template).strip()


def draw(data: dict[str, Any], program: tuple[str, str], path: Path) -> None:
    """Let Chromium draw a dashboard, and keep what it looks like."""
    script, styles = program
    script = script.replace("</script", "<\\/script")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "page.html"
        file.write_text(PAGE % (styles, json.dumps(data), script), encoding="utf-8")
        browser = playwright.chromium.launch(
            executable_path=find_chromium() or sys.exit("Chromium is missing"),
            args=["--no-sandbox"],
        )
        page = browser.new_page(
            viewport={"width": 1600, "height": 100}, device_scale_factor=SCALE
        )
        page.on("pageerror", lambda error: sys.stderr.write(f"{error}\n"))
        page.goto(file.as_uri())
        page.wait_for_function("document.title === 'drawn'")
        page.wait_for_timeout(2_000)
        page.screenshot(path=path, full_page=True)
        browser.close()
    size = path.stat().st_size
    sys.stdout.write(f"{path.relative_to(ROOT)}: {size:,} bytes\n")
    if size > MAX_BYTES:
        sys.exit(f"{path.name} is larger than {MAX_BYTES:,} bytes")


if __name__ == "__main__":
    main()
