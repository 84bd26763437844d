"""TP-4: properties of what meets every request, on examples that nobody thought of.

200 examples each; `--hypothesis-profile nightly` takes as many as its profile says.
"""

import asyncio
import json
import re
from typing import Any

from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from steadfastapi import configure
from steadfastapi._recorders import with_request_id
from steadfastapi._scrub import MASK, MAX_SIZE, scrub, scrub_query, scrub_text
from steadfastapi.limits.demands import Demand
from steadfastapi.limits.memory import MemoryStorage
from steadfastapi.logs.renderers import render_json
from support.asgi import call
from support.lines import RAW, parse

EXAMPLES = max(200, settings().max_examples)
MANY = settings(max_examples=EXAMPLES, deadline=None)

SECRET_NAMES = st.sampled_from(["password", "api_key", "x-auth-token", "clientSecret"])
SECRETS = st.from_regex(r"[A-Za-z0-9]{16,24}", fullmatch=True)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner)
    ),
    max_leaves=6,
)


@MANY
@given(VALUES, SECRET_NAMES, SECRETS, st.integers(0, 4))
def test_no_secret_survives_around_any_value(
    value: Any, name: str, secret: str, depth: int
) -> None:
    """Scrubber: whatever lies beside it, and however deep; the copy is small JSON."""
    held: Any = {name: secret, "beside": value, "told": f"{name}={secret} failed"}
    for level in range(depth):
        held = [held] if level % 2 else {"inside": held}
    copy = json.dumps(scrub(held))

    assert secret not in copy
    assert MASK in copy
    assert len(copy) < 8 * MAX_SIZE


@MANY
@given(st.text(max_size=200), st.integers(0, 100))
def test_a_scrubbed_text_is_no_longer_than_it_may_be(text: str, limit: int) -> None:
    """Scrubber: and what was scrubbed once stays as it is."""
    once = scrub_text(text)

    assert len(scrub_text(text, limit)) <= limit
    assert once == scrub_text(once)


@MANY
@given(st.lists(st.tuples(st.text("abc_", max_size=5), SECRETS), max_size=5))
def test_no_value_of_a_query_survives(pairs: list[tuple[str, str]]) -> None:
    """Scrubber: names do."""
    clean = scrub_query("&".join(f"{name}={value}" for name, value in pairs))

    assert all(value not in clean for _, value in pairs)
    assert [name for name, _ in pairs] == re.findall(r"(?:^|&)([^=&]*)=", clean)


@MANY
@given(st.dictionaries(st.text(max_size=9), VALUES, max_size=3))
def test_every_line_is_one_line_of_strict_json(fields: dict[str, Any]) -> None:
    """Serialiser: no raw control character, nothing lost at the top."""
    clean = {str(name): scrub(value) for name, value in fields.items()}
    line = render_json(clean, None)

    assert RAW.search(line) is None
    assert "\n" not in line
    assert len(clean) == len(parse(line))


TOKENS = st.from_regex(rb"[a-z][a-z0-9-]{0,15}", fullmatch=True)
HEADERS = st.lists(
    st.tuples(
        TOKENS
        | st.sampled_from(
            [
                b"x-request-id",
                b"access-control-allow-origin",
                b"access-control-expose-headers",
                b"retry-after",
            ]
        ),
        st.binary(max_size=20),
    ),
    max_size=8,
)


@MANY
@given(HEADERS, st.booleans())
def test_headers_of_the_application_are_kept(
    headers: list[tuple[bytes, bytes]], expose: bool
) -> None:
    """Headers: all of them, in order; one request id is added where there is none."""
    found = with_request_id(headers, "0123456789", expose=expose)
    changed = b"access-control-expose-headers" if expose else b""
    kept = [one for one in headers if one[0] != changed]
    names = [name for name, _ in headers]

    assert kept == [one for one in found if one[0] != changed][: len(kept)]
    assert max(1, names.count(b"x-request-id")) == [n for n, _ in found].count(
        b"x-request-id"
    )


GOOD = st.from_regex(rb"[A-Za-z0-9._-]{8,128}", fullmatch=True)


PRINTABLE = st.from_regex(rb"[ -~]{1,12}", fullmatch=True)
"""Nearly well formed, as a rule."""


@MANY
@given(st.lists(GOOD | PRINTABLE | st.binary(max_size=140), min_size=1, max_size=8))
def test_a_request_id_is_well_formed_whatever_is_sent(sent: list[bytes]) -> None:
    """Request id: kept where it is well formed, else replaced; sent back once."""
    app = FastAPI()
    off = dict.fromkeys(
        ("logs", "metrics", "tracing", "sentry", "limits", "inbox", "console"), False
    )
    configure(app, health=False, slo=False, watchdog=False, **off)  # type: ignore[arg-type]

    async def answered() -> list[bytes]:
        ids = []
        for one in sent:
            result = await call(app, headers=[(b"x-request-id", one)])
            (value,) = [v for name, v in result.headers if name == b"x-request-id"]
            ids.append(value)
        return ids

    well_formed = re.compile(rb"[A-Za-z0-9._-]{8,128}").fullmatch
    for one, back in zip(sent, asyncio.run(answered()), strict=True):
        assert well_formed(back)
        assert (one == back) == bool(well_formed(one))


class Limiter(RuleBasedStateMachine):
    """One window of three in two seconds, beside a list of when calls were granted."""

    AMOUNT, WINDOW = 3, 2

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.storage = MemoryStorage(clock=lambda: self.now)
        self.granted: list[int] = []

    @rule(microseconds=st.integers(0, 3_000_000))
    def wait(self, microseconds: int) -> None:
        """Let time pass."""
        self.now += microseconds

    @rule(cost=st.integers(1, 4))
    def take(self, cost: int) -> None:
        """Ask, and compare: granted exactly where there is room."""
        room = self.AMOUNT - len(self._inside())
        demand = Demand("key", self.AMOUNT, self.WINDOW, cost)
        verdict = self.storage.take([demand])

        assert (cost <= room) == verdict.granted
        self.granted += [self.now] * cost if verdict.granted else []

    @invariant()
    def no_window_holds_more(self) -> None:
        """RL-1: any sliding window."""
        assert len(self._inside()) <= self.AMOUNT

    def _inside(self) -> list[int]:
        return [one for one in self.granted if one > self.now - self.WINDOW * 1_000_000]


TestLimiter = Limiter.TestCase
TestLimiter.settings = settings(
    max_examples=EXAMPLES, deadline=None, stateful_step_count=20
)
