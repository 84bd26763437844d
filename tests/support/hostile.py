"""Values and streams that no logger should fall over."""

import errno
import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn


class BadRepr:
    """Cannot be printed."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class BadClass:
    """Does not even say what it is."""

    def __getattribute__(self, name: str) -> NoReturn:
        raise RuntimeError(f"no {name}")


class BadMapping(Mapping[str, Any]):
    """Promises items and has none."""

    def __getitem__(self, key: str) -> NoReturn:
        raise RuntimeError("no item")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("no keys")

    def __len__(self) -> int:
        return 3


class Text(str):
    """A string that is no use as one."""

    __slots__ = ()

    def lower(self) -> NoReturn:
        """Fail."""
        raise RuntimeError("no lower")

    __str__ = __repr__ = __len__ = lower


def endless_list() -> list[Any]:
    """Return a list that holds itself."""
    result: list[Any] = []
    result.append(result)
    return result


def endless_dict() -> dict[str, Any]:
    """Return a dictionary that holds itself."""
    result: dict[str, Any] = {}
    result["again"] = result
    return result


def nested(depth: int) -> list[Any]:
    """Return lists within lists."""
    result: list[Any] = []
    for _ in range(depth):
        result = [result]
    return result


def bomb() -> list[Any]:
    """Return four lists that hold a hundred million items between them."""
    result: list[Any] = ["x"] * 100
    for _ in range(3):
        result = [result] * 100
    return result


VALUES: dict[str, Callable[[], Any]] = {
    "1 a repr that raises": BadRepr,
    "2 a dict in itself": endless_dict,
    "3 a tuple as key": lambda: {("a", 1): "b"},
    "4 no number": lambda: [float("nan"), float("inf"), -float("inf")],
    "5 bytes and a lone surrogate": lambda: [b"\xff", "\udc80", {"\udc80": 1}],
    "6 90 lists": lambda: nested(90),
    "7 5,000 lists": lambda: nested(5_000),
    "orjson: 300 lists": lambda: nested(300),
    "orjson: large integers": lambda: [2**64, -(2**63) - 1, 10**5_000],
    "a list in itself": endless_list,
    "a bomb": bomb,
    "a class that raises": BadClass,
    "a mapping that raises": BadMapping,
    "a string that raises": lambda: Text("abc"),
    "a string of another class as key": lambda: {Text("abc"): 1},
}
"""By number those of RELIABILITY 2.2; then what orjson refuses, and worse."""

STREAMS: dict[str, Callable[[], Exception]] = {
    "9 broken pipe": lambda: BrokenPipeError(errno.EPIPE, "Broken pipe"),
    "10 disk full": lambda: OSError(errno.ENOSPC, "No space left on device"),
    "closed": lambda: ValueError("I/O operation on closed file."),
}


class Failing(io.StringIO):
    """A stream that cannot be written to.

    Args:
        error: Makes what it raises.
    """

    def __init__(self, error: Callable[[], Exception]) -> None:
        super().__init__()
        self._error = error

    def write(self, _: str) -> int:
        """Fail."""
        raise self._error()
