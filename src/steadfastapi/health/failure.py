"""Errors of checks as text: their class, and no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steadfastapi._scrub import MASK, safe_str, scrub_text

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_ERROR = 512
"""Characters of an error that a page shows."""


def describe(error: BaseException, secrets: Iterable[str] = ()) -> str:
    """Return class and text of an error, without secrets.

    Args:
        error: What a check raised.
        secrets: Values that must not show whatever the text looks like: the
            password of the address that was called.
    """
    text = without(safe_str(error, 4 * MAX_ERROR), secrets)
    name = type(error).__name__
    return scrub_text(f"{name}: {text}" if text else name, MAX_ERROR)


def without(text: str, secrets: Iterable[str]) -> str:
    """Return `text` with every one of `secrets` masked."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, MASK)
    return text
