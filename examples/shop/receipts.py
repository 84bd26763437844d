"""The receipt that follows every order."""

import logging
from typing import Annotated

from fastapi import BackgroundTasks, Depends
from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from shop.database import SessionsDep
from shop.feed import FeedDep
from shop.models import Order, utc_now
from steadfastapi import count_bad, count_good

logger = logging.getLogger(__name__)


class Receipts:
    """Sends receipts after the response, so that nobody waits for the mail server."""

    def __init__(
        self, background: BackgroundTasks, sessions: SessionsDep, feed: FeedDep
    ) -> None:
        """Collect what is needed once the request is over."""
        self._background = background
        self._sessions = sessions
        self._feed = feed

    def send_later(self, order: Order) -> None:
        """Send the receipt of an order when its response has gone out."""
        self._background.add_task(self._send, order.id, order.user_id)

    async def _send(self, order_id: int, user_id: int) -> None:
        try:
            # The session of the request may be closed by now.
            async with self._sessions.begin() as session:
                sent = update(Order).where(Order.id == order_id)
                await session.execute(sent.values(receipt_sent_at=utc_now()))
        except SQLAlchemyError:
            count_bad("receipts")
            raise
        count_good("receipts")
        logger.info("Receipt sent for order %d", order_id)
        await self._feed.publish(user_id, {"type": "receipt", "order_id": order_id})


ReceiptsDep = Annotated[Receipts, Depends()]
