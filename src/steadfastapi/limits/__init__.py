"""Rate limits by route template, client and method, for SlowAPI's users.

`from slowapi import Limiter, _rate_limit_exceeded_handler` becomes
`from steadfastapi.limits import Limiter, _rate_limit_exceeded_handler`; the rest of
an application stays as it is.
"""

from slowapi import _rate_limit_exceeded_handler as _rate_limit_exceeded_handler

from steadfastapi.limits.limiter import Limiter as Limiter

__all__ = ["Limiter"]
