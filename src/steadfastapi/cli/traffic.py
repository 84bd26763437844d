"""A day in the shop: several customers, one action after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Self

from steadfastapi.cli import customers, mishaps, sockets
from steadfastapi.cli.client import Client, ClosingTime, Pace, Unanswered
from steadfastapi.cli.customers import Customer

if TYPE_CHECKING:
    from types import TracebackType

Action = Callable[[Customer], Awaitable[None]]

CUSTOMERS = 12
RATE = 45.0
"""Requests a second of all customers together; orders make the shop send one more."""
ARRIVAL = 0.15
"""Seconds between two customers: signing up costs the shop 100 ms of CPU time."""
LEAVE_WITHIN = 10.0
"""Seconds that customers have to finish what they are doing."""
RETRY_AFTER = 0.25
"""Seconds before somebody who got no answer tries something else."""

DAY: tuple[tuple[int, Action], ...] = (
    (16, customers.browse),
    (14, customers.view_product),
    (10, customers.order),
    (7, customers.list_orders),
    (6, customers.view_account),
    (5, customers.view_order),
    (4, customers.view_profile),
    (3, customers.add_item),
    (3, customers.view_stats),
    (2, customers.audit),
    (2, customers.export),
    (2, customers.log_in),
    (2, customers.read_report),
    (1, customers.arrive),
    (1, customers.preflight),
    (2, mishaps.sign_up_again),
    (2, mishaps.sign_up_badly),
    (2, mishaps.mistype_password),
    (2, mishaps.view_unknown_product),
    (2, mishaps.leave_export),
    (2, mishaps.scan),
    (2, mishaps.use_wrong_method),
    (1, mishaps.order_logged_out),
    (1, mishaps.order_nothing),
    (1, mishaps.order_unknown),
    (1, mishaps.view_unknown_user),
    (1, mishaps.view_foreign_order),
    (1, mishaps.sneak_into_admin),
    (3, mishaps.guess_passwords),
    (1, mishaps.meet_a_hiccup),
    (1, mishaps.crash),
    (1, mishaps.crash_sync),
    (1, mishaps.crash_admin),
)
"""How often each action comes in about a hundred; two to three seconds."""

LIVE: tuple[tuple[int, Action], ...] = (
    (1, sockets.watch),
    (1, sockets.watch_anonymously),
    (1, sockets.watch_with_bad_token),
)


class Deck:
    """Deals the actions of a day in random order, each as often as it is in there.

    So that a demo of a few seconds already has seen everything.
    """

    def __init__(self, random: Random, actions: tuple[tuple[int, Action], ...]) -> None:
        self._random = random
        self._all = [action for count, action in actions for _ in range(count)]
        self._left: list[Action] = []

    def deal(self) -> Action:
        """Return the next action."""
        if not self._left:
            self._left = self._random.sample(self._all, len(self._all))
        return self._left.pop()


class Traffic:
    """Customers who come when the context begins and leave when it ends.

    Args:
        client: Sends their requests.
        pace: Is closed when they have to leave.
        admin_token: Opens the back office.
    """

    def __init__(self, client: Client, pace: Pace, admin_token: str) -> None:
        self._pace = pace
        random = Random()  # noqa: S311 - who buys what is no secret
        deck = Deck(random, DAY + LIVE if sockets.available() else DAY)
        self._tasks = [
            asyncio.create_task(
                _live(Customer(client, random, admin_token), deck, number * ARRIVAL)
            )
            for number in range(CUSTOMERS)
        ]
        self._tasks.append(asyncio.create_task(_once(client)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pace.closed = True
        _, late = await asyncio.wait(self._tasks, timeout=LEAVE_WITHIN)
        for task in late:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def check(self) -> None:
        """Raise what went wrong in a customer: a mistake of the demo itself."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error


async def _live(customer: Customer, deck: Deck, delay: float) -> None:
    await asyncio.sleep(delay)
    action: Action = customers.arrive
    while True:
        try:
            await action(customer)
        except ClosingTime:
            return
        except (Unanswered, OSError, TimeoutError):
            await asyncio.sleep(RETRY_AFTER)
        action = deck.deal() if customer.token else customers.arrive


async def _once(client: Client) -> None:
    """What happens to the shop once in a demo."""
    with suppress(ClosingTime, Unanswered, OSError, TimeoutError):
        await mishaps.lose_partner(client)
