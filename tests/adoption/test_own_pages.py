"""An application that has pages where steadfastapi has some, too."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.testclient import TestClient

from steadfastapi import configure


def test_a_health_page_of_the_applications_own_is_served() -> None:
    """Ours steps back."""
    app = FastAPI()
    app.get("/health")(lambda: {"ok": True})
    configure(app)

    assert {"ok": True} == TestClient(app).get("/health").json()


def test_a_metrics_page_of_the_applications_own_is_served() -> None:
    """As its own health page is; an application that has one would miss it."""
    app = FastAPI()
    app.get("/metrics")(lambda: {"orders": 1})
    configure(app)

    assert {"orders": 1} == TestClient(app).get("/metrics").json()
