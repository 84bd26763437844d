"""Sign up, and look users up."""

from fastapi import APIRouter, HTTPException, status
from sqlalchemy.exc import IntegrityError
from starlette.concurrency import run_in_threadpool

from shop.database import SessionsDep
from shop.models import User
from shop.queries import add_user, find_user
from shop.schemas import Id, UserAccount, UserCreate, UserProfile
from shop.security import CurrentUser, hash_password
from steadfastapi import count_event, limiter

router = APIRouter(prefix="/users", tags=["users"])
count_event("signed_up", 0)  # so that the first one is a rise


@router.post("", status_code=status.HTTP_201_CREATED, response_model=UserAccount)
@limiter.limit("30/minute")
async def create_user(payload: UserCreate, sessions: SessionsDep) -> User:
    """Create a user; the unique constraint decides who was first."""
    password = payload.password.get_secret_value()
    password_hash = await run_in_threadpool(hash_password, password)
    try:
        user = await add_user(
            sessions,
            email=payload.email,
            name=payload.name,
            password_hash=password_hash,
        )
    except IntegrityError as error:
        raise HTTPException(status.HTTP_409_CONFLICT, "User already exists") from error
    count_event("signed_up")
    return user


@router.get("/me", response_model=UserAccount)
async def read_account(user: CurrentUser) -> User:
    """Return the account of the logged-in user."""
    return user


@router.get("/{user_id}", response_model=UserProfile)
async def read_user(user_id: Id, sessions: SessionsDep) -> User:
    """Return the public profile of a user."""
    user = await find_user(sessions, user_id)
    if user is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "User not found")
    return user
