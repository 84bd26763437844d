"""SEC-11, INBOX-1, INBOX-3: whatever was captured is text on every page."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from opentelemetry import trace

from steadfastapi import bind
from steadfastapi.inbox.entry import Entry, Fault, Frame
from support.inbox import entry, issue_id, write
from support.ops import Elements, Ops, ops_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.anyio

PAYLOADS = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)><svg onload='alert(1)'>",
    "</textarea></pre></title></script><iframe src=javascript:alert(1)>",
    "' autofocus onfocus=alert(1) style=position:fixed x='",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% include 'base.html' %}${7*7}",
    "--><!--<b>x</b>\u202e\u2028\x00\x1b[31m",
    "&lt;script&gt;&#x3c;script&#x3e;",
)
PLAIN = "plain"


def hostile(text: str) -> Entry:
    """Return an entry whose every text is `text`."""
    frames = tuple(
        Frame(file=text, line=7, function=text, source=text, in_app=in_app)
        for in_app in (False, True)
    )
    faults = (
        Fault(type=text, message=text, frames=frames),
        Fault(type=text, message=text, frames=frames, link="cause"),
    )
    names = ("trace_id", "span_id", "kind", "method", "route", "path", "query")
    request: dict[str, Any] = dict.fromkeys(names, text)
    request |= {"id": "a-request-id", "status": 500, "outcome": text, "client": text}
    return entry(
        "hostile",
        id="0" * 32,
        title=text,
        message=text,
        event=text,
        faults=faults,
        request={**request, "user_agent": text},
        fields={text: text, "list": [text, {text: text}]},
        context={text: text},
        user=text,
        release=text,
        environment=text,
        worker=text,
    )


def shape(page: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return the elements of a page and the names of their attributes."""
    return [(tag, tuple(attrs)) for tag, attrs in Elements(page).found]


async def shapes(text: str) -> dict[str, list[tuple[str, tuple[str, ...]]]]:
    """Return the shapes of all pages that show what was captured with `text`."""
    with ops_of(FastAPI(title="Shop")) as ops:
        write(ops.store, hostile(text))
        paths = {
            "overview": "",
            "issues": "/issues",
            "filtered": "/issues?state=all&event=x&route=y",
            "issue": f"/issues/{issue_id('hostile')}",
            "occurrence": f"/issues/{issue_id('hostile')}?entry={'0' * 32}",
        }
        return {name: shape(await ops.page(path)) for name, path in paths.items()}


async def test_stored_texts_make_no_elements_and_no_attributes() -> None:
    """Each page has the same elements as with a harmless text."""
    harmless = await shapes(PLAIN)

    for payload in PAYLOADS:
        assert harmless == await shapes(payload), payload


@pytest.fixture
def ops() -> Iterator[Ops]:
    """Yield an application that passes on what it is sent."""
    app = FastAPI(title="Shop")

    @app.get("/echo/{text:path}")
    async def echo(text: str) -> None:
        bind(user_id=text, **{"field <b>": text})
        logging.getLogger("shop").warning("%s", text, extra={"said": text})
        span = trace.get_tracer("t").start_as_current_span(
            text, attributes={text: text}
        )
        with span as current:
            current.add_event(text)
        raise ValueError(text)

    with ops_of(app) as ops:
        yield ops


async def test_live_requests_make_no_elements_either(ops: Ops) -> None:
    """Path, bound fields, log lines, spans and exceptions of a real request."""
    for payload in PAYLOADS:
        await ops.visit(f"/echo/{quote(payload, safe='')}")
    (issue,) = await ops.issues()
    occurrences = (await ops.json(f"/issues/{issue.id}/occurrences"))["items"]
    listed = (await ops.json("/exchanges"))["items"]
    paths = [
        "/issues",
        "/exchanges",
        *(f"/issues/{issue.id}?entry={one['id']}" for one in occurrences),
        *(f"/exchanges/{one['id']}" for one in listed),
    ]

    assert len(PAYLOADS) == len(occurrences) == len(listed)
    for path in paths:
        page = Elements(await ops.page(path))
        tags = {tag for tag, _ in page.found}
        assert not tags & {"iframe", "img", "b", "object", "embed", "style"}
        names = {name for _, attrs in page.found for name in attrs}
        assert not {name for name in names if name.startswith("on")}
        assert "style" not in names
        sources = [attrs.get("src") for tag, attrs in page.found if tag == "script"]
        assert all((source or "").startswith("/ops/static/") for source in sources)
        targets = page.links("javascript:")
        assert [] == targets


async def test_filters_come_back_as_text(ops: Ops) -> None:
    """In the forms, and in links to other pages."""
    harmless = shape(await ops.page("/issues?search=plain&event=a&release=c&route=d"))
    for payload in PAYLOADS[:4]:
        given = quote(payload, safe="")
        path = f"/issues?search={given}&event={given}&release={given}&route={given}"
        assert harmless == shape(await ops.page(path))


async def test_inbox_3_no_secret_is_on_any_page() -> None:
    """INBOX-3: of message, bound fields, log lines, path and query."""
    secret = secrets.token_hex(12)
    app = FastAPI(title="Shop")

    @app.get("/leak")
    async def leak() -> None:
        bind(password=secret, note=f"token={secret}")
        logging.getLogger("shop").warning("password=%s", secret)
        raise ValueError(f"cannot reach postgresql://shop:{secret}@db/shop")

    with ops_of(app) as ops:
        await ops.visit(f"/leak?access_token={secret}")
        await ops.visit(f"/token={secret}")
        (issue,) = await ops.issues()
        listed = (await ops.json("/exchanges"))["items"]
        paths = ["", "/issues", "/exchanges", f"/issues/{issue.id}"]
        paths += [f"/exchanges/{one['id']}" for one in listed]
        paths += [f"/api{path}" for path in paths[1:]]

        told = [path for path in paths if secret in await ops.page(path)]

    assert 2 == len(listed)
    assert [] == told
