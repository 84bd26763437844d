"""Find the application that `module:attribute` names, or say what is wrong."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import sys
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import TYPE_CHECKING, Any

from steadfastapi.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi import FastAPI

MAX_WRAPPERS = 16


class LoadError(Exception):
    """The application could not be found; the message says why.

    `__cause__` is what the user's own code raised, if it did.
    """


def load_app(target: str, *, app_dir: str = "", factory: bool = False) -> FastAPI:
    """Import `module:attribute` as uvicorn does.

    Args:
        target: E.g. `shop.main:app`, or `main:state.app`.
        app_dir: Where to look for the module; the working directory by default.
        factory: Whether the attribute is a function that returns the application.

    Returns:
        The application, taken out of what may be wrapped around it.

    Raises:
        LoadError: There is none; the message names what is wrong.
        ConfigurationError: Importing it raised one.
    """
    module_name, attribute = _split(target)
    folder = Path(app_dir).resolve()
    if not folder.is_dir():
        raise LoadError(f"--app-dir {app_dir!r} is not a directory.")
    sys.path.insert(0, str(folder))
    module = _import(module_name, folder)
    found = _attribute(module, attribute)
    if factory:
        found = _call(found, target, folder)
    return _application(found, target, factory=factory)


def _split(target: str) -> tuple[str, str]:
    module, colon, attribute = target.partition(":")
    if "/" in module or "\\" in module or module.endswith(".py"):
        parts = Path(module.replace("\\", "/")).with_suffix("").parts
        dotted = ".".join(part for part in parts if part not in ("/", ".", ".."))
        raise LoadError(
            f"{target!r} is a path: write {dotted}:{attribute or 'app'} instead."
        )
    if not colon or not module or not attribute:
        raise LoadError(
            f"{target!r} does not name an application: write module:attribute, "
            f"e.g. {module or 'main'}:{attribute or 'app'}."
        )
    return module, attribute


def _import(name: str, folder: Path) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ConfigurationError:
        raise
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name != missing and not name.startswith(f"{missing}."):
            raise _failed(f"Importing {name!r}", error, folder) from error
        raise LoadError(_not_found(missing, folder)) from error
    except SystemExit as error:
        raise LoadError(
            f"Importing {name!r} ended the program (sys.exit or a server that was "
            "started). Put what runs it below `if __name__ == '__main__':`."
        ) from error
    except Exception as error:
        raise _failed(f"Importing {name!r}", error, folder) from error


def _not_found(missing: str, folder: Path) -> str:
    parent, _, last = missing.rpartition(".")
    package = sys.modules.get(parent)
    if parent and package is not None and not hasattr(package, "__path__"):
        return f"{parent!r} is a module, not a package: write {parent}:{last}."
    where = list(package.__path__) if package is not None and parent else [str(folder)]
    prefix = f"{parent}." if parent else ""
    known = [prefix + info.name for info in pkgutil.iter_modules(where)]
    place = parent or folder
    return f"There is no module {missing!r} in {place}.{_did_you_mean(missing, known)}"


def _attribute(module: ModuleType, path: str) -> Any:
    current: Any = module
    walked = f"{module.__name__}:"
    for name in path.split("."):
        try:
            current = getattr(current, name)
        except AttributeError as error:
            names = [known for known in dir(current) if not known.startswith("__")]
            hint = _did_you_mean(name, names) or _applications_in(current)
            holder = walked.rstrip(".:")
            raise LoadError(f"{holder} has no attribute {name!r}.{hint}") from error
        walked = f"{walked}{name}."
    return current


def _applications_in(holder: Any) -> str:
    from fastapi import FastAPI  # noqa: PLC0415 - after the user's own imports

    names = [
        name
        for name, value in getattr(holder, "__dict__", {}).items()
        if isinstance(value, FastAPI)
    ]
    return f" Applications there: {', '.join(names)}." if names else ""


def _call(factory: Any, target: str, folder: Path) -> Any:
    from fastapi import FastAPI  # noqa: PLC0415 - after the user's own imports

    if isinstance(factory, FastAPI):
        raise LoadError(f"{target} is an application already: leave --factory out.")
    if not callable(factory):
        raise LoadError(f"{target} is {_kind(factory)}, not a function.")
    try:
        found = factory()
    except ConfigurationError:
        raise
    except Exception as error:
        raise _failed(f"Calling {target}()", error, folder) from error
    if inspect.iscoroutine(found):
        found.close()  # or Python warns that nobody awaited it
        raise LoadError(f"{target} is async, and servers call a factory without await.")
    return found


def _application(found: Any, target: str, *, factory: bool) -> FastAPI:
    """Look for the FastAPI application in `found` and below its wrappers."""
    from fastapi import FastAPI  # noqa: PLC0415 - after the user's own imports

    current = found
    for _ in range(MAX_WRAPPERS):
        if isinstance(current, FastAPI):
            return current
        current = getattr(current, "app", None)
    if factory:
        raise LoadError(
            f"{target}() returned {_kind(found)}, not a FastAPI application."
        )
    if inspect.isroutine(found):
        raise LoadError(
            f"{target} is a function. If it returns the application, add --factory."
        )
    raise LoadError(f"{target} is {_kind(found)}, not a FastAPI application.")


def _kind(value: object) -> str:
    if isinstance(value, ModuleType):
        return "a module"
    return "None" if value is None else f"an object of type {type(value).__name__}"


def _failed(action: str, error: Exception, folder: Path) -> LoadError:
    if isinstance(error, SyntaxError):  # its text names the file a second time
        text, place = error.msg, (error.filename, error.lineno)
    else:
        text, place = " ".join(str(error).split()), _place(error, folder)
    where = f" ({_short(place[0], folder)}, line {place[1]})" if place[0] else ""
    return LoadError(f"{action} failed: {type(error).__name__}: {text}{where}")


def _place(error: Exception, folder: Path) -> tuple[str | None, int | None]:
    """The line of the user's code nearest to the error."""
    own = [
        frame
        for frame in extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(folder)
        and "site-packages" not in frame.filename
    ]
    return (own[-1].filename, own[-1].lineno) if own else (None, None)


def _short(filename: str, folder: Path) -> str:
    path = Path(filename)
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
