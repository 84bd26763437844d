"""Settings of the error inbox, and what they add to the plan."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    SecretStr,
)
from pydantic import field_validator as validates
from pydantic_settings import NoDecode, SettingsConfigDict

from steadfastapi._guard import guard
from steadfastapi._lifespan import LifespanPart
from steadfastapi._settings import LayerSettings
from steadfastapi.inbox import addresses, api, log_watch
from steadfastapi.inbox.collector import Collector
from steadfastapi.inbox.complete import Completion
from steadfastapi.inbox.handle import InboxHandle
from steadfastapi.inbox.loop_watch import LoopWatch
from steadfastapi.inbox.observer import ExchangeWatch, StatusLevels
from steadfastapi.inbox.queue import SightingQueue
from steadfastapi.inbox.status import Retention
from steadfastapi.inbox.trail import Trails
from steadfastapi.inbox.writer import Writer

if TYPE_CHECKING:
    from steadfastapi._plan import Plan
    from steadfastapi.inbox.alerting import IssueAlerts
    from steadfastapi.inbox.store import Change, Store

LevelOrOff = Literal["error", "warning", "off"]
DEFAULT_LEVELS: dict[str, LevelOrOff] = {"5xx": "error", "4xx": "warning"}
_HOUR = 3_600.0


def _levels(value: Any) -> Any:
    """Read `5xx=error,404=off`, as it is written in the environment."""
    if not isinstance(value, str):
        return {str(code): level for code, level in dict(value).items()}
    pairs = (part.partition("=") for part in value.split(",") if part.strip())
    return {code.strip().lower(): level.strip().lower() for code, _, level in pairs}


Levels = Annotated[dict[str, LevelOrOff], NoDecode, BeforeValidator(_levels)]


class Inbox(LayerSettings):
    """Keep every error of the application, grouped into issues.

    Errors are written in the background, from a bounded queue, to a SQLite file by
    default; requests never wait for the store, and do not notice when it fails.
    """

    model_config = SettingsConfigDict(env_prefix="STEADFAST_INBOX_")
    name: ClassVar[str] = "inbox"

    url: SecretStr = SecretStr(addresses.DEFAULT)
    """Where errors are kept: `sqlite:///file.db` (three slashes, from the working
    directory; four for an absolute path), `postgresql://user@host/database` or
    `redis://host:6379/0`. A SQLite file is made with the first error; the default one
    in the system's temporary folder where the working directory cannot be written, and
    in runs of pytest."""

    retention_hours: PositiveFloat = 720.0
    """Entries, and issues that were not seen since, are deleted after 30 days."""

    max_entries: PositiveInt = 50_000
    """Entries that are kept; the oldest are deleted first. Issues keep their counts."""

    max_entries_per_issue: PositiveInt = 1_000
    """Entries that are kept of one issue, so that none drives out all others."""

    levels: Levels = Field(default_factory=lambda: dict(DEFAULT_LEVELS))
    """`error`, `warning` or `off` for each status, by code or class:
    `{"5xx": "error", "404": "off"}`, in the environment `5xx=error,404=off`; what is
    not named is off. Exceptions that escape are errors whatever this says."""

    unmatched: bool = False
    """Whether 404s of paths that no route matches are kept: scanners send them all
    day."""

    logs: bool = True
    """Whether log records of level ERROR and above are kept."""

    loop_errors: bool = True
    """Whether errors are kept that only the event loop hears of, such as those of
    tasks that nobody awaits."""

    alerters: tuple[Any, ...] = Field(default=(), repr=False)
    """Who is told of new and reopened issues and of storms, such as
    `SlackAlerter(…)`; of errors, not of warnings."""

    alert_cooldown: NonNegativeFloat = 300.0
    """Seconds for which nobody is told the same of one issue again, by any worker."""

    fingerprint: Callable[..., Any] | None = None
    """Groups errors in your own way: gets the entry, returns a string or several
    values that tell its issue, or None for the usual way."""

    store: Any = Field(default=None, repr=False)
    """A store of your own kind (`steadfastapi.inbox.store.Store`) instead of `url`."""

    @validates("url")
    @classmethod
    def _names_a_store(cls, value: SecretStr) -> SecretStr:
        addresses.check(value.get_secret_value())
        return value

    @validates("store")
    @classmethod
    def _is_a_store(cls, value: Any) -> Any:
        if value is not None and not callable(getattr(value, "write", None)):
            raise ValueError("give an object with the methods of a Store")
        return value

    @validates("levels")
    @classmethod
    def _known_codes(cls, value: dict[str, str]) -> dict[str, str]:
        for code in value:
            known = code in ("4xx", "5xx") or (
                code.isdecimal() and 400 <= int(code) < 600  # noqa: PLR2004
            )
            if not known:
                raise ValueError(f"{code!r} is no status: use 400 to 599, 4xx or 5xx")
        return value

    def contribute(self, plan: Plan) -> None:
        """Watch the exchanges, the log and the event loop, and write what they tell."""
        listeners: list[Callable[[Change], None]] = []
        writer = self._writer(plan, listeners)
        collector = Collector(writer, logs=self.logs)
        levels = StatusLevels(self.levels, unmatched=self.unmatched)
        watch = ExchangeWatch(collector, levels)
        plan.on_error(watch.error)
        plan.observe(watch)
        if self.logs:
            if "logs" in plan.handles:
                plan.log_processor(log_watch.watch_event)
            else:
                plan.note("watches the root logger", "log")
                plan.set_up(log_watch.watch_records)
        plan.set_up(lambda: api.activate(collector))
        alerts = self._alerts(plan, writer.store)
        if alerts is not None:
            listeners.append(alerts)
        plan.lifespan(self._lifespan(collector, alerts))
        plan.handle(InboxHandle(writer, listeners))
        where = "a store of its own" if self.store is not None else self._shown()
        plan.note(f"keeps errors in {where}", "process")

    def summary(self) -> dict[str, str]:
        """Return the settings that differ from their defaults, secrets masked."""
        shown = super().summary()
        if "url" in shown:
            shown["url"] = self._shown()
        return shown

    def _shown(self) -> str:
        return addresses.without_password(self.url.get_secret_value())

    def _writer(self, plan: Plan, listeners: list[Callable[[Change], None]]) -> Writer:
        def tell(changes: list[Change]) -> None:
            for change in changes:
                for listener in tuple(listeners):
                    guard.call("inbox.listener", listener, change)

        store = self.store or addresses.store_of(self.url.get_secret_value())
        completed = Completion(plan.service, self.fingerprint)
        trails = Trails(plan.trails)
        return Writer(
            store,
            lambda seen: trails.added(completed(seen)),
            Retention(
                seconds=self.retention_hours * _HOUR,
                entries=self.max_entries,
                entries_each=self.max_entries_per_issue,
            ),
            on_changes=tell,
            queue=SightingQueue(exact=self.fingerprint is not None),
            meter=plan.meter,
        )

    def _alerts(self, plan: Plan, store: Store) -> IssueAlerts | None:
        if not self.alerters:
            return None
        from steadfastapi.inbox.alerting import IssueAlerts  # noqa: PLC0415

        plan.note(f"tells {len(self.alerters)} alerters of issues", "process")
        alerts = IssueAlerts(
            store, self.alerters, self.alert_cooldown, source=plan.service.name
        )
        # It ends with the inbox, whose last entries may be news.
        plan.lifespan(LifespanPart(name="inbox alerters", start=alerts.start))
        return alerts

    def _lifespan(
        self, collector: Collector, alerts: IssueAlerts | None
    ) -> LifespanPart:
        writer = collector.writer
        loop = LoopWatch(collector)
        at_once = self.store is not None or addresses.starts_at_once(
            self.url.get_secret_value()
        )

        def start() -> None:
            writer.reopen()
            api.activate(collector)
            if self.loop_errors:
                loop.install()
            if at_once:
                writer.wake()

        def stop(seconds: float) -> bool:
            until = time.monotonic() + seconds
            loop.remove()
            delivered = writer.close(seconds)
            api.deactivate(collector)
            if alerts is not None:
                left = max(0.0, until - time.monotonic())
                delivered = alerts.stop(left) and delivered
            return delivered

        return LifespanPart(name="inbox", start=start, stop=stop)
