"""State changes of probes as alerts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from steadfastapi.alerts.probe import of_probe

AT = datetime(2026, 3, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("old", "new", "critical", "state", "severity"),
    [
        ("healthy", "unhealthy", True, "open", "critical"),
        ("healthy", "unhealthy", False, "open", "error"),
        ("healthy", "degraded", True, "open", "warning"),
        ("degraded", "unhealthy", True, "open", "critical"),
        ("unhealthy", "healthy", True, "resolved", "critical"),
        ("degraded", "healthy", True, "resolved", "warning"),
        ("unhealthy", "no_data", False, "resolved", "error"),
    ],
)
def test_a_change_of_a_probe_is_an_alert(
    old: str, new: str, critical: bool, state: str, severity: str
) -> None:
    """Healthy is over, so is no data; how bad it is follows from what depends on it."""
    alert = of_probe("db", old, new, AT, critical=critical, error="TimeoutError")

    assert ("probe:db", state, severity) == (alert.key, alert.state, alert.severity)
    assert f"db: {old} → {new}" == alert.title
    assert ("TimeoutError", AT) == (alert.text, alert.at)
    assert (old, new) == (alert.old_status, alert.new_status)
