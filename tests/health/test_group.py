"""Probes that are declared before there is an application."""

import pytest

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health import HTTPProbe, NoOpProbe, PassiveProbe, ProbeGroup
from support.health import with_health


def test_a_group_is_chainable_and_keeps_the_order() -> None:
    """As in fastapi-watch."""
    first, second, third = NoOpProbe("a"), NoOpProbe("b"), NoOpProbe("c")
    group = ProbeGroup().add(first).add_probes([second, third], critical=False)

    assert [("a", True), ("b", False), ("c", False)] == [
        (member.probe.name, member.critical) for member in group.members
    ]


def test_the_same_probe_twice_counts_once() -> None:
    """Another one of its name is refused."""
    probe = NoOpProbe("a")
    group = ProbeGroup().add(probe).add(probe)

    assert 1 == len(group.members)
    with pytest.raises(ConfigurationError, match="Two probes are named 'a'"):
        group.add(NoOpProbe("a"))


def test_tags_of_all_groups_add_up() -> None:
    """A nested group keeps its own."""
    inner = ProbeGroup(tags=["data"]).add(NoOpProbe("a", tags=["eu"]), critical=False)
    outer = ProbeGroup(tags=["shop"]).include(inner)
    (member,) = outer.members

    assert (("eu", "data", "shop"), False) == (member.tags, member.critical)


def test_what_watches_and_what_others_run_is_not_critical_by_default() -> None:
    """Everything else is, as in fastapi-watch."""
    group = ProbeGroup().add_probes(
        [
            NoOpProbe(),
            PassiveProbe("passive"),
            HTTPProbe("stripe", url="https://stripe.example"),
        ]
    )
    asked = ProbeGroup().add(PassiveProbe("asked-for"), critical=True)

    assert [True, False, False] == [member.critical for member in group.members]
    assert asked.members[0].critical


def test_an_application_takes_groups() -> None:
    """As a setting, or later."""
    group = ProbeGroup(tags=["data"]).add(NoOpProbe("a"), critical=False)
    late = ProbeGroup().add(NoOpProbe("b"))
    _, handle = with_health(groups=[group])
    handle.include(late).add(NoOpProbe("c"))

    assert [("a", False), ("b", True), ("c", True)] == [
        (check.name, check.critical) for check in handle.checks
    ]


def test_all_mistakes_in_settings_are_reported_together() -> None:
    """Duplicates in probes and groups are problems of `configure`."""
    with pytest.raises(ConfigurationError) as caught:
        with_health(
            probes=[NoOpProbe("a"), NoOpProbe("a"), "nonsense"],
            groups=[ProbeGroup().add(NoOpProbe("a"))],
        )

    assert 3 == len(caught.value.problems)
