"""An issue as Markdown: complete, and without any markup of the captured."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from steadfastapi.console.pages.issue_markdown import as_markdown, code, fenced
from steadfastapi.inbox.entry import Entry, Fault, Frame
from steadfastapi.inbox.store import Issue
from support.inbox import entry

HOSTILE = (
    "</code><script>alert(1)</script>",
    "`` ` ``` [x](javascript:alert(1)) ![y](http://evil/z.png) @everyone",
    "a\n\n# heading\n\n<img src=x onerror=alert(1)>\n```\n<b>bold</b>",
    "`",
    "\r\u2028<svg/onload=alert(1)>",
    "",
)


def issue(text: str = "PayError: no") -> Issue:
    """Return an issue whose every text is `text`."""
    return Issue(
        id="0" * 16,
        title=text,
        level="error",
        event=text,
        route=text,
        culprit=text,
        state="open",
        count=1_234,
        users=5,
        first_seen=1_790_000_000.0,
        last_seen=1_790_000_060.0,
        releases=(text, "shop@2"),
    )


def hostile(text: str) -> Entry:
    """Return an entry whose every text is `text`."""
    frame = Frame(file=text, line=7, function=text, source=text, in_app=True)
    return entry(
        title=text,
        message=text,
        faults=(Fault(type=text, message=text, frames=(frame,)),),
        request={"id": text, "route": text, "path": text, "status": 500},
        fields={text: text},
        context={text: {text: text}},
    )


def test_it_says_what_a_ticket_needs() -> None:
    """What, where, how often, since when, and the stack."""
    text = as_markdown(
        issue(), entry(), [{"level": "error", "event": "declined", "order": 7}]
    )

    for wanted in (
        "## `PayError: no`",
        "**Happened:** 1\u202f234 times, to 5 known users",
        "**First seen:** 2026-09-21 14:13:20 UTC",
        "`shop@2`",
        "shop/pay.py:7 in pay",
        "error declined order=7",
    ):
        assert wanted in text


@pytest.mark.parametrize("text", HOSTILE)
def test_what_was_captured_is_no_markup(text: str) -> None:
    """A renderer that lets HTML pass finds none, and no link, image or heading."""
    lines = [{"timestamp": text, "level": text, "event": text, text: text}]
    source = as_markdown(issue(text), hostile(text), lines)

    tokens = MarkdownIt("commonmark", {"html": True}).parse(source)
    every = [child for token in tokens for child in (token, *(token.children or ()))]

    dangerous = {"html_block", "html_inline", "link_open", "image"}
    assert set() == dangerous & {token.type for token in every}
    headings = sum(token.type == "heading_open" for token in every)
    assert 4 == headings


def test_fences_are_longer_than_what_they_hold() -> None:
    """Also where that begins or ends with backticks."""
    assert "`` ` ``" == code("`")
    assert "`a`" == code("a")
    assert "` `" == code(" ")
    assert "````text\n```\n````" == fenced("```")


def test_an_issue_without_entries_is_told_too() -> None:
    """They were deleted for their age."""
    text = as_markdown(issue(), None)

    assert "## `PayError: no`" in text
    assert "Latest" not in text
