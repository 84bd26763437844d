"""What goes wrong in the demo: mistakes of customers, and crashes of the shop."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from steadfastapi.cli.customers import FRONT_END, Customer

if TYPE_CHECKING:
    from steadfastapi.cli.client import Client

SCANS = ("/wp-login.php", "/.env", "/api/v2/status", "/favicon.ico")
ROBOT = "198.51.100.7"
GUESSES = 5
NOBODY = 2_000_000_000
"""A user or an order that does not exist."""


async def sign_up_again(customer: Customer) -> None:
    """Sign up with an address that is taken: 409."""
    await customer.call("POST", "/users", json=customer.account, expect=409)


async def sign_up_badly(customer: Customer) -> None:
    """Sign up with a broken address or a password that is too short: 422."""
    wrong = customer.random.choice(({"email": "ada at home"}, {"password": "short"}))
    await customer.call("POST", "/users", json=customer.account | wrong, expect=422)


async def mistype_password(customer: Customer) -> None:
    """Log in with the wrong password: 401."""
    credentials = customer.account | {"password": "correct-house"}
    await customer.call("POST", "/auth/login", json=credentials, expect=(401, 429))


async def guess_passwords(customer: Customer) -> None:
    """Try one password after the other, as robots do: 401, and 429 before long."""
    for _ in range(GUESSES):
        credentials = customer.account | {"password": secrets.token_hex(8)}
        await customer.call(
            "POST",
            "/auth/login",
            json=credentials,
            headers={"X-Forwarded-For": ROBOT},
            expect=(401, 429),
        )


async def meet_a_hiccup(customer: Customer) -> None:
    """Come while the database fails for a moment: 200, for a retry hides it."""
    answer = await customer.call("GET", "/debug/hiccup", expect=200)
    tally = customer.client.tally
    tally.hiccups += 1
    if answer.is_success and answer.json().get("attempts", 1) > 1:
        tally.hidden_hiccups += 1


async def order_logged_out(customer: Customer) -> None:
    """Order without being logged in: 401."""
    await customer.call(
        "POST", "/orders", json=customer.basket(), headers=FRONT_END, expect=401
    )


async def order_nothing(customer: Customer) -> None:
    """Order an empty basket: 422."""
    body = {"country": "DE", "items": []}
    await customer.call("POST", "/orders", token=customer.token, json=body, expect=422)


async def order_unknown(customer: Customer) -> None:
    """Order what the shop does not sell: 404."""
    body = {"country": "DE", "items": [{"sku": "unicorn"}]}
    await customer.call("POST", "/orders", token=customer.token, json=body, expect=404)


async def view_unknown_product(customer: Customer) -> None:
    """Follow an old link: 404."""
    await customer.call("GET", "/catalog/unicorn", route="/catalog/{sku}", expect=404)


async def view_unknown_user(customer: Customer) -> None:
    """Look up a user who does not exist: 404."""
    await customer.call("GET", f"/users/{NOBODY}", route="/users/{user_id}", expect=404)


async def view_foreign_order(customer: Customer) -> None:
    """Look at an order that is not the customer's: 404."""
    await customer.call(
        "GET",
        f"/orders/{NOBODY}",
        route="/orders/{order_id}",
        token=customer.token,
        expect=404,
    )


async def leave_export(customer: Customer) -> None:
    """Hang up in the middle of a download: 499 in the records of the service."""
    leaving = customer.client.leave_early("/orders/export.csv", token=customer.token)
    async with leaving as response:
        async for _ in response.aiter_raw():
            break


async def scan(customer: Customer) -> None:
    """Try a path that never existed, as robots do: 404."""
    path = customer.random.choice(SCANS)
    await customer.call("GET", path, route="(no route)", expect=404)


async def use_wrong_method(customer: Customer) -> None:
    """Delete the catalog, or speak WebDAV to it: 405."""
    method = customer.random.choice(("DELETE", "PUT", "HEAD", "PROPFIND"))
    await customer.call(method, "/catalog", expect=405)


async def sneak_into_admin(customer: Customer) -> None:
    """Open the back office without its token: 401."""
    await customer.call("GET", "/admin/stats", token=customer.token, expect=401)


async def crash(customer: Customer) -> None:
    """Meet a bug of an asynchronous endpoint: 500."""
    await customer.call("GET", "/debug/crash", headers=FRONT_END, expect=500)


async def crash_sync(customer: Customer) -> None:
    """Meet the same bug in a thread: 500."""
    await customer.call("GET", "/debug/crash-sync", expect=500)


async def crash_admin(customer: Customer) -> None:
    """Meet a bug of the mounted application: 500."""
    await customer.call("GET", "/admin/crash", token=customer.admin_token, expect=500)


async def lose_partner(client: Client) -> None:
    """Let the shipping partner be away for a while, which its probe shows."""
    answer = await client.call("POST", "/debug/outage", expect=200)
    client.tally.outages += answer.is_success
