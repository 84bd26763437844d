"""Faults inside of steadfastapi, and what its clients must not notice of them."""

import ast
import errno
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

import structlog
from fastapi import BackgroundTasks, FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse

from steadfastapi import Plan, Tracing, bind
from support.asgi import AsgiResult, Message


def _value() -> NoReturn:
    raise ValueError("fault")


def _recursion() -> NoReturn:
    _recursion()


def _unicode() -> NoReturn:
    "\ud800".encode()
    raise AssertionError("no error")


def _broken_pipe() -> NoReturn:
    raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def _disk_full() -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


CAUSES: dict[str, Callable[[], NoReturn]] = {
    "ValueError": _value,
    "RecursionError": _recursion,
    "UnicodeError": _unicode,
    "BrokenPipeError": _broken_pipe,
    "ENOSPC": _disk_full,
}
"""How a boundary fails, each as it really happens."""


class Fault:
    """A callable of any signature that fails, and counts how often."""

    def __init__(self, cause: Callable[[], NoReturn]) -> None:
        self.calls = 0
        self._cause = cause

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Fail."""
        self.calls += 1
        self._cause()


Keywords = dict[str, Any]
"""Of `configure`."""


@dataclass(frozen=True)
class Saboteur:
    """A foreign layer whose part fails."""

    add: Callable[[Plan], object]
    name: str = "faulty"

    def contribute(self, plan: Plan) -> None:
        """Add the part."""
        self.add(plan)


class Hostile:
    """A value that cannot be printed, compared or counted."""

    def _fail(self, *_: object) -> Any:
        raise RuntimeError("hostile")

    __str__ = __repr__ = __len__ = __iter__ = __bool__ = __eq__ = __hash__ = _fail
    __getattr__ = _fail


@dataclass(frozen=True)
class Answer:
    """What a client and a server see of one exchange, by 1.1 of RELIABILITY.md."""

    messages: list[Message]
    exception: str
    request_ids: int

    @classmethod
    def of(cls, result: AsgiResult) -> "Answer":
        """Take away what may differ."""
        count = 0
        for message in result.messages:
            if "headers" in message:
                count += [name for name, _ in message["headers"]].count(b"x-request-id")
                message["headers"] = comparable(message["headers"])
        return cls(result.messages, repr(result.exception), count)


LIMITS = (b"ratelimit", b"ratelimit-policy", b"retry-after")
"""What limits add to the contract (RELIABILITY, 1.1)."""


def comparable(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers without those that differ from request to request."""
    differing = (b"date", b"server", b"x-request-id", *LIMITS)
    return [(name, value) for name, value in headers if name.lower() not in differing]


@dataclass(frozen=True)
class Boundary:
    """A place where foreign or internal code may fail, and how to make it fail."""

    component: str
    """What counts the failure."""
    keywords: Callable[[Fault], Keywords] = lambda _: {}
    """What `configure` is given."""
    target: str = ""
    """What is replaced after `configure`."""
    stand_in: Callable[[Fault], Any] = lambda fault: fault


def layer(add: Callable[[Plan, Fault], object]) -> Callable[[Fault], Keywords]:
    """Return the keywords for a foreign layer whose part is the fault."""
    return lambda fault: {"extra": [Saboteur(lambda plan: add(plan, fault))]}


def tracing(kind: Any, keyword: str, method: str) -> Callable[[Fault], Keywords]:
    """Return the keywords for a part of the traces, one of whose methods fails."""

    def keywords(fault: Fault) -> Keywords:
        def fail(*args: Any, **more: Any) -> Any:
            return fault()

        defaults = {"get_description": lambda _: "faulty"}  # a sampler must have one
        part = type("Faulty", (kind,), defaults | {method: fail})()
        given = (part,) if keyword == "processors" else part
        return {
            "tracing": Tracing.model_validate({"instrument": False, keyword: given})
        }

    return keywords


def awaited(fault: Fault) -> Any:
    """Return an async function of one argument that fails."""

    async def instrumentation(info: Any) -> None:
        fault()

    return instrumentation


def shop() -> FastAPI:
    """Build an application that does a bit of everything."""
    app = FastAPI()

    @app.get("/ok")
    async def ok(tasks: BackgroundTasks) -> dict[str, str]:
        bind(user="a")
        logging.getLogger("shop").warning("by stdlib")
        structlog.get_logger("shop").info("by structlog")
        tasks.add_task(logging.getLogger("shop").warning, "in a task")
        return {"a": "b"}

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(_chunks())

    @app.post("/echo")
    async def echo(request: Request) -> str:
        return (await request.body()).decode()

    @app.get("/conflict")
    def conflict() -> None:
        raise HTTPException(409, "taken", {"X-Why": "a"})

    @app.get("/crash")
    async def crash() -> None:
        raise ValueError("crash")

    app.get("/search")(lambda q: q)
    return app


async def _chunks() -> AsyncIterator[bytes]:
    yield b"a"
    yield b"b"


def components(source: str) -> set[str]:
    """Return the names by which a module's guarded calls count their errors.

    A name that is computed is not known here, except one held by a constant.
    """
    tree = ast.parse(source)
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _is_guarded(node.func)
        for name in [_component(node.args[0], constants)]
        if name is not None
    }


def _is_guarded(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and function.attr in ("call", "swallow")
        and isinstance(function.value, ast.Name)
        and function.value.id == "guard"
    )


def _component(argument: ast.expr, constants: dict[str, Any]) -> str | None:
    if isinstance(argument, ast.Constant):
        return str(argument.value)
    return constants.get(argument.id) if isinstance(argument, ast.Name) else None
