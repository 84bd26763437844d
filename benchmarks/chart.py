"""`python -m benchmarks.chart build/bench.json`: the figures as a picture for the docs.

Plain SVG, without a library: a dozen bars. Its colours follow the reader's colour
scheme; it has a background of its own, so that it can be read on any page.
"""

from __future__ import annotations

import argparse
import json
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.compositions import STEADFAST, USUAL, USUAL_SENTRY

PICTURE = Path("docs/images/overhead.svg")
ROWS = {
    USUAL_SENTRY: "usual tools with Sentry",
    USUAL: "usual tools",
    "lite_bootstrap": "lite-bootstrap",
    "logfire": "logfire",
    "flare": "fastapi-flare",
    STEADFAST: "steadfastapi, all on",
}
WIDTH, MARGIN, LABEL, VALUE = 760, 24, 190, 120
BAR, STEP, HEAD, GAP, LINE = 18, 28, 34, 14, 18

STYLE = """
  text { font: 14px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 16px; font-weight: 600; }
  .part { font-weight: 600; }
  .note { font-size: 12px; fill: #59636e; }
  .page { fill: #ffffff; stroke: #d1d9e0; }
  .bar { fill: #afb8c1; }
  .ours { fill: #1a7f37; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .note { fill: #9198a1; }
    .page { fill: #0d1117; stroke: #3d444d; }
    .bar { fill: #57606a; }
    .ours { fill: #3fb950; }
  }
"""


def draw(figures: dict[str, Any]) -> str:
    """Return the picture of one run.

    Args:
        figures: The JSON document of `python -m benchmarks`.
    """
    added = {
        (row["composition"], row["routes"]): row["added"]
        for row in figures["per_request"]
    }
    numbers = sorted({routes for _, routes in added})
    shown = [numbers[0], numbers[-1]] if len(numbers) > 1 else numbers
    longest = max(added[key] for key in added if key[0] in ROWS)
    parts: list[str] = []
    top = MARGIN + 44
    for routes in shown:
        names = [name for name in ROWS if (name, routes) in added]
        title = f"{routes} route{'' if routes == 1 else 's'}"
        parts.append(_text(MARGIN, top, title, "part"))
        for number, name in enumerate(names):
            y = top + GAP + number * STEP
            parts += _bar(y, name, added[name, routes], longest)
        top += GAP + len(names) * STEP + HEAD
    return _page(top, parts, figures["machine"])


def _bar(y: float, name: str, value: float, longest: float) -> list[str]:
    room = WIDTH - 2 * MARGIN - LABEL - VALUE
    length = max(2.0, value / longest * room)
    left = MARGIN + LABEL
    style = "ours" if name == STEADFAST else "bar"
    return [
        _text(MARGIN, y + BAR - 4, ROWS[name]),
        _box(style, (left, y), (length, BAR), 3),
        _text(left + length + 8, y + BAR - 4, f"{value:,.0f} µs"),
    ]


def _page(height: float, parts: list[str], machine: dict[str, Any]) -> str:
    versions = machine["versions"]
    usual = "Usual tools: structlog, Instrumentator, OpenTelemetry and SlowAPI."
    when = f"{machine['date']}, Python {machine['python']}"
    notes = (usual, f"Less is better. {when}, FastAPI {versions['fastapi']}.")
    title = "Processor time that one request costs beyond bare FastAPI"
    head = _text(MARGIN, MARGIN + 12, title, "title")
    foot = [
        _text(MARGIN, height + number * LINE, note, "note")
        for number, note in enumerate(notes)
    ]
    full = height + LINE + MARGIN - 8
    size = f'viewBox="0 0 {WIDTH} {full:g}" width="{WIDTH}" height="{full:g}"'
    about = f'role="img" aria-label="{title}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {about}>',
            f"<style>{STYLE}</style>",
            _box("page", (0.5, 0.5), (WIDTH - 1, full - 1), 8),
            head,
            *parts,
            *foot,
            "</svg>\n",
        ]
    )


def _box(
    style: str, corner: tuple[float, float], size: tuple[float, float], radius: int
) -> str:
    (x, y), (width, height) = corner, size
    place = f'x="{x:g}" y="{y:g}" width="{width:.1f}" height="{height:g}"'
    return f'<rect class="{style}" {place} rx="{radius}"/>'


def _text(x: float, y: float, text: str, style: str = "") -> str:
    name = f' class="{style}"' if style else ""
    return f'<text x="{x:g}" y="{y:g}"{name}>{escape(text)}</text>'


def main() -> None:
    """Draw what the file has."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chart")
    parser.add_argument("figures", type=Path, help="build/bench.json")
    parser.add_argument("picture", type=Path, nargs="?", default=PICTURE)
    given = parser.parse_args()
    figures = json.loads(given.figures.read_text(encoding="utf-8"))
    given.picture.write_text(draw(figures), encoding="utf-8")
    print(given.picture)


if __name__ == "__main__":
    main()
