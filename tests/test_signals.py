"""The vocabulary: every family has help, a unit, closed labels; nobody retypes it."""

import ast
from pathlib import Path

import pytest

import steadfastapi
from steadfastapi import signals
from steadfastapi.metrics.registry import families_of
from steadfastapi.signals import FAMILIES, LABELS, Family, Naming, named

SOURCE = Path(steadfastapi.__file__).parent
NAMINGS: tuple[Naming, ...] = ("default", "otel")
RESERVED = ("probe_", "process_", "python_gc_")
"""blackbox_exporter's, and prometheus_client's own."""

each_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)


def names(naming: Naming) -> list[str]:
    """Return the names of all families in a naming."""
    resolved = (named(family, naming) for family in FAMILIES)
    return [family.name for family in resolved if family is not None]


def test_every_family_is_listed() -> None:
    """In the order of the page, each once."""
    assert 20 <= len(FAMILIES)
    assert signals.HTTP_REQUESTS is FAMILIES[0]
    for naming in NAMINGS:
        assert sorted(set(names(naming))) == sorted(names(naming))


@each_family
def test_a_family_explains_itself(family: Family) -> None:
    """One sentence of help."""
    assert family.help.endswith(".")
    assert family.help[0].isupper()
    assert "\n" not in family.help


@each_family
def test_a_name_ends_in_its_unit(family: Family) -> None:
    """Seconds and bytes, written out; prometheus_client adds `_total`."""
    measured = family.kind in ("histogram", "summary")

    assert not measured or family.name.endswith(("_seconds", "_bytes"))
    assert not family.name.endswith(("_total", "_count", "_ms", "_kb", "_percent"))
    assert family.name.islower()


@each_family
def test_a_family_has_closed_labels(family: Family) -> None:
    """Each label is in the list that says what it can hold."""
    assert set(family.labels) <= set(LABELS)
    assert len(set(family.labels)) == len(family.labels)


def test_every_label_is_used() -> None:
    """The list says nothing about what is not there."""
    assert set(LABELS) == {label for family in FAMILIES for label in family.labels}


@each_family
def test_what_a_label_can_hold_is_said_in_the_order_of_use(family: Family) -> None:
    """Of labels that the family has, each value once, in either naming."""
    for naming in NAMINGS:
        resolved = named(family, naming)
        if resolved is not None:
            assert set(resolved.values) <= set(resolved.labels)
            assert list(family.values.values()) == list(resolved.values.values())
    for values in family.values.values():
        assert len(set(values)) == len(values) > 1


@each_family
def test_a_gauge_forgets_dead_workers(family: Family) -> None:
    """By a live mode, or by a minimum that the dead cannot raise."""
    if family.kind == "gauge":
        assert family.mode in ("livesum", "livemax", "livemin", "min")


@each_family
def test_histograms_and_nothing_else_have_buckets(family: Family) -> None:
    """Rising, and with the names of no naming forgotten."""
    assert (family.kind == "histogram") == bool(family.buckets)
    assert sorted(set(family.buckets)) == list(family.buckets)


def test_the_default_naming_takes_no_name_of_others() -> None:
    """Nor does it rename anything."""
    assert [] == [name for name in names("default") if name.startswith(RESERVED)]
    assert [family.name for family in FAMILIES] == names("default")


def test_the_otel_naming_is_the_conventions() -> None:
    """As DASHBOARDS and the HTTP conventions have them, labels too."""
    found = names("otel")

    assert {
        "http_server_request_duration_seconds",
        "http_server_active_requests",
        "http_server_request_body_size_bytes",
        "http_server_response_body_size_bytes",
        "process_memory_usage_bytes",
        "process_cpu_time_seconds",
        "process_unix_file_descriptor_count",
        "db_client_operation_duration_seconds",
        "db_client_connection_count",
        "db_client_connection_max",
        "db_client_connection_wait_time_seconds",
        "db_client_connection_timeouts",
        "cpython_gc_collections",
        "http_client_request_duration_seconds",
    } <= set(found)
    assert not {"http_requests", "http_request_duration_seconds"} & set(found)
    duration = named(signals.HTTP_REQUEST_DURATION, "otel")
    assert duration is not None
    assert (
        "http_route",
        "http_request_method",
        "http_response_status_code",
    ) == duration.labels
    operations = named(signals.DB_OPERATION_DURATION, "otel")
    assert operations is not None
    assert ("db_system_name", "db_operation_name") == operations.labels
    attempts = named(signals.RETRY_ATTEMPTS, "otel")
    assert signals.RETRY_ATTEMPTS == attempts  # its `operation` is another one
    size = named(signals.HTTP_REQUEST_SIZE, "otel")
    assert size is not None
    assert ("histogram", signals.SIZE_BUCKETS) == (size.kind, size.buckets)


@pytest.mark.parametrize("naming", NAMINGS)
def test_prometheus_client_accepts_every_family(naming: Naming) -> None:
    """Names, labels and buckets are valid, and none occurs twice."""
    registered = {family.name for family in families_of(naming).registry.collect()}

    assert set(names(naming)) == registered


def docstrings(tree: ast.AST) -> set[int]:
    """Return the nodes of a module that only document."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def test_no_other_module_contains_a_metric_name() -> None:
    """A name retyped is a panel that stays empty when it changes here."""
    known = {name for naming in NAMINGS for name in names(naming)}
    suffixes = ("", "_total", "_count", "_sum", "_bucket")
    spelt = {name + suffix for name in known for suffix in suffixes}
    retyped = []
    for path in SOURCE.rglob("*.py"):
        if path.name == "signals.py":
            continue
        tree = ast.parse(path.read_text("utf-8"))
        documenting = docstrings(tree)
        retyped += [
            f"{path.relative_to(SOURCE)}:{node.lineno}: {node.value}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in documenting
            and not spelt.isdisjoint(node.value.replace("{", " ").split())
        ]

    assert [] == retyped
