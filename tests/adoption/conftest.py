"""A small project of somebody else's, to be compared with itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

APP = """
    from fastapi import FastAPI

    def create_app():
        app = FastAPI()
        app.get("/hello")(lambda: "hello")
        app.get("/crash")(lambda: 1 / 0)
        return app

    app = create_app()
"""
SUITE = """
    from fastapi.testclient import TestClient
    from main import app

    def test_hello():
        assert TestClient(app).get("/hello").json() == "hello"
"""

Project = Callable[..., Path]


@pytest.fixture(scope="session")
def project() -> Project:
    """Return a function that writes an application and a suite into a folder."""

    def write(folder: Path, *, app: str = "", suite: str = "") -> Path:
        """Write both; what is given is added to them."""
        folder.joinpath("pytest.ini").write_text("[pytest]\npythonpath = .\n")
        folder.joinpath("main.py").write_text(dedent(APP) + dedent(app))
        folder.joinpath("test_main.py").write_text(dedent(SUITE) + dedent(suite))
        return folder

    return write
