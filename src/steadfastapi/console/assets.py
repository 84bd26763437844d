"""Style sheet, scripts and icon, at addresses that change with their content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from starlette.responses import Response

from steadfastapi.console.headers import ALWAYS

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file."""

    content: bytes
    media_type: str
    digest: str
    """First 12 hex digits of the SHA-256 of its content."""


@cache
def every() -> dict[str, Asset]:
    """Return all static files by name; read once, some 30 kB."""
    found = {}
    for file in resources.files(__package__).joinpath("static").iterdir():
        name = file.name
        media_type = TYPES.get(name[name.rfind(".") :])
        if media_type is None:
            continue
        content = file.read_bytes()
        digest = hashlib.sha256(content).hexdigest()[:12]
        found[name] = Asset(content, media_type, digest)
    return found


def answer(digest: str, name: str, *, head: bool = False) -> Response:
    """Return the file `name`, or 404.

    While versions change, a worker may be asked for a file of another version; it
    gives its own one, and no cache keeps that.
    """
    asset = every().get(name)
    if asset is None:
        return Response(status_code=404, headers=ALWAYS)
    same = digest == asset.digest
    headers = {**ALWAYS, "Cache-Control": FOR_EVER if same else "no-store"}
    headers["Content-Length"] = str(len(asset.content))
    return Response(
        b"" if head else asset.content, headers=headers, media_type=asset.media_type
    )
