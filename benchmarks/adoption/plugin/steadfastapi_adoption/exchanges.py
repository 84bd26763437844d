"""What an application answers to the requests of its tests, without what is random."""

from __future__ import annotations

import json
import os
import weakref
import zlib
from typing import Any

MAX_BODY = 65_536
MAX_TEXT = 200
ERRORS = 400
GZIP = 31
"""zlib's number for a body with gzip's own header."""


class Exchanges:
    """Watches applications; one record a response."""

    def __init__(self) -> None:
        self.recorded: list[dict[str, Any]] = []
        self._apps: weakref.WeakSet[Any] = weakref.WeakSet()
        self._installed = False

    def watch(self, app: Any) -> None:
        """Record what `app` answers."""
        if not self._installed:
            self._installed = True
            self._install()
        self._apps.add(app)

    def _install(self) -> None:
        from fastapi import FastAPI  # noqa: PLC0415 - when the suite has

        serve = FastAPI.__call__

        async def watched(app: Any, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or app not in self._apps:
                await serve(app, scope, receive, send)
                return
            record = self._begin(scope)
            body = bytearray()

            async def noting(message: Any) -> None:
                if message["type"] == "http.response.start":
                    record["status"] = message["status"]
                    record["headers"] = _texts(message.get("headers", ()))
                elif message["type"] == "http.response.body":
                    body.extend(message.get("body", b"")[: MAX_BODY - len(body)])
                await send(message)

            try:
                await serve(app, scope, receive, noting)
            except Exception as error:
                record["raised"] = type(error).__name__
                raise
            finally:
                _finish(record, bytes(body))

        FastAPI.__call__ = watched  # type: ignore[assignment,method-assign]

    def _begin(self, scope: Any) -> dict[str, Any]:
        test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0]
        record: dict[str, Any] = {
            "test": test,
            "method": scope["method"],
            "path": scope["path"],
            "status": None,
            "headers": [],
            "raised": "",
        }
        self.recorded.append(record)
        return record


def _finish(record: dict[str, Any], body: bytes) -> None:
    """Keep names of headers, the media type and the shape of the body."""
    headers = record["headers"]
    media = next((value for name, value in headers if name == "content-type"), "")
    record["media"] = media.partition(";")[0].strip()
    record["headers"] = sorted(name for name, _ in headers)
    if ("content-encoding", "gzip") in headers:
        body = zlib.decompressobj(GZIP).decompress(body)  # as much as was kept
    record["body"] = _body(record, body)


def _body(record: dict[str, Any], body: bytes) -> Any:
    if record["media"].endswith("json"):
        try:
            return shape(json.loads(body))
        except ValueError:
            return "no JSON"
    if record["status"] is not None and record["status"] >= ERRORS:
        return body.decode("utf-8", "replace")[:MAX_TEXT]
    return bool(body)


def shape(value: Any, key: str = "") -> Any:
    """Return keys and types; what errors say is kept, as it is what is compared."""
    if isinstance(value, dict):
        return {name: shape(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        shapes = {json.dumps(shape(one), sort_keys=True) for one in value}
        return [json.loads(one) for one in sorted(shapes)]
    if isinstance(value, str) and key in ("detail", "msg", "type"):
        return value[:MAX_TEXT]
    return type(value).__name__


def _texts(headers: Any) -> list[tuple[str, str]]:
    return [
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, value in headers
    ]
