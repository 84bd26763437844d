"""Passwords, login tokens, and the dependencies that ask for them."""

import hashlib
import secrets
from typing import Annotated

from fastapi import Depends, HTTPException, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from shop.database import SessionsDep
from shop.models import User
from shop.queries import find_user_by_token
from shop.settings import SettingsDep
from steadfastapi import bind

# Compared against when the user is unknown, so that both answers take equally long.
NOBODY = f"{'0' * 32}${'0' * 128}"

Bearer = Annotated[
    HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))
]


def _scrypt(password: str, salt: bytes) -> str:
    # The parameters for interactive logins of RFC 7914's author: 16 MiB, about 50 ms.
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1).hex()


def hash_password(password: str) -> str:
    """Return the salted hash to store. Slow: call it in a thread."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_scrypt(password, salt)}"


def verify_password(password: str, stored: str | None) -> bool:
    """Say whether the password is the stored one. Slow: call it in a thread."""
    salt, _, expected = (stored or NOBODY).partition("$")
    return secrets.compare_digest(expected, _scrypt(password, bytes.fromhex(salt)))


def new_token() -> tuple[str, str]:
    """Return a token, and the digest that is stored of it."""
    token = secrets.token_urlsafe(32)
    return token, digest(token)


def digest(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def unauthorized(*, detail: str) -> HTTPException:
    """Return the 401 that tells clients to log in."""
    return HTTPException(
        status.HTTP_401_UNAUTHORIZED, detail, headers={"WWW-Authenticate": "Bearer"}
    )


async def current_user(bearer: Bearer, sessions: SessionsDep) -> User:
    """Return the user whose token came with the request, or answer 401."""
    if bearer is None:
        raise unauthorized(detail="Not authenticated")
    user = await find_user_by_token(sessions, digest(bearer.credentials))
    if user is None:
        raise unauthorized(detail="Invalid or expired token")
    bind(user_id=user.id)
    return user


CurrentUser = Annotated[User, Depends(current_user)]


async def require_admin(bearer: Bearer, settings: SettingsDep) -> None:
    """Let only holders of the admin token pass."""
    if settings.admin_token is None:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "Admin access is not configured")
    expected = settings.admin_token.get_secret_value().encode()
    given = bearer.credentials.encode() if bearer else b""
    if not secrets.compare_digest(expected, given):
        raise unauthorized(detail="Admin token required")
