"""The bodies that clients send and receive."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

# The largest INTEGER of PostgreSQL: anything above it cannot be a key.
Id = Annotated[int, Path(ge=1, le=2**31 - 1)]

# The WHATWG definition of a valid address, with at least one dot in the domain.
Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        to_lower=True,
        max_length=254,
        pattern=r"^[\w.!#$%&'*+/=?^`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$",
    ),
]
Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=1,
        max_length=100,
        pattern=r"^[^\x00-\x1f\x7f]+$",
    ),
]
Password = Annotated[SecretStr, Field(min_length=8, max_length=128)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class Record(BaseModel):
    """A response that is read from the attributes of a row."""

    model_config = ConfigDict(from_attributes=True)


class UserCreate(BaseModel):
    """A new user."""

    email: Email
    name: Name
    password: Password


class UserProfile(Record):
    """What everybody may know about a user."""

    id: int
    name: str


class UserAccount(UserProfile):
    """What users see of themselves."""

    email: str
    created_at: datetime


class Login(BaseModel):
    """The credentials of a user."""

    email: Email
    password: Password


class Token(BaseModel):
    """What a login is answered with; send it as `Authorization: Bearer …`."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the name of a scheme
    expires_in: int


class ItemCreate(BaseModel):
    """A product to order."""

    sku: Annotated[str, Field(max_length=40)]
    quantity: Annotated[int, Field(ge=1, le=100)] = 1


class ItemOut(Record):
    """A product in an order."""

    id: int
    sku: str
    quantity: int
    unit_price_cents: int


class OrderCreate(BaseModel):
    """A new order."""

    country: Country
    items: Annotated[list[ItemCreate], Field(min_length=1, max_length=50)]


class OrderOut(Record):
    """An order with its items; `receipt_sent_at` is set a moment later."""

    id: int
    country: str
    shipping_cents: int
    total_cents: int
    created_at: datetime
    receipt_sent_at: datetime | None
    items: list[ItemOut]


class ShippingQuote(BaseModel):
    """What the shipping partner asks for."""

    price_cents: Annotated[int, Field(ge=0, le=1_000_000)]


class DailyReport(BaseModel):
    """How the day is going."""

    orders: int
    products: int


class Stats(BaseModel):
    """What the shop holds."""

    users: int
    orders: int


class AuditOut(Record):
    """Something a user did."""

    action: str
    created_at: datetime
