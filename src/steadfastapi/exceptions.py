"""The errors that steadfastapi raises.

```
SteadfastError
├── ConfigurationError        creating settings or in configure(), never later
│   ├── MissingExtraError     also an ImportError; gives the install command
│   ├── LayerOrderError       names both pieces and their positions
│   └── AlreadyConfiguredError
├── RetryRefused              also a TypeError; what cannot be retried
├── StoreError                the inbox's store; never reaches a request
├── BadQueryError             also a ValueError; a filter or cursor of the inbox
└── CircuitOpenError          a breaker that is open; 503 where it escapes
```

Only the last one is met by requests. What steadfastapi itself does wrong while an
application serves is swallowed, counted and logged by `_guard`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class SteadfastError(Exception):
    """Base of every error that steadfastapi raises."""


class ConfigurationError(SteadfastError):
    """One or more settings are wrong.

    Every problem that could be found is in `problems`, so that one start shows
    all of them.

    Args:
        problems: One sentence each: what was given, where it came from (argument
            or environment variable), and what to write instead. Secrets masked.
    """

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__(self._render())

    def _render(self) -> str:
        if len(self.problems) == 1:
            return self.problems[0]
        lines = [f"{len(self.problems)} settings are wrong:"]
        lines += [
            f"  {number}. {problem}" for number, problem in enumerate(self.problems, 1)
        ]
        return "\n".join(lines)


class MissingExtraError(ConfigurationError, ImportError):
    """A layer that was asked for needs a package that is not installed."""


class LayerOrderError(ConfigurationError):
    """Two pieces of a plan claim places that contradict each other."""


class AlreadyConfiguredError(ConfigurationError):
    """The application has been configured before, or has already started."""


class RetryRefused(SteadfastError, TypeError):  # noqa: N818 - the word of the docs
    """A function cannot be retried as it is; the message says what to write."""


class CircuitOpenError(SteadfastError):
    """A circuit breaker is open: the call was not made.

    Args:
        breaker: Name of the breaker.
        retry_after: Seconds until it lets calls through again.
    """

    def __init__(self, breaker: str, retry_after: float) -> None:
        self.breaker = breaker
        self.retry_after = retry_after
        super().__init__(f"The circuit breaker {breaker!r} is open.")

    def __reduce__(self) -> tuple[type[CircuitOpenError], tuple[str, float]]:
        return type(self), (self.breaker, self.retry_after)


class StoreError(SteadfastError):
    """The store of the inbox failed.

    Args:
        message: What failed, without secrets.
        refused: Whether it refused this very entry, and would again; otherwise it
            makes sense to try again later.
    """

    def __init__(self, message: str, *, refused: bool = False) -> None:
        self.refused = refused
        super().__init__(message)


class BadQueryError(SteadfastError, ValueError):
    """A filter, an order or a cursor that the inbox does not know: 4xx, not 5xx."""
