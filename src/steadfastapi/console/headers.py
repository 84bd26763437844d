"""Headers of every answer of ours: what a browser may do with it."""

from __future__ import annotations

import secrets

NO_STORE = {"Cache-Control": "no-store"}

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), "
        "microphone=(), payment=(), usb=()"
    ),
    "X-Frame-Options": "DENY",  # for what does not know `frame-ancestors`
    "X-Robots-Tag": "noindex, nofollow",
}
"""`Referrer-Policy` is not `no-referrer`: that makes browsers say `Origin: null` of our
own forms. Other sites get nothing with `same-origin` either."""

_CLOSED = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"


def nonce() -> str:
    """Return a new nonce, of one page only."""
    return secrets.token_urlsafe(18)


def policy(own: str) -> str:
    """Return the Content-Security-Policy of a page.

    Scripts and style sheets need its nonce: whatever a visitor of the application has
    uploaded to the same origin runs nowhere in the console.

    Args:
        own: The nonce of the page.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{own}'",
            f"style-src 'nonce-{own}'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "form-action 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def of_page(own: str) -> dict[str, str]:
    """Return the headers of an HTML page with a nonce."""
    return {**NO_STORE, **ALWAYS, "Content-Security-Policy": policy(own)}


def of_data() -> dict[str, str]:
    """Return the headers of everything that is no page."""
    return {**NO_STORE, **ALWAYS, "Content-Security-Policy": _CLOSED}
