"""Watch orders live."""

from fastapi import APIRouter, WebSocket, WebSocketException, status

from shop.database import SessionsDep
from shop.feed import FeedDep
from shop.queries import find_user_by_token
from shop.security import digest

router = APIRouter()


@router.websocket("/ws/orders")
async def watch_orders(
    websocket: WebSocket, sessions: SessionsDep, feed: FeedDep
) -> None:
    """Echo what comes in; with a token, also send the news of that user.

    The token comes as the subprotocols `bearer, <token>`, the one header that
    browsers can set here; in the URL it would end up in the logs of servers.
    """
    user = protocol = None
    match websocket.scope.get("subprotocols"):
        case ["bearer" as protocol, token]:
            user = await find_user_by_token(sessions, digest(token))
            if user is None:
                raise WebSocketException(
                    status.WS_1008_POLICY_VIOLATION, "Invalid token"
                )
    await websocket.accept(subprotocol=protocol)
    with feed.listening(websocket, user.id if user else None):
        async for text in websocket.iter_text():
            await websocket.send_json({"type": "echo", "text": text})
