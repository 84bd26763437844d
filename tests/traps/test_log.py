"""LOG-1 to LOG-9: what a log must not do to its reader or its application."""

import contextlib
import copy
import logging
import logging.config
import time
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NoReturn

import httpx2
import pytest
import structlog
from fastapi import FastAPI, Response
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.config import LOGGING_CONFIG
from websockets.sync.client import connect

from apps.logged import make
from steadfastapi import Logs, bind
from steadfastapi._scrub import scrub_text
from steadfastapi.logs.console import ConsoleRenderer
from steadfastapi.logs.pipeline import pipeline
from steadfastapi.logs.renderers import Render
from steadfastapi.testing import capture, internal_errors
from support.apps import configured
from support.asgi import call
from support.drive import in_loop
from support.hostile import STREAMS, VALUES, Failing
from support.lines import RAW, RENDERERS, STYLE, Lines, collected, logged, parse
from support.raw import parse_response, raw_request
from support.server import LiveServer

UVICORN = [
    pytest.param(how, access_log, id=f"{how}{'' if access_log else ' --no-access-log'}")
    for how in ("command", "code")
    for access_log in (True, False)
]
every_uvicorn = pytest.mark.parametrize(("how", "access_log"), UVICORN)
SECRET = "kXq3vZ9mWd8sLp2rTn6y"


@cache
def served(how: str, access_log: bool) -> tuple[str, ...]:
    """Return every line of a uvicorn that served one request of each kind."""
    if how == "command":
        server = LiveServer(
            "apps.logged:make", subprocess=True, factory=True, access_log=access_log
        )
        with server:
            visit(server)
            server.stop()
        return tuple(server.lines())
    lines = Lines()
    with contextlib.ExitStack() as stack:
        stack.enter_context(restored_loggers())
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("always")
        stack.enter_context(contextlib.redirect_stdout(lines.stream))
        stack.enter_context(contextlib.redirect_stderr(lines.stream))
        app = make()  # before uvicorn applies its own configuration
        config = copy.deepcopy(LOGGING_CONFIG)
        with LiveServer(app, log_config=config, access_log=access_log) as live:
            visit(live)
    return tuple(lines.raw)


def visit(server: LiveServer) -> None:
    """Send one request of each kind, with a secret in every query."""
    query = f"?token={SECRET}&q={SECRET}"
    for path in ("/ok", "/says", "/missing", "/crash"):
        httpx2.get(f"{server.url}{path}{query}")
    with connect(f"ws://{server.host}:{server.port}/ws{query}") as websocket:
        websocket.send("a")
        websocket.recv()


@contextlib.contextmanager
def restored_loggers() -> Iterator[None]:
    """Give back to uvicorn's loggers what its configuration has changed."""
    names = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")
    loggers = [logging.getLogger(name) for name in names]
    before = [(one.handlers[:], one.level, one.propagate) for one in loggers]
    try:
        yield
    finally:
        for one, (handlers, level, propagate) in zip(loggers, before, strict=True):
            one.handlers[:] = handlers
            one.setLevel(level)
            one.propagate = propagate


@every_uvicorn
def test_log_1_every_line_of_uvicorn_is_in_our_format(
    how: str, access_log: bool
) -> None:
    """Its own, stdlib's, structlog's and warnings: JSON with the same first fields."""
    lines = [parse(line) for line in served(how, access_log)]
    loggers = {line["event"]: line.get("logger") for line in lines}

    assert {("timestamp", "level", "event")} == {tuple(line)[:3] for line in lines}
    assert "uvicorn.error" == loggers["Application startup complete."]
    assert "uvicorn.error" == loggers[f"Finished server process [{pid(lines)}]"]
    assert ("shop", "shop") == (loggers["by structlog"], loggers["by stdlib"])
    assert 1 == sum("UserWarning: by warnings" in event for event in loggers)


def pid(lines: list[dict[str, Any]]) -> int:
    """Return the process that the server said it is."""
    (event,) = [one["event"] for one in lines if "Started server" in one["event"]]
    return int(event.partition("[")[2].rstrip("]"))


