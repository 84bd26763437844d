"""A stand-in for the shipping partner, so that the example needs no network."""

from typing import Annotated

from fastapi import APIRouter, Query

from shop.schemas import Country, ShippingQuote

router = APIRouter(prefix="/partner", tags=["partner"])

ABROAD = 1_290
BASE_PRICES = {"DE": 490, "FR": 690, "NL": 590}
PER_PARCEL = 50


@router.get("/shipping")
async def quote_shipping(
    country: Country, parcels: Annotated[int, Query(ge=1, le=5_000)]
) -> ShippingQuote:
    """Say what a delivery costs."""
    price = BASE_PRICES.get(country, ABROAD) + PER_PARCEL * parcels
    return ShippingQuote(price_cents=price)
