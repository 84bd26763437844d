"""The decorators: every argument, on every kind of endpoint."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, WebSocket
from fastapi.responses import PlainTextResponse, StreamingResponse
from slowapi.util import get_remote_address

from steadfastapi import ConfigurationError, Limiter, Limits, limiter
from steadfastapi.testing import frozen_limits, internal_errors
from support.limited import answers, limited, statuses


@pytest.fixture
def mine() -> Limiter:
    """A limiter of this test alone."""
    return Limiter()


def one_route(decorator: Any, path: str = "/a", **keywords: Any) -> FastAPI:
    """Return a configured application with one decorated route."""
    app = FastAPI()
    app.get(path)(decorator(lambda: "ok"))
    return limited(app, **keywords)


def test_a_decorated_endpoint_is_the_same_function(mine: Limiter) -> None:
    """Nothing stands around it, so nothing changes what FastAPI reads of it."""

    async def endpoint(x: int) -> int:
        return x

    for decorator in (
        mine.limit("1/minute"),
        mine.shared_limit("1/minute", scope="s"),
        mine.exempt,
    ):
        assert endpoint is decorator(endpoint)
    assert asyncio.iscoroutinefunction(endpoint)


def test_the_module_level_limiter_works() -> None:
    """Imported, and used before `configure`."""
    app = FastAPI()
    app.get("/a")(limiter.limit("1/minute")(lambda: "ok"))

    assert [200, 429] == statuses(limited(app), *["/a"] * 2)


async def chunks() -> AsyncIterator[bytes]:
    """Send two."""
    yield b"a"
    yield b"b"


async def async_dict() -> dict[str, str]:
    """Return a dictionary."""
    return {"a": "b"}


def sync_response() -> PlainTextResponse:
    """Return a response."""
    return PlainTextResponse("ok")


def stream() -> StreamingResponse:
    """Return a stream."""
    return StreamingResponse(chunks())


async def with_request(request: Request) -> str:
    """Take the request."""
    return request.url.path


class Callable_:  # noqa: N801 - a kind of endpoint
    """An endpoint that is an object."""

    def __call__(self) -> str:
        """Answer."""
        return "ok"

    def method(self) -> str:
        """Answer."""
        return "ok"


@pytest.mark.parametrize(
    "endpoint",
    [async_dict, sync_response, stream, with_request, Callable_(), Callable_().method],
    ids=["async", "sync", "stream", "request", "object", "method"],
)
def test_every_kind_of_endpoint_is_limited(endpoint: Any, mine: Limiter) -> None:
    """Whatever it is and returns."""
    app = FastAPI()
    app.get("/a")(mine.limit("1/minute")(endpoint))

    assert [200, 429] == statuses(limited(app), *["/a"] * 2)


def test_several_limits_hold_together(mine: Limiter) -> None:
    """In one text, or in several decorators; a refusal takes nothing from any."""
    app = FastAPI()
    app.get("/a")(mine.limit("1/second;3/minute")(lambda: "ok"))
    app.get("/b")(mine.limit("3/minute")(mine.limit("1/second")(lambda: "ok")))
    limited(app)
    with frozen_limits() as advance:
        for path in ("/a", "/b"):
            found = []
            for _ in range(4):
                found += statuses(app, path, path)
                advance(1)

            assert [200, 429, 200, 429, 200, 429, 429, 429] == found


def test_a_shared_limit_is_one_for_its_scope(mine: Limiter) -> None:
    """Under several routes and functions; another scope is another limit."""
    app = FastAPI()
    for path, scope in (("/a", "one"), ("/b", "one"), ("/c", "two")):
        app.get(path)(mine.shared_limit("2/minute", scope=scope)(lambda: "ok"))

    assert [200, 200, 429, 200] == statuses(limited(app), "/a", "/b", "/a", "/c")


def test_a_scope_can_be_a_function(mine: Limiter) -> None:
    """Of the endpoint's name, or of nothing."""
    app = FastAPI()
    shared = mine.shared_limit("1/minute", scope=lambda name: name.rpartition(".")[0])
    other = mine.shared_limit("1/minute", scope=lambda: "fixed")
    for path, decorator in (("/a", shared), ("/b", shared), ("/c", other)):
        app.get(path)(decorator(lambda: "ok"))

    assert [200, 429, 200, 429] == statuses(limited(app), "/a", "/b", "/c", "/c")


