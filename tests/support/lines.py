"""What the logs wrote: lines as they are, and parsed without any leniency."""

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from steadfastapi.logs.console import ConsoleRenderer
from steadfastapi.logs.install import install
from steadfastapi.logs.pipeline import pipeline
from steadfastapi.logs.renderers import Render, render_json

RENDERERS: dict[str, Render] = {
    "json": render_json,
    "console": ConsoleRenderer(colours=False),
}

STYLE = re.compile(r"\x1b\[[0-9;]*m")
"""What our console renderer itself sends to a terminal."""
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters and line ends other than the one that ends the line."""


class Lines:
    """A stream, and what was written to it.

    Args:
        encoding: Of the stream.
    """

    def __init__(self, encoding: str = "utf-8") -> None:
        self._bytes = io.BytesIO()
        self.stream = io.TextIOWrapper(self._bytes, encoding=encoding, newline="")

    @property
    def text(self) -> str:
        """Everything."""
        self.stream.flush()
        return self._bytes.getvalue().decode(self.stream.encoding)

    @property
    def raw(self) -> list[str]:
        r"""The lines; only `\n` ends one."""
        text = self.text
        assert not text or text.endswith("\n")
        return text.split("\n")[:-1]

    @property
    def parsed(self) -> list[dict[str, Any]]:
        """The lines as JSON."""
        return [parse(line) for line in self.raw]

    @property
    def last(self) -> dict[str, Any]:
        """The only line."""
        (line,) = self.parsed
        return line


def parse(line: str) -> dict[str, Any]:
    """Parse one line strictly: NaN and infinity are no JSON."""
    result = json.loads(line, parse_constant=_refuse)
    assert isinstance(result, dict)
    return result


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


@contextmanager
def logged(render: Render = render_json, **settings: Any) -> Iterator[Lines]:
    """Install the logs without an application, and collect what they write.

    Args:
        render: The renderer.
        **settings: Further arguments of `install`.
    """
    install(render=render, **settings)
    with collected() as lines:
        yield lines


@contextmanager
def collected(encoding: str = "utf-8") -> Iterator[Lines]:
    """Collect what logs that are installed already write."""
    before = pipeline.stream
    lines = Lines(encoding)
    pipeline.stream = lines.stream
    try:
        yield lines
    finally:
        pipeline.stream = before
