"""Failures of the checks that live tests share are explained like their own."""

import pytest

pytest.register_assert_rewrite("dashboards.live_checks")
