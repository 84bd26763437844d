"""The fields of a line made safe to render: bounded, scrubbed, plain values."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from steadfastapi._scrub import MASK, Copy, hides, safe_str, scrub_text
from steadfastapi.logs.tracebacks import ExcInfo, as_exc_info

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_FIELDS = 128
MAX_NAME = 128
MAX_SIZE = 32 * 1024
"""Characters of all values together; with the exception, a line is within 64 KiB."""


def cleaned(
    line: dict[str, Any], own: Mapping[str, Any]
) -> tuple[dict[str, Any], ExcInfo | None]:
    """Return the fields with secrets masked and values plain, and the exception.

    Args:
        line: The fields, in order; changed in place.
        own: Fields that steadfastapi wrote itself and has cleaned; those that are
            still the same object in `line` are taken as they are.
    """
    if line == own:
        return line, None  # an access line to which nobody has added anything
    exc_info = as_exc_info(line.pop("exc_info")) if "exc_info" in line else None
    stack = line.pop("stack_info", None)
    line.pop("_record", None)  # how structlog marks what came from stdlib
    if len(line) > MAX_FIELDS:
        line = dict(islice(line.items(), MAX_FIELDS))
    copy = Copy(size=MAX_SIZE)
    odd: list[Any] = []
    for name, value in line.items():
        if own.get(name) is value:
            continue
        if type(name) is not str or len(name) > MAX_NAME:
            odd.append(name)
        elif hides(name, value):
            line[name] = MASK
        else:
            line[name] = copy.of(value)
    for name in odd:
        short = safe_str(name, MAX_NAME)
        value = line.pop(name)
        line[short] = MASK if hides(short, value) else copy.of(value)
    if stack:
        line["stack"] = scrub_text(safe_str(stack))
    return line, exc_info
