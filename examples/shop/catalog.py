"""What the shop sells."""

from fastapi import HTTPException, status
from pydantic import BaseModel


class Product(BaseModel, frozen=True):
    """Something to buy."""

    sku: str
    name: str
    price_cents: int


PRODUCTS = {
    product.sku: product
    for product in (
        Product(sku="mug", name="Enamel mug", price_cents=1_450),
        Product(sku="lamp", name="Desk lamp", price_cents=4_900),
        Product(sku="notebook", name="Dotted notebook", price_cents=990),
        Product(sku="backpack", name="Canvas backpack", price_cents=8_700),
    )
}


def find_product(sku: str) -> Product:
    """Return the product, or answer 404."""
    try:
        return PRODUCTS[sku]
    except KeyError:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "Product not found") from None
