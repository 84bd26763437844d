"""What `configure` does to structlog, and that it can be undone."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from steadfastapi.logs.install import install, reset
from steadfastapi.logs.logger import TotalBoundLogger, deliver
from steadfastapi.logs.pipeline import pipeline
from steadfastapi.logs.renderers import render_json
from support.lines import collected


@pytest.fixture(autouse=True)
def _structlog() -> Iterator[None]:
    """Leave structlog as it comes; an earlier test may have left ours in it."""
    reset()
    structlog.reset_defaults()
    yield
    reset()
    structlog.reset_defaults()


def test_structlog_has_one_processor_and_our_class() -> None:
    """Everything happens in it, so that no cached logger can be left behind."""
    install(render=render_json)
    config = structlog.get_config()

    assert [deliver] == config["processors"]
    assert TotalBoundLogger is config["wrapper_class"]


def test_the_last_one_decides() -> None:
    """For the whole process: there is one stdout."""
    install(render=render_json, level=10, processors=[lambda event: event])
    install(render=lambda _line, _error: "x", level=30)
    with collected() as lines:
        structlog.get_logger().info("not written")
        structlog.get_logger().warning("written")

    assert ["x"] == lines.raw
    assert [] == pipeline.processors


def test_an_unconfigured_structlog_is_given_back() -> None:
    """With its defaults."""
    default = structlog.get_config()
    install(render=render_json)
    install(render=render_json)
    reset()

    assert not structlog.is_configured()
    assert default["wrapper_class"] is structlog.get_config()["wrapper_class"]
    assert len(default["processors"]) == len(structlog.get_config()["processors"]) > 1


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_configured_structlog_is_given_back(kind: Any) -> None:
    """With the application's settings, whatever sequence holds its processors."""
    processors = kind([structlog.processors.JSONRenderer()])
    structlog.configure(processors=processors, cache_logger_on_first_use=True)
    install(render=render_json)
    with collected() as lines:
        structlog.get_logger().info("a")
    reset()
    config = structlog.get_config()

    assert 1 == len(lines.raw)
    assert list(processors) == list(config["processors"])
    assert config["cache_logger_on_first_use"]
    assert structlog.is_configured()


def test_a_reset_without_an_install_does_nothing() -> None:
    """Every test calls it."""
    structlog.configure(cache_logger_on_first_use=True)
    reset()

    assert structlog.is_configured()


def test_after_a_reset_lines_go_where_they_went_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """To structlog's own logger, in its format."""
    install(render=render_json)
    reset()
    structlog.get_logger().info("a", b=1)
    out = capsys.readouterr().out

    assert "b" in out
    assert not out.startswith("{")


def test_the_stream_is_what_stdout_is_at_that_moment(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Tests and notebooks replace it."""
    install(render=render_json)
    structlog.get_logger().info("a")
    sys.stdout.write("b\n")

    first, second = capsys.readouterr().out.splitlines()
    assert ('"event":"a"' in first, "b") == (True, second)
