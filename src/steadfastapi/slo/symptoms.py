"""Alerts on symptoms that no objective sees: what breaks before users notice it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steadfastapi import signals
from steadfastapi.slo import names
from steadfastapi.slo.alerts import Words, alert_rule
from steadfastapi.slo.promql import Vocabulary, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from steadfastapi.signals import Family, Naming
    from steadfastapi.slo.alerts import Links
    from steadfastapi.slo.recording import Rule
    from steadfastapi.slo.windows import Clock, Severity

FIVE = "5m"
BLOCKED = 0.1
"""Share of the time in which the event loop stands still."""
STUCK = 300.0
"""Seconds that a background task may take."""
STORM = 1.0
"""Exceptions of one type a second."""
EXHAUSTED = 5
"""Calls in five minutes that all attempts could not save."""
RESTARTS = 2
"""Starts in a quarter of an hour that a deploy explains."""


@dataclass(frozen=True, slots=True)
class Symptom:
    """One alert, before it is a rule.

    Args:
        name: One of `names.SYMPTOM_ALERTS`.
        expression: What makes it fire.
        summary: One line.
        description: What it means and what to do first.
        lasting: The window that it must last; at once when empty.
        severity: Whom it concerns.
    """

    name: str
    expression: str
    summary: str
    description: str
    lasting: str = ""
    severity: Severity = "ticket"


class Symptoms:
    """Writes the alerts of one job.

    Args:
        job: Prometheus's name of what is scraped.
        naming: How the families are called.
        clock: How long the windows are.
    """

    def __init__(self, job: str, naming: Naming, clock: Clock) -> None:
        self._labels = {"job": job}
        self._job = f"job={quoted(job)}"
        self._words = Vocabulary(naming)
        self._clock = clock

    def rules(self, links: Links, labels: Mapping[str, str]) -> list[Rule]:
        """Return the alerts as rules."""
        return [
            alert_rule(
                name=symptom.name,
                expression=symptom.expression,
                severity=symptom.severity,
                words=Words(summary=symptom.summary, description=symptom.description),
                links=links,
                lasting=self._for(symptom.lasting),
                labels={**labels, **self._labels},
            )
            for symptom in self.all()
        ]

    def all(self) -> Iterator[Symptom]:
        """Yield every alert."""
        yield from self._target()
        yield from self._process()
        yield from self._dependencies()
        yield from self._errors()
        yield from self._ourselves()

    def _target(self) -> Iterator[Symptom]:
        yield Symptom(
            names.TARGET_DOWN,
            f"up{{{self._job}}} == 0",
            "{{ $labels.instance }} of {{ $labels.job }} cannot be scraped.",
            "Prometheus has had no answer from its metrics page: the process is gone, "
            "hangs, or refuses. Ask its health page, then its log.",
            lasting="1m",
            severity="page",
        )
        yield Symptom(
            names.SIGNAL_ABSENT,
            f"absent({self._select(signals.HTTP_REQUESTS)})",
            "{{ $labels.job }} exports no request metrics.",
            "Nobody would notice an outage: all alerts on objectives are blind. Look "
            "at the targets of Prometheus, the job's name and the metrics page.",
            lasting="10m",
        )
        changes = self._over("changes", signals.APP_START_TIME, "15m")
        yield Symptom(
            names.RESTARTS,
            f"max by (job, instance) ({changes}) > {RESTARTS}",
            "{{ $labels.instance }} of {{ $labels.job }} keeps restarting.",
            "It started {{ $value }} times in a quarter of an hour. Look for the end "
            "of each life: out of memory, a failed start, a liveness probe.",
        )

    def _process(self) -> Iterator[Symptom]:
        blocked = self._over("rate", signals.EVENT_LOOP_BLOCKED, FIVE)
        yield Symptom(
            names.EVENT_LOOP_BLOCKED,
            f"max by (job, instance) ({blocked}) > {BLOCKED:g}",
            "The event loop of {{ $labels.instance }} is blocked.",
            "For {{ $value | humanizePercentage }} of the last five minutes it could "
            "serve nobody. The log has the blocking line of code: look for the event "
            "of the watchdog.",
        )
        oldest = self._select(signals.BACKGROUND_OLDEST)
        yield Symptom(
            names.BACKGROUND_STUCK,
            f"max by (job, task) ({oldest}) > {STUCK:g}",
            "Background task {{ $labels.task }} of {{ $labels.job }} does not end.",
            "The oldest one is {{ $value | humanizeDuration }} old. They pile up in "
            "the memory of the process and are lost with it.",
        )

    def _dependencies(self) -> Iterator[Symptom]:
        yield self._any(
            names.POOL_TIMEOUTS,
            signals.DB_POOL_TIMEOUTS,
            ("pool",),
            "Pool {{ $labels.pool }} of {{ $labels.job }} is exhausted.",
            "Requests waited for a connection in vain. Either connections are not "
            "given back, or queries are slower than the pool is large.",
        )
        state = self._select(signals.CIRCUIT_BREAKER_STATE)
        yield Symptom(
            names.CIRCUIT_OPEN,
            f"max by (job, breaker) ({state}) == 2",
            "Circuit breaker {{ $labels.breaker }} of {{ $labels.job }} is open.",
            "Calls to what it protects are refused at once. Look at the health of "
            "that service; the breaker closes by itself when it answers again.",
            lasting=FIVE,
        )
        up = self._select(signals.HEALTH_CHECK_UP, 'hard="true"')
        yield Symptom(
            names.HARD_CHECK_DOWN,
            f"min by (job, check) ({up}) == 0",
            "Health check {{ $labels.check }} of {{ $labels.job }} fails.",
            "Readiness depends on it: instances are taken out of rotation.",
            lasting="2m",
            severity="page",
        )
        fallback = self._select(signals.RATE_LIMIT_FALLBACK)
        yield Symptom(
            names.LIMIT_FALLBACK,
            f"max by (job) ({fallback}) > 0",
            "Rate limits of {{ $labels.job }} have lost their storage.",
            "Each worker grants its share of a limit: a client may be refused too "
            "early, and several machines together grant too much. Look at Redis.",
            lasting=FIVE,
        )
        yield self._any(
            names.RETRIES_EXHAUSTED,
            signals.RETRY_EXHAUSTED,
            ("kind", "operation"),
            "Retries of {{ $labels.operation }} in {{ $labels.job }} do not help.",
            "{{ $value | humanize }} calls failed for good in five minutes: what they "
            "call is down, not flaky.",
            above=EXHAUSTED,
        )

    def _errors(self) -> Iterator[Symptom]:
        family = signals.HTTP_EXCEPTIONS
        kind = self._words.label(family, "type")
        rate = self._over("rate", family, FIVE)
        yield Symptom(
            names.ERROR_STORM,
            f"sum by (job, {kind}) ({rate}) > {STORM:g}",
            f"{{{{ $labels.job }}}} raises {{{{ $labels.{kind} }}}} again and again.",
            "{{ $value | humanize }} a second, all of one type: one cause, and a log "
            "that fills up. The inbox shows the issue, and the line that raises.",
        )

    def _ourselves(self) -> Iterator[Symptom]:
        yield self._any(
            names.INTERNAL_ERRORS,
            signals.INTERNAL_ERRORS,
            ("component",),
            "steadfastapi contained errors of its own in {{ $labels.job }}.",
            "Component {{ $labels.component }} failed; requests were served all the "
            "same. The log has a traceback of each cause.",
        )
        yield self._any(
            names.TELEMETRY_DROPPED,
            signals.TELEMETRY_DROPPED,
            ("sink", "reason"),
            "{{ $labels.job }} loses telemetry on its way to {{ $labels.sink }}.",
            "Reason: {{ $labels.reason }}. Traces, logs or events of this time are "
            "incomplete; the application is not affected.",
        )
        yield self._any(
            names.INBOX_DROPPING,
            signals.INBOX_EVENTS,
            (),
            "The error inbox of {{ $labels.job }} loses errors.",
            "{{ $value | humanize }} were dropped in five minutes: its store is down, "
            "or slower than errors come in.",
            'outcome="dropped"',
        )

    def _any(  # noqa: PLR0913 - the texts of one alert
        self,
        name: str,
        family: Family,
        by: tuple[str, ...],
        summary: str,
        description: str,
        *matchers: str,
        above: float = 0,
    ) -> Symptom:
        """Return an alert on a counter that rose in the last five minutes."""
        rise = self._over("increase", family, FIVE, *matchers)
        kept = ", ".join(("job", *(self._words.label(family, one) for one in by)))
        expression = f"sum by ({kept}) ({rise}) > {above:g}"
        return Symptom(name, expression, summary, description)

    def _select(self, family: Family, *matchers: str) -> str:
        inner = ",".join((self._job, *matchers))
        return f"{self._words.series(family)}{{{inner}}}"

    def _over(self, how: str, family: Family, window: str, *matchers: str) -> str:
        duration = self._clock.duration(window)
        return f"{how}({self._select(family, *matchers)}[{duration}])"

    def _for(self, window: str) -> str:
        return self._clock.duration(window) if window else ""
