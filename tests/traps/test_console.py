"""What consoles get wrong: open to everyone, and a delete button for everyone."""

import pytest
from fastapi import FastAPI

from steadfastapi.console.layer import Console
from support.asgi import call
from support.console import (
    PRODUCTION,
    TOKEN,
    Browser,
    consoled,
    frame_of,
    program,
)

pytestmark = pytest.mark.anyio

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
CHANGES = {"POST", "PUT", "PATCH", "DELETE"}


async def test_inbox_1_in_production_nothing_is_open_that_nobody_protected() -> None:
    """INBOX-1, FLARE-7: 404 for every path and method, as if there were no console."""
    app = FastAPI()
    consoled(app, console=Console.by_default(), service=PRODUCTION, with_layers=())
    known = consoled(token=TOKEN, with_layers=())
    found = {
        (await call(app, method, route.path)).status
        for route, _ in frame_of(known).routes
        for method in METHODS
    }

    assert {404} == found


async def test_inbox_1_a_stranger_deletes_and_changes_nothing() -> None:
    """INBOX-1, FLARE-7: in development, too, where flare's button stood open."""
    stack = consoled()
    found = {
        (await call(stack.plan.app, method, route.path)).status
        for route, page in frame_of(stack).routes
        for method in page.methods
        if method in CHANGES
    }

    assert {401} == found


async def test_inbox_1_what_changes_something_is_never_a_get() -> None:
    """INBOX-1: no page has both, but the one that shows what its form changes."""
    stack = consoled(token=TOKEN)

    mixed = [
        page.path
        for _, page in frame_of(stack).routes
        if CHANGES & set(page.methods) and {"GET", "HEAD"} & set(page.methods)
    ]
    assert [] == mixed


async def test_inbox_1_a_form_of_another_site_changes_nothing() -> None:
    """INBOX-1: 403 for each change, though the browser sends the cookie along."""
    stack = consoled(token=TOKEN)
    browser = await Browser.signed_in(stack)
    found = {
        (await browser.post(route.path, ("sec-fetch-site", "cross-site"))).status
        for route, page in frame_of(stack).routes
        if CHANGES & set(page.methods)
    }
    still = await browser.get("/ops/settings")

    assert ({403}, 200) == (found, still.status)


async def test_inbox_1_the_static_files_need_no_login_and_tell_nothing() -> None:
    """INBOX-1: they are the same for every application."""
    stack = consoled(token=TOKEN)
    listed = await program(stack, "/ops/static")

    assert 401 == listed.status
