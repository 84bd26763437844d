"""What every test shares: a process as it was found, before and after."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from steadfastapi import _unavailable, testing

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

os.environ["COLUMNS"] = "200"
"""Tables are asserted on in one piece; servers that tests start inherit it."""

_TOOL_VARIABLES = (
    "DATABASE_URL",
    "ENVIRONMENT",
    "FORWARDED_ALLOW_IPS",
    "GIT_COMMIT",
    "LOG_LEVEL",
    "OTEL_",
    "PROMETHEUS_MULTIPROC_DIR",
    "RATELIMIT_",
    "REDIS_URL",
    "SENTRY_",
    "SHOP_",
    "STEADFAST_",
    "WEB_CONCURRENCY",
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[
    None, pytest.TestReport, pytest.TestReport
]:
    """Make reports that pytest-xdist can send: our tests log lone surrogates."""
    report = yield
    report.sections = [
        (title, text.encode("utf-8", "backslashreplace").decode("utf-8"))
        for title, text in report.sections
    ]
    return report


LONG = (
    "tests/dashboards/test_live.py",
    "tests/prometheus/test_alert_path.py",
    "tests/console/test_browser",
    "tests/console/test_demo.py",
    "tests/limits/test_fleet.py",
    "tests/cli/",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: nobody waits for it at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


@pytest.fixture(autouse=True)
def _clean_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Keep settings of this machine out, and undo what a test configured."""
    for name in list(os.environ):
        if name.startswith(_TOOL_VARIABLES) and name != "STEADFAST_REQUIRE_SERVICES":
            monkeypatch.delenv(name)
    # Servers that tests start keep their errors there too, each test its own.
    inbox = tmp_path_factory.getbasetemp() / "inbox" / f"{uuid4().hex}.db"
    monkeypatch.setenv("STEADFAST_INBOX_URL", f"sqlite:///{inbox}")
    # Of the functions that were decorated so far, none is this test's.
    monkeypatch.setattr(_unavailable._Use, "possible", False)
    yield
    testing.reset()


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio, where the servers run."""
    return "asyncio"
