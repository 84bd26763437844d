"""ROUTE-1 to ROUTE-10: one name for each route, in every FastAPI generation."""

import random

import fastapi.routing
from fastapi import APIRouter, FastAPI, Response
from fastapi.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Mount, Route, Router

from steadfastapi.testing import Captured, capture
from support.apps import configured, opaque, router, sub_app
from support.drive import driven, flood, on_both, visit

TREE = hasattr(fastapi.routing, "_IncludedRouter")
"""Whether included routers stay nodes of a tree (FastAPI 0.137 and newer)."""
CORS = {
    "Origin": "https://shop.example",
    "Access-Control-Request-Method": "GET",
}


def templates(seen: Captured) -> list[str | None]:
    """Return the template of each exchange; log and metrics have to agree."""
    routes = [exchange.route for exchange in seen.exchanges]
    handlers = [route or "none" for route in routes]
    assert handlers == [line["route"] for line in seen.events("request")]
    for handler in handlers:
        assert handlers.count(handler) == counted(seen, handler=handler)
    assert len(handlers) == counted(seen)
    return routes


def counted(seen: Captured, **labels: str) -> float:
    """Return how many requests the metrics have with these labels."""
    return seen.metric("http_requests_total", **labels)


def label_sets(app: FastAPI, seen: Captured) -> dict[str, int]:
    """Return how many label sets each metric with a handler has."""
    assert seen._stack is not None
    sets: dict[str, set[str]] = {}
    for family in seen._stack.metrics.registry.collect():
        for sample in family.samples:
            labels = {k: v for k, v in sample.labels.items() if k != "le"}
            if "handler" in labels:
                sets.setdefault(sample.name, set()).add(str(labels))
    return {name: len(found) for name, found in sets.items()}


@on_both
def test_route_1_the_template_holds_every_include_prefix(how: str) -> None:
    """Direct, included and nested routes have one full name in record, log, metric."""
    app = configured(FastAPI())
    app.add_api_route("/a/{x}", lambda: "ok")
    outer = router("/b", "/{x}")
    outer.include_router(router("/deep", "/{y:path}"), prefix="/v1")
    app.include_router(outer, prefix="/p")
    app.router.routes.append(Route("/plain/{x:int}", Response("ok")))

    statuses, seen = visit(app, how, "/a/1", "/p/b/2", "/p/b/v1/deep/3/4", "/plain/5")

    assert [200] * 4 == statuses
    assert ["/a/{x}", "/p/b/{x}", "/p/b/v1/deep/{y}", "/plain/{x}"] == templates(seen)


class Sealed(FastAPI):
    """An application whose routes cannot be listed once it is sealed."""

    sealed = False

    @property
    def routes(self) -> list[BaseRoute]:
        """Return the routes, unless sealed."""
        if self.sealed:
            raise AssertionError("a request iterates app.routes")
        return super().routes


@on_both
def test_route_2_requests_resolve_without_iterating_the_routes(how: str) -> None:
    """Once the stack is built, nobody lists `app.routes` for a request."""
    app = Sealed()
    configured(app)
    app.include_router(router("/b", "/{x}"), prefix="/p")
    app.mount("/m", sub_app())
    with capture(app) as seen, driven(app, how) as client:
        app.sealed = True
        paths = ["/p/b/1", "/m/c/2", "/nothing"]
        statuses = [client.request("GET", path).status_code for path in paths]

    assert [200, 200, 404] == statuses
    assert ["/p/b/{x}", "/m/c/{z}", None] == templates(seen)


@on_both
def test_route_3_partial_matches_keep_their_status_and_template(how: str) -> None:
    """OPTIONS, HEAD and 405 on GET routes answer as without us, under their name."""
    app = configured(FastAPI())
    app.add_api_route("/a", lambda: "ok")
    app.include_router(router("/b", "/{x}"), prefix="/p")
    app.mount("/m", sub_app())
    paths = ["/a", "/p/b/1", "/m/sr/d/2"]
    targets = [
        f"{method} {path}" for method in ("HEAD", "OPTIONS", "PUT") for path in paths
    ]

    statuses, seen = visit(app, how, *targets)

    assert [405] * 9 == statuses
    assert ["/a", "/p/b/{x}", "/m/sr/d/{w}"] * 3 == templates(seen)


