"""Alerts: who is told, how, and how often. The health layer and others use them."""

from steadfastapi.alerts.alert import Alert
from steadfastapi.alerts.alerter import Alerter, BaseAlerter, DeliveryError
from steadfastapi.alerts.case import Pace
from steadfastapi.alerts.claims import Claims, MemoryClaims
from steadfastapi.alerts.notifier import Notifier
from steadfastapi.alerts.opsgenie import OpsGenieAlerter
from steadfastapi.alerts.pagerduty import PagerDutyAlerter
from steadfastapi.alerts.probe import of_probe
from steadfastapi.alerts.redis import RedisClaims
from steadfastapi.alerts.slack import SlackAlerter
from steadfastapi.alerts.teams import TeamsAlerter
from steadfastapi.alerts.webhook import WebhookAlerter

__all__ = [
    "Alert",
    "Alerter",
    "BaseAlerter",
    "Claims",
    "DeliveryError",
    "MemoryClaims",
    "Notifier",
    "OpsGenieAlerter",
    "Pace",
    "PagerDutyAlerter",
    "RedisClaims",
    "SlackAlerter",
    "TeamsAlerter",
    "WebhookAlerter",
    "of_probe",
]
