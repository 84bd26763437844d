"""Where lines go: one call, one line, whatever the encoding of the stream."""

from __future__ import annotations

import json
import re
from typing import TextIO

_NON_ASCII = re.compile(r"[^\x00-\x7f]")


def write_line(stream: TextIO, line: str) -> None:
    """Write `line` and its end at once, and make sure that it leaves.

    The bytes go to the stream's buffer, which has a lock of its own: lines of two
    threads never mix, and no lock of ours can be held while the process forks.

    Raises:
        Exception: Whatever the stream raises.
    """
    data = f"{line}\n"
    encoding = getattr(stream, "encoding", None)
    if encoding not in (None, "utf-8") and not is_utf8(encoding):
        data = _NON_ASCII.sub(_escaped, data)
    buffer = getattr(stream, "buffer", None)
    if buffer is None:
        stream.write(data)
        stream.flush()
        return
    if not getattr(stream, "write_through", False):
        stream.flush()  # what `print` has written stays before this line
    rest = data.encode("utf-8", "backslashreplace")
    written = buffer.write(rest)
    if written is not None and written < len(rest):
        buffer.write(rest[written:])  # unbuffered (`python -u`), into a full pipe
    buffer.flush()


def is_utf8(encoding: str) -> bool:
    """Return whether an encoding has every character."""
    return encoding.lower().replace("_", "-") in ("utf-8", "utf8")


def _escaped(found: re.Match[str]) -> str:
    """Return a character as JSON and, for people, as Python writes it."""
    return json.dumps(found[0])[1:-1]
