"""Reports, which take their time."""

from typing import Annotated

import anyio
from fastapi import APIRouter, Query
from sqlalchemy import func, select

from shop.database import SessionDep
from shop.models import Order, OrderItem, utc_now
from shop.schemas import DailyReport

router = APIRouter(prefix="/reports", tags=["reports"])


@router.get("/daily")
async def daily_report(
    session: SessionDep, delay: Annotated[float, Query(ge=0, le=5)] = 1.0
) -> DailyReport:
    """Count today's orders, `delay` seconds from now to play a slow warehouse."""
    await anyio.sleep(delay)
    today = utc_now().replace(hour=0, minute=0, second=0, microsecond=0)
    query = (
        select(func.count(Order.id.distinct()), func.sum(OrderItem.quantity))
        .join(OrderItem, OrderItem.order_id == Order.id)
        .where(Order.created_at >= today)
    )
    orders, products = (await session.execute(query)).one()
    return DailyReport(orders=orders, products=products or 0)
