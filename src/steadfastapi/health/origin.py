"""Whether a browser sends a request for a page of somebody else (SEC-12)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.requests import Request


def is_foreign(request: Request) -> bool:
    """Return whether another site caused a request.

    Browsers send passwords that they know along with any site's form. They say where
    a POST comes from, in `Sec-Fetch-Site` or `Origin`; other clients say nothing, and
    have no passwords of their own accord.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("origin")
    if origin is None:
        return False
    # `null` has no netloc, and is nobody's.
    return urlsplit(origin).netloc != request.headers.get("host", "")
