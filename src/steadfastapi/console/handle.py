"""What `stack.console` is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steadfastapi.console.frame import Frame


class ConsoleHandle:
    """Where the console is.

    Args:
        frame: Serves it.
        link: Path and query that log in, in development; the login page elsewhere.
    """

    def __init__(self, frame: Frame, link: str) -> None:
        self._frame = frame
        self._link = link

    @property
    def path(self) -> str:
        """Path of the console in the application."""
        return self._frame.path

    def link(self, address: str) -> str:
        """Return what to open in a browser.

        Args:
            address: Where the application is served: `http://127.0.0.1:8000`.

        Returns:
            In development an address that logs in, and is a secret.
        """
        return f"{address.rstrip('/')}{self._link}"
