"""The customers of the demo, and what they do in the shop when all is well."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    import httpx

    from steadfastapi.cli.client import Client

NAMES = ("ada", "bob", "cleo", "dan", "eva", "finn", "gwen", "hugo", "iris", "jan")
SKUS = ("mug", "lamp", "notebook", "backpack")
COUNTRIES = ("DE", "FR", "NL", "AT", "SE")
PASSWORD = "correct-horse-battery"  # noqa: S105 - of people who do not exist
FRONT_END = {"Origin": "http://localhost:5173"}

_numbers = itertools.count(1)
_addresses = itertools.count(1)


@dataclass(slots=True)
class Customer:
    """Somebody with a browser.

    Args:
        client: Sends the requests.
        random: Decides what to buy.
        admin_token: Opens the back office, where some of them work.
    """

    client: Client
    random: Random
    admin_token: str
    account: dict[str, str] = field(default_factory=dict)
    user_id: int = 0
    token: str | None = None
    orders: deque[int] = field(default_factory=lambda: deque(maxlen=20))
    address: str = field(default_factory=lambda: f"203.0.113.{next(_addresses)}")
    """What the proxy in front of the shop says of whoever this is; those addresses
    are for documentation (RFC 5737)."""

    async def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
        """Send a request through the proxy; see `Client.call`."""
        sent = {"X-Forwarded-For": self.address, **(headers or {})}
        return await self.client.call(method, path, headers=sent, **options)

    def basket(self) -> dict[str, Any]:
        """Choose what to order."""
        chosen: Sequence[str] = self.random.sample(SKUS, self.random.randint(1, 3))
        items = [{"sku": sku, "quantity": self.random.randint(1, 4)} for sku in chosen]
        return {"country": self.random.choice(COUNTRIES), "items": items}


async def arrive(customer: Customer) -> None:
    """Sign up as somebody new, and log in."""
    number = next(_numbers)
    name = NAMES[number % len(NAMES)]
    email = f"{name}.{number}@example.org"
    account = {"email": email, "name": name.title(), "password": PASSWORD}
    created = await customer.call("POST", "/users", json=account, expect=201)
    if created.is_success:
        customer.account, customer.user_id = account, created.json()["id"]
        customer.orders.clear()
        await log_in(customer)


async def log_in(customer: Customer) -> None:
    """Exchange the password for a token; who does it too often is told to wait."""
    response = await customer.call(
        "POST", "/auth/login", json=customer.account, expect=(200, 429)
    )
    if response.is_success:
        customer.token = response.json()["access_token"]


async def browse(customer: Customer) -> None:
    """Look at everything that is for sale."""
    await customer.call("GET", "/catalog", headers=FRONT_END, expect=200)


async def view_product(customer: Customer) -> None:
    """Look at one product."""
    sku = customer.random.choice(SKUS)
    await customer.call("GET", f"/catalog/{sku}", route="/catalog/{sku}", expect=200)


async def view_account(customer: Customer) -> None:
    """Look at the own account."""
    await customer.call("GET", "/users/me", token=customer.token, expect=200)


async def view_profile(customer: Customer) -> None:
    """Look at the public profile of a user; the first ones are always there."""
    user_id = customer.random.randint(1, max(1, customer.user_id))
    await customer.call(
        "GET", f"/users/{user_id}", route="/users/{user_id}", expect=200
    )


async def order(customer: Customer) -> None:
    """Place an order: an outbound call for the shipping, a receipt afterwards."""
    await place_order(customer)


async def place_order(customer: Customer) -> bool:
    """Place an order, and return whether it was accepted.

    On a machine that is too busy the outbound call takes too long, and 502 is right.
    """
    response = await customer.call(
        "POST",
        "/orders",
        token=customer.token,
        json=customer.basket(),
        expect=(201, 502),
    )
    if response.is_success:
        customer.orders.append(response.json()["id"])
    return response.is_success


async def list_orders(customer: Customer) -> None:
    """List the latest orders."""
    await customer.call(
        "GET", "/orders", token=customer.token, params={"limit": 10}, expect=200
    )


async def view_order(customer: Customer) -> None:
    """Look at an order and at its items, a nested router."""
    order_id = await _some_order(customer)
    if order_id is None:
        return
    for path in ("/orders/{order_id}", "/orders/{order_id}/items"):
        await customer.call(
            "GET",
            path.format(order_id=order_id),
            route=path,
            token=customer.token,
            expect=200,
        )


async def add_item(customer: Customer) -> None:
    """Put one more product into an order."""
    order_id = await _some_order(customer)
    if order_id is None:
        return
    await customer.call(
        "POST",
        f"/orders/{order_id}/items",
        route="/orders/{order_id}/items",
        token=customer.token,
        json={"sku": customer.random.choice(SKUS)},
        expect=201,
    )


async def _some_order(customer: Customer) -> int | None:
    if not customer.orders:
        await order(customer)
    return customer.random.choice(customer.orders) if customer.orders else None


async def export(customer: Customer) -> None:
    """Download all orders: a streamed response."""
    await customer.call("GET", "/orders/export.csv", token=customer.token, expect=200)


async def read_report(customer: Customer) -> None:
    """Wait for a slow report; one in four takes longer than a second."""
    delay = customer.random.choice((0.2, 0.3, 0.5, 1.1))
    await customer.call("GET", "/reports/daily", params={"delay": delay}, expect=200)


async def preflight(customer: Customer) -> None:
    """Ask for permission as a browser does before it posts from another origin."""
    await customer.call(
        "OPTIONS",
        "/orders",
        headers=FRONT_END | {"Access-Control-Request-Method": "POST"},
        expect=200,
    )


async def view_stats(customer: Customer) -> None:
    """Look at the numbers of the back office, a mounted application."""
    await customer.call("GET", "/admin/stats", token=customer.admin_token, expect=200)


async def audit(customer: Customer) -> None:
    """Look up in the back office what a user did."""
    await customer.call(
        "GET",
        f"/admin/audit/{customer.user_id}",
        route="/admin/audit/{user_id}",
        token=customer.admin_token,
        expect=200,
    )
