"""Who may see details, and who may change anything."""

import ast
import asyncio
import base64
import inspect
import threading
import time
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health import Health, access, credentials, pages
from steadfastapi.testing import internal_errors
from support.health import Answer, ask, with_health

pytestmark = pytest.mark.anyio

BASIC = {"type": "basic", "username": "admin", "password": "s3crét"}
API_KEY = {"type": "apikey", "key": "my-secret-key"}


def basic(user: str, password: str) -> list[tuple[str, str]]:
    """Return the header of HTTP Basic."""
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    return [("authorization", f"Basic {encoded}")]


async def history(
    auth: Any, headers: Any = (), app: FastAPI | None = None, **settings: Any
) -> Answer:
    """Request a page that is nothing but details."""
    app, _ = with_health(app=app, auth=auth, **settings)
    return await ask(app, "/health/history", headers=headers)


@pytest.mark.parametrize(
    ("auth", "headers", "code"),
    [
        (BASIC, basic("admin", "s3crét"), 200),
        (BASIC, basic("admin", "wrong"), 401),
        (BASIC, basic("wrong", "s3crét"), 401),
        (BASIC, [("authorization", "Basic %%%")], 401),
        (BASIC, [("authorization", "Bearer s3crét")], 401),
        (BASIC, [], 401),
        (API_KEY, [("x-api-key", "my-secret-key")], 200),
        (API_KEY, [("authorization", "Bearer my-secret-key")], 200),
        (API_KEY, [("x-api-key", "my-secret-ke")], 401),
        (API_KEY, [("x-api-key", "")], 401),
        (API_KEY, [], 401),
        ({**API_KEY, "header": "X-Mine"}, [("x-mine", "my-secret-key")], 200),
        (lambda request: request.headers.get("x-t") == "y", [("x-t", "y")], 200),
        (lambda request: request.headers.get("x-t") == "y", [], 401),
        (lambda request: None, [], 401),
        (lambda request: asyncio.sleep(0, True), [], 200),
    ],
)
async def test_authentication_decides(auth: Any, headers: Any, code: int) -> None:
    """Basic, API key, or a function of the request."""
    assert code == (await history(auth, headers)).status


async def test_a_refusal_says_how_to_authenticate() -> None:
    """`WWW-Authenticate` by the kind of it."""
    found = [
        (await history(auth)).headers["www-authenticate"] for auth in (BASIC, API_KEY)
    ]

    assert ['Basic realm="health"', "Bearer"] == found


async def test_an_async_function_decides_as_well() -> None:
    """With the same request."""

    async def mine(request: Request) -> bool:
        return request.headers.get("x-token") == "t"

    assert [200, 401] == [
        (await history(mine, headers)).status for headers in ([("x-token", "t")], [])
    ]


security = HTTPBasic()


async def admin(credentials: Annotated[HTTPBasicCredentials, Depends(security)]) -> str:
    """Let one user in, as FastAPI's documentation does."""
    if credentials.username != "admin":
        raise HTTPException(403, headers={"X-Reason": "no admin"})
    return credentials.username


@pytest.mark.parametrize(
    ("headers", "code"),
    [(basic("admin", "x"), 200), (basic("eve", "x"), 403), ([], 401)],
)
async def test_a_dependency_decides(headers: Any, code: int) -> None:
    """With sub-dependencies; what it raises is the answer."""
    answer = await history(Depends(admin), headers)

    assert code == answer.status
    if code == 401:
        assert "Basic" in answer.headers["www-authenticate"]


async def test_a_dependency_can_be_overridden_as_in_any_test() -> None:
    """By `app.dependency_overrides`."""
    app = FastAPI()
    app.dependency_overrides[admin] = lambda: "anybody"

    assert 200 == (await history(Depends(admin), app=app)).status


async def test_a_dependency_that_wants_what_is_missing_refuses() -> None:
    """A required header that is not there is no way in."""

    def wants(x_token: Annotated[str, Header()]) -> str:
        return x_token

    assert [422, 200] == [
        (await history(Depends(wants), headers)).status
        for headers in ([], [("x-token", "t")])
    ]


def raises(request: Request) -> bool:
    """Fail."""
    raise ConnectionError("no directory")


def hangs(request: Request) -> bool:
    """Take too long."""
    time.sleep(0.3)
    return True


async def hangs_async(request: Request) -> bool:
    """Take too long, in the event loop."""
    import anyio

    await anyio.sleep(60)
    return True


@pytest.mark.parametrize("auth", [raises, hangs, hangs_async])
async def test_sec_16_an_authentication_that_fails_yields_no_data(
    auth: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, and the pages for everybody go on."""
    monkeypatch.setattr(access, "TIMEOUT", 0.05)
    monkeypatch.setattr(pages, "QUICKLY", 0.05)
    with internal_errors() as counted:
        closed = await history(auth)
        app, _ = with_health(auth=auth)
        ready = await ask(app, "/health/ready")

    assert (503, {"detail": "Authentication is unavailable"}) == (
        closed.status,
        closed.body,
    )
    assert (200, {"status": "healthy"}) == (ready.status, ready.body)
    assert {"health.auth": 2} == dict(counted)


async def test_hc_2_an_authentication_that_hangs_delays_no_orchestrator() -> None:
    """It gets a tenth of a second there, and eight threads at most."""
    release, running = threading.Event(), []

    def hang(request: Request) -> bool:
        running.append(request)
        release.wait(5)
        return True

    app, _ = with_health(auth=hang)
    with internal_errors() as counted:
        started = time.perf_counter()
        answer = await ask(app, "/health/ready")
        took = time.perf_counter() - started
        for _ in range(11):
            await ask(app, "/health/ready")
    threads = len(running)
    release.set()

    assert (200, {"status": "healthy"}) == (answer.status, answer.body)
    assert took < 0.8
    assert (8, 12) == (threads, counted["health.auth"])


async def test_either_way_in_is_enough() -> None:
    """A key for machines beside the people's login."""
    both: dict[str, Any] = {"auth": BASIC, "api_key": "machine"}
    codes = [
        (await history(headers=headers, **both)).status
        for headers in (
            [("x-api-key", "machine")],
            basic("admin", "s3crét"),
            [],
        )
    ]

    assert [200, 200, 401] == codes


@pytest.mark.parametrize(
    "auth",
    [
        "secret",
        {"type": "digest"},
        {"type": "basic", "username": "a"},
        {"type": "apikey", "key": ""},
        {"type": "apikey", "key": "k", "more": "x"},
        {"type": "basic", "username": "a", "password": None},
    ],
)
def test_nonsense_is_refused_when_the_settings_are_made(auth: Any) -> None:
    """An empty secret would open the pages to everybody."""
    with pytest.raises(ConfigurationError, match="Health"):
        Health(auth=auth)


def test_sec_17_secrets_are_compared_in_constant_time() -> None:
    """By `hmac.compare_digest`, and nowhere by `==`."""
    tree = ast.parse(inspect.getsource(credentials))
    secret = {"given", "expected", "encoded", "key", "secret"}
    compared = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and any(isinstance(operator, (ast.Eq, ast.NotEq)) for operator in node.ops)
        and secret & {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    ]

    assert [] == compared
    assert 2 == inspect.getsource(credentials).count("hmac.compare_digest(")


def test_no_secret_is_in_what_is_printed() -> None:
    """Neither in the settings nor in the plan."""
    health = Health(auth=BASIC, api_key="machine-key")

    assert "s3crét" not in f"{health!r} {health.summary()}"
    assert "machine-key" not in f"{health!r} {health.summary()}"