@every_uvicorn
def test_log_2_a_request_has_exactly_one_line(how: str, access_log: bool) -> None:
    """Ours, with or without `--no-access-log`, which switches uvicorn's own off."""
    lines = [parse(line) for line in served(how, access_log)]
    ours = [line for line in lines if line["event"] in {"request", "websocket"}]

    assert [
        ("/ok", 200),
        ("/says", 200),
        ("/missing", 404),
        ("/crash", 500),
        ("/ws", 101),
    ] == [(line["path"], line["status"]) for line in ours]
    assert [7] == [line["user_id"] for line in ours if "user_id" in line]
    assert [] == [line for line in lines if "uvicorn.access" in line.values()]
    assert [] == [line for line in lines if "connection" in line["event"]]
    assert [] == [line for line in lines if "HTTP/1.1" in line["event"]]


@every_uvicorn
def test_log_2_a_crash_has_exactly_one_error_line(how: str, access_log: bool) -> None:
    """With the traceback; uvicorn's copy of it is dropped."""
    lines = [parse(line) for line in served(how, access_log)]
    (error,) = [line for line in lines if line["level"] == "error"]

    assert "unhandled error" == error["event"]
    assert error["exception"].startswith("Traceback (most recent call last):\n")
    assert error["exception"].endswith("ZeroDivisionError: division by zero")


def test_log_3_successful_probes_are_silent_and_failed_ones_are_not() -> None:
    """Health checks and scrapes come every few seconds: 24 lines a minute and pod."""
    app = configured(FastAPI())
    status = [200]
    for path in ("/health", "/healthz", "/livez", "/readyz"):
        app.add_api_route(path, lambda: Response(status_code=status[0]))

    def probe() -> int:
        with capture(app) as seen:
            for path in ("/health", "/healthz", "/livez", "/readyz", "/metrics"):
                in_loop(call, app, path=path)
        return len(seen.log_lines)

    quiet, status[0] = probe(), 503
    failed, status[0] = probe(), 404
    unknown = probe()

    assert (0, 4, 4) == (quiet, failed, unknown)


HOSTILE_TEXT = st.text(
    st.characters()
    | st.sampled_from("\x00\x07\b\t\n\v\f\r\x1b\x7f\x80\x85\x9b\x9f\u2028\u2029\u202e")
)


@pytest.mark.parametrize("render", RENDERERS.values(), ids=RENDERERS)
def test_log_4_one_event_is_one_line_whatever_it_holds(render: Render) -> None:
    """No C0, DEL, C1 or Unicode line end of event, name, value or logger is raw."""

    @given(HOSTILE_TEXT, HOSTILE_TEXT.filter(bool), HOSTILE_TEXT)
    def check(event: str, name: str, value: str) -> None:
        with collected() as lines:
            structlog.get_logger(value).warning(event, **{name: value, "b": [value]})
            logging.getLogger("shop").warning("%s", event, extra={f"x{name}": value})
            pipeline.emit("info", "request", {"outcome": value, "path": value})

        assert 3 == len(lines.raw)
        assert None is RAW.search(lines.text)

    with logged(render):
        check()


@given(HOSTILE_TEXT)
def test_log_4_colours_are_the_only_escapes(value: str) -> None:
    """A terminal obeys us, and nobody who writes to the log."""
    with logged(ConsoleRenderer(colours=True)) as lines:
        structlog.get_logger(value).error(value, **{f"a{value}": value})

    assert 1 == len(lines.raw)
    assert None is RAW.search(STYLE.sub("", lines.text))


@given(HOSTILE_TEXT, HOSTILE_TEXT)
def test_log_4_an_exception_cannot_forge_a_line(message: str, name: str) -> None:
    """In JSON it is part of its line; on the console each of its lines is indented."""

    def crash() -> None:
        raise ValueError(message)

    crash.__code__ = crash.__code__.replace(
        co_name=f"f{name}".encode("utf-8", "replace").decode()
    )
    for render in RENDERERS.values():
        with logged(render) as lines:
            try:
                crash()
            except ValueError:
                structlog.get_logger().exception("failed")
        assert None is RAW.search(lines.text)
        assert [] == [line for line in lines.raw[1:] if not line.startswith("    │ ")]


