"""What SlowAPI's documentation shows, with its import replaced and nothing else.

Each application is written as the quick start and the examples there write theirs.
"""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from slowapi.errors import RateLimitExceeded
from slowapi.middleware import SlowAPIASGIMiddleware, SlowAPIMiddleware
from slowapi.util import get_remote_address
from starlette.applications import Starlette

from steadfastapi.limits import Limiter, _rate_limit_exceeded_handler
from support.limited import header, last, limited, statuses
from support.redis import URL, namespace

Endpoint = Callable[..., Any]


def quick_start(app: Any, limiter: Limiter) -> None:
    """Do what every one of its applications begins with."""
    app.state.limiter = limiter
    app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)


def test_the_quick_start_for_starlette() -> None:
    """Mounted, since it is FastAPI applications that are configured."""
    limiter = Limiter(key_func=get_remote_address)
    inner = Starlette()
    quick_start(inner, limiter)

    @limiter.limit("5/minute")
    async def homepage(request: Request) -> PlainTextResponse:
        return PlainTextResponse("test")

    inner.add_route("/home", homepage)
    app = FastAPI()
    app.mount("/inner", inner)

    assert [200] * 5 + [429] == statuses(limited(app), *["/inner/home"] * 6)


def test_the_quick_start_for_fastapi() -> None:
    """Two functions of one name, a response argument, and a limit each."""
    limiter = Limiter(key_func=get_remote_address)
    app = FastAPI()
    quick_start(app, limiter)

    @app.get("/home")
    @limiter.limit("5/minute")
    async def homepage(request: Request) -> PlainTextResponse:
        return PlainTextResponse("test")

    @app.get("/mars")
    @limiter.limit("5/minute")
    async def mars(request: Request, response: Response) -> dict[str, str]:
        return {"key": "value"}

    limited(app)
    for path in ("/home", "/mars"):
        assert [200] * 5 + [429] == statuses(app, *[path] * 6)


def test_what_is_said_not_to_work_works() -> None:
    """Without `request`, and with the decorators in the other order."""
    limiter = Limiter(key_func=get_remote_address)
    app = FastAPI()

    @limiter.limit("2/minute")
    @app.get("/a")
    async def endpoint() -> str:
        return "hi"

    assert [200, 200, 429] == statuses(limited(app), *["/a"] * 3)


@pytest.mark.parametrize("middleware", [SlowAPIMiddleware, SlowAPIASGIMiddleware])
def test_a_global_limit(middleware: Any) -> None:
    """With either middleware, which then has nothing to do."""
    limiter = Limiter(key_func=get_remote_address, default_limits=["1/minute"])
    app = FastAPI()
    quick_start(app, limiter)
    app.add_middleware(middleware)

    async def homepage(request: Request) -> PlainTextResponse:
        return PlainTextResponse("Only once per minute")

    @limiter.exempt
    def free(request: Request) -> PlainTextResponse:
        return PlainTextResponse("I am unlimited")

    app.add_route("/home", homepage)
    app.add_route("/free", free)
    limited(app)

    assert [200, 429] == statuses(app, *["/home"] * 2)
    assert [200] * 3 == statuses(app, *["/free"] * 3)


def test_a_limiter_that_is_switched_off_and_on() -> None:
    """By its argument, and at any time."""
    limiter = Limiter(key_func=get_remote_address, enabled=False)
    app = FastAPI()
    app.get("/a")(limiter.limit("1/minute")(lambda: "ok"))
    limited(app)

    assert [200, 200] == statuses(app, *["/a"] * 2)
    limiter.enabled = True
    assert [200, 429] == statuses(app, *["/a"] * 2)
    limiter.enabled = False
    assert [200] == statuses(app, "/a")


def test_a_redis_backend() -> None:
    """By the limiter's own argument, where the layer's settings say nothing."""
    limiter = Limiter(key_func=get_remote_address, storage_uri=URL)
    with namespace() as name:
        for _ in range(2):  # two applications, as two workers
            app = FastAPI(title=name)
            app.state.limiter = limiter
            app.get("/a")(limiter.limit("2/minute")(lambda: "ok"))
            limited(app)
            found = statuses(app, *["/a"] * 2)

    assert [429, 429] == found


def test_a_custom_cost() -> None:
    """A function of the request."""
    limiter = Limiter(key_func=get_remote_address)
    app = FastAPI()

    def cost(request: Request) -> int:
        return len(request.query_params)

    @app.get("/a")
    @limiter.limit("10/minute", cost=cost)
    def endpoint(request: Request) -> PlainTextResponse:
        return PlainTextResponse("limited by the size of the request")

    limited(app)
    six = "/a?" + "&".join(f"q{number}=1" for number in range(6))

    assert [200, 429, 200] == statuses(app, six, six, "/a?q=1&r=1&s=1&t=1")


def test_the_key_style_endpoint() -> None:
    """The routes of one function count together; by `url` each for itself."""
    for style, expected in (("endpoint", [200, 429]), ("url", [200, 200])):
        limiter = Limiter(
            key_func=lambda: "mock",
            default_limits=["1/minute"],
            key_style=style,
        )
        app = FastAPI()
        app.state.limiter = limiter

        def endpoint(some_param: str) -> str:
            return some_param

        app.get("/some/{some_param}")(endpoint)
        app.get("/other/{some_param}")(endpoint)

        assert expected == statuses(limited(app), "/some/a", "/other/b")


def test_headers_enabled_needs_no_response_argument() -> None:
    """A dictionary is enough."""
    limiter = Limiter(key_func=get_remote_address, headers_enabled=True)
    app = FastAPI()
    app.get("/a")(limiter.limit("5/minute")(lambda: {"key": "value"}))
    result = last(limited(app), "/a")

    assert (200, "5") == (result.status, header(result, "x-ratelimit-limit"))


def test_a_handler_that_uses_the_limiter() -> None:
    """As people copied the stock handler and put their own body in."""
    limiter = Limiter(key_func=get_remote_address)
    app = FastAPI()
    app.state.limiter = limiter

    def handler(request: Request, exc: RateLimitExceeded) -> Response:
        response = PlainTextResponse(f"slow down: {exc.detail}", 429)
        own: Limiter = request.app.state.limiter
        return own._inject_headers(response, request.state.view_rate_limit)

    app.add_exception_handler(RateLimitExceeded, handler)  # type: ignore[arg-type]
    app.get("/a")(limiter.limit("1/minute")(lambda: "ok"))
    result = last(limited(app), *["/a"] * 2)

    assert (429, b"slow down: 1 per 1 minute") == (result.status, result.body)
