"""Fail on purpose, to see what the stack makes of it."""

import time
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request

from shop.database import SessionsDep
from shop.hiccup import Hiccup
from shop.shipping import ShippingDep

router = APIRouter(prefix="/debug", tags=["debug"])
development = APIRouter(prefix="/debug", tags=["debug"])
"""What would harm other people's requests."""


def _average(values: Sequence[int]) -> float:
    return sum(values) / len(values)


def _basket_value(orders: Sequence[Sequence[int]]) -> float:
    return _average([sum(prices) for prices in orders])


async def _todays_basket_value() -> float:
    return _basket_value([])


@router.get("/crash")
async def crash() -> float:
    """Divide by the number of orders of a day without any."""
    return await _todays_basket_value()


@router.get("/crash-sync")
def crash_sync() -> float:
    """Do the same in the thread pool."""
    return _basket_value([])


@router.get("/hiccup")
async def hiccup(sessions: SessionsDep) -> dict[str, int]:
    """Meet a database that fails once, which a retry hides."""
    return {"attempts": await Hiccup(sessions).strike()}


@development.get("/block")
async def block(
    seconds: Annotated[float, Query(ge=0, le=10)] = 1.5,
) -> dict[str, float]:
    """Stop the event loop, as a call does that should have been awaited."""
    time.sleep(seconds)  # noqa: ASYNC251 - on purpose
    return {"blocked_seconds": seconds}


@development.post("/outage")
async def outage(
    request: Request,
    shipping: ShippingDep,
    answers: Annotated[int, Query(ge=1, le=100)] = 3,
) -> dict[str, str]:
    """Let the health page of the shipping partner answer 503 for a few times.

    Prices are still there: what turns is `/health/status`, and back again.
    """
    request.app.state.outage.begin(answers)
    return {"partner": shipping.url}
