"""Sessions: signed, shared by the workers, over when they should be."""

import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from steadfastapi.console import shared
from steadfastapi.console.access.identity import Identity
from steadfastapi.console.access.revoked import MAX_KEPT, Revocations
from steadfastapi.console.access.sessions import Session, Sessions
from steadfastapi.console.shared import Folder
from support.console import (
    PRODUCTION,
    TOKEN,
    Browser,
    consoled,
    frame_of,
    header,
    text,
)

pytestmark = pytest.mark.anyio

ADA = Identity(name="ada", method="basic")
SECRET = b"s" * 32


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


class Clock:
    """Unix time that a test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def sessions(
    secret: bytes = SECRET, clock: Any = None, revoked: Any = None, **options: Any
) -> Sessions:
    """Return sessions of 30 minutes and 8 hours."""
    given = {"idle": 1_800.0, "absolute": 28_800.0, "production": False, **options}
    clock = clock or Clock()
    return Sessions(secret, revoked or Revocations(clock=clock), clock=clock, **given)


def request(cookie: str = "", scheme: str = "http") -> Request:
    """Return a request with the cookie of a `Set-Cookie` header."""
    pair = cookie.partition(";")[0].encode()
    return Request(
        {
            "type": "http",
            "scheme": scheme,
            "path": "/",
            "server": ("test", 80),
            "headers": [(b"cookie", pair)] if pair else [],
        }
    )


async def test_sec_13_the_cookie_is_kept_from_everybody_else() -> None:
    """SEC-13: `__Host-`, Secure, HttpOnly, SameSite, eight hours; ≥ 128 bits."""
    browser = Browser(consoled(token=TOKEN, service=PRODUCTION), scheme="https")
    answer = await browser.post("/ops/login", token=TOKEN)
    name, *attributes = (header(answer, "set-cookie") or "").split("; ")
    begun = sessions().begin(ADA)

    assert re.match(r"__Host-steadfast-console-[0-9a-f]{8}=", name)
    assert {"Path=/", "HttpOnly", "SameSite=Lax", "Secure"} <= set(attributes)
    assert [True] == [
        28_000 < int(one.partition("=")[2]) <= 28_800
        for one in attributes
        if one.startswith("Max-Age")
    ]
    assert len(begun.id) * 6 >= 128


async def test_plain_http_in_development_has_a_plain_cookie() -> None:
    """Browsers refuse `__Host-` there; over https it is used in development, too."""
    store = sessions()
    begun = store.begin(ADA)

    plain = store.set_cookie(request(), begun)
    secure = store.set_cookie(request(scheme="https"), begun)
    assert (False, True) == ("Secure" in plain, "; Secure" in secure)
    assert (False, True) == (plain.startswith("__Host-"), secure.startswith("__Host-"))
    assert None is await store.find(request(plain, "https"))


async def test_sec_13_a_session_is_over_after_30_idle_minutes_or_8_hours() -> None:
    """SEC-13, on a fake clock: idle, and in any case, whatever is used."""
    clock = Clock()
    store = sessions(clock=clock)
    begun = store.begin(ADA)
    first = store.set_cookie(request(), begun)
    clock.now += 1_799
    found = await store.find(request(first))
    assert found is not None
    used = store.used(found)
    assert used is not None
    renewed = store.set_cookie(request(), used)
    clock.now += 2
    idle, lively = await store.find(request(first)), await store.find(request(renewed))
    for _ in range(16):
        clock.now += 1_700
        one = await store.find(request(renewed))
        if one is not None:
            renewed = store.set_cookie(request(), store.used(one) or one)
    late = await store.find(request(renewed))

    assert (None, "ada") == (idle, lively and lively.identity.name)
    assert None is late
    assert clock.now - begun.began > 28_800


async def test_sec_13_each_login_has_a_new_id_and_takes_none_from_the_browser() -> None:
    """SEC-13: no fixation."""
    stack = consoled(token=TOKEN)
    browser = Browser(stack)
    await browser.post("/ops/login", token=TOKEN)
    ((name, first),) = browser.cookies.items()
    await browser.post("/ops/login", token=TOKEN)

    assert first != browser.cookies[name]


async def test_sec_13_a_stolen_cookie_is_worth_nothing_after_the_logout() -> None:
    """SEC-13: 401 for its copy, also for one that was renewed before."""
    stack = consoled(token=TOKEN)
    browser = await Browser.signed_in(stack)
    thief = Browser(stack)
    thief.cookies = dict(browser.cookies)
    before = await thief.get("/ops/settings")
    out = await browser.post("/ops/logout")
    page = await thief.get("/ops/settings")
    api = await thief.ask("GET", "/ops/api/settings", ("accept", "*/*"))

    assert (200, 303, "/ops/login") == (
        before.status,
        out.status,
        header(out, "location"),
    )
    assert (303, 401) == (page.status, api.status)
    assert {} == browser.cookies


async def test_a_session_holds_in_every_worker_and_ends_in_all_of_them() -> None:
    """They share the key, and a folder that says who has logged out."""
    mine = sessions(revoked=Revocations(shared.folder(SECRET)))
    others = sessions(revoked=Revocations(shared.folder(SECRET)))
    cookie = mine.set_cookie(request(), mine.begin(ADA))
    held = await others.find(request(cookie))
    assert held is not None
    await mine.end(held)

    assert None is await others.find(request(cookie))


@pytest.mark.parametrize("spoiled", ["signature", "body", "secret", "method", "long"])
async def test_a_cookie_that_is_not_ours_is_nothing(spoiled: str) -> None:
    """Changed, of another key, of another version, or far too long."""
    store = sessions()
    begun = store.begin(ADA)
    cookie = store.set_cookie(request(), begun)
    name, _, value = cookie.partition(";")[0].partition("=")
    if spoiled == "signature":
        value = value[:-1] + ("0" if value[-1] != "0" else "1")
    elif spoiled == "body":
        value = "x" + value
    elif spoiled == "secret":
        other = sessions(b"o" * 32)
        value = other.set_cookie(request(), begun).partition(";")[0].partition("=")[2]
    elif spoiled == "method":
        odd = Identity(name="ada", method="magic")  # type: ignore[arg-type]
        strange = Session(id="x", identity=odd, began=begun.began, used=begun.used)
        value = store._write(strange)
    else:
        value += "A" * 10_000

    assert None is await store.find(request(f"{name}={value}"))


async def test_background_requests_do_not_keep_a_session_alive() -> None:
    """An open tab that updates itself would never be idle."""
    stack = consoled(token=TOKEN)
    browser = await Browser.signed_in(stack)
    store = frame_of(stack).access.sessions
    began = store._clock()
    store._clock = lambda: began + 120
    live = await browser.get("/ops/api/logs", ("sec-fetch-dest", "empty"))
    seen = await browser.get("/ops/logs", ("sec-fetch-dest", "document"))

    assert [] == [v for k, v in live.headers if k == b"set-cookie"]
    assert 1 == len([v for k, v in seen.headers if k == b"set-cookie"])


async def test_another_token_ends_every_session() -> None:
    """The key is made of the secrets of the settings."""
    browser = await Browser.signed_in(consoled(token=TOKEN))
    browser.app = consoled(token="another-token-altogether").plan.app
    answer = await browser.get("/ops/settings")

    assert 303 == answer.status


async def test_memory_of_ended_sessions_is_bounded() -> None:
    """The first ones are forgotten first."""
    ended = Revocations()
    for number in range(MAX_KEPT + 2):
        await ended.add(str(number), 0.0)

    assert [False, False, True] == [await ended.has(one) for one in ("0", "1", "2")]


def test_a_folder_forgets_what_is_over(tmp_path: Path) -> None:
    """Marks have an end, and go with the next one."""
    folder = Folder(tmp_path / "home" / "ended")
    folder.mark("past", 1_000_000.0)
    folder.mark("yet", 4_000_000_000.0)
    folder.mark("too", 4_000_000_000.0)

    assert [False, True, True] == [
        folder.is_marked(one) for one in ("past", "yet", "too")
    ]
    assert [0o700, 0o700] == [
        path.stat().st_mode & 0o777
        for path in (tmp_path / "home", tmp_path / "home/ended")
    ]


def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    """One that others may write to cannot be trusted."""
    (tmp_path / "home").mkdir(mode=0o777)
    (tmp_path / "home").chmod(0o777)
    folder = Folder(tmp_path / "home" / "ended")

    with pytest.raises(PermissionError, match="not this user's alone"):
        folder.mark("one", 4_000_000_000.0)


def test_workers_of_one_server_agree_on_a_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first makes it; a single process keeps it to itself."""
    alone = [shared.common_secret("shop") for _ in range(2)]
    monkeypatch.setattr(shared, "several_processes", lambda: True)
    several = [shared.common_secret("shop") for _ in range(3)]
    other = shared.common_secret("bakery")

    assert alone[0][0] != alone[1][0]
    assert ([True, False, False], 1) == (
        [made for _, made in several],
        len({secret for secret, _ in several}),
    )
    assert other[0] != several[0][0]


def test_without_a_folder_each_worker_is_by_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A read-only file system breaks nothing."""
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setattr(shared, "several_processes", lambda: True)
    monkeypatch.setattr(tempfile, "tempdir", str(blocked))

    assert [True, True] == [shared.common_secret("shop")[1] for _ in range(2)]


async def test_a_cookie_cannot_come_back_over_plain_http_and_the_page_says_so() -> None:
    """In production, behind a proxy whose header the server does not trust."""
    browser = Browser(consoled(token=TOKEN, service=PRODUCTION))
    answer = await browser.get("/ops/login")

    assert "X-Forwarded-Proto" in text(answer)
