"""What leaves of exceptions and their frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steadfastapi.sentry.exceptions import (
    SOURCE_WANTED,
    cleaned_exceptions,
    cleaned_threads,
)

if TYPE_CHECKING:
    from pathlib import Path


def _value(name: str, module: str = "shop", **mechanism: Any) -> dict[str, Any]:
    return {"type": name, "module": module, "value": name, "mechanism": mechanism}


def _types(section: Any) -> list[str]:
    return [value["type"] for value in cleaned_exceptions(section)["values"]]


def test_noise_of_anyio_is_left_out_of_the_chain_only() -> None:
    """Another library's class of the same name stays, and so does a raised one."""
    chain = [
        _value("EndOfStream", "anyio"),
        _value("WouldBlock", "anyio._core._exceptions"),
        _value("WouldBlock", "anyiolike"),
        _value("ValueError"),
        _value("EndOfStream", "anyio"),
    ]
    assert ["WouldBlock", "ValueError", "EndOfStream"] == _types({"values": chain})


def test_members_of_a_group_find_their_next_parent() -> None:
    """Where noise is taken out of the tree, its children move up."""
    chain = [
        _value("KeyError", exception_id=4, parent_id=3),
        _value("ValueError", exception_id=3, parent_id=2),
        _value("WouldBlock", "anyio", exception_id=2, parent_id=1),
        _value("EndOfStream", "anyio", exception_id=1, parent_id=0),
        _value("ExceptionGroup", exception_id=0),
    ]
    values = cleaned_exceptions(chain)["values"]
    parents = [value["mechanism"].get("parent_id") for value in values]
    assert [3, 0, None] == parents


def test_a_long_chain_keeps_what_was_raised() -> None:
    """Ten exceptions stay, the raised one with the longest text."""
    chain = [{**_value(str(n)), "value": "x" * 10_000} for n in range(20)]
    values = cleaned_exceptions({"values": chain})["values"]
    assert [str(n) for n in range(10, 20)] == [value["type"] for value in values]
    first, *_, last = (len(value["value"]) for value in values)
    assert (2_048, 8_192) == (first, last)


def test_frames_are_shared_out_from_the_raised_exception() -> None:
    """All exceptions together have 50 frames, first and last ones of the raised."""
    frames = [{"function": str(n), "lineno": n} for n in range(60)]
    chain = [{**_value("A"), "stacktrace": {"frames": frames}} for _ in range(2)]
    cause, error = cleaned_exceptions({"values": chain})["values"]
    kept = [int(frame["function"]) for frame in error["stacktrace"]["frames"]]
    assert [*range(10), *range(20, 60)] == kept
    assert "stacktrace" not in cause


def test_a_frame_has_no_locals() -> None:
    """Of a frame leaves what is listed, and nothing else."""
    frame = {
        "function": "login",
        "module": "shop.auth",
        "filename": "shop/auth.py",
        "abs_path": "/srv/shop/auth.py",
        "lineno": 7,
        "in_app": True,
        "vars": {"password": "hunter2"},
        "pre_context": ['password = "hunter2"', "token = read()"],
        "context_line": "login(password, 'sk-live-hunter2hunter2hunter2')",
        "post_context": [7, "x" * 1000],
    }
    stack = {"stacktrace": {"frames": [frame, "junk"]}}
    chain = [{**_value("A"), **stack, "thread_id": 5, "locals": "hunter2"}]
    (value,) = cleaned_exceptions({"values": chain})["values"]
    assert {"type", "module", "value", "stacktrace", "thread_id"} == value.keys()
    assert {
        **{name: frame[name] for name in ("function", "module", "filename")},
        "abs_path": "/srv/shop/auth.py",
        "lineno": 7,
        "in_app": True,
        "pre_context": ['password = "[redacted]"', "token = read()"],
        "context_line": "login(password, '[redacted]')",
        "post_context": ["x" * 256],
    } == value["stacktrace"]["frames"][0]


def test_source_is_read_where_it_is_wanted(tmp_path: Path) -> None:
    """Our frames have lines around theirs; a library's has its own, a lost one none."""
    source = tmp_path / "till.py"
    source.write_text("".join(f"line_{n}()\n" for n in range(1, 21)))

    def frame(**facts: Any) -> dict[str, Any]:
        return {
            "abs_path": str(source),
            "lineno": 3,
            "context_line": SOURCE_WANTED,
            **facts,
        }

    frames = [
        frame(in_app=True),
        frame(in_app=False, lineno=20),
        frame(lineno=99),
        frame(abs_path="<string>"),
    ]
    chain = [{**_value("A"), "stacktrace": {"frames": frames}}]
    (value,) = cleaned_exceptions({"values": chain})["values"]
    ours, library, beyond, generated = value["stacktrace"]["frames"]
    assert "line_3()" == ours["context_line"]
    assert ["line_1()", "line_2()"] == ours["pre_context"]
    assert [f"line_{n}()" for n in range(4, 9)] == ours["post_context"]
    assert "line_20()" == library["context_line"]
    assert "pre_context" not in library
    assert "context_line" not in beyond
    assert "context_line" not in generated


def test_stacks_of_threads_have_no_locals() -> None:
    """`attach_stacktrace` sends frames of no exception; they are cut alike."""
    frame = {"function": "f", "lineno": 1, "vars": {"password": "hunter2"}}
    thread = {"id": 1, "current": True, "stacktrace": {"frames": [frame]}, "x": "y"}
    assert {
        "values": [
            {
                "id": 1,
                "current": True,
                "stacktrace": {"frames": [{"function": "f", "lineno": 1}]},
            },
            {},
        ]
    } == cleaned_threads({"values": [thread, {}]})
    assert cleaned_threads("junk") is None
