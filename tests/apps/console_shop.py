"""The shop with its console, and a route where everything that is kept is hostile."""

import structlog
from fastapi import Request

from shop.main import create_app
from steadfastapi import bind
from support.payloads import markup

app = create_app()

Hostile = type(markup(1), (Exception,), {"__module__": markup(2)})
"""An exception whose very name is markup."""


@app.get("/hostile/{rest:path}", name=markup(3))
def hostile(rest: str, request: Request) -> None:
    """Fail with markup in the path, the fields, the log, the message and the source."""
    fields = {markup(turn)[:60]: markup(turn) for turn in (4, 5, 6)}
    bind(user_id=markup(7), **fields)
    log = structlog.get_logger(markup(8))
    log.warning(markup(9), given=request.query_params.get("given"), rest=rest, **fields)
    raise Hostile(markup(10))  # "><img src=x onerror=__xss()><script>__xss()</script>
