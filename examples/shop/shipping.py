"""The client of the shipping partner."""

from typing import Annotated

import httpx
from fastapi import Depends, HTTPException, Request, status
from pydantic import ValidationError

from shop.schemas import ShippingQuote
from shop.settings import SettingsDep


class Shipping:
    """Asks the partner what a parcel costs."""

    def __init__(self, http: httpx.AsyncClient, base_url: str) -> None:
        """Use the shared client for requests below `base_url`."""
        self._http = http
        self.url = base_url.rstrip("/") + "/partner/shipping"

    async def quote(self, *, country: str, parcels: int) -> ShippingQuote:
        """Return the price of a delivery, or answer 502."""
        try:
            response = await self._http.get(
                self.url, params={"country": country, "parcels": parcels}
            )
            response.raise_for_status()
            return ShippingQuote.model_validate_json(response.content)
        except (httpx.HTTPError, ValidationError) as error:
            raise HTTPException(
                status.HTTP_502_BAD_GATEWAY, "Shipping partner unavailable"
            ) from error


def get_shipping(request: Request, settings: SettingsDep) -> Shipping:
    """Return a client for the configured partner, or for this very server."""
    http: httpx.AsyncClient = request.app.state.http
    url = settings.partner_url or _own_socket(request)
    # Its probe asks there, too.
    request.app.state.partner_url = str(url).rstrip("/")
    return Shipping(http, request.app.state.partner_url)


def _own_socket(request: Request) -> httpx.URL:
    # The socket's address, not the Host header: clients must not choose who is called.
    host, port = request.scope["server"]
    if port is None:
        message = "Behind a Unix socket the shop needs SHOP_PARTNER_URL"
        raise RuntimeError(message)
    return httpx.URL(scheme="http", host=host, port=port)


ShippingDep = Annotated[Shipping, Depends(get_shipping)]
