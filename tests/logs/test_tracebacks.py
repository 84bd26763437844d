"""Exceptions as text, for machines and for people."""

import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from starlette.testclient import TestClient

from steadfastapi.logs import frames
from steadfastapi.logs.frames import MAX_LINES, traceback_lines
from steadfastapi.logs.tracebacks import (
    MAX_TEXT,
    ExcInfo,
    as_exc_info,
    traceback_text,
)
from support.failures import Unspeakable


def raised(function: Callable[[], object]) -> ExcInfo:
    """Return what a function raises."""
    try:
        function()
    except BaseException as error:
        return type(error), error, error.__traceback__
    raise AssertionError("nothing")


def crash(message: str = "boom") -> NoReturn:
    """Fail."""
    raise ValueError(message)


def text_of(error: ExcInfo) -> str:
    """Return the lines for people as one text."""
    return "\n".join(line for _, line in traceback_lines(error))


def test_the_text_is_pythons_own() -> None:
    """Tools that know tracebacks go on knowing them."""
    error = raised(crash)

    assert "".join(traceback.format_exception(*error)).rstrip() == traceback_text(error)


def test_secrets_in_the_message_are_masked() -> None:
    """In notes and causes as well."""

    def fail() -> NoReturn:
        try:
            crash("password=hunter2")
        except ValueError as error:
            error.add_note("token=hunter2")
            raise KeyError(f"https://ada:{error.args[0][9:]}@db") from error

    for text in (traceback_text(raised(fail)), text_of(raised(fail))):
        assert "hunter2@" not in text
        assert 1 == text.count("ValueError: password=[redacted]")
        assert 1 == text.count("token=[redacted]")
        assert 1 == text.count("KeyError: 'https://[redacted]@db'")


def test_source_keeps_its_names_and_loses_its_literals() -> None:
    """A line about tokens is not a secret; a key in it is."""

    def fail() -> None:
        token: Any = len  # what is called so is no secret
        token(api_key="hunter2")

    text = traceback_text(raised(fail))

    assert 'token(api_key="[redacted]")' in text
    assert 'token(api_key="[redacted]")' in text_of(raised(fail))


def test_a_huge_message_is_cut_in_milliseconds() -> None:
    """10 MB: at most 24 KiB and some 10 ms of processor time (SEC-8)."""
    error = raised(lambda: crash("token=x " * 1_250_000))
    begin = time.thread_time()
    text = traceback_text(error)
    spent = time.thread_time() - begin

    assert len(text) <= MAX_TEXT
    assert text.startswith("Traceback (most recent call last):")
    assert 0.05 > spent


def test_of_a_long_chain_start_and_end_stay() -> None:
    """The last exception is what failed, the first one is why."""

    def chain(depth: int) -> None:
        try:
            if depth:
                chain(depth - 1)
            crash("first " + "x" * 500)
        except Exception as error:
            raise KeyError(f"number {depth} " + "x" * 500) from error

    error = raised(lambda: chain(40))
    text = traceback_text(error)

    assert MAX_TEXT * 0.9 < len(text) <= MAX_TEXT
    assert "ValueError: first" in text[:2000]
    assert "characters left out]" in text
    assert text.rstrip("x'").endswith("KeyError: 'number 40 ")
    assert len(traceback_lines(error)) <= MAX_LINES


def test_a_recursion_shows_its_innermost_frames() -> None:
    """A thousand frames say no more than fifty."""

    def deeper() -> None:
        deeper()

    error = raised(deeper)

    assert 60 > len(traceback_text(error).split("\n")) > 5
    assert "RecursionError" in text_of(error)


def test_whatever_the_exception_there_is_a_text() -> None:
    """One that cannot be printed, or has no traceback, or lies about its causes."""

    class Liar(Exception):  # noqa: N818 - a name for a test
        @property
        def __cause__(self) -> NoReturn:  # type: ignore[override]
            raise RuntimeError("no cause")

    for exception in (Unspeakable(), Liar("x"), ValueError("x")):
        error = (type(exception), exception, None)
        name = type(exception).__name__
        assert name in traceback_text(error)
        assert name in text_of(error)


@pytest.mark.parametrize("given", [None, False, (1, 2), (None, None, None), "x", []])
def test_what_is_no_exception_is_none(given: object) -> None:
    """Callers pass anything as `exc_info`."""
    assert None is as_exc_info(given)


