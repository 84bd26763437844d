"""An alert is bounded, scrubbed data."""

from __future__ import annotations

from enum import StrEnum

import pytest

from steadfastapi.alerts import Alert
from steadfastapi.alerts.alert import MAX_KEY, MAX_LABELS, MAX_TEXT, MAX_TITLE
from support.alerts import opened, resolved
from support.canaries import Canaries


class Status(StrEnum):
    """As a health probe's."""

    UNHEALTHY = "unhealthy"


def test_texts_are_cut() -> None:
    """Each to its bound, and all of them together."""
    long = "x" * 100_000
    alert = Alert(
        key=long,
        state="open",
        title=long,
        text=long,
        source=long,
        link=f"https://example.com/{long}",
        labels={f"{number}{long}": long for number in range(100)},
    )

    assert MAX_KEY == len(alert.key)
    assert MAX_TITLE == len(alert.title)
    assert MAX_TEXT == len(alert.text)
    assert MAX_LABELS == len(alert.labels)
    assert alert.size < 16 * 1024


def test_long_keys_stay_different() -> None:
    """By what their end hashes to."""
    one, other = (opened("x" * 5_000 + end) for end in "ab")

    assert one.key != other.key
    assert MAX_KEY == len(one.key) == len(other.key)


def test_sec_20_secrets_are_masked() -> None:
    """In every text, and by the name of a label."""
    canaries = Canaries()
    leak = (
        f"postgresql://shop:{canaries.database_password}@db/ failed, "
        f"token={canaries.exception_token} {canaries.provider_key}"
    )
    alert = opened(
        "probe:db",
        title=leak,
        text=leak,
        source=leak,
        link=f"https://ops.example.com/?token={canaries.query_token}",
        labels={"error": leak, "api_key": canaries.x_api_key},
    )

    assert {} == canaries.find(repr(alert))
    assert {"error", "api_key"} == set(alert.labels)


def test_sec_20_control_characters_are_gone() -> None:
    """Also those that turn the direction of writing, and halves of pairs."""
    alert = opened("a\nb", title="a\x00\x1b[31m\u2028\u202eb\ud800", text="a\nb\x85c")

    assert "a [31m b" == alert.title
    assert "a\nb c" == alert.text
    assert "a\nb" == alert.key


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "/ops", "https://x|y", "https://a b", "file:///x"]
)
def test_only_links_are_links(link: str) -> None:
    """Anything else is dropped."""
    assert "" == opened(link=link).link
    assert "https://ops.example.com/1" == opened(link="https://ops.example.com/1").link


@pytest.mark.parametrize(
    "wrong", [{"key": ""}, {"state": "closed"}, {"severity": "fatal"}]
)
def test_what_is_no_alert_is_refused(wrong: dict[str, str]) -> None:
    """With what would be one."""
    with pytest.raises(ValueError, match=r"alert|severity"):
        Alert(**({"key": "a", "state": "open", "title": "b"} | wrong))  # type: ignore[arg-type]


def test_levels_rise_with_severity() -> None:
    """What is over worries nobody."""
    levels = [opened(severity=one).level for one in ("info", "warning", "error")]

    assert [1, 2, 3] == levels
    assert 4 == opened(severity="critical").level
    assert 0 == resolved(severity="critical").level


def test_it_reads_like_an_alert_record_of_fastapi_watch() -> None:
    """So that alerters written for that go on working."""
    labels = {"probe": "db", "old_status": "healthy", "new_status": Status.UNHEALTHY}
    alert = opened(labels=labels)

    assert "db" == alert.probe
    assert "healthy" == alert.old_status
    assert "unhealthy" == alert.new_status.value
    assert alert.at is alert.timestamp
    assert ("", "", "") == (
        opened().probe,
        opened().old_status,
        opened().new_status,
    )


def test_labels_cannot_be_changed() -> None:
    """Several threads read them."""
    labels = {"a": "b"}
    alert = opened(labels=labels)
    labels["c"] = "d"

    assert {"a": "b"} == alert.labels
    with pytest.raises(TypeError):
        alert.labels["c"] = "d"  # type: ignore[index]


def test_a_source_is_filled_in() -> None:
    """Where the alert names none."""
    alert = Alert(key="a", state="open", title="b")

    assert "shop" == alert.by("shop").source
    assert "shop" == opened().by("other").source
