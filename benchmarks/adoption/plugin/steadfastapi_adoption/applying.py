"""Apply `configure` once the suite itself has imported the application.

Not earlier: a `conftest.py` may set what the application reads when it is imported.
"""

from __future__ import annotations

import functools
import inspect
import sys
from typing import TYPE_CHECKING, Any

from .bare import leave_bare

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from .exchanges import Exchanges

MAX_WRAPPERS = 16


class Applying:
    """Find the application of a run, and configure it.

    Args:
        target: `module:app`, or `module:create_app`, with `()` or without.
        configure: Whether to; the run without only looks for it.
        exchanges: Watches what the application answers.
    """

    def __init__(self, target: str, configure: bool, exchanges: Exchanges) -> None:
        self._module, _, self._attribute = target.removesuffix("()").partition(":")
        self._called = target.endswith("()")
        self._configure = configure
        self._exchanges = exchanges
        self.applied = 0
        """Applications that were found."""
        self.error = ""

    def begin(self) -> None:
        """Wait for the module."""
        if not self._configure:
            leave_bare()
        loaded = sys.modules.get(self._module)
        if loaded is not None:
            self._take(loaded)
        else:
            sys.meta_path.insert(0, self)

    def find_spec(
        self, name: str, path: Any, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Let the others find the module, and take it once it has been executed."""
        if name != self._module:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            self._follow(spec.loader)
        return spec

    def _follow(self, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            if module.__name__ == self._module:
                del loader.exec_module  # pytest's serves many modules
                self._take(module)

        loader.exec_module = exec_module

    def _take(self, module: ModuleType) -> None:
        try:
            holder, name = self._resolve(module)
            found = getattr(holder, name)
            app = application_in(found)
            if app is not None and not self._called:
                self._apply(app)
            elif app is None and (
                inspect.isroutine(found) or (self._called and callable(found))
            ):
                _replace(found, self._following(found))
            else:
                self.error = self._no_application(found)
        except Exception as error:  # into the report, not into their import
            self.error = self.error or f"{type(error).__name__}: {error}"

    def _resolve(self, module: ModuleType) -> tuple[Any, str]:
        *path, name = self._attribute.split(".")
        holder: Any = module
        for part in path:
            holder = getattr(holder, part)
        if not hasattr(holder, name):
            known = [
                each for each, value in vars(module).items() if application_in(value)
            ]
            there = f" Applications there: {', '.join(known)}." if known else ""
            raise LookupError(f"{self._module} has no {self._attribute!r}.{there}")
        return holder, name

    def _no_application(self, found: Any) -> str:
        kind = type(found).__name__
        target = f"{self._module}:{self._attribute}"
        if self._called and application_in(found) is not None:
            return f"{target} is the application itself: write {target}, without ()."
        return f"{target} is of type {kind}, and holds no FastAPI application."

    def _following(self, factory: Any) -> Any:
        @functools.wraps(factory)
        def create(*args: Any, **kwargs: Any) -> Any:
            made = factory(*args, **kwargs)
            app = application_in(made)
            if app is not None:
                self._apply(app)
            return made

        return create

    def _apply(self, app: Any) -> None:
        from steadfastapi import configure  # noqa: PLC0415 - as late
        from steadfastapi._configure import stack_of  # noqa: PLC0415

        if self._configure and stack_of(app) is None:
            try:
                configure(app)
            except Exception as error:
                self.error = f"configure(app) refused: {error}"
                raise
        self.applied += 1
        self._exchanges.watch(app)

    def applications_seen(self) -> list[str]:
        """Return where the suite's modules hold applications, to name instead."""
        if self.applied:
            return []
        return [
            f"{name}:{attribute}"
            for name, module in list(sys.modules.items())
            if not name.startswith(("fastapi", "starlette", "steadfastapi"))
            for attribute, value in list(getattr(module, "__dict__", {}).items())
            if application_in(value) is not None
        ][:10]


def application_in(found: Any) -> Any:
    """Return the FastAPI application that `found` is, or wraps; None if neither."""
    if "fastapi" not in sys.modules or inspect.isclass(found):
        return None
    from fastapi import FastAPI  # noqa: PLC0415 - when the suite has

    current = found
    for _ in range(MAX_WRAPPERS):
        if isinstance(current, FastAPI):
            return current
        # Not `getattr`: that of a mock or a lazy module is its own affair.
        current = getattr(current, "__dict__", {}).get("app")
        if current is None:
            return None
    return None


def _replace(original: Any, replacement: Any) -> None:
    """Put it wherever the function is known by now: packages pass names on."""
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", {})
        for name, value in list(names.items()):
            if value is original:
                names[name] = replacement