@on_both
def test_route_3_a_cors_preflight_is_answered(how: str) -> None:
    """The middleware answers before any routing: 200, and no name."""
    app = configured(FastAPI())
    app.add_middleware(CORSMiddleware, allow_origins=["*"])
    app.include_router(router("/b", "/{x}"), prefix="/p")
    with capture(app) as seen, driven(app, how) as client:
        response = client.request("OPTIONS", "/p/b/1", headers=CORS)

    assert 200 == response.status_code
    assert [None] == templates(seen)


@on_both
def test_route_4_mounts_are_named_with_their_prefix(how: str) -> None:
    """A mounted route has the mount's prefix; an opaque mount its own template."""
    app = configured(FastAPI())
    app.mount("/m", sub_app())
    inside = [Route("/c/{z}", Response("ok")), Mount("/m", opaque)]
    app.mount("/plain", Router(inside))
    app.mount("/opaque", opaque)
    served = ["/m/c/1", "/m/sr/d/2", "/plain/c/3", "/plain/m/x", "/opaque/x"]
    unmatched = ["/m/m", "/m/c", "/m/c/1/2", "/plain/x"]

    statuses, seen = visit(app, how, *served, *unmatched)

    assert [200] * 5 + [404] * 4 == statuses
    assert [
        "/m/c/{z}",
        "/m/sr/d/{w}",
        "/plain/c/{z}",
        "/plain/m",
        "/opaque",
        "/m",
        "/m",
        "/m",
        "/plain",
    ] == templates(seen)


@on_both
def test_route_4_mounts_inside_an_included_router_are_named(how: str) -> None:
    """Where FastAPI serves such a mount, it has all prefixes; else it is unmatched."""
    app = configured(FastAPI())
    inner = APIRouter()
    inner.mount("/in", sub_app())
    inner.mount("/opaque", opaque)
    app.include_router(inner, prefix="/q")

    statuses, seen = visit(
        app, how, "/q/in/c/1", "/q/in/sr/d/2", "/q/in/x", "/q/opaque/x"
    )

    assert ([200, 200, 404, 200] if TREE else [404] * 4) == statuses
    expected = ["/q/in/c/{z}", "/q/in/sr/d/{w}", "/q/in", "/q/opaque"]
    assert (expected if TREE else [None] * 4) == templates(seen)


@on_both
def test_route_5_a_thousand_tenants_have_one_template(how: str) -> None:
    """A parameter in the mount's path stays a parameter."""
    app = configured(FastAPI(), logs=False)
    app.mount("/t/{tenant}", sub_app())
    number = 1000 if how == "in process" else 250
    with capture(app) as seen:
        answers = flood(app, how, [f"/t/{n}/c/{n}" for n in range(number)])

    assert number == answers
    assert {"/t/{tenant}/c/{z}"} == {exchange.route for exchange in seen.exchanges}
    assert number == counted(seen, handler="/t/{tenant}/c/{z}", status="2xx")


def test_route_6_both_drivers_leave_the_same_record() -> None:
    """What the TestClient shows is what uvicorn does, label for label."""
    records = []
    for how in ("in process", "uvicorn"):
        app = configured(FastAPI())
        app.include_router(router("/b", "/{x}"), prefix="/p")
        app.mount("/m", sub_app())
        _, seen = visit(app, how, "/p/b/1", "PUT /p/b/1", "/m/c/2", "/x", "/p/b/1/")
        records.append(
            [
                (exchange.route, exchange.method, exchange.status, exchange.outcome)
                for exchange in seen.exchanges
            ]
        )

    in_process, over_uvicorn = records
    assert 5 == len(in_process)
    assert in_process == over_uvicorn


