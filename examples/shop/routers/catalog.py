"""Show what is for sale."""

from fastapi import APIRouter

from shop.catalog import PRODUCTS, Product, find_product

router = APIRouter(prefix="/catalog", tags=["catalog"])


@router.get("")
def list_products() -> list[Product]:
    """List the catalog."""
    return list(PRODUCTS.values())


@router.get("/{sku}")
def read_product(sku: str) -> Product:
    """Return one product."""
    return find_product(sku)
