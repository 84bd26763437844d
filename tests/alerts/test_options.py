"""Wrong arguments are one clear error, when an alerter is created."""

from __future__ import annotations

from typing import Any

import pytest

from steadfastapi.alerts import WebhookAlerter
from steadfastapi.exceptions import ConfigurationError

URL = "https://hooks.example.com/x"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"timeout": 0}, "timeout=0: give seconds, at most 5"),
        ({"timeout": 60}, "timeout=60: give seconds, at most 5"),
        ({"timeout": float("nan")}, "timeout=nan: give seconds, at most 5"),
        ({"timeout": True}, "timeout=True: give seconds, at most 5"),
        ({"hosts": "example.com"}, "hosts='example.com': give several"),
        ({"allow": "10.0.0.0/8"}, "allow='10.0.0.0/8': give several"),
        ({"allow": ["10.0.0.0/33"]}, "allow: '10.0.0.0/33' is no network"),
        ({"plain_http": "yes"}, "plain_http='yes': give True or False"),
        ({"timeuot": 1}, "timeuot=…: unknown. Did you mean 'timeout'?"),
        ({"headers": ["a"]}, "headers=list: give a mapping"),
        ({"headers": {"a": 3}}, "headers: 'a' is no header"),
    ],
)
def test_an_option_that_cannot_be(option: dict[str, Any], message: str) -> None:
    """The message says what would be right."""
    with pytest.raises(ConfigurationError) as error:
        WebhookAlerter(URL, **option)

    assert str(error.value).startswith(f"WebhookAlerter(…): {message}")


def test_every_problem_is_named_at_once() -> None:
    """One start shows all of them."""
    wrong: dict[str, Any] = {"timeout": 0, "allow": ["x"], "colour": "red"}
    with pytest.raises(ConfigurationError) as error:
        WebhookAlerter(URL, headers={"": "x"}, **wrong)

    assert 4 == len(error.value.problems)


@pytest.mark.parametrize("url", [None, 3, "", b"https://hooks.example.com/x"])
def test_no_address_at_all(url: Any) -> None:
    """As when an environment variable is not set."""
    with pytest.raises(ConfigurationError, match="url=… "):
        WebhookAlerter(url)
