"""Bytes that leave at once, whatever the stream."""

import io
import json
from typing import Any, cast

import pytest

from steadfastapi.logs.sink import is_utf8, write_line
from support.lines import Lines

TEXT = '{"event":"é€😀"}'


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "utf_8"])
def test_utf_8_is_written_as_it_is(encoding: str) -> None:
    """However its name is spelt; what is no character is escaped."""
    lines = Lines(encoding)
    write_line(lines.stream, TEXT)
    write_line(lines.stream, "\udc80")

    assert [TEXT, "\\udc80"] == lines.raw
    assert is_utf8(encoding)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_other_encodings_get_escapes_that_json_knows(encoding: str) -> None:
    r"""`\xe9` would be Python's, and no JSON."""
    lines = Lines(encoding)
    write_line(lines.stream, TEXT)

    assert lines.text.isascii()
    assert {"event": "é€😀"} == json.loads(lines.text)


def test_a_stream_without_bytes_gets_text() -> None:
    """Notebooks and tests have such; every line is flushed."""

    class Counting(io.StringIO):
        flushes = 0

        def flush(self) -> None:
            self.flushes += 1

    stream = Counting()
    write_line(stream, TEXT)

    assert (f"{TEXT}\n", 1) == (stream.getvalue(), stream.flushes)


def test_what_print_has_written_stays_before() -> None:
    """A stream keeps it back until it is flushed; a line is not kept at all."""
    lines = Lines()
    print("a", file=lines.stream)
    write_line(lines.stream, "b")

    assert b"a\nb\n" == lines.stream.buffer.getvalue()


class Raw(io.RawIOBase):
    """What `python -u` writes to: takes some of the bytes, and says how many."""

    def __init__(self) -> None:
        self.taken = b""

    def writable(self) -> bool:
        """Say yes."""
        return True

    def write(self, data: Any) -> int:
        """Take at most four bytes the first time."""
        part = bytes(data) if self.taken else bytes(data[:4])
        self.taken += part
        return len(part)


def test_an_unbuffered_stream_gets_the_rest() -> None:
    """A full pipe takes a part of a long line."""
    raw = Raw()
    stream = io.TextIOWrapper(cast("Any", raw), encoding="utf-8", write_through=True)
    write_line(stream, "0123456789")

    assert b"0123456789\n" == raw.taken
