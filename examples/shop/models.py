"""The tables of the shop; money is in cents, times are in UTC."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import DateTime, Dialect, ForeignKey, String, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

LIFETIME = timedelta(hours=12)
"""How long a login lasts."""


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time; SQLite forgets the zone, so it is put back when read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 - the name is SQLAlchemy's
    ) -> datetime | None:
        """Give naive values the zone they were written in."""
        return value.replace(tzinfo=UTC) if value and not value.tzinfo else value


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """The common base, which collects the tables."""

    type_annotation_map = {datetime: UtcDateTime()}  # noqa: RUF012 - SQLAlchemy's


class User(Base):
    """Somebody who can log in and order."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    password_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class LoginToken(Base):
    """An opaque token of a logged-in user; only its digest is stored."""

    __tablename__ = "login_tokens"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    expires_at: Mapped[datetime]

    @classmethod
    def for_user(cls, user_id: int, digest: str) -> "LoginToken":
        """Return a token that is valid from now on."""
        return cls(digest=digest, user_id=user_id, expires_at=utc_now() + LIFETIME)


class Order(Base):
    """What a user bought, and what it costs to ship."""

    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    country: Mapped[str] = mapped_column(String(2))
    shipping_cents: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    receipt_sent_at: Mapped[datetime | None]
    items: Mapped[list["OrderItem"]] = relationship(
        lazy="selectin", order_by="OrderItem.id"
    )

    @property
    def total_cents(self) -> int:
        """The price of all items and the shipping."""
        goods = sum(item.quantity * item.unit_price_cents for item in self.items)
        return goods + self.shipping_cents


class OrderItem(Base):
    """One product in an order, at the price it had that day."""

    __tablename__ = "order_items"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    sku: Mapped[str] = mapped_column(String(40))
    quantity: Mapped[int]
    unit_price_cents: Mapped[int]


class AuditEntry(Base):
    """Something a user did that the support team may have to look up."""

    __tablename__ = "audit_entries"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    action: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
