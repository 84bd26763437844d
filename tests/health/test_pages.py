"""Every endpoint in every state of the application."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from steadfastapi._service import Service
from steadfastapi.health import HealthHandle, NoOpProbe, ProbeStatus
from support.asgi import call
from support.canaries import Canaries, raise_with_all
from support.health import KEY, WITH_KEY, Dial, ask, running, with_health

pytestmark = pytest.mark.anyio

HEALTHY, DEGRADED, UNHEALTHY = (
    ProbeStatus.HEALTHY,
    ProbeStatus.DEGRADED,
    ProbeStatus.UNHEALTHY,
)
STATES: dict[str, tuple[ProbeStatus, ProbeStatus, Callable[[HealthHandle], Any]]] = {
    # of the critical probe, of the other one, and what is done before
    "healthy": (HEALTHY, HEALTHY, lambda _: None),
    "degraded": (HEALTHY, UNHEALTHY, lambda _: None),
    "unhealthy": (UNHEALTHY, HEALTHY, lambda _: None),
    "maintenance": (UNHEALTHY, HEALTHY, lambda handle: handle.set_maintenance()),
    "draining": (HEALTHY, HEALTHY, lambda handle: handle.drain()),
    "starting": (HEALTHY, HEALTHY, lambda _: None),
}
NO, TWO = "unhealthy", "degraded"
# Status code and `status` of the body, in the order of STATES.
TABLE: dict[str, list[tuple[int, str | None]]] = {
    "": [
        (200, "healthy"),
        (200, "degraded"),
        (503, "unhealthy"),
        (200, "maintenance"),
        (503, "draining"),
        (503, "starting"),
    ],
    "/live": [(200, "ok")] * 6,
    "/ready": [
        (200, "healthy"),
        (200, "degraded"),
        (503, "unhealthy"),
        (200, "maintenance"),
        (503, "draining"),
        (503, "starting"),
    ],
    "/startup": [*[(200, "started")] * 5, (503, "starting")],
    "/status": [
        (200, "healthy"),
        (207, "degraded"),
        (207, "unhealthy"),
        (207, "unhealthy"),
        (200, "healthy"),
        (200, "healthy"),
    ],
    "/history": [(200, None)] * 6,
    "/alerts": [(200, None)] * 6,
    "/metrics": [(200, None)] * 6,
    "/probes": [(200, None)] * 6,
    "/dashboard": [(200, None)] * 6,
    "/maintenance": [(200, None)] * 6,
}
CLOSED = {"/history", "/alerts", "/metrics", "/probes", "/dashboard"}
"""Pages that are nothing but details."""


def in_state(state: str) -> tuple[Any, HealthHandle]:
    """Return an application in a state, without its lifespan."""
    critical, soft, prepare = STATES[state]
    app, handle = with_health(
        Dial("db", critical), api_key=KEY, startup_gate=state == "starting"
    )
    handle.add(Dial("cache", soft), critical=False)
    prepare(handle)
    return app, handle


@pytest.mark.parametrize("path", TABLE)
@pytest.mark.parametrize("state", STATES)
async def test_every_page_in_every_state(path: str, state: str) -> None:
    """Status code and body, to those who may see details and to others."""
    app, _ = in_state(state)
    code, status = TABLE[path][list(STATES).index(state)]
    known = await ask(app, f"/health{path}", headers=WITH_KEY)
    anonymous = await ask(app, f"/health{path}")

    assert code == known.status
    if status is not None:
        assert status == known.body["status"]
        assert (code, {"status": status}) == (anonymous.status, anonymous.body)
    elif path in CLOSED:
        assert (401, {"detail": "Not authenticated"}) == (
            anonymous.status,
            anonymous.body,
        )
    else:
        said = "maintenance" if state == "maintenance" else "none"
        assert {"status": said} == anonymous.body


@pytest.mark.parametrize("path", ["/ready", "/status"])
@pytest.mark.parametrize("state", STATES)
async def test_every_stream_in_every_state(path: str, state: str) -> None:
    """The first event says what the page says, to those who may see more and others."""
    app, _ = in_state(state)
    _, status = TABLE[path][list(STATES).index(state)]
    said = []
    for headers in (WITH_KEY, []):
        # The start, how soon to come back, and one event.
        read = await call(
            app, "GET", f"/health{path}/stream", headers=headers, disconnect_after=3
        )
        event = json.loads(read.body.partition(b"data: ")[2])
        said.append((read.status, event["status"], len(event) > 1))
    is_phase = path == "/ready" and state in {"maintenance", "draining", "starting"}

    assert [(200, status, not is_phase), (200, status, False)] == said


@pytest.mark.parametrize("state", STATES)
async def test_draining_begins_in_every_state(state: str) -> None:
    """For those who may; readiness is 503 from then on."""
    app, _ = in_state(state)
    stranger = await ask(app, "/health/drain", "POST")
    told = await ask(app, "/health/drain", "POST", headers=WITH_KEY)
    ready = await ask(app, "/health/ready")

    assert [401, 200, 503] == [stranger.status, told.status, ready.status]
    assert {"status": "draining"} == told.body == ready.body


@pytest.mark.parametrize("path", TABLE)
async def test_hc_8_every_page_answers_head_and_is_kept_by_no_cache(path: str) -> None:
    """Load balancers ask with HEAD."""
    app, _ = in_state("healthy")
    get = await ask(app, f"/health{path}", headers=WITH_KEY)
    head = await ask(app, f"/health{path}", "HEAD", headers=WITH_KEY)

    assert get.status == head.status
    assert ["no-store"] * 2 == [
        get.headers["cache-control"],
        head.headers["cache-control"],
    ]


@pytest.mark.parametrize(
    ("query", "code", "status"),
    [
        ("probe=db", 503, "unhealthy"),
        ("probe=cache", 200, "healthy"),
        ("probe=db,cache", 503, "unhealthy"),
        ("probe=cache&probe=db", 503, "unhealthy"),
        ("tag=eu", 200, "healthy"),
        ("tag=eu,data", 503, "unhealthy"),
        ("tag=data&probe=db", 503, "unhealthy"),
        ("probe=", 503, "unhealthy"),
    ],
)
async def test_filters_select_probes(query: str, code: int, status: str) -> None:
    """By name or tag; both narrow down."""
    app, _ = with_health(
        Dial("db", UNHEALTHY, tags=["data"]), Dial("cache", tags=["data", "eu"])
    )
    answer = await ask(app, f"/health/ready?{query}")

    assert (code, {"status": status}) == (answer.status, answer.body)


@pytest.mark.parametrize("page", ["ready", "status", "ready/stream", "status/stream"])
@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("probe=nope", "Unknown probe: 'nope'"),
        ("tag=nope", "Unknown tag: 'nope'"),
        ("probe=db&tag=eu", "No probe has all of that"),
    ],
)
async def test_an_unknown_filter_is_404(page: str, query: str, detail: str) -> None:
    """A mistyped address must not pass."""
    app, _ = with_health(Dial("db"), Dial("cache", tags=["eu"]))
    answer = await ask(app, f"/health/{page}?{query}")

    assert (404, {"detail": detail}) == (answer.status, answer.body)


async def test_details_are_fastapi_watchs_report() -> None:
    """What failed, why, since when."""
    probe = Dial("db", description="Orders and users", tags=["data"])
    probe.error = ConnectionRefusedError("refused")
    app, _ = with_health(probe, api_key=KEY)
    body = (await ask(app, "/health/ready", headers=WITH_KEY)).body
    (shown,) = body["probes"]

    assert ("unhealthy", "UTC", ["db"]) == (
        body["status"],
        body["timezone"],
        body["failing"],
    )
    assert {
        "name": "db",
        "status": "unhealthy",
        "critical": True,
        "error": "ConnectionRefusedError: refused",
        "description": "Orders and users",
        "tags": ["data"],
    }.items() <= shown.items()
    assert {"open": True, "consecutive_failures": 1, "trips_total": 1} == shown[
        "details"
    ]["circuit_breaker"]


async def test_the_summary_has_time_and_version_for_those_who_may() -> None:
    """As the usual guides show it."""
    app, _ = with_health(api_key=KEY)
    body = (await ask(app, "/health", headers=WITH_KEY)).body

    assert ["status", "timestamp", "version"] == list(body)
    assert ("healthy", "7.7.7") == (body["status"], body["version"])


async def test_details_are_open_in_development_unless_authentication_is_set() -> None:
    """A deployment that forgot to name its environment is not open for that."""
    service = Service(name="shop", environment="development")
    opened, _ = with_health(service=service)
    closed, _ = with_health(service=service, api_key=KEY)

    assert "version" in (await ask(opened, "/health")).body
    assert {"status": "healthy"} == (await ask(closed, "/health")).body


async def test_hc_7_anonymous_callers_see_one_word() -> None:
    """No name, no version, no error text, no secret; and nothing tells of them."""
    canaries = Canaries()

    async def secretive() -> None:
        raise_with_all(canaries)

    app, handle = with_health(secretive, NoOpProbe("internal-name"))
    handle.add(Dial("soft-name"), critical=False)
    texts = []
    for path in TABLE:
        answer = await ask(app, f"/health{path}")
        texts.append(f"{answer.body} {answer.headers}")
    text = "\n".join(texts)

    assert {} == canaries.find(text)
    for word in ("secretive", "internal-name", "soft-name", "7.7.7", "Error"):
        assert word not in text


async def test_hc_7_details_show_no_secret_either() -> None:
    """To nobody, on no page."""
    canaries = Canaries()

    async def secretive() -> None:
        raise_with_all(canaries)

    app, _ = with_health(secretive, api_key=KEY)
    text = ""
    for path in TABLE:
        answer = await ask(app, f"/health{path}", headers=WITH_KEY)
        text += str(answer.body)

    assert "CanaryError" in text
    assert {} == canaries.find(text)


async def test_hc_4_a_soft_dependency_degrades_and_a_hard_one_fails() -> None:
    """200 and 503; of two, the hard one decides."""
    answers = []
    for hard, soft in ((HEALTHY, UNHEALTHY), (DEGRADED, HEALTHY), (UNHEALTHY,) * 2):
        app, handle = with_health(Dial("hard", hard))
        handle.add(Dial("soft", soft), critical=False)
        answer = await ask(app, "/health/ready")
        answers.append((answer.status, answer.body["status"]))

    assert [(200, "degraded"), (200, "degraded"), (503, "unhealthy")] == answers


async def test_history_and_alerts_are_kept_and_bounded() -> None:
    """The last results of each probe, and every change of state."""
    probe = Dial()
    app, handle = with_health(
        probe, api_key=KEY, check_every=0.05, fail_after=1, history_size=3
    )
    (check,) = handle.checks
    for status in (HEALTHY, UNHEALTHY, UNHEALTHY, HEALTHY, HEALTHY):
        probe.status = status
        check.due = 0.0
        await ask(app, "/health/ready")
    history = (await ask(app, "/health/history", headers=WITH_KEY)).body
    alerts = (await ask(app, "/health/alerts", headers=WITH_KEY)).body

    assert ["unhealthy", "healthy", "healthy"] == [
        result["status"] for result in history["probes"]["db"]
    ]
    assert [("db", "healthy", "unhealthy"), ("db", "unhealthy", "healthy")] == [
        (change["probe"], change["old_status"], change["new_status"])
        for change in alerts["alerts"]
    ]


async def test_the_metrics_page_has_fastapi_watchs_families_and_ours() -> None:
    """With its labels, for the dashboards of its users."""
    app, handle = with_health(Dial("db", UNHEALTHY), api_key=KEY)
    handle.add(Dial("cache"), critical=False)
    handle.add(Dial("idle", ProbeStatus.NO_DATA), critical=False)
    before = time.time()
    answer = await ask(app, "/health/metrics", headers=WITH_KEY)
    found = {
        (sample.name, sample.labels.get("name") or sample.labels.get("check")): sample
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }

    assert "text/plain; version=0.0.4; charset=utf-8" == answer.headers["content-type"]
    assert {
        "probe_healthy": 0,
        "probe_degraded": 0,
        "probe_circuit_open": 1,
        "probe_circuit_consecutive_failures": 1,
        "probe_circuit_trips_total": 1,
        "health_check_up": 0,
    } == {
        name: found[name, "db"].value
        for name, probe in found
        if probe == "db" and name not in ("probe_latency_ms", "probe_no_data")
    }
    assert {"name": "cache", "critical": "false"} == (
        found["probe_healthy", "cache"].labels
    )
    assert {"check": "cache", "hard": "false"} == (
        found["health_check_up", "cache"].labels
    )
    assert ("probe_healthy", "idle") not in found
    assert 1 == found["probe_no_data", "idle"].value
    assert found["probe_latency_ms", "cache"].value > 0
    success = found["health_check_last_success_timestamp_seconds", "cache"].value
    assert before <= success <= time.time()


async def test_probes_are_listed_without_asking_them() -> None:
    """As they are set up."""
    probe = Dial("db", tags=["data"], timeout=0.2, poll_interval_ms=5_000)
    app, _ = with_health(probe, api_key=KEY)
    answer = await ask(app, "/health/probes", headers=WITH_KEY)

    assert [
        {
            "name": "db",
            "kind": "Dial",
            "critical": True,
            "passive": False,
            "tags": ["data"],
            "description": None,
            "timeout": 0.2,
            "poll_interval_ms": 5_000,
        }
    ] == answer.body["probes"]
    assert 0 == probe.checks


async def test_the_gate_opens_when_the_application_says_so() -> None:
    """Until then it is starting, for readiness too."""
    app, handle = with_health(startup_gate=True)
    async with running(app):
        codes = [(await ask(app, "/health/ready")).status]
        handle.set_started()
        codes += [
            (await ask(app, "/health/ready")).status,
            (await ask(app, "/health/startup")).status,
        ]

    assert [503, 200, 200] == codes


async def test_startup_probes_open_the_gate_when_they_have_passed_once() -> None:
    """Later failures are readiness's business."""
    migrated = Dial("migrations", UNHEALTHY)
    app, handle = with_health(startup_probes=[migrated], check_every=0.05)
    codes = [(await ask(app, "/health/startup")).status]
    migrated.status = HEALTHY
    (check,) = handle.startup
    for _ in range(2):
        check.due = 0.0
        codes.append((await ask(app, "/health/startup")).status)
    migrated.status = UNHEALTHY
    check.due = 0.0
    codes.append((await ask(app, "/health/startup")).status)

    assert [503, 200, 200, 200] == codes
    assert [] == [one.name for one in handle.checks]
