"""The Axios interceptor of the how-to page, run by node against the running shop."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.server import LiveServer
from support.services import find_node, require

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/how-to/read-errors-in-a-front-end.md"
AXIOS = ROOT / "tests/frontend/node_modules/axios"

DRIVER = """
globalThis.API_URL = process.argv[2];
const { api } = await import("./api.mjs");
const seen = {};
async function call(name, action) {
  try {
    const { status } = await action();
    seen[name] = { status };
  } catch (error) {
    seen[name] = {
      status: error.response?.status,
      message: error.userMessage,
      requestId: error.requestId,
      retryAfter: error.retryAfter,
    };
  }
}
const user = { email: "ada@example.org", name: "Ada", password: "correct horse" };
await call("created", () => api.post("/users", user));
await call("conflict", () => api.post("/users", user));
await call("invalid", () => api.post("/users", { ...user, email: "no" }));
await call("login", () => api.post("/auth/login", { ...user, password: "wrong one" }));
await call("unknown", () => api.get("/nowhere"));
await call("method", () => api.delete("/users"));
await call("first", () => api.get("/limited"));
await call("limited", () => api.get("/limited"));
await call("crash", () => api.get("/debug/crash"));
await call("mounted", () => api.get("/admin/stats"));
await call("gone", () => api.get("http://127.0.0.1:9/"));
console.log(JSON.stringify(seen));
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the interceptor made of each answer of the shop."""
    node = require("node", find_node())
    require("axios (npm install in tests/frontend)", AXIOS.is_dir() or None)
    folder = tmp_path_factory.mktemp("frontend")
    blocks = re.findall(r"```js\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (folder / "api.mjs").write_text(blocks[0])
    (folder / "driver.mjs").write_text(DRIVER)
    (folder / "node_modules").symlink_to(AXIOS.parent)
    with LiveServer(
        "apps.limited_shop:app",
        subprocess=True,
        cwd=ROOT,
        env={
            "PYTHONPATH": f"{ROOT / 'examples'}:{ROOT / 'tests'}",
            "SHOP_DATA_DIR": str(folder),
        },
    ) as server:
        done = subprocess.run(
            [node, "driver.mjs", server.url],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    parsed: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return parsed


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("conflict", 409, "User already exists"),
        ("unknown", 404, "Not Found"),
        ("method", 405, "Method Not Allowed"),
        ("crash", 500, "Internal server error"),
        (
            "limited",
            429,
            "Rate limit exceeded: 1 per 1 minute. Please slow down.",
        ),
        ("gone", None, "The server cannot be reached."),
    ],
)
def test_a_message_for_people(
    answers: dict[str, dict[str, Any]], name: str, status: int | None, message: str
) -> None:
    """Every row of the contract becomes the sentence that people read."""
    assert status == answers[name].get("status")
    assert message == answers[name]["message"]


def test_a_validation_error_names_the_field(
    answers: dict[str, dict[str, Any]],
) -> None:
    """A 422 becomes one line a field."""
    assert 422 == answers["invalid"]["status"]
    assert answers["invalid"]["message"].startswith("email: ")


def test_every_error_has_a_request_id(answers: dict[str, dict[str, Any]]) -> None:
    """Each answered error carries the id that support asks for."""
    ids = [
        answer["requestId"]
        for name, answer in answers.items()
        if answer.get("status", 0) >= 400 and name != "gone"
    ]
    assert 8 == len(ids)
    assert all(re.fullmatch("[0-9a-f]{32}", found) for found in ids)


def test_a_limited_call_knows_when_to_come_back(
    answers: dict[str, dict[str, Any]],
) -> None:
    """A 429 says in how many seconds."""
    assert 60 == answers["limited"]["retryAfter"]


def test_success_passes_through(answers: dict[str, dict[str, Any]]) -> None:
    """The interceptor leaves good answers alone."""
    assert [201, 200] == [answers["created"]["status"], answers["first"]["status"]]
