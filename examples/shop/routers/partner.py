"""A stand-in for the shipping partner, so that the example needs no network."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, status

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


@router.get("/health")
async def health(request: Request) -> dict[str, str]:
    """Say whether the partner is well: 503 while it plays an outage."""
    if request.app.state.outage.is_on():
        raise HTTPException(
            status.HTTP_503_SERVICE_UNAVAILABLE, "The partner is having an outage"
        )
    return {"status": "ok"}
