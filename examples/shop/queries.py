"""Database work that is repeated when the database has a bad moment.

Each function opens the session that it works in, so that a second attempt starts
afresh, and commits inside of what is repeated.
"""

from collections.abc import Sequence

from sqlalchemy import delete, select

from shop.database import Sessions
from shop.models import AuditEntry, LoginToken, Order, OrderItem, User, utc_now
from steadfastapi import db_retry


@db_retry
async def find_user(sessions: Sessions, user_id: int) -> User | None:
    """Return a user by id."""
    async with sessions() as session:
        return await session.get(User, user_id)


@db_retry
async def find_user_by_email(sessions: Sessions, email: str) -> User | None:
    """Return a user by address."""
    async with sessions() as session:
        return await session.scalar(select(User).where(User.email == email))


@db_retry
async def find_user_by_token(sessions: Sessions, digest: str) -> User | None:
    """Return the user a token was given to, unless it has expired."""
    query = (
        select(User)
        .join(LoginToken, LoginToken.user_id == User.id)
        .where(LoginToken.digest == digest, LoginToken.expires_at > utc_now())
    )
    async with sessions() as session:
        return await session.scalar(query)


@db_retry
async def add_user(
    sessions: Sessions, *, email: str, name: str, password_hash: str
) -> User:
    """Store a new user; the unique constraint decides who was first."""
    user = User(email=email, name=name, password_hash=password_hash)
    async with sessions.begin() as session:
        session.add(user)
    return user


@db_retry
async def remember_login(sessions: Sessions, user_id: int, digest: str) -> None:
    """Store what makes a token valid, and forget the user's expired ones."""
    expired = (LoginToken.user_id == user_id) & (LoginToken.expires_at < utc_now())
    async with sessions.begin() as session:
        await session.execute(delete(LoginToken).where(expired))
        session.add(LoginToken.for_user(user_id, digest))
        session.add(AuditEntry(user_id=user_id, action="login"))


@db_retry
async def add_order(
    sessions: Sessions,
    *,
    user_id: int,
    country: str,
    shipping_cents: int,
    items: Sequence[tuple[str, int, int]],
) -> Order:
    """Store an order; its items are SKU, quantity and price."""
    order = Order(
        user_id=user_id,
        country=country,
        shipping_cents=shipping_cents,
        items=[
            OrderItem(sku=sku, quantity=quantity, unit_price_cents=price)
            for sku, quantity, price in items
        ],
    )
    async with sessions.begin() as session:
        session.add_all([order, AuditEntry(user_id=user_id, action="order")])
    return order


@db_retry
async def latest_orders(
    sessions: Sessions, user_id: int, limit: int
) -> Sequence[Order]:
    """Return the latest orders of a user, the newest first."""
    query = select(Order).where(Order.user_id == user_id)
    async with sessions() as session:
        rows = await session.scalars(query.order_by(Order.id.desc()).limit(limit))
        return rows.all()
