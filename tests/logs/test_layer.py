"""The settings of the logs, and the handle of the stack."""

import io
import logging
from contextlib import redirect_stdout
from typing import Any

import pytest
import structlog
from fastapi import FastAPI

from steadfastapi import Logs, Stack, configure
from steadfastapi._service import Service
from steadfastapi.exceptions import ConfigurationError
from steadfastapi.logs.console import ConsoleRenderer
from steadfastapi.logs.pipeline import pipeline
from steadfastapi.logs.renderers import render_json
from steadfastapi.testing import capture
from support.asgi import call
from support.drive import in_loop
from support.lines import collected


def steady(app: FastAPI, **settings: Any) -> Stack:
    """Configure an application without backends."""
    return configure(app, **({"tracing": False, "sentry": False} | settings))


class Terminal(io.StringIO):
    """What people sit in front of."""

    def isatty(self) -> bool:
        """Say yes, as long as it is open."""
        super().isatty()
        return True


@pytest.fixture(autouse=True)
def _no_wishes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep out what the terminal of this machine wants."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)


def renders(stdout: Any = None, **settings: Any) -> Any:
    """Return the renderer that `configure` chooses in front of a stdout."""
    with redirect_stdout(stdout):
        steady(FastAPI(), logs=Logs(**settings))
    return pipeline.render


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        ("DEBUG", "debug"),
        ("WARNING", "Warning"),
        ("WARNING", "warn"),
        ("CRITICAL", " fatal "),
    ],
)
def test_the_level_comes_from_log_level(
    expected: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As people spell it; an argument and our own variable win over it."""
    monkeypatch.setenv("LOG_LEVEL", value)
    by_environment = Logs().level
    monkeypatch.setenv("STEADFAST_LOGS_LEVEL", "error")

    assert (expected, "ERROR", "INFO") == (
        by_environment,
        Logs().level,
        Logs(level="info").level,
    )


def test_log_level_holds_for_every_logger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of structlog, of stdlib, and for access lines."""
    monkeypatch.setenv("LOG_LEVEL", "warning")
    app = FastAPI()
    app.get("/")(lambda: "ok")
    stack = steady(app)
    with capture(app) as seen:
        structlog.get_logger().info("not written")
        logging.getLogger("shop").info("not written")
        in_loop(call, app)
        logging.getLogger("shop").warning("written")

    assert "WARNING" == stack.logs.level
    assert ["written"] == [line["event"] for line in seen.logs]


def test_an_unknown_level_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when the settings are made, with what would be right."""
    monkeypatch.setenv("LOG_LEVEL", "loud")
    with pytest.raises(ConfigurationError) as caught:
        Logs()

    assert [
        "LOG_LEVEL is 'loud': use one of DEBUG, INFO, WARNING, ERROR, CRITICAL."
    ] == caught.value.problems


def test_the_level_changes_at_run_time() -> None:
    """For everything, or for one stdlib logger; wrong ones are refused."""
    app = FastAPI()
    stack = steady(app)
    shop, other = logging.getLogger("shop"), logging.getLogger("other")
    with capture(app) as seen:
        stack.logs.set_level("warning")
        structlog.get_logger().info("not written")
        stack.logs.set_level("DEBUG", logger="shop")
        shop.debug("1")
        other.info("not written")
        stack.logs.set_level("info")
        structlog.get_logger().info("2")
        with pytest.raises(ValueError, match="level is 'loud': use one of DEBUG"):
            stack.logs.set_level("loud")

    assert "INFO" == stack.logs.level
    assert ["1", "2"] == [line["event"] for line in seen.logs]


def test_on_a_terminal_in_development_the_console_is_the_default() -> None:
    """With colours; a service with another environment writes JSON even there."""
    in_development = renders(Terminal())
    with redirect_stdout(Terminal()):
        steady(FastAPI(), service=Service(name="shop", environment="production"))

    assert isinstance(in_development, ConsoleRenderer)
    assert in_development._colours
    assert render_json is pipeline.render


def test_without_a_terminal_json_is_the_default() -> None:
    """In a pipe, without stdout, and when it is closed."""
    closed = Terminal()
    closed.close()
    for stream in (io.StringIO(), None, closed):
        assert render_json is renders(stream)


def test_a_renderer_can_be_chosen() -> None:
    """Wherever the process runs."""
    assert render_json is renders(Terminal(), renderer="json")
    assert isinstance(renders(renderer="console"), ConsoleRenderer)


@pytest.mark.parametrize(
    ("colours", "variables"),
    [
        (True, {}),
        (True, {"NO_COLOR": ""}),
        (False, {"NO_COLOR": "1"}),
        (False, {"NO_COLOR": "1", "FORCE_COLOR": "1"}),
        (False, {"TERM": "dumb"}),
        (True, {"TERM": "dumb", "FORCE_COLOR": "1"}),
    ],
)
def test_colours_follow_the_environment(
    colours: bool,
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """NO_COLOR means plain text, without a single escape."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    with redirect_stdout(terminal):
        steady(FastAPI())
        structlog.get_logger("shop").error("a", exc_info=ValueError("x"))

    assert colours == ("\x1b" in terminal.getvalue())
    assert "ValueError: x" in terminal.getvalue()


def test_without_a_terminal_there_are_no_colours_unless_forced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Escapes in a file help nobody; a CI that shows them says so."""
    plain = renders(renderer="console")
    monkeypatch.setenv("FORCE_COLOR", "1")
    forced = renders(renderer="console")

    assert (False, True) == (plain._colours, forced._colours)


def test_on_an_ascii_terminal_bars_are_ascii() -> None:
    """An escape in place of each bar would be hard to read."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    render = renders(stream, renderer="console")

    assert "    | ValueError: x" in render({}, (ValueError, ValueError("x"), None))


def test_processors_of_structlogs_kind_see_every_line() -> None:
    """With the logger's name and the level, before those of the layers."""
    seen: list[Any] = []

    def add(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
        seen.append((logger.name, method, event["event"]))
        return event | {"added": 1}

    app = FastAPI()
    steady(app, logs=Logs(processors=(add, structlog.stdlib.add_logger_name)))
    with capture(app) as captured:
        structlog.get_logger().info("a")
        logging.getLogger("shop").warning("b")
        in_loop(call, app, path="/c")

    assert [
        (None, "info", "a"),
        ("shop", "warning", "b"),
        (None, "info", "request"),
    ] == seen
    assert [1, 1, 1] == [line["added"] for line in captured.logs]


def test_the_plan_says_where_the_lines_go() -> None:
    """In its table."""
    stack = steady(FastAPI(), logs=Logs(renderer="console"))

    assert "structlog, stdlib, uvicorn and warnings on the console" in [
        one.what for one in stack.plan.contributions
    ]


def test_switched_off_the_process_is_left_alone() -> None:
    """Nothing of logging or structlog changes."""
    before = structlog.get_config(), logging.getLogger().handlers[:]
    steady(FastAPI(), logs=False, inbox=False)

    assert before == (structlog.get_config(), logging.getLogger().handlers[:])


def test_lines_go_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    """Where containers collect them; stderr stays empty."""
    steady(FastAPI())
    structlog.get_logger().info("a")
    with collected() as elsewhere:
        structlog.get_logger().info("b")
    out, err = capsys.readouterr()

    assert ("", 1) == (err, out.count("\n"))
    assert "b" == elsewhere.last["event"]
