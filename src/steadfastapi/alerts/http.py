"""Alerters that post JSON: what all of them check, hide and do."""

from __future__ import annotations

import json
from abc import abstractmethod
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import SecretStr

from steadfastapi._addresses import network
from steadfastapi._egress import (
    MAX_SECONDS,
    EgressError,
    EgressRefused,
    Rules,
    Target,
    post,
    target,
)
from steadfastapi.alerts.alerter import BaseAlerter, DeliveryError
from steadfastapi.alerts.options import (
    EgressOptions,
    Secret,
    revealed,
    wrong_headers,
    wrong_options,
)
from steadfastapi.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from steadfastapi.alerts.alert import Alert

MAX_RETRY_AFTER = 300.0
"""Seconds. Whatever a system asks for, alerts should not wait for longer."""

_TEMPORARY = (408, 425, 429)
"""Client errors that the same request may not meet again."""


class Message(NamedTuple):
    """What is posted.

    Args:
        payload: Becomes JSON.
        path: In place of the address's own; empty keeps that.
    """

    payload: Mapping[str, Any]
    path: str = ""


class HttpAlerter(BaseAlerter):
    """Posts a message to one address; the address is a secret.

    Args:
        url: The address.
        argument: What the constructor calls it, for messages about it.
        hosts: Hosts that it may name unless the options say others.
        headers: Beside the content's type; values are secrets.
        problems: What else is wrong with the constructor's arguments.
        options: `EgressOptions`.

    Raises:
        ConfigurationError: Arguments are wrong; the message holds no secret.
    """

    def __init__(  # noqa: PLR0913 - of the subclasses, not of people
        self,
        url: Any,
        *,
        argument: str,
        hosts: Sequence[str] = (),
        headers: Mapping[str, Secret] | None = None,
        problems: Sequence[str] = (),
        options: EgressOptions,
    ) -> None:
        found = [*problems, *wrong_options(options), *wrong_headers(headers or {})]
        if not found:
            rules = Rules(
                tuple(host.lower() for host in options.get("hosts", hosts)),
                tuple(network(one) for one in options.get("allow", ())),
                options.get("plain_http", False),
            )
            try:
                self._target: Target = target(revealed(url), rules)
            except ValueError as error:
                found.append(f"{argument}=… {error}")
        if found:
            kind = type(self).__name__
            raise ConfigurationError([f"{kind}(…): {one}." for one in found])
        self.timeout = options.get("timeout", MAX_SECONDS)
        self._headers = {
            name: SecretStr(revealed(value)) for name, value in (headers or {}).items()
        }

    @abstractmethod
    def message(self, alert: Alert) -> Message:
        """Return what the system is told, escaped for it."""

    def notify(self, alert: Alert) -> None:
        """Post the message of an alert; blocks.

        Raises:
            DeliveryError: It was not taken.
        """
        payload, path = self.message(alert)
        to = self._target.at(path) if path else self._target
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "steadfastapi",
            **{name: value.get_secret_value() for name, value in self._headers.items()},
        }
        body = json.dumps(payload, separators=(",", ":")).encode()
        try:
            answer = post(to, body, headers, self.timeout)
        except EgressRefused as error:
            raise DeliveryError(str(error), permanent=True) from None
        except EgressError as error:
            raise DeliveryError(str(error)) from None
        if not 200 <= answer.status < 300:  # noqa: PLR2004 - success, RFC 9110
            raise DeliveryError(
                f"HTTP {answer.status}",
                permanent=answer.status < 500 and answer.status not in _TEMPORARY,  # noqa: PLR2004
                retry_after=_seconds(answer.retry_after),
            )


def _seconds(retry_after: str) -> float:
    """Return how long `Retry-After` asks to wait: seconds or a date (RFC 9110)."""
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            date = parsedate_to_datetime(retry_after)
        except (ValueError, TypeError, IndexError):
            return 0.0
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        seconds = (date - datetime.now(UTC)).total_seconds()
    # Also turns NaN, which compares to nothing, into 0.
    return min(seconds, MAX_RETRY_AFTER) if seconds > 0 else 0.0
