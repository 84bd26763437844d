"""Every exported name as an application uses it; read by type checkers, never run.

`assert_type` says what each call gives: a decorator that lost the signature of its
function, or an `Any` in the public interface, fails the check.
"""

# ruff: noqa: D103, FAST002

from __future__ import annotations

from typing import Any, assert_type

from fastapi import Depends, FastAPI, Request
from pydantic import SecretStr

from steadfastapi import (
    SLO,
    CircuitOpenError,
    ConfigurationError,
    Console,
    Contract,
    Exchange,
    Health,
    Inbox,
    Layer,
    Limiter,
    Limits,
    Logs,
    Metrics,
    Oidc,
    Plan,
    Probe,
    ProbeGroup,
    ProbeResult,
    ProbeStatus,
    RetryBudget,
    RetryRefused,
    Sentry,
    Service,
    SLOs,
    Stack,
    SteadfastError,
    Tracing,
    Watchdog,
    before_send,
    bind,
    by_header,
    by_ip,
    by_user,
    capture_exception,
    capture_message,
    circuit_breaker,
    configure,
    count_bad,
    count_event,
    count_good,
    current_exchange,
    db_retry,
    http_retry,
    limiter,
    push,
    retry,
)

app = FastAPI()


class Announce:
    """A layer of one's own."""

    name = "announce"

    def contribute(self, plan: Plan) -> None:
        """Look at every finished exchange."""
        plan.observe(self.tell)

    def tell(self, exchange: Exchange) -> None:
        """Print it."""
        print(exchange.route, exchange.status)  # noqa: T201


announce: Layer = Announce()
group = ProbeGroup(tags=["shop"])


def disk() -> ProbeResult:
    return ProbeResult(name="disk", status=ProbeStatus.HEALTHY)


def twice(request: Request) -> int:
    return 2


def user(request: Request) -> str | None:
    return request.headers.get("X-User")


sign_in = Oidc(
    issuer="https://login.example", client_id="shop", allowed=("@shop.example",)
)

stack = configure(
    app,
    service="shop",
    logs=Logs(level="DEBUG", slow_after=0.5),
    metrics=Metrics(path="/internal/metrics"),
    tracing=Tracing(),
    sentry=Sentry(),
    contract=Contract(),
    limits=Limits(trusted_proxies=("10.0.0.0/8",)),
    health=Health(probes=(disk,)),
    inbox=Inbox(url=SecretStr("sqlite:///errors.db")),
    slo=SLOs(slos=(SLO(availability=99.9, latency=(0.25, 99.0)),)),
    console=Console(oidc=sign_in),
    watchdog=Watchdog(),
    extra=[announce],
)
assert_type(stack, Stack)
assert_type(stack.service, Service)
assert_type(stack.service.production, bool)
assert_type(stack.shutdown(deadline=2.0), bool)
assert_type(str(stack), str)
configure(FastAPI(), sentry=False, console=None)

assert_type(current_exchange(), Exchange | None)
bind(order_id=7, customer="c")
count_event("order_placed")
count_good("receipts")
count_bad("receipts")
assert_type(capture_exception(ValueError("no"), level="warning", order=7), str | None)
assert_type(capture_message("no stock", item=3), str | None)
assert_type(push(level="WARNING", event="stock", message="low"), str | None)


@db_retry
async def read(number: int, *, lock: bool = False) -> list[str]:
    return [str(number), str(lock)]


@db_retry(attempts=5, deadline=2.0, idempotent=True)
def write(name: str) -> int:
    return len(name)


@http_retry
async def fetch(url: str) -> bytes:
    return url.encode()


@retry(on=KeyError, attempts=2, budget=RetryBudget(0.2, minimum=5))
def find(key: str) -> float:
    return float(key)


partner = circuit_breaker("partner", failures=3)


@partner
async def book(number: int) -> str:
    return str(number)


@circuit_breaker
def alone(number: int) -> bool:
    return number > 0


async def calls() -> None:
    assert_type(await read(1, lock=True), list[str])
    assert_type(write("a"), int)
    assert_type(await fetch("https://shop.example"), bytes)
    assert_type(find("1"), float)
    assert_type(await book(1), str)
    assert_type(alone(1), bool)
    assert_type(write.retry_with(attempts=1)("b"), int)


async def mistakes() -> None:
    """Each is found: an unused `type: ignore` is an error."""
    await read("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    write(name=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await book()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    configure(app, logs="DEBUG")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@app.get("/orders/{number}")
@limiter.limit("5/minute", key_func=by_header("X-Api-Key"))
async def order(number: int, who: str = Depends(user)) -> dict[str, str]:
    return {who: str(number)}


mine = Limiter(key_func=by_user(user), default_limits=["100/minute"])


@mine.shared_limit("10/minute", scope="exports", cost=twice)
def export(request: Request) -> str:
    return by_ip(request)


@mine.exempt
def ping() -> bool:
    return True


async def endpoints(request: Request) -> None:
    assert_type(await order(1, who="me"), dict[str, str])
    assert_type(export(request), str)
    assert_type(ping(), bool)


def errors(event: dict[str, Any]) -> None:
    before_send(event, {})
    try:
        configure(app)
    except ConfigurationError as error:
        assert_type(error.problems, list[str])
    except CircuitOpenError as error:
        assert_type(error.retry_after, float)
    except (RetryRefused, SteadfastError):
        raise


class Queue(Probe):
    """A probe of one's own."""

    def check(self) -> ProbeResult:
        """Say how it is."""
        return ProbeResult(name="queue", status=ProbeStatus.DEGRADED)


stack.health.add(Queue("queue"), critical=False)
group.add(Queue("other"))