def test_per_method_counts_the_methods_of_a_route_apart(mine: Limiter) -> None:
    """Without it they count together."""
    for per_method, expected in ((False, [200, 429]), (True, [200, 200])):
        app = FastAPI()
        decorator = mine.limit("1/minute", per_method=per_method)
        app.api_route("/a", methods=["GET", "POST"])(decorator(lambda: "ok"))

        assert expected == statuses(limited(app), "GET /a", "POST /a")


def test_routes_of_one_path_and_other_methods_count_apart(mine: Limiter) -> None:
    """The bucket has the methods of the route."""
    app = FastAPI()
    app.get("/a")(mine.limit("1/minute")(lambda: "ok"))
    app.post("/a")(mine.limit("1/minute")(lambda: "ok"))

    assert [200, 200, 429] == statuses(limited(app), "GET /a", "POST /a", "GET /a")


def test_only_the_methods_that_are_named_are_limited(mine: Limiter) -> None:
    """In any case of letters."""
    app = FastAPI()
    decorator = mine.limit("1/minute", methods=["post"])
    app.api_route("/a", methods=["GET", "POST"])(decorator(lambda: "ok"))
    found = statuses(limited(app), "POST /a", "GET /a", "GET /a", "POST /a")

    assert [200, 200, 200, 429] == found


@pytest.mark.parametrize("cost", [2, lambda request: 2, lambda: 2])
def test_a_request_may_cost_more(cost: Any, mine: Limiter) -> None:
    """As a number, or as a function with or without the request."""
    app = one_route(mine.limit("5/minute", cost=cost))

    assert [200, 200, 429] == statuses(app, *["/a"] * 3)


def test_what_costs_nothing_is_not_limited(mine: Limiter) -> None:
    """And what costs more than the limit never passes, and says when to give up."""
    assert [200] * 3 == statuses(one_route(mine.limit("1/minute", cost=0)), *["/a"] * 3)
    assert [429] == statuses(one_route(mine.limit("1/minute", cost=2)), "/a")


@pytest.mark.parametrize(
    "exempt_when",
    [lambda: True, lambda request: request.headers["x-admin"] == "yes"],
)
def test_a_request_may_be_exempt(exempt_when: Any, mine: Limiter) -> None:
    """By a function with or without the request."""
    app = one_route(mine.limit("1/minute", exempt_when=exempt_when))

    assert [200] * 3 == statuses(app, *["/a"] * 3, headers=[("x-admin", "yes")])


@pytest.mark.parametrize("message", ["too many tries", lambda: "too many tries"])
def test_a_message_of_ones_own(message: Any, mine: Limiter) -> None:
    """A text, or a function that returns one."""
    app = one_route(mine.limit("1/minute", error_message=message))

    async def run() -> bytes:
        return (await answers(app, *["/a"] * 2))[-1].body

    assert b"Rate limit exceeded: too many tries. Please slow down." in anyio.run(run)


def test_a_limit_overrides_the_default_ones_unless_told(mine: Limiter) -> None:
    """With `override_defaults=False` both hold."""
    for override, expected in ((True, [200, 200]), (False, [200, 429])):
        app = one_route(
            mine.limit("5/minute", override_defaults=override),
            limits=Limits(default=("1/minute",)),
        )

        assert expected == statuses(app, *["/a"] * 2)


@pytest.mark.parametrize(
    "limit", [lambda: "2/minute", lambda key: f"{len(key)}/minute"]
)
def test_a_limit_may_be_a_function(limit: Any) -> None:
    """Of nothing, or of the key of the client."""
    mine = Limiter(key_func=lambda request: "ab")

    assert [200, 200, 429] == statuses(one_route(mine.limit(limit)), *["/a"] * 3)


@pytest.mark.parametrize("key", [lambda request: "k", lambda: "k", get_remote_address])
def test_a_key_function_takes_the_request_or_nothing(key: Any, mine: Limiter) -> None:
    """Sync ones here, async ones below."""
    assert [200, 429] == statuses(
        one_route(mine.limit("1/minute", key_func=key)), *["/a"] * 2
    )


