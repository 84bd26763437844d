"""The inbox of a configured application."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from steadfastapi import Inbox, configure


def test_the_layer_keeps_what_the_application_raises(tmp_path: Path) -> None:
    """`stack.inbox` finds it again."""
    app = FastAPI()

    @app.get("/crash")
    def crash() -> None:
        raise ValueError("boom")

    inbox = Inbox(url=f"sqlite:///{tmp_path}/inbox.db")
    stack = configure(app, tracing=False, sentry=False, inbox=inbox)
    with TestClient(app, raise_server_exceptions=False) as client:
        client.get("/crash")
        assert stack.inbox.flush(5.0)
        page = client.portal.call(stack.inbox.list) if client.portal else None

    assert page is not None
    assert [("ValueError: boom", 1)] == [(one.title, one.count) for one in page.items]


def test_without_it_the_stack_says_how() -> None:
    """Whoever switched it off can switch it on."""
    stack = configure(FastAPI(), tracing=False, sentry=False, inbox=False)
    with pytest.raises(AttributeError, match="remove inbox=False"):
        _ = stack.inbox
