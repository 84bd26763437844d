# mypy: ignore-errors
from pathlib import Path

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.staticfiles import StaticFiles
from starlette.applications import Starlette
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from errors import (
    ProblemError,
    QuotaError,
    crash_handler,
    http_handler,
    problem_handler,
    validation_handler,
)
from middleware import (
    CorrelationMiddleware,
    TenantMiddleware,
    TimingMiddleware,
    tenant,
)

# -- partners: problem+json everywhere, own handler of bugs
partners = FastAPI(title="Partners")
partners.add_exception_handler(ProblemError, problem_handler)
partners.add_exception_handler(RequestValidationError, validation_handler)
partners.add_exception_handler(Exception, crash_handler)


@partners.get("/quota/{name}")
async def quota(name: str, used: int = 0):
    if used > 10:
        raise QuotaError(429, "Quota exceeded", limit=10)
    return {"partner": name, "left": 10 - used, "tenant": tenant.get()}


@partners.get("/bug")
async def bug():
    return {}["missing"]


# -- legacy: text answers, an own middleware
legacy = FastAPI(title="Legacy", docs_url=None)
legacy.add_exception_handler(StarletteHTTPException, http_handler)


@legacy.middleware("http")
async def stamp(request: Request, call_next):
    response = await call_next(request)
    response.headers["X-Legacy"] = "yes"
    return response


@legacy.get("/orders/{order_id}")
def order(order_id: int):
    if order_id > 100:
        raise HTTPException(404, "no such order")
    return {"id": order_id}


@legacy.post("/upload")
async def upload(request: Request):
    return {"bytes": len(await request.body())}


# -- tools: no FastAPI at all
async def ping(request):
    return PlainTextResponse("pong")


async def teapot(request):
    raise StarletteHTTPException(418, "short and stout")


tools = Starlette(routes=[Route("/ping", ping), Route("/teapot", teapot)])

# -- the gateway
app = FastAPI(title="Gateway")
app.add_exception_handler(ProblemError, problem_handler)
app.add_middleware(TimingMiddleware)
app.add_middleware(TenantMiddleware, header="x-tenant")
app.add_middleware(GZipMiddleware, minimum_size=500)
app.add_middleware(CorrelationMiddleware)

router = APIRouter()


@router.get("/")
async def index(request: Request):
    return {"gateway": True, "tenant": request.state.tenant, "var": tenant.get()}


@router.get("/big")
async def big():
    return {"data": "x" * 2000}


@router.get("/deny")
async def deny():
    raise ProblemError(402, "Pay first", invoice="2026-17")


@router.get("/crash")
async def crash():
    raise ZeroDivisionError("division by zero")


@router.get("/nothing")
async def nothing():
    return Response(status_code=204)


app.include_router(router)
app.mount("/partners", partners)
app.mount("/legacy", legacy)
app.mount("/tools", tools)
app.mount(
    "/static",
    StaticFiles(directory=Path(__file__).parent / "static", html=True),
    name="static",
)
