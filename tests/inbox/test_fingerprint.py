"""Fingerprints: what belongs together, and what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from steadfastapi.inbox.entry import Entry, Fault, Frame
from steadfastapi.inbox.fingerprint import issue_of, without_variables


def crash(
    *, line: int = 7, function: str = "pay", kind: str = "E", **request: Any
) -> Entry:
    """Return an entry of an exception."""
    frames = (
        Frame(file="fastapi/routing.py", line=300, function="app"),
        Frame(file="shop/pay.py", line=line, function=function, in_app=True),
        Frame(file="lib/driver.py", line=9, function="send"),
    )
    return Entry(
        id="0" * 32,
        issue="",
        at=0.0,
        level="error",
        event="unhandled_exception",
        title="t",
        message="m",
        faults=(Fault(type=kind, message="m", frames=frames),),
        request={"method": "POST", "route": "/pay", "status": 500, **request},
    )


def said(message: str, **facts: Any) -> Entry:
    """Return an entry of a message."""
    return replace(crash(), faults=(), event="message", message=message, **facts)


def test_inbox_4_shifted_lines_keep_the_issue() -> None:
    """INBOX-4: an edit above the error, and libraries that were updated."""
    assert issue_of(crash(line=7), "") == issue_of(crash(line=8), "")
    assert 16 == len(issue_of(crash(), ""))


def test_inbox_4_two_templates_make_two_issues() -> None:
    """INBOX-4, FLARE-5: a helper that two routes share."""
    assert issue_of(crash(route="/a/pay"), "") != issue_of(crash(route="/b/pay"), "")


def test_type_and_function_make_an_issue() -> None:
    """Another exception or another place is another one."""
    known = {
        issue_of(one, "") for one in (crash(), crash(kind="F"), crash(function="f"))
    }

    assert 3 == len(known)


def test_messages_do_not() -> None:
    """Where there is an exception: they hold ids and names."""
    assert issue_of(crash(), "") == issue_of(replace(crash(), message="other"), "")


def test_libraries_do_not() -> None:
    """Their functions change with every version."""
    changed = crash()
    fault = changed.faults[0]
    frames = (replace(fault.frames[0], function="other"), *fault.frames[1:])
    changed = replace(changed, faults=(replace(fault, frames=frames),))

    assert issue_of(crash(), "") == issue_of(changed, "")


def test_a_library_alone_is_told_by_its_last_frames() -> None:
    """Where none of the frames is the application's."""

    def foreign(function: str) -> Entry:
        frame = Frame(file="lib.py", line=1, function=function)
        fault = Fault(type="E", message="m", frames=(frame,))
        return replace(crash(), faults=(fault,))

    assert issue_of(foreign("a"), "") != issue_of(foreign("b"), "")


def test_answers_are_told_by_their_status_too() -> None:
    """403 and 404 of one endpoint are two things."""
    answers = [
        replace(crash(status=status), event="http_exception") for status in (403, 404)
    ]

    assert 2 == len({issue_of(one, "") for one in answers})


def test_messages_are_one_but_for_numbers() -> None:
    """And but for ids; a template says it better."""
    assert issue_of(said("order 17 of 3"), "") == issue_of(said("order 4 of 12"), "")
    assert issue_of(said("order lost"), "") != issue_of(said("order found"), "")
    assert issue_of(said("a"), "order %s") == issue_of(said("b"), "order %s")
    assert "at # of #" == without_variables(
        "at 0x7f3a of 1b4e28ba-2fa1-11d2-883f-0016d3cca427"
    )


def test_a_function_of_the_application_decides() -> None:
    """By a string or by several values; None is the usual way."""
    one, other = crash(function="a"), crash(function="b")

    assert issue_of(one, "", lambda _: "x") == issue_of(other, "", lambda _: "x")
    assert issue_of(one, "", lambda e: [e.level, 1]) == issue_of(
        other, "", lambda e: [e.level, 1]
    )
    assert issue_of(one, "") == issue_of(one, "", lambda _: None)
    assert issue_of(one, "", lambda _: "x") != issue_of(one, "", lambda _: "y")