@on_both
def test_route_7_random_paths_add_one_label_set_per_metric(how: str) -> None:
    """Unmatched paths share the handler `none`, however many there are."""
    app = configured(FastAPI(), logs=False)
    app.add_api_route("/a", lambda: "ok")
    generator = random.Random(7)
    number = 10_000 if how == "in process" else 500
    paths = [f"/{generator.randbytes(8).hex()}" for _ in range(number)]
    with capture(app) as seen:
        flood(app, how, ["/a"])
        before = label_sets(app, seen)
        answers = flood(app, how, paths)
        after = label_sets(app, seen)

    assert number == answers
    assert number == counted(seen, handler="none", status="4xx")
    assert {name: count + 1 for name, count in before.items()} == after


@on_both
def test_route_7_a_405_and_an_unknown_method_add_no_path(how: str) -> None:
    """A wrong method keeps the template, and an invented one is `OTHER`."""
    app = configured(FastAPI())
    app.add_api_route("/a/{x}", lambda: "ok")

    statuses, seen = visit(app, how, "PUT /a/1", "BREW /a/2", "BREW /tea")

    assert [405, 405, 404] == statuses
    assert ["/a/{x}", "/a/{x}", None] == templates(seen)
    assert 2 == counted(seen, method="OTHER")


@on_both
def test_route_8_only_whole_segments_are_quiet(how: str) -> None:
    """`/healthy-foods` is a route like any other; ours and `/health/live` are not."""
    app = configured(FastAPI())
    loud = ["/healthy-foods", "/metrics-of-joy", "/api/health", "/health/records"]
    quiet = ["/health", "/health/live", "/metrics"]
    for path in [*loud, "/health", "/health/live"]:
        app.add_api_route(path, lambda: "ok")

    statuses, seen = visit(app, how, *loud, *quiet)

    assert [200] * 7 == statuses
    assert loud == [line["route"] for line in seen.events("request")]
    assert [1] * 4 == [counted(seen, handler=path) for path in loud]
    assert 4 == counted(seen)


@on_both
def test_route_9_root_path_is_no_part_of_a_template(how: str) -> None:
    """With the prefix stripped by a proxy or not, pages answer and names are ours."""
    app = configured(FastAPI())
    app.root_path = "/api"  # as an argument of FastAPI it is deprecated in 0.165
    app.include_router(router("/d", "/{z}"), prefix="/p")
    app.mount("/m", sub_app())

    statuses, seen = visit(
        app, how, "/metrics", "/api/metrics", "/p/d/1", "/api/p/d/1", "/api/m/c/2"
    )

    assert [200] * 5 == statuses
    assert ["/p/d/{z}", "/p/d/{z}", "/m/c/{z}"] == [
        line["route"] for line in seen.events("request")
    ]
    assert 3 == counted(seen)


@on_both
def test_route_9_the_root_path_of_a_server_is_no_part_of_a_template(how: str) -> None:
    """A server that was told the prefix changes nothing either."""
    app = configured(FastAPI())
    app.include_router(router("/d", "/{z}"), prefix="/p")

    statuses, seen = visit(app, how, "/metrics", "/p/d/1", root_path="/api")

    assert [200, 200] == statuses
    assert ["/p/d/{z}"] == [line["route"] for line in seen.events("request")]
    assert 1 == counted(seen)


@on_both
def test_route_10_redirects_mint_no_label(how: str) -> None:
    """A slash too many or too few is 307 under `none`; a mount keeps its template."""
    app = configured(FastAPI())
    app.add_api_route("/x", lambda: "ok")
    app.mount("/m", sub_app())

    statuses, seen = visit(app, how, "/x/", "/m", "/m/", "/m/c/1/")

    assert [307, 307, 404, 307] == statuses
    assert [None, None, "/m", "/m"] == templates(seen)
    assert 2 == counted(seen, handler="none", status="3xx")
