"""Which outcomes of an HTTP call are worth another attempt (httpx)."""

from __future__ import annotations

import sys
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steadfastapi.retries.database import Verdict

LIBRARIES = ("httpx", "httpx2")

IDEMPOTENT = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PUT", "TRACE"})
"""RFC 9110, 9.2.2: a repetition has the effect of one."""

REFUSED = frozenset({429, 503})
"""Not served; the server says so itself."""

IN_DOUBT = frozenset({502, 504})
"""A gateway answers, and what is behind it may have worked."""

_UNSENT = ("ConnectError", "ConnectTimeout")
"""Names of httpx errors: no byte of the request has left."""

_CUT = ("NetworkError", "ReadTimeout", "RemoteProtocolError", "WriteTimeout")
"""The request is on its way, and the answer is missing."""


def judge(error: BaseException) -> Verdict:
    """Return what another attempt after an httpx error would be."""
    library = _library_of(error, "HTTPError")
    if library is None:
        return "never"
    if isinstance(error, library.HTTPStatusError):
        return judge_response(error.response)
    if isinstance(error, tuple(getattr(library, name) for name in _UNSENT)):
        return "safe"
    if isinstance(error, tuple(getattr(library, name) for name in _CUT)):
        return "safe" if _method(error) in IDEMPOTENT else "doubt"
    return "never"  # its own pool, a wrong URL, too many redirects, …


def judge_response(response: Any) -> Verdict:
    """Return the same for a response that was returned; `never` for anything else."""
    if _library_of(response, "Response") is None:
        return "never"
    if response.status_code in REFUSED:
        return "safe"
    if response.status_code in IN_DOUBT:
        return "safe" if _method(response) in IDEMPOTENT else "doubt"
    return "never"


def retry_after(outcome: Any) -> float:
    """Return the seconds that the server asked for, 0 without; never negative.

    Args:
        outcome: An error or a response. `Retry-After` holds seconds or a date (RFC
            9110, 10.2.3).
    """
    response = outcome
    if isinstance(outcome, BaseException):
        response = getattr(outcome, "response", None)
    if _library_of(response, "Response") is None:
        return 0.0
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return 0.0


def close(result: Any) -> None:
    """Let go of a response that is not returned; a stream holds its connection."""
    if _library_of(result, "Response") is not None and not result.is_closed:
        result.close()


async def aclose(result: Any) -> None:
    """Do the same in async code."""
    if _library_of(result, "Response") is not None and not result.is_closed:
        await result.aclose()


def _library_of(value: Any, base: str) -> Any:
    """Return the module whose class `base` this is an instance of."""
    for name in LIBRARIES:
        library = sys.modules.get(name)
        if library is not None and isinstance(value, getattr(library, base, ())):
            return library
    return None


def _method(exchange: Any) -> str:
    try:
        return str(exchange.request.method).upper()
    except RuntimeError:  # httpx's, where no request is known
        return ""
