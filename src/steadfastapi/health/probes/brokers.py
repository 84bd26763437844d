"""RabbitMQ and Kafka."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from steadfastapi.exceptions import ConfigurationError
from steadfastapi.health.dependency import DependencyProbe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steadfastapi.health.passive import WatchOptions


class RabbitMQProbe(DependencyProbe):
    """Opens a channel at a RabbitMQ broker, and closes it again.

    Args:
        url: `amqp://user:password@host/vhost`, or `amqps://…`.
        name: Shown everywhere, unique in an application.
        client: A connection of aio-pika.
        **options: Those of `PassiveProbe`.
    """

    name = "rabbitmq"
    extra = "rabbitmq"
    drivers = ("aio_pika",)
    schemes = ("amqp", "amqps")

    def __init__(
        self,
        url: str | None = None,
        name: str | None = None,
        *,
        client: Any = None,
        **options: Unpack[WatchOptions],
    ) -> None:
        super().__init__(name, url=url, client=client, **options)

    async def connect(self) -> Any:
        """Connect with aio-pika, once: the next check is the next try."""
        import aio_pika  # noqa: PLC0415 - an extra

        return await aio_pika.connect(str(self.url).strip())

    async def ask(self, connection: Any) -> dict[str, Any] | None:
        """Open a channel, which the broker confirms."""
        channel = await connection.channel()
        await channel.close()
        return None

    async def disconnect(self, connection: Any) -> None:
        """Close the connection."""
        await connection.close()


class KafkaProbe(DependencyProbe):
    """Asks a Kafka cluster for its brokers.

    Args:
        bootstrap_servers: `host:port`, several by commas or as a list.
        name: Shown everywhere, unique in an application.
        client: A producer, consumer or admin client of aiokafka.
        **options: Those of `PassiveProbe`.
    """

    name = "kafka"
    extra = "kafka"
    drivers = ("aiokafka.admin",)
    schemes = ("kafka",)

    def __init__(
        self,
        bootstrap_servers: str | Sequence[str] | None = None,
        name: str | None = None,
        *,
        client: Any = None,
        **options: Unpack[WatchOptions],
    ) -> None:
        url = None
        if bootstrap_servers is not None:
            given = bootstrap_servers
            servers = given.split(",") if isinstance(given, str) else list(given)
            self.servers = [server.strip() for server in servers]
            if not all(self.servers) or not self.servers:
                raise ConfigurationError(
                    f"KafkaProbe(bootstrap_servers={given!r}): give one server or "
                    "more, such as 'localhost:9092'."
                )
            url = f"kafka://{','.join(self.servers)}"
        super().__init__(name, url=url, client=client, **options)

    async def connect(self) -> Any:
        """Connect with aiokafka."""
        from aiokafka.admin import AIOKafkaAdminClient  # noqa: PLC0415 - an extra

        admin = AIOKafkaAdminClient(bootstrap_servers=self.servers)
        try:
            await admin.start()
        except BaseException:
            self._discard(admin)
            raise
        return admin

    async def ask(self, connection: Any) -> dict[str, Any] | None:
        """Ask for the brokers."""
        cluster = await connection.describe_cluster()
        return {"brokers": len(cluster["brokers"])}

    async def ask_client(self, client: Any) -> dict[str, Any] | None:
        """Ask through the application's client, of whatever kind."""
        if hasattr(client, "describe_cluster"):
            return await self.ask(client)
        # A consumer keeps what a producer shows.
        inner = getattr(client, "client", None) or getattr(client, "_client", None)
        if inner is None:
            raise TypeError(f"{type(client).__name__} is no client of aiokafka")
        cluster = await inner.fetch_all_metadata()
        return {"brokers": len(cluster.brokers())}

    async def disconnect(self, connection: Any) -> None:
        """Close the client."""
        await connection.close()
