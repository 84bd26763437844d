"""LogQL and TraceQL, parsed by Grafana's own grammars in one run of node."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from support.boards import BOARDS, ROOT
from support.services import find_node, require

if TYPE_CHECKING:
    from pathlib import Path

MODULES = ROOT / "tests/frontend/node_modules"
PARSER = """
import { parser as logql } from "@grafana/lezer-logql";
import { parser as traceql } from "@grafana/lezer-traceql";
const parsers = { loki: logql, tempo: traceql };
const wrong = ([language, text]) => {
  let found = false;
  const enter = (node) => { found ||= node.type.isError; };
  parsers[language].parse(text).iterate({ enter });
  return found;
};
const asked = JSON.parse(process.argv[2]);
console.log(JSON.stringify(asked.map(wrong)));
"""
VALUES = {
    "$__auto": "1m",
    "$trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "${trace_id}": "4bf92f3577b34da6a3ce929d0e0e4736",
    "${job:regex}": "shop",
}
"""What stands where no string does, or where a reader would expect one."""


def fill_in(text: str) -> str:
    """Put a value in place of each variable."""
    for name, value in VALUES.items():
        text = text.replace(name, value)
    return text


def asked() -> list[tuple[str, str]]:
    """Return language and text of every query to Loki and Tempo, those of links too."""
    found = [
        (source, fill_in(query.text))
        for board in BOARDS
        for source in ("loki", "tempo")
        for query in board.queries(source)
        if query.text != "$trace_id"  # an id is no query
    ]
    for board in BOARDS:
        for panel in board.panels:
            for link in panel["fieldConfig"]["defaults"]["links"]:
                if "panes=" in link["url"]:
                    panes = parse_qs(urlsplit(link["url"]).query)["panes"][0]
                    found += [
                        ("loki", fill_in(one["expr"]))
                        for one in json.loads(panes)["a"]["queries"]
                        if "expr" in one
                    ]
    return sorted(set(found))


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """What the grammars do not accept, of ours and of two mistakes."""
    node = require("node", find_node())
    grammars = MODULES / "@grafana/lezer-logql"
    require("lezer (npm install in tests/frontend)", grammars.is_dir() or None)
    folder: Path = tmp_path_factory.mktemp("grammars")
    for name in ("@grafana", "@lezer"):
        shutil.copytree(MODULES / name, folder / "node_modules" / name)
    (folder / "parse.mjs").write_text(PARSER)
    queries = [*asked(), *MISTAKES]
    done = subprocess.run(
        [node, "parse.mjs", json.dumps(queries)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    found = json.loads(done.stdout)
    return [query for query, is_wrong in zip(queries, found, strict=True) if is_wrong]


MISTAKES = [("loki", '{job="shop" |= "x"'), ("tempo", "{ status = error &&")]


def test_both_languages_are_spoken() -> None:
    """Dashboards and links have queries of both."""
    assert {"loki", "tempo"} == {language for language, _ in asked()}
    assert 8 <= len(asked())


def test_every_query_parses(wrong: list[tuple[str, str]]) -> None:
    """15 target-logql: nothing is wrong but what is wrong on purpose."""
    assert MISTAKES == wrong


def test_ranges_are_left_to_grafana() -> None:
    """16 target-logql-auto: a range vector spans `$__auto`."""
    ranges = [
        query.text
        for board in BOARDS
        for query in board.queries("loki")
        if "[" in query.text
    ]

    assert ranges
    assert [] == [text for text in ranges if "[$__auto]" not in text]
