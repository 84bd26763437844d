"""Every pattern of the package, found in its modules."""

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import steadfastapi

METHODS = ("search", "match", "fullmatch", "split", "findall", "finditer", "sub")
ROOT = Path(steadfastapi.__file__).parent


@dataclass(frozen=True)
class Found:
    """A pattern, and how the package uses it.

    Args:
        where: Module and name.
        pattern: Compiled.
        methods: Names of those of its methods that are called.
    """

    where: str
    pattern: re.Pattern[Any]
    methods: tuple[str, ...]

    def seconds(self, text: str) -> float:
        """Return the processor time that the slowest of its methods takes."""
        given = text.encode("latin-1", "replace") if self._is_binary else text
        return max(self._seconds(method, given) for method in self.methods)

    @property
    def _is_binary(self) -> bool:
        return isinstance(self.pattern.pattern, bytes)

    def _seconds(self, method: str, text: Any) -> float:
        function: Callable[..., Any] = getattr(self.pattern, method)
        arguments = (text[:0], text) if method == "sub" else (text,)
        begin = time.thread_time()
        result = function(*arguments)
        if method == "finditer":
            for _ in result:
                pass
        return time.thread_time() - begin


def modules() -> Iterator[ModuleType]:
    """Import and return every module of the package, but the one that runs it."""
    for info in pkgutil.walk_packages(steadfastapi.__path__, "steadfastapi."):
        if "._examples" not in info.name and not info.name.endswith("__main__"):
            yield importlib.import_module(info.name)


def every() -> list[Found]:
    """Return the patterns of all modules: at their top, in classes, and in calls."""
    trees = {module.__name__: _tree(module) for module in modules()}
    used = _uses(trees.values())
    found: dict[int, Found] = {}
    for module in modules():
        for name, value in _values(module):
            pattern, method = _pattern_of(value)
            if pattern is not None and id(pattern) not in found:
                methods = (method,) if method else tuple(sorted(used.get(name, ())))
                where = f"{module.__name__.removeprefix('steadfastapi.')}.{name}"
                found[id(pattern)] = Found(
                    where, pattern, methods or ("search", "finditer")
                )
    return [*found.values(), *_in_calls(trees)]


def in_functions() -> list[str]:
    """Return where a pattern is compiled that only a running function knows."""
    return [
        f"{name.removeprefix('steadfastapi.')}"
        for name, tree in {m.__name__: _tree(m) for m in modules()}.items()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for call in ast.walk(function)
        if _is_of_re(call) and _literal(call) is None
    ]


def _tree(module: ModuleType) -> ast.Module:
    text = Path(str(module.__file__)).read_text("utf-8")
    return ast.parse(text if "re." in text else "")


def _values(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name, value in list(vars(module).items()):
        yield name, value
        if isinstance(value, type) and value.__module__ == module.__name__:
            yield from list(vars(value).items())
        elif isinstance(value, dict):
            yield from ((name, one) for one in value.values())
        elif isinstance(value, list | tuple | set | frozenset):
            yield from ((name, one) for one in value)


def _pattern_of(value: Any) -> tuple[re.Pattern[Any] | None, str]:
    if isinstance(value, re.Pattern):
        return value, ""
    holder = getattr(value, "__self__", None)  # `re.compile(…).fullmatch`
    if isinstance(holder, re.Pattern):
        return holder, str(value.__name__)
    return None, ""


def _uses(trees: Iterable[ast.Module]) -> dict[str, set[str]]:
    """Return the methods that are called on each name."""
    used: dict[str, set[str]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in METHODS:
                name = ast.unparse(node.value).rpartition(".")[2]
                used.setdefault(name, set()).add(node.attr)
    return used


def _in_calls(trees: dict[str, ast.Module]) -> Iterator[Found]:
    for name, tree in trees.items():
        for node in ast.walk(tree):
            text = _literal(node) if _is_of_re(node) else None
            if text is not None and node.func.attr in METHODS:  # type: ignore[attr-defined]
                where = f"{name.removeprefix('steadfastapi.')}:{node.lineno}"  # type: ignore[attr-defined]
                yield Found(where, re.compile(text), (node.func.attr,))  # type: ignore[attr-defined]


def _is_of_re(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in (*METHODS, "compile")
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
    )


def _literal(node: ast.AST) -> str | None:
    first = node.args[0]  # type: ignore[attr-defined]
    return str(first.value) if isinstance(first, ast.Constant) else None
