"""Fail on purpose, to see what the stack makes of it."""

from collections.abc import Sequence

from fastapi import APIRouter

from shop.database import SessionsDep
from shop.hiccup import Hiccup

router = APIRouter(prefix="/debug", tags=["debug"])


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
