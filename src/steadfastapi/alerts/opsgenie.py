"""OpsGenie by its Alert API, also as Jira Service Management offers it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Unpack
from urllib.parse import quote

from steadfastapi.alerts.alert import shortened
from steadfastapi.alerts.http import HttpAlerter, Message
from steadfastapi.alerts.options import (
    EgressOptions,
    Secret,
    revealed,
    wrong_key,
    wrong_text,
)

if TYPE_CHECKING:
    from steadfastapi.alerts.alert import Alert

URLS = {
    "us": "https://api.opsgenie.com/v2/alerts",
    "eu": "https://api.eu.opsgenie.com/v2/alerts",
    # OpsGenie itself is being shut down; its API goes on here.
    "jsm": "https://api.atlassian.com/jsm/ops/integration/v2/alerts",
}
MAX_ALIAS = 512
MAX_MESSAGE = 130
"""Characters; OpsGenie refuses more."""

_PRIORITIES = ("P5", "P5", "P3", "P2", "P1")
"""By `Alert.level`."""


class OpsGenieAlerter(HttpAlerter):
    """Creates an alert, and closes it when it is over.

    Args:
        api_key: Of an API integration. A secret.
        region: Where the account lives; `jsm` is Jira Service Management.
        source: What reports, where the alert does not say.
        url: Another address than OpsGenie's, for a relay.
        **options: See `EgressOptions`.

    Raises:
        ConfigurationError: An argument cannot be used.
    """

    name = "opsgenie"
    interval = 0.5

    def __init__(
        self,
        api_key: Secret,
        *,
        region: Literal["us", "eu", "jsm"] = "us",
        source: str = "steadfastapi",
        url: Secret | None = None,
        **options: Unpack[EgressOptions],
    ) -> None:
        problems = wrong_key("api_key", api_key) + wrong_text("source", source, 100)
        if region not in URLS:
            problems.append(f"region={region!r}: give one of {', '.join(URLS)}")
        super().__init__(
            URLS.get(region, "") if url is None else url,
            argument="url",
            headers=None
            if problems
            else {"Authorization": f"GenieKey {revealed(api_key)}"},
            problems=problems,
            options=options,
        )
        self.region = region
        self.source = source

    def message(self, alert: Alert) -> Message:
        """Return an alert, or what closes it by the same alias."""
        key = f"{alert.source}:{alert.key}" if alert.source else alert.key
        alias = shortened(key, MAX_ALIAS)
        source = (alert.source or self.source)[:100]
        if not alert.is_open:
            path = f"{self._target.path}/{quote(alias, safe='')}/close"
            note = {"source": source, "note": alert.title}
            return Message(note, f"{path}?identifierType=alias")
        details: dict[str, Any] = dict(alert.labels)
        if alert.link:
            details["link"] = alert.link
        return Message(
            {
                "message": (alert.title or alert.key)[:MAX_MESSAGE],
                "alias": alias,
                "description": alert.text or alert.title,
                "source": source,
                "priority": _PRIORITIES[alert.level],
                "details": details,
            }
        )

    def __repr__(self) -> str:
        return f"OpsGenieAlerter(api_key=[redacted], source={self.source!r})"
