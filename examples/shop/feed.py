"""Live updates for the browsers that watch their orders."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated

import anyio
from fastapi import Depends
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect

SEND_TIMEOUT = 1.0


class OrderFeed:
    """The open WebSockets of this process, by user."""

    def __init__(self) -> None:
        """Start without any listener."""
        self._sockets: defaultdict[int, set[WebSocket]] = defaultdict(set)

    @contextmanager
    def listening(self, websocket: WebSocket, user_id: int | None) -> Iterator[None]:
        """Send the updates of one user here; anonymous listeners get none."""
        if user_id is None:
            yield
            return
        self._sockets[user_id].add(websocket)
        try:
            yield
        finally:
            self._sockets[user_id].discard(websocket)
            if not self._sockets[user_id]:
                del self._sockets[user_id]

    async def publish(self, user_id: int, message: dict[str, object]) -> None:
        """Tell every listener of the user; one that is stuck or gone is skipped."""
        for websocket in tuple(self._sockets.get(user_id, ())):
            with (
                anyio.move_on_after(SEND_TIMEOUT),
                suppress(WebSocketDisconnect, RuntimeError),
            ):
                await websocket.send_json(message)


def get_feed(connection: HTTPConnection) -> OrderFeed:
    """Return the feed of this application."""
    feed: OrderFeed = connection.app.state.feed
    return feed


FeedDep = Annotated[OrderFeed, Depends(get_feed)]
