"""Whether a browser says that a request comes from our own pages (SEC-12)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.requests import Request

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def is_foreign(request: Request) -> bool:
    """Return whether a request was caused by a page of another origin.

    `Sec-Fetch-Site` is what the browser itself knows; plain http has none, and there
    `Origin` is compared with the address that was asked. What sends neither is no
    browser, as every one of them sends `Origin` with a POST; such a client still has
    to know the token of the session.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site != "same-origin"
    origin = request.headers.get("origin")
    if origin is None:
        return False
    # `null` has no netloc, and is nobody's.
    return urlsplit(origin).netloc != request.headers.get("host", "")
