# mypy: ignore-errors
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException as StarletteHTTPException


class ProblemError(Exception):
    def __init__(self, status, title, **extra):
        self.status = status
        self.title = title
        self.extra = extra


class QuotaError(ProblemError):
    pass


async def problem_handler(request: Request, exc: ProblemError):
    return JSONResponse(
        {"title": exc.title, "instance": request.url.path, **exc.extra},
        status_code=exc.status,
        media_type="application/problem+json",
    )


async def validation_handler(request: Request, exc: RequestValidationError):
    return JSONResponse({"errors": [e["msg"] for e in exc.errors()]}, status_code=400)


async def http_handler(request: Request, exc: StarletteHTTPException):
    return PlainTextResponse(f"oops: {exc.detail}", status_code=exc.status_code)


async def crash_handler(request: Request, exc: Exception):
    return JSONResponse({"title": "Bug", "kind": type(exc).__name__}, status_code=500)
