"""Probes that a module declares before there is an application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health.probe import as_probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from steadfastapi.health.probe import BaseProbe


@dataclass(frozen=True, slots=True)
class Member:
    """A probe as it was added.

    Args:
        probe: The probe.
        critical: Whether readiness depends on it.
        tags: Its own and those of its groups.
    """

    probe: BaseProbe
    critical: bool
    tags: tuple[str, ...] = ()


class ProbeGroup:
    """Collects probes in one module, to be included in another.

        # db/probes.py
        probes = ProbeGroup(tags=["data"])
        probes.add(PostgreSQLProbe(url=…)).add(RedisProbe(url=…), critical=False)

        # main.py
        configure(app, health=Health(groups=[probes]))

    Args:
        tags: Given to every probe of the group.
    """

    def __init__(self, tags: Sequence[str] | None = None) -> None:
        self.tags = tuple(tags or ())
        self._members: list[Member] = []

    @property
    def members(self) -> tuple[Member, ...]:
        """The probes, in the order in which they were added."""
        return tuple(self._members)

    def add(
        self, probe: Any, critical: bool | None = None, *, name: str | None = None
    ) -> ProbeGroup:
        """Add a probe, or a function without arguments; returns the group.

        Args:
            probe: The probe or function. The same object twice counts once.
            critical: Whether readiness depends on it. By default it does, except
                for passive probes and for services of others (HTTP, SMTP, Celery).
            name: Name of a function's probe; its own by default.

        Raises:
            ConfigurationError: It is no probe, or its name is taken.
        """
        made = as_probe(probe, name)
        self._take(member_of(made, critical=critical, tags=self.tags))
        return self

    def add_probes(
        self, probes: Iterable[Any], critical: bool | None = None
    ) -> ProbeGroup:
        """Add several probes of the same criticality; returns the group."""
        for probe in probes:
            self.add(probe, critical)
        return self

    def include(self, group: ProbeGroup) -> ProbeGroup:
        """Take over the probes of another group with its tags; returns this one."""
        for member in group.members:
            tags = tuple(dict.fromkeys((*member.tags, *self.tags)))
            self._take(Member(member.probe, member.critical, tags))
        return self

    def _take(self, member: Member) -> None:
        if any(one.probe is member.probe for one in self._members):
            return
        refuse_duplicate(member.probe, (one.probe for one in self._members))
        self._members.append(member)


def member_of(
    probe: BaseProbe, *, critical: bool | None, tags: Iterable[str] = ()
) -> Member:
    """Return a probe with its criticality decided."""
    if critical is None:
        critical = probe.critical_by_default and not probe.passive
    return Member(probe, critical, tuple(dict.fromkeys((*probe.tags, *tags))))


def refuse_duplicate(probe: BaseProbe, others: Iterable[BaseProbe]) -> None:
    """Refuse a probe whose name another one has.

    Raises:
        ConfigurationError: The name is taken.
    """
    for other in others:
        if other.name == probe.name and other is not probe:
            raise ConfigurationError(
                f"Two probes are named {probe.name!r}: {type(other).__name__} and "
                f"{type(probe).__name__}. Give one of them another name=…."
            )
