"""The audit log: one line for each login, denial and change (SEC-21).

Logger `steadfastapi.console.audit`. Fields: `action`, `who`, `method` (how that is
known), `client`, and what was changed, scrubbed like every line.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from steadfastapi._scrub import scrub_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from steadfastapi.console.access.identity import Identity

_logger = logging.getLogger("steadfastapi.console.audit")


def login(request: Request, identity: Identity) -> None:
    """Somebody has logged in."""
    _write(logging.INFO, "console login", request, identity, {"action": "login"})


def logout(request: Request, identity: Identity) -> None:
    """Somebody has logged out."""
    _write(logging.INFO, "console logout", request, identity, {"action": "logout"})


def failure(request: Request, method: str, reason: str) -> None:
    """Somebody has tried to log in, and could not."""
    what = {"action": "login_failed", "method": method, "reason": reason}
    _write(logging.WARNING, "console login failed", request, None, what)


def denial(request: Request, reason: str, identity: Identity | None = None) -> None:
    """A request was denied."""
    what = {"action": "denied", "reason": reason, "denied": request.method}
    what["path"] = scrub_text(request.scope["path"], 256)
    _write(logging.WARNING, "console request denied", request, identity, what)


def change(
    request: Request, identity: Identity, action: str, what: Mapping[str, Any]
) -> None:
    """Somebody has changed something."""
    fields = {"action": action, **what}
    _write(logging.INFO, "console change", request, identity, fields)


def _write(
    level: int,
    event: str,
    request: Request,
    identity: Identity | None,
    what: Mapping[str, Any],
) -> None:
    fields = {f"{k}_" if k in _TAKEN else k: value for k, value in what.items()}
    if identity is not None:
        fields = {"who": identity.name, "method": identity.method, **fields}
    client = request.client
    fields["client"] = scrub_text(client.host, 64) if client else None
    _logger.log(level, event, extra=fields)


_TAKEN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""Names that `logging` keeps for itself, and refuses in `extra`."""
