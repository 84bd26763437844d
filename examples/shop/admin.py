"""The back office: an application of its own, mounted under `/admin`."""

from collections.abc import Sequence

from fastapi import APIRouter, Depends, FastAPI, HTTPException, status
from sqlalchemy import func, select

from shop.database import SessionDep
from shop.models import AuditEntry, Order, User
from shop.schemas import AuditOut, Id, Stats
from shop.security import require_admin

audit = APIRouter(prefix="/audit", tags=["audit"])


@audit.get("/{user_id}", response_model=list[AuditOut])
async def list_audit_entries(user_id: Id, session: SessionDep) -> Sequence[AuditEntry]:
    """List the last hundred things a user did, newest first."""
    if await session.get(User, user_id) is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "User not found")
    query = (
        select(AuditEntry)
        .where(AuditEntry.user_id == user_id)
        .order_by(AuditEntry.id.desc())
        .limit(100)
    )
    return (await session.scalars(query)).all()


async def stats(session: SessionDep) -> Stats:
    """Count users and orders."""
    users = await session.scalar(select(func.count(User.id)))
    orders = await session.scalar(select(func.count(Order.id)))
    return Stats(users=users or 0, orders=orders or 0)


async def rebuild_index() -> None:
    """Fail: the search index of this shop was never finished."""
    message = "The search index is not available"
    raise RuntimeError(message)


def create_admin() -> FastAPI:
    """Build the application for the back office; every route needs the token."""
    admin = FastAPI(title="Shop admin", dependencies=[Depends(require_admin)])
    admin.get("/stats")(stats)
    admin.get("/crash")(rebuild_index)
    admin.include_router(audit)
    return admin
