"""The shop with one route that SlowAPI limits, and one that reads a body."""

from fastapi import Request
from slowapi import Limiter
from slowapi.util import get_remote_address

from shop.main import app

limiter = Limiter(key_func=get_remote_address)


@app.get("/limited")
@limiter.limit("1/minute")
def limited(request: Request) -> dict[str, bool]:
    """Answer once a minute."""
    return {"ok": True}
