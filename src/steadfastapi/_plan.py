"""The plan: what all layers want from an application, as inert, printable data.

A layer adds to the plan and touches nothing. `apply` in `_configure` is the only
code that changes the application, so that the order is decided in one place.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from steadfastapi._meter import Meter
from steadfastapi._observers import (
    ErrorObserver,
    Observer,
    Observers,
    StartObserver,
)
from steadfastapi._predicates import QUIET_PATHS, PathPredicate, under
from steadfastapi.exceptions import LayerOrderError

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.routing import Route
    from starlette.types import ASGIApp

    from steadfastapi._boundary import Responder
    from steadfastapi._lifespan import LifespanPart
    from steadfastapi._service import Service

Slot = Literal[
    "server_span",
    "exchange",
    "outer_boundary",
    "user",
    "boundary",
    "body_limit",
    "maintenance",
    "limits",
]

ORDER: tuple[tuple[Slot, str], ...] = (
    ("server_span", "outermost, so that every line and metric knows its trace"),
    ("exchange", "sees final status, bytes and duration, of 429s and 500s too"),
    ("outer_boundary", "answers what the application's own middleware raises"),
    ("user", "CORS, compression and sessions reach our errors too"),
    ("boundary", "sends the 500 through all middleware above, then raises again"),
    ("body_limit", "a refused body is answered in the contract, with CORS headers"),
    ("maintenance", "what is answered in maintenance counts against no limit"),
    ("limits", "refusals are logged and counted; the body is still unread"),
)
"""Outermost first. Inside of the last stand Starlette's ExceptionMiddleware and the
router, unchanged."""

_CLOSED = frozenset({"exchange", "outer_boundary", "user", "boundary"})
"""Slots that no layer can put anything in."""

OpenAPIEdit = Callable[[dict[str, Any]], None]
LogProcessor = Callable[[dict[str, Any]], dict[str, Any]]
LogTap = Callable[[dict[str, Any], Any, int], None]
"""Gets a written line, scrubbed, the `exc_info` of its exception or None, and about how
many characters that is; must neither change nor wait for anything."""


Trail = Callable[[str, str | None], dict[str, Any]]
"""Returns what this process remembers of a request, by its request and trace id, as
plain and scrubbed data; called in a thread."""


@runtime_checkable
class Layer(Protocol):
    """Something that contributes to a plan.

    Built-in layers use nothing that a foreign one could not: pass yours in
    `configure(app, extra=[...])`.
    """

    @property
    def name(self) -> str:
        """Short name, shown in the plan."""

    def contribute(self, plan: Plan) -> None:
        """Add to the plan what this layer wants. Nothing else may change."""


@dataclass(frozen=True, slots=True)
class Piece:
    """An ASGI middleware and the slot of `ORDER` that it stands in."""

    layer: str
    slot: Slot
    factory: Callable[..., Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Contribution:
    """One line of the printed plan."""

    layer: str
    what: str
    where: str = ""


class ErrorContract(Protocol):
    """How errors are answered; the contract layer provides it."""

    def adopt(self, app: Any) -> None:
        """Put the contract's handlers in `app`; its own stay."""

    def responder(self, handler: Any | None) -> Responder:
        """Return what answers unhandled errors, by `handler` if there is one."""

    def outer_responder(self, handler: Any | None, user: list[Any]) -> Responder:
        """The same, for errors of the application's own middleware `user`."""

    def refine(self, start: Any, body: Any) -> tuple[Any, Any]:
        """Return a plain-text 413 of the framework in the contract's form."""

    def body_cap(self, app: Any, user: list[Any]) -> list[Any]:
        """Return the middleware that holds it for what the `user`'s reads."""

    def body_limit(self, app: Any) -> list[Any]:
        """Return the middleware that applies `app.max_body_size` in the contract."""

    def document(
        self, document: dict[str, Any], description: str, headers: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the OpenAPI response of an error, its schema in `document`."""


@dataclass(kw_only=True)
class Plan:
    """Collects what the layers want."""

    service: Service
    app: FastAPI
    """The application, to be read by layers, never to be changed."""

    layer: str = "steadfastapi"
    """The layer that is contributing."""
    pieces: list[Piece] = field(default_factory=list)
    pages: list[Route] = field(default_factory=list)
    areas: dict[str, ASGIApp] = field(default_factory=dict)
    """What serves every path below a path of ours."""
    lifespan_parts: list[LifespanPart] = field(default_factory=list)
    log_processors: list[LogProcessor] = field(default_factory=list)
    log_taps: list[LogTap] = field(default_factory=list)
    trails: list[Trail] = field(default_factory=list)
    openapi_edits: list[OpenAPIEdit] = field(default_factory=list)
    mount_openapi_edits: list[OpenAPIEdit] = field(default_factory=list)
    telemetry: dict[str, Any] = field(default_factory=dict)
    """Settings for FastAPI's native telemetry (0.142 and newer)."""
    set_ups: list[Callable[[], None]] = field(default_factory=list)
    checks: list[Callable[[], None]] = field(default_factory=list)
    meter: Meter = field(default_factory=Meter)
    """Where a layer counts what no exchange tells."""
    quiet_prefixes: list[str] = field(default_factory=list)
    quiet_pages: list[str] = field(default_factory=list)
    contract: ErrorContract | None = None
    handles: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    contributions: list[Contribution] = field(default_factory=list)
    _start: list[tuple[str, StartObserver]] = field(default_factory=list)
    _error: list[tuple[str, ErrorObserver]] = field(default_factory=list)
    _response: list[tuple[str, Observer]] = field(default_factory=list)
    _finish: list[tuple[str, Observer]] = field(default_factory=list)

    def _note(self, what: str, where: str = "") -> None:
        self.contributions.append(Contribution(self.layer, what, where))

    def on_start(self, watch: StartObserver) -> None:
        """Call `watch(exchange)` before the application; it may return an undo."""
        self._start.append((f"{self.layer}.start", watch))
        self._note("prepares each exchange", "start")

    def on_error(self, watch: ErrorObserver) -> None:
        """Call `watch(exchange, exception)` while the span is still open."""
        self._error.append((f"{self.layer}.error", watch))
        self._note("watches errors", "error")

    def on_response(self, watch: Observer) -> None:
        """Call `watch(exchange)` once status and route are known."""
        self._response.append((f"{self.layer}.response", watch))
        self._note("watches responses", "response")

    def observe(self, watch: Observer) -> None:
        """Call `watch(exchange)` once per finished exchange."""
        self._finish.append((f"{self.layer}.observer", watch))
        self._note("watches finished exchanges", "finish")

    def piece(self, slot: Slot, factory: Callable[..., Any], **arguments: Any) -> None:
        """Put an ASGI middleware in a slot of `ORDER`; one a slot.

        Raises:
            LayerOrderError: Another layer stands in that slot, or none may.
        """
        if slot in _CLOSED:
            raise LayerOrderError(
                f"Layer {self.layer!r} wants the slot {slot!r}, which is not for "
                "layers; take 'server_span', 'body_limit', 'maintenance' or 'limits'."
            )
        for other in self.pieces:
            if other.slot == slot:
                raise LayerOrderError(
                    f"Layers {other.layer!r} and {self.layer!r} both want the slot "
                    f"{slot!r}; switch one of them off."
                )
        name = getattr(factory, "__name__", "middleware")
        try:
            # Starlette would find out at the first request (CTX-6).
            inspect.signature(factory).bind(None, **arguments)
        except TypeError as error:
            self.problem(f"Layer {self.layer!r} cannot build {name}: {error}.")
        self.pieces.append(Piece(self.layer, slot, factory, arguments))
        self._note(name, slot)

    def page(self, route: Route) -> None:
        """Serve a page of ours; quiet, outside of OpenAPI, before the app's routes."""
        self.pages.append(route)
        # Not what lies below: `/health/records` is some clinic's data.
        self.quiet_pages.append(route.path)
        self._note(f"{', '.join(sorted(route.methods or ()))} {route.path}", "route")

    def area(self, path: str, serve: ASGIApp) -> None:
        """Let `serve` answer at `path` and everywhere below, as `page` does at one.

        The whole area is quiet. `serve` gets paths as they came; it should set
        `scope["route"]`, so that records know the template of what it served, and may
        have an attribute `steps_back`: while that is true, the application's own
        routes are asked instead.
        """
        self.areas[path] = serve
        self.quiet(path)
        self._note(f"everything below {path}", "route")

    def owns(self, path: str) -> bool:
        """Return whether a path in the application is a page of ours."""
        if any(page.path == path for page in self.pages):
            return True
        return bool(self.areas) and under(*self.areas)(path)

    def quiet(self, *prefixes: str) -> None:
        """Keep successful requests below `prefixes` out of logs, metrics, traces."""
        self.quiet_prefixes.extend(prefixes)

    def is_quiet(self) -> PathPredicate:
        """Return which paths are quiet; ask once all layers have contributed."""
        return under(*self.quiet_prefixes, exactly=(*QUIET_PATHS, *self.quiet_pages))

    def lifespan(self, part: LifespanPart) -> None:
        """Start and stop something with the application."""
        self.lifespan_parts.append(part)
        self._note(f"starts and stops {part.name}", "lifespan")

    def check(self, check: Callable[[], None]) -> None:
        """Call `check()` when the application starts, complete with all its routes.

        The only one that may stop the start, by raising a `ConfigurationError`.
        """
        self.checks.append(check)

    def log_processor(self, processor: LogProcessor) -> None:
        """Let every log event pass through `processor` before it is scrubbed."""
        self.log_processors.append(processor)
        self._note("adds to log events", "log")

    def log_tap(self, tap: LogTap) -> None:
        """Show every log line that was written, scrubbed, to a `LogTap`."""
        self.log_taps.append(tap)
        self._note("reads log lines", "log")

    def trail(self, trail: Trail) -> None:
        """Let errors be kept with what `trail(request_id, trace_id)` remembers."""
        self.trails.append(trail)
        self._note("adds its log lines and trace to an error", "process")

    def openapi(self, edit: OpenAPIEdit, *, mounts: bool = False) -> None:
        """Edit the OpenAPI document once, when it is first asked for.

        Args:
            edit: Changes the document in place.
            mounts: Whether the documents of mounted applications are edited too.
        """
        self.openapi_edits.append(edit)
        if mounts:
            self.mount_openapi_edits.append(edit)
        self._note("completes the OpenAPI document", "openapi")

    def set_up(self, action: Callable[[], None]) -> None:
        """Run `action` when the plan is applied: process-wide set-up, idempotent."""
        self.set_ups.append(action)

    def handle(self, value: Any) -> None:
        """Expose `value` as the attribute of the stack named like the layer."""
        self.handles[self.layer] = value

    def problem(self, sentence: str) -> None:
        """Report a wrong setting; all are raised together, each once."""
        if sentence not in self.problems:  # two layers may read the same variable
            self.problems.append(sentence)

    def warn(self, sentence: str) -> None:
        """Report something that works and should not stay; logged at start."""
        self.warnings.append(sentence)

    def note(self, what: str, where: str = "") -> None:
        """Add a line to the printed plan."""
        self._note(what, where)

    def observers(self) -> Observers:
        """Return who watches the exchange, in order."""
        return Observers(
            start=tuple(self._start),
            error=tuple(self._error),
            response=tuple(self._response),
            finish=tuple(self._finish),
        )

    def ordered_pieces(self) -> tuple[list[Piece], list[Piece]]:
        """Return the pieces outside and inside of the user's middleware."""
        ranks = {slot: rank for rank, (slot, _) in enumerate(ORDER)}
        pieces = sorted(self.pieces, key=lambda piece: ranks[piece.slot])
        user = ranks["user"]
        return (
            [piece for piece in pieces if ranks[piece.slot] < user],
            [piece for piece in pieces if ranks[piece.slot] > user],
        )