@pytest.mark.parametrize("renderer", ["json", "console"])
@pytest.mark.parametrize("http", ["h11", "httptools"])
def test_log_4_a_path_cannot_forge_a_line(http: Any, renderer: Any) -> None:
    """Both parsers decode `%0d%0a%1b`, and hand it on."""
    app = configured(FastAPI(), logs=Logs(renderer=renderer))
    target = b"/a%0d%0aERROR%1b[31m%00%7f%c2%9b%e2%80%a8%ff"
    with collected() as lines, LiveServer(app, http=http) as server:
        request = b"GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % target
        answer = raw_request(server.host, server.port, request)

    assert 404 == parse_response(answer).status
    # A process id may hold the digits of the status as well.
    assert [True] == ["404" in line for line in lines.raw if "/a" in line]
    assert None is RAW.search(lines.text)


@every_uvicorn
def test_log_5_no_query_is_in_the_log(how: str, access_log: bool) -> None:
    """Neither of a request nor of a WebSocket, not even of one that crashed."""
    assert [] == [line for line in served(how, access_log) if SECRET in line]


@pytest.mark.parametrize("render", RENDERERS.values(), ids=RENDERERS)
def test_log_6_tracebacks_have_no_locals(render: Render) -> None:
    """Of structlog, stdlib, causes and groups: names and lines of code, no values."""

    def crash() -> NoReturn:
        held = f"hunter{2}"
        try:
            raise KeyError(len(held))
        except KeyError as error:
            raise ExceptionGroup("several", [ValueError(len(held))]) from error

    with logged(render) as lines:
        try:
            crash()
        except ExceptionGroup as error:
            structlog.get_logger().exception("by structlog")
            structlog.get_logger().error("as value", exc_info=error)
            logging.getLogger("shop").exception("by stdlib")

    assert 3 == lines.text.count("KeyError: 7")
    assert 3 == lines.text.count("ValueError: 7")
    assert "hunter2" not in lines.text


