"""A strict reader of the Structured Fields that limits send (RFC 9651)."""

import re

_STRING = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_PARAMETER = re.compile(r";([a-z*][a-z0-9_.*-]*)=(-?[0-9]{1,15})(?![0-9.])")

Item = tuple[str, dict[str, int]]


def parse_list(text: str) -> list[Item]:
    """Return a List of Strings with Integer parameters.

    Raises:
        ValueError: It is none.
    """
    items: list[Item] = []
    position = 0
    while True:
        found = _STRING.match(text, position)
        if found is None:
            raise ValueError(f"no String at {position} of {text!r}")
        position = found.end()
        parameters: dict[str, int] = {}
        while parameter := _PARAMETER.match(text, position):
            parameters[parameter[1]] = int(parameter[2])
            position = parameter.end()
        name = re.sub(r"\\(.)", r"\1", found[1])
        items.append((name, parameters))
        if position == len(text):
            return items
        if not text.startswith(", ", position):
            raise ValueError(f"no comma at {position} of {text!r}")
        position += 2
