"""Every recorded series and every alert, once: dashboards and runbooks read them here.

Names and labels of the series are sloth's (v0.16), so that dashboards made for it show
ours. The event-weighted ones are our own (see `recording`).
"""

from __future__ import annotations

RATE = "slo:sli_error:ratio_rate{window}"
"""Share of bad events in a window; with `{window}` filled in by `rate`."""
OBJECTIVE = "slo:objective:ratio"
ERROR_BUDGET = "slo:error_budget:ratio"
PERIOD_DAYS = "slo:time_period:days"
CURRENT_BURN = "slo:current_burn_rate:ratio"
PERIOD_BURN = "slo:period_burn_rate:ratio"
PERIOD_REMAINING = "slo:period_error_budget_remaining:ratio"
INFO = "sloth_slo_info"
TOTAL_5M = "slo:sli_total:increase5m"
BAD_5M = "slo:sli_bad:increase5m"
EVENT_ERROR = "slo:period_event_error:ratio"
EVENT_REMAINING = "slo:period_event_error_budget_remaining:ratio"

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
"""Windows of which the share of bad events is recorded, beside the whole period."""

BURN = "SLOErrorBudgetBurn"
ABOVE_4X = "SLOBurnRateAbove4x"
BUDGET_EXHAUSTED = "SteadfastapiBudgetExhausted"

TARGET_DOWN = "SteadfastapiTargetDown"
SIGNAL_ABSENT = "SteadfastapiSignalAbsent"
INTERNAL_ERRORS = "SteadfastapiInternalErrors"
TELEMETRY_DROPPED = "SteadfastapiTelemetryDropped"
INBOX_DROPPING = "SteadfastapiInboxDropping"
EVENT_LOOP_BLOCKED = "SteadfastapiEventLoopBlocked"
POOL_TIMEOUTS = "SteadfastapiPoolTimeouts"
CIRCUIT_OPEN = "SteadfastapiCircuitOpen"
HARD_CHECK_DOWN = "SteadfastapiHardCheckDown"
BACKGROUND_STUCK = "SteadfastapiBackgroundStuck"
LIMIT_FALLBACK = "SteadfastapiLimitFallback"
RETRIES_EXHAUSTED = "SteadfastapiRetriesExhausted"
ERROR_STORM = "SteadfastapiErrorStorm"
RESTARTS = "SteadfastapiRestarts"

SLO_ALERTS = (BURN, ABOVE_4X, BUDGET_EXHAUSTED)
SYMPTOM_ALERTS = (
    TARGET_DOWN,
    SIGNAL_ABSENT,
    INTERNAL_ERRORS,
    TELEMETRY_DROPPED,
    INBOX_DROPPING,
    EVENT_LOOP_BLOCKED,
    POOL_TIMEOUTS,
    CIRCUIT_OPEN,
    HARD_CHECK_DOWN,
    BACKGROUND_STUCK,
    LIMIT_FALLBACK,
    RETRIES_EXHAUSTED,
    ERROR_STORM,
    RESTARTS,
)
ALERTS = (*SLO_ALERTS, *SYMPTOM_ALERTS)
"""Every alert that we ship; each has a page in docs/runbooks/."""


def rate(window: str) -> str:
    """Return the name of the recorded share of bad events, e.g. of `5m` or `30d`."""
    return RATE.format(window=window)
