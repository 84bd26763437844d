"""Readiness and a watched call, beside fastapi-watch."""

from importlib.util import find_spec

import pytest

from benchmarks import health
from support.services import require

pytestmark = pytest.mark.soak


def test_both_cost_less_than_with_fastapi_watch() -> None:
    """In the same run, with the same details in the answer."""
    require("the package fastapi-watch", find_spec("fastapi_watch"))
    compared = health.measure()

    assert ["GET /health/ready", "a watched call"] == [one.what for one in compared]
    assert [] == [one for one in compared if one.share >= 1]
