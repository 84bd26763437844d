"""Place orders and read them."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, status
from sqlalchemy import select

from shop.catalog import find_product
from shop.database import SessionDep, SessionsDep
from shop.models import Order, OrderItem
from shop.queries import add_order, latest_orders
from shop.receipts import ReceiptsDep
from shop.routers import export
from shop.schemas import Id, ItemCreate, ItemOut, OrderCreate, OrderOut
from shop.security import CurrentUser
from shop.shipping import ShippingDep
from steadfastapi import count_event

router = APIRouter(prefix="/orders", tags=["orders"])
count_event("order_placed", 0)  # so that the first one is a rise
items = APIRouter(prefix="/{order_id}/items", tags=["items"])


async def own_order(order_id: Id, user: CurrentUser, session: SessionDep) -> Order:
    """Return an order of the current user, or answer 404."""
    query = select(Order).where(Order.id == order_id, Order.user_id == user.id)
    order = await session.scalar(query)
    if order is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "Order not found")
    return order


OwnOrder = Annotated[Order, Depends(own_order)]


# Before `/{order_id}`, which would match the name of the file.
router.include_router(export.router)


@router.post("", status_code=status.HTTP_201_CREATED, response_model=OrderOut)
async def create_order(
    payload: OrderCreate,
    user: CurrentUser,
    sessions: SessionsDep,
    shipping: ShippingDep,
    receipts: ReceiptsDep,
) -> Order:
    """Place an order, shipping included; the receipt follows in the background."""
    chosen = [
        (item.sku, item.quantity, find_product(item.sku).price_cents)
        for item in payload.items
    ]
    parcels = sum(item.quantity for item in payload.items)
    quote = await shipping.quote(country=payload.country, parcels=parcels)
    order = await add_order(
        sessions,
        user_id=user.id,
        country=payload.country,
        shipping_cents=quote.price_cents,
        items=chosen,
    )
    count_event("order_placed")
    receipts.send_later(order)
    return order


@router.get("", response_model=list[OrderOut])
async def list_orders(
    user: CurrentUser,
    sessions: SessionsDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Sequence[Order]:
    """List the latest orders of the current user."""
    return await latest_orders(sessions, user.id, limit)


@router.get("/{order_id}", response_model=OrderOut)  # noqa: FAST003 - in own_order
async def read_order(order: OwnOrder) -> Order:
    """Return an order of the current user."""
    return order


@items.get("", response_model=list[ItemOut])
async def list_items(order: OwnOrder) -> list[OrderItem]:
    """List what is in an order."""
    return order.items


@items.post("", status_code=status.HTTP_201_CREATED, response_model=ItemOut)
async def add_item(
    payload: ItemCreate, order: OwnOrder, session: SessionDep
) -> OrderItem:
    """Put one more product into an order."""
    price = find_product(payload.sku).price_cents
    item = OrderItem(sku=payload.sku, quantity=payload.quantity, unit_price_cents=price)
    order.items.append(item)
    await session.commit()
    return item


router.include_router(items)