def _stdlib_factory() -> None:
    structlog.configure(
        processors=[structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


SET_UPS: dict[str, Callable[[], None]] = {
    "as it comes": lambda: None,
    "cached": lambda: structlog.configure(cache_logger_on_first_use=True),
    "cached, on stdlib": _stdlib_factory,
}


@pytest.mark.parametrize("set_up", SET_UPS.values(), ids=SET_UPS)
def test_log_7_a_logger_used_before_follows(
    set_up: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Cached, bound or neither: after `configure` it writes one line, in our format."""
    set_up()
    log = structlog.get_logger("shop")
    bound = log.bind(shop=7)
    log.info("before")
    bound.info("before")
    capsys.readouterr()

    with logged() as lines:
        log.info("after", a=1)
        bound.info("after", a=1)
    structlog.reset_defaults()

    assert [("after", 1, None), ("after", 1, 7)] == [
        (line["event"], line["a"], line.get("shop")) for line in lines.parsed
    ]
    assert ("", "") == capsys.readouterr()


def test_log_7_the_level_of_a_cached_logger_follows_too() -> None:
    """It has a class of structlog's own, which knows nothing of ours."""
    structlog.configure(cache_logger_on_first_use=True)
    log = structlog.get_logger()
    log.bind()
    with logged(level=logging.WARNING) as lines:
        log.info("not written")
        log.warning("written")
        pipeline.set_level(logging.DEBUG)
        log.debug("now written")
    structlog.reset_defaults()

    assert ["written", "now written"] == [line["event"] for line in lines.parsed]


def by_structlog(event: str, /, **fields: Any) -> None:
    """Write one line."""
    structlog.get_logger().info(event, **fields)


def by_stdlib(event: str, /, **fields: Any) -> None:
    """Write one line."""
    logging.getLogger("shop").info(event, extra=fields)


def by_request(event: str, /, **fields: Any) -> None:
    """Cause one access line."""
    app = FastAPI()

    @app.get("/")
    async def index() -> None:
        bind(what=event, **fields)

    stream, render = pipeline.stream, pipeline.render
    processors = pipeline.processors
    configured(app, metrics=False)
    pipeline.stream, pipeline.render = stream, render
    pipeline.processors = processors
    in_loop(call, app)


WAYS = {"structlog": by_structlog, "stdlib": by_stdlib, "access line": by_request}
every_way = pytest.mark.parametrize("write", WAYS.values(), ids=WAYS)
every_renderer = pytest.mark.parametrize("name", RENDERERS)


@every_way
@every_renderer
@pytest.mark.parametrize("make_value", VALUES.values(), ids=VALUES)
def test_log_8_no_value_raises(
    make_value: Callable[[], Any], name: str, write: Callable[..., None]
) -> None:
    """Values 1 to 7, orjson's and worse: one line each, and JSON if JSON is asked."""
    with logged(RENDERERS[name]) as lines:
        write("hostile \udc80", value=make_value(), more=[{"value": make_value()}])

    assert 1 == len(lines.raw)
    if name == "json":
        assert {"value", "more"} <= lines.last.keys()
        assert "log_error" not in lines.last


@every_way
@every_renderer
def test_log_8_a_processor_that_raises_costs_no_field(
    name: str, write: Callable[..., None]
) -> None:
    """Case 8: the line is complete without it, and says what happened."""

    def refuse(event: dict[str, Any]) -> NoReturn:
        raise LookupError("token=hunter2")

    with (
        internal_errors() as counted,
        logged(RENDERERS[name], processors=[refuse]) as lines,
    ):
        write("refused", value=1)

    assert {"logs.processor": 1} == counted
    assert 1 == len(lines.raw)
    assert "log_error=" in lines.text or "log_error" in lines.last
    assert "LookupError: token=[redacted]" in lines.text
    if name == "json":
        assert 1 == lines.last["value"]


@every_way
@every_renderer
@pytest.mark.parametrize("error", STREAMS.values(), ids=STREAMS)
def test_log_8_a_stream_that_fails_costs_no_line(
    error: Callable[[], Exception],
    name: str,
    write: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Cases 9 and 10: stderr gets the line, with the reason."""
    with internal_errors() as counted, logged(RENDERERS[name]):
        pipeline.stream = Failing(error)
        write("lost", value=1)
    out, err = capsys.readouterr()
    (line,) = [parse(line) for line in err.split("\n") if line.startswith("{")]

    assert "" == out
    assert {"logs.stream": 1} == counted
    assert 1 == line["value"]
    assert line["log_error"].startswith(type(error()).__name__)


def test_log_8_without_any_stream_nothing_raises(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both are gone: the line is lost, the application goes on."""
    with internal_errors() as counted, logged():
        pipeline.stream = Failing(STREAMS["9 broken pipe"])
        monkeypatch.setattr("sys.stderr", None)
        by_structlog("lost")

    assert {"logs.stream": 1} == counted


@every_way
@every_renderer
def test_log_8_any_text_goes_to_an_ascii_stream(
    name: str, write: Callable[..., None]
) -> None:
    """Cases 11 and 12: JSON stays JSON, with escapes of its own."""
    with logged(RENDERERS[name]), collected("ascii") as lines:
        write("é€😀\udc80", value="é€😀\udc80")

    assert 1 == len(lines.raw)
    assert lines.text.isascii()
    if name == "json":
        assert "é€😀\\udc80" == lines.last["value"]


@every_way
@every_renderer
@pytest.mark.parametrize("field", ["event", "level", "timestamp", "status", "path"])
def test_log_8_no_name_clashes(
    field: str, name: str, write: Callable[..., None]
) -> None:
    """Case 13: a field called like one of the line's own gets an underscore."""
    with logged(RENDERERS[name]) as lines:
        write("clash", **{field: "mine", "name_": 1})

    assert 1 == len(lines.raw)
    if name == "json":
        line = lines.last
        assert "info" == line["level"]
        assert "mine" == line.get(f"{field}_", line.get(field))
        assert ["timestamp", "level", "event"] == list(line)[:3]


def test_log_9_64_kib_of_attack_take_milliseconds() -> None:
    """`tests/test_secrets.py` tries every pattern; this is the whole way of a line."""
    attack = ("password://a:b@ token= sk- " * 4000)[: 64 * 1024]
    times = []
    with logged():
        for _ in range(5):
            begin = time.thread_time()
            structlog.get_logger().info(attack, value=attack)
            times.append(time.thread_time() - begin)

    assert 0.015 >= min(times)
    assert len(scrub_text(attack)) < len(attack)