def test_anything_else_is_the_exception_being_handled() -> None:
    """As for stdlib: True, 1, whatever is not nothing."""
    found: list[ExcInfo | None] = []
    try:
        crash()
    except ValueError:
        found += [as_exc_info(True), as_exc_info(1), as_exc_info(0)]

    assert ["ValueError: boom"] * 2 == [
        traceback_text(error).split("\n")[-1] for error in found if error
    ]


def test_people_see_their_own_frames_and_the_others_in_a_word() -> None:
    """The framework calls endpoints through twenty frames that are never at fault."""

    async def app(scope: object, receive: object, send: object) -> None:
        crash()

    error = raised(lambda: TestClient(app).get("/"))
    lines = [line for _, line in traceback_lines(error)]
    here = Path(__file__).name

    assert "Traceback, most recent call last" == lines[0]
    (folded,) = [line for line in lines if " frames of " in line]
    assert "starlette" in folded
    assert any(
        line.endswith(f"{here}:{app.__code__.co_firstlineno + 1} in app")
        for line in lines
    )
    assert ["    raise ValueError(message)", "ValueError: boom"] == lines[-2:]
    assert not any("site-packages" in line for line in lines)


def test_the_frame_that_raised_is_shown_wherever_it_is() -> None:
    """In a library or in the standard library, with its path inside of it."""
    lines = [line for _, line in traceback_lines(raised(lambda: Path("/no").stat()))]

    assert any("pathlib.py:" in line and " in stat" in line for line in lines)


def test_single_frames_are_counted_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """One frame, and of which package."""
    monkeypatch.setattr(frames, "_OURS", __file__)
    monkeypatch.setattr(
        frames, "_package", lambda name: "shop" if name == __file__ else None
    )
    lines = [line for _, line in traceback_lines(raised(crash))]

    assert "  1 frame of shop" in lines


def test_causes_stand_before_what_they_caused() -> None:
    """With a word on how; what was suppressed is not shown."""

    def caused() -> NoReturn:
        try:
            crash("first")
        except ValueError as error:
            raise KeyError("second") from error

    def during() -> NoReturn:
        try:
            crash("first")
        except ValueError:
            raise KeyError("second")  # noqa: B904

    def suppressed() -> NoReturn:
        try:
            crash("first")
        except ValueError:
            raise KeyError("second") from None

    words = ("which directly caused:", "and while that was handled:")
    texts = [text_of(raised(function)) for function in (caused, during, suppressed)]

    assert [(1, 0), (0, 1), (0, 0)] == [
        tuple(text.count(word) for word in words) for text in texts
    ]
    assert [True, True, False] == ["ValueError: first" in text for text in texts]
    assert texts[0].index("ValueError: first") < texts[0].index("KeyError: 'second'")


def test_the_members_of_a_group_are_indented() -> None:
    """Groups within groups too."""

    def fail() -> NoReturn:
        inner = ExceptionGroup("inner", [KeyError("a")])
        raise ExceptionGroup("outer", [ValueError("b"), inner])

    text = text_of(raised(fail))

    assert "\nExceptionGroup: outer (2 sub-exceptions)\n  | ValueError: b\n" in text
    assert (
        "\n  | ExceptionGroup: inner (1 sub-exception)\n  |   | KeyError: 'a'" in text
    )


def test_of_a_long_message_start_and_end_stay() -> None:
    """A statement of SQL does not push everything else off the screen."""
    message = "\n".join(map(str, range(1000)))
    lines = [line for _, line in traceback_lines(raised(lambda: crash(message)))]

    assert MAX_LINES + 1 == len(lines)
    assert "Traceback, most recent call last" == lines[0]
    assert f"... {1000 + 7 - MAX_LINES} lines left out" == lines[MAX_LINES // 4]
    assert "999" == lines[-1]


def test_a_frame_without_source_is_a_place() -> None:
    """Of code that was made at run time."""
    lines = traceback_lines(raised(lambda: exec("1 / 0", {})))

    assert ("cyan", "  <string>:1 in <module>") in lines


def test_a_group_without_end_ends() -> None:
    """A hundred levels and a hundred members are cut."""

    def fail() -> NoReturn:
        members: list[Exception] = [ValueError(str(number)) for number in range(100)]
        group = ExceptionGroup("x", members)
        for _ in range(100):
            group = ExceptionGroup("x", [group])
        raise group

    assert len(traceback_lines(raised(fail))) <= MAX_LINES
