# mypy: ignore-errors
import time
import uuid
from contextvars import ContextVar

from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import JSONResponse

tenant = ContextVar("tenant", default=None)


class TimingMiddleware(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        start = time.perf_counter()
        response = await call_next(request)
        response.headers["X-Process-Time"] = f"{time.perf_counter() - start:.4f}"
        return response


class TenantMiddleware(BaseHTTPMiddleware):
    def __init__(self, app, header="x-tenant"):
        super().__init__(app)
        self.header = header

    async def dispatch(self, request, call_next):
        name = request.headers.get(self.header)
        if name == "blocked":
            return JSONResponse({"error": "tenant blocked"}, status_code=403)
        if name == "explode":
            raise LookupError("no such tenant")
        token = tenant.set(name)
        request.state.tenant = name
        try:
            return await call_next(request)
        finally:
            tenant.reset(token)


class CorrelationMiddleware:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        given = dict(scope["headers"]).get(b"x-request-id")
        request_id = given or uuid.uuid4().hex.encode()

        async def send_with_id(message):
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id),
                ]
            await send(message)

        await self.app(scope, receive, send_with_id)
