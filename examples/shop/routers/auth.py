"""Log in."""

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool

from shop.database import SessionsDep
from shop.models import LIFETIME
from shop.queries import find_user_by_email, remember_login
from shop.schemas import Login, Token
from shop.security import new_token, unauthorized, verify_password
from steadfastapi import limiter

router = APIRouter(prefix="/auth", tags=["auth"])


@router.post("/login")
@limiter.limit("20/minute")  # each client: whoever guesses passwords gets nowhere
async def login(payload: Login, sessions: SessionsDep) -> Token:
    """Exchange credentials for a token."""
    user = await find_user_by_email(sessions, payload.email)
    password = payload.password.get_secret_value()
    stored = user.password_hash if user else None
    if not await run_in_threadpool(verify_password, password, stored) or user is None:
        raise unauthorized(detail="Wrong email or password")
    token, digest = new_token()
    await remember_login(sessions, user.id, digest)
    return Token(access_token=token, expires_in=int(LIFETIME.total_seconds()))
