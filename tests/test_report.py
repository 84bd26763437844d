"""`print(stack)`: the plan as people read it."""

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from steadfastapi import Inbox, Metrics, Plan, Service, configure
from support.apps import built, opaque, sub_app

LATER: dict[str, Any] = {"tracing": False, "sentry": False}
LIMITED = "max_body_size" in FastAPI.__init__.__annotations__


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a terminal so wide that no cell is folded."""
    monkeypatch.setenv("COLUMNS", "200")


def rows(text: str) -> list[list[str]]:
    """Return the cells of every row of every table."""
    return [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in text.splitlines()
        if line.startswith("│")
    ]


def test_the_title_is_the_service() -> None:
    """Name, version, environment."""
    service = Service(name="shop", version="1.2", environment="staging")
    stack = configure(FastAPI(), service=service, **LATER)

    assert "shop 1.2 · staging" == str(stack).splitlines()[0].strip()


def test_every_contribution_of_every_layer_is_a_row() -> None:
    """The first one of a layer with its settings; a layer that is off says so."""
    app = FastAPI()
    layers: dict[str, Any] = {
        "metrics": Metrics(path="/numbers", token="hunter2"),
        **LATER,
    }
    stack = configure(app, inbox=Inbox(url="sqlite:///errors.db"), **layers)
    found = rows(str(stack))

    assert ["sentry", "off", "", ""] in found
    assert [
        "contract",
        'every error as {"detail": …}',
        "boundary",
        "defaults",
    ] in found
    for line in stack.plan.contributions:
        assert [line.what, line.where] in [row[1:3] for row in found]
    (settings,) = {row[3] for row in found if row[0] == "metrics"}
    assert {"path=/numbers", "token=**********"} == set(settings.split(", "))
    assert "hunter2" not in str(stack)


def test_the_order_shows_what_stands_where() -> None:
    """Outermost first, the user's middleware by name, with a reason each."""
    app = FastAPI()
    stack = configure(app, **LATER)
    app.add_middleware(GZipMiddleware)
    built(app)
    slots = [row[:2] for row in rows(str(stack)) if len(row) == 3][-5:]

    assert [
        ["exchange", "ExchangeMiddleware"],
        ["outer_boundary", "ErrorBoundary"],
        ["user", "GZipMiddleware"],
        ["boundary", "ErrorBoundary"],
        ["limits", "LimitMiddleware"],
    ] == slots


def test_the_order_shows_pieces_of_layers_and_body_limits() -> None:
    """Where there are some; without a contract there is one boundary."""

    class Limits:
        name = "limits"

        def contribute(self, plan: Plan) -> None:
            plan.piece("limits", GZipMiddleware)

    options: dict[str, Any] = {"max_body_size": 10} if LIMITED else {}
    off: dict[str, Any] = {"limits": False, **LATER}
    limited = configure(FastAPI(**options), extra=[Limits()], **off)
    bare = configure(FastAPI(), contract=False, **off)
    names = [row[0] for row in rows(str(limited)) if len(row) == 3]
    slots = [row[0] for row in rows(str(bare)) if len(row) == 3]

    body_limit = ["body_limit"] if LIMITED else []
    assert ["boundary", *body_limit, "limits"] == names[names.index("user") + 1 :]
    assert ["exchange", "user", "boundary"] == slots


@pytest.mark.parametrize("start", [False, True])
def test_mounts_are_listed_with_what_the_contract_covers(start: bool) -> None:
    """Before the application has started, and after."""
    app = FastAPI()
    app.mount("/m", sub_app())
    app.mount("/opaque", opaque)
    stack = configure(app, **LATER)
    if start:
        built(app)

    assert [
        ["/m", "FastAPI", "covered"],
        ["/opaque", "function", "its unhandled errors only"],
    ] == rows(str(stack))[-2:]


def test_without_mounts_there_is_no_such_table() -> None:
    """And no warnings, where there are none."""
    text = str(configure(FastAPI(), **LATER))

    assert "mounts" not in text
    assert "warning:" not in text


def test_warnings_come_last() -> None:
    """So that they are what one sees."""

    class Careless:
        name = "careless"

        def contribute(self, plan: Plan) -> None:
            plan.note("does nothing")
            plan.warn("this should not stay")

    text = str(configure(FastAPI(), extra=[Careless()], **LATER))

    assert "warning: this should not stay" == text.splitlines()[-1]


def test_the_output_of_a_pipe_has_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """And at least 80 columns."""
    monkeypatch.setenv("COLUMNS", "20")
    text = str(configure(FastAPI(), **LATER))

    assert "\x1b" not in text
    assert 80 == max(len(line) for line in text.splitlines())


@pytest.mark.parametrize(
    ("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)]
)
def test_a_terminal_gets_colours_unless_it_says_no(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], coloured: bool
) -> None:
    """As https://no-color.org asks."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert coloured is ("\x1b[" in str(configure(FastAPI(), **LATER)))


def test_markup_in_names_is_shown_as_it_is() -> None:
    """A title is not Rich's markup, and a path no style."""
    app = FastAPI()
    app.mount("/[bold]x", opaque)
    stack = configure(app, service="[red]shop[/red]", **LATER)

    assert "[red]shop[/red]" in str(stack).splitlines()[0]
    assert "/[bold]x" == rows(str(stack))[-1][0]
