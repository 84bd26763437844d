"""One exception is one event of its exchange, whoever tells of it."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import anyio
import pytest
import sentry_sdk
from sentry_sdk.integrations.dedupe import DedupeIntegration

from sentry.harness import (
    answer,
    configured,
    delivered,
    own_client,
    sentried,
    serve_here,
)
from steadfastapi import current_exchange


class TakenError(Exception):
    """An error of the domain."""


@dataclass(frozen=True)
class FrozenError(Exception):
    """An exception that refuses attributes."""

    code: int = 7


class SlottedError(Exception):
    """An exception with slots."""

    __slots__ = ("code",)


AGAIN = TakenError("always the same object")


@pytest.mark.parametrize("error", [TakenError, FrozenError, SlottedError])
def test_an_error_that_was_captured_before_is_not_sent_again(
    error: type[Exception],
) -> None:
    """`capture_exception` in a thread and then a raise make one event."""
    with sentried() as (app, receiver):

        @app.get("/crash")
        def crash() -> None:
            try:
                raise error
            except error as caught:
                sentry_sdk.capture_exception(caught)
                raise

        answer(app, "GET", "/crash")
        (event,) = delivered(receiver)
        assert "GET /crash" == event["transaction"]


def test_an_error_captured_in_a_foreign_thread_is_not_sent_again() -> None:
    """A pool that copies no context knows the exchange from Sentry's scope."""
    with sentried() as (app, receiver), ThreadPoolExecutor(1) as pool:

        def work() -> None:
            assert current_exchange() is None
            try:
                raise TakenError
            except TakenError as caught:
                sentry_sdk.capture_exception(caught)
                raise

        @app.get("/crash")
        async def crash() -> None:
            await asyncio.get_running_loop().run_in_executor(pool, work)

        answer(app, "GET", "/crash", headers=[("x-request-id", "request-1")])
        (event,) = delivered(receiver)
        assert "request-1" == event["tags"]["request_id"]


@pytest.mark.parametrize("integrations", [None, [DedupeIntegration()]])
def test_one_exception_object_raised_in_two_exchanges_is_two_events(
    integrations: list[Any] | None,
) -> None:
    """A reused exception is a new error in each exchange, whatever the SDK thinks."""
    with contextlib.ExitStack() as stack:
        if integrations is None:
            app, receiver = stack.enter_context(sentried())
        else:
            options = {"integrations": integrations}
            receiver = stack.enter_context(own_client(**options))
            app = configured()

        @app.get("/crash")
        async def crash() -> None:
            raise AGAIN

        async def twice() -> None:
            for _ in range(2):  # in one context, as some servers serve a connection
                with contextlib.suppress(TakenError):
                    await serve_here(app, "/crash")

        anyio.run(twice)
        ids = {event["tags"]["request_id"] for event in delivered(receiver)}
        assert 2 == len(ids)
