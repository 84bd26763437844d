"""The cheapest request there is, for tests that send thousands."""

from typing import Any
from urllib.parse import unquote

SERVER_ERROR = 500


async def once(
    app: Any,
    method: str,
    path: str,
    headers: list[tuple[bytes, bytes]],
    client: str = "127.0.0.1",
) -> int:
    """Send one request without a body in this task; return the status, 0 for none.

    What the application raises after its response is no matter.
    """
    statuses = [0]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        statuses.append(message.get("status", statuses[-1]))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": unquote(path, errors="replace"),
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": (client, 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    try:
        await app(scope, receive, send)
    except Exception:
        if statuses[-1] < SERVER_ERROR:
            raise
    return statuses[-1]
