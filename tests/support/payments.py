"""A model that rejects for every reason, and bodies full of a secret."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Header
from pydantic import BaseModel, ConfigDict, Field, field_validator

CANARY = "correct-horse-battery-staple"


class Card(BaseModel):
    """Paid by card."""

    kind: Literal["card"]


class Cash(BaseModel):
    """Paid in cash."""

    kind: Literal["cash"]


class Payment(BaseModel):
    """A model that rejects for every reason."""

    model_config = ConfigDict(extra="forbid")
    amount: int
    when: datetime
    by: Annotated[Card | Cash, Field(discriminator="kind")]
    note: Annotated[str, Field(max_length=3)]
    pin: str
    word: str

    @field_validator("pin")
    @classmethod
    def _pin(cls, value: str) -> str:
        raise ValueError(f"{value} is no pin")

    @field_validator("word")
    @classmethod
    def _word(cls, value: str) -> str:
        assert value == "open sesame", f"wrong: {value}"
        return value


_MISTYPED = {
    "amount": CANARY,
    "when": CANARY,
    "by": {"kind": CANARY},
    "note": CANARY,
    "pin": CANARY,
    "word": CANARY,
    "extra": CANARY,
}
BODIES = {
    "mistyped": _MISTYPED,
    "missing": {"pin": {"password": CANARY}},
    "a list": [CANARY],
    "a string": CANARY,
}
"""What a client sends by mistake, by the kind of mistake."""


async def pay(
    number: int, page: int, x_age: Annotated[int, Header()], payment: Payment
) -> None:
    """Take everything that can be rejected."""