def test_a_key_function_may_be_async(mine: Limiter) -> None:
    """And sees headers, and no body."""
    keys = []

    async def key(request: Request) -> str:
        await asyncio.sleep(0)
        keys.append(request.headers["x-user"])
        return keys[-1]

    app = one_route(mine.limit("1/minute", key_func=key))

    assert [200] == statuses(app, "/a", headers=[("x-user", "ada")])
    assert [200] == statuses(app, "/a", headers=[("x-user", "bob")])
    assert ["ada", "bob"] == keys


def fail(*_: Any) -> Any:
    """Raise."""
    raise ValueError("of the user's")


@pytest.mark.parametrize(
    ("component", "options", "expected"),
    [
        ("limits.key", {"key_func": fail}, [200, 429]),
        ("limits.cost", {"cost": fail}, [200, 429]),
        ("limits.exempt_when", {"exempt_when": fail}, [200, 429]),
        ("limits.error_message", {"error_message": fail}, [200, 429]),
        ("limits.limit", {"limit_value": fail}, [200, 200]),
    ],
)
def test_a_function_that_raises_is_counted_and_changes_little(
    component: str, options: dict[str, Any], expected: list[int], mine: Limiter
) -> None:
    """The address, a cost of 1, no exemption, the usual message; no 500."""
    app = one_route(mine.limit(**{"limit_value": "1/minute", **options}))
    with internal_errors() as counted:
        found = statuses(app, *["/a"] * 2)

    assert expected == found
    assert {component} == set(counted)


@pytest.mark.parametrize("text", ["", "5", "five/minute", "5/fortnight", None])
def test_a_limit_that_cannot_be_read_is_refused_at_once(
    text: Any, mine: Limiter
) -> None:
    """When decorating, instead of never holding."""
    with pytest.raises(ConfigurationError, match="cannot be read"):
        mine.limit(text)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Limiter(default_limits=[text or "x"])


def test_application_limits_hold_for_everything_together() -> None:
    """Routes with limits of their own and unknown paths too, exempt ones apart."""
    mine = Limiter(application_limits=["3/minute"])
    app = FastAPI()
    app.state.limiter = mine
    app.get("/a")(lambda: "ok")
    app.get("/b")(mine.limit("5/minute")(lambda: "ok"))
    app.get("/free")(mine.exempt(lambda: "ok"))
    targets = ["/free", "/a", "/b", "/nowhere", "/b", "/a", "/nowhere", "/free"]

    assert [200, 200, 200, 404, 429, 429, 429, 200] == statuses(limited(app), *targets)


def test_configuration_of_slowapi_in_the_environment_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`RATELIMIT_DEFAULT` and its like."""
    monkeypatch.setenv("RATELIMIT_DEFAULT", "1/minute")
    app = FastAPI()
    app.state.limiter = Limiter()
    app.get("/a")(lambda: "ok")

    assert [200, 429] == statuses(limited(app), *["/a"] * 2)


def test_key_prefixes_keep_limiters_apart() -> None:
    """One shared scope, two limiters."""
    app = FastAPI()
    for path, prefix in (("/a", "one"), ("/b", "two")):
        mine = Limiter(key_prefix=prefix)
        app.get(path)(mine.shared_limit("1/minute", scope="s")(lambda: "ok"))

    assert [200, 200, 429] == statuses(limited(app), "/a", "/b", "/a")


def test_on_router_follows_the_dependencies_of_fastapi(mine: Limiter) -> None:
    """On the application, `include_router`, one route, and WebSockets."""
    dependency = mine.on_router("1/minute")
    app = FastAPI(dependencies=[dependency])
    router = APIRouter()
    router.get("/a")(lambda: "ok")

    @router.websocket("/ws")
    async def websocket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    app.include_router(router)
    app.include_router(router, prefix="/p")
    app.get("/b")(lambda: "ok")
    other = FastAPI()
    other.get("/a", dependencies=[mine.on_router("1/minute"), Depends(async_dict)])(
        lambda: "ok"
    )
    for path in ("/a", "/p/a", "/b"):
        assert [200, 429] == statuses(
            app if app.middleware_stack else limited(app), path, path
        )
    assert [101, 429] == statuses(app, *["WEBSOCKET /p/ws"] * 2)
    assert [200, 429] == statuses(limited(other), *["/a"] * 2)


def test_reset_forgets_what_was_counted(mine: Limiter) -> None:
    """For tests of applications."""
    app = one_route(mine.limit("1/minute"))

    assert [200, 429] == statuses(app, *["/a"] * 2)
    mine.reset()
    assert [200] == statuses(app, "/a")
