"""Health checks: probes, and the pages that report them.

    from steadfastapi import Health, configure
    from steadfastapi.health import PostgreSQLProbe, RedisProbe

    stack = configure(app)
    stack.health.add(PostgreSQLProbe(url="postgresql://…"))
    stack.health.add(RedisProbe(url="redis://…"), critical=False)

Names are loaded when they are first used, so that no driver is imported for a probe
that nobody has.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steadfastapi.health.group import ProbeGroup as ProbeGroup
    from steadfastapi.health.handle import HealthHandle as HealthHandle
    from steadfastapi.health.layer import Health as Health
    from steadfastapi.health.model import AlertRecord as AlertRecord
    from steadfastapi.health.model import HealthReport as HealthReport
    from steadfastapi.health.model import ProbeResult as ProbeResult
    from steadfastapi.health.model import ProbeStatus as ProbeStatus
    from steadfastapi.health.passive import PassiveProbe as PassiveProbe
    from steadfastapi.health.probe import BaseProbe as BaseProbe
    from steadfastapi.health.probe import FunctionProbe as FunctionProbe
    from steadfastapi.health.probes.brokers import KafkaProbe as KafkaProbe
    from steadfastapi.health.probes.brokers import RabbitMQProbe as RabbitMQProbe
    from steadfastapi.health.probes.caches import MemcachedProbe as MemcachedProbe
    from steadfastapi.health.probes.caches import RedisProbe as RedisProbe
    from steadfastapi.health.probes.composed import NoOpProbe as NoOpProbe
    from steadfastapi.health.probes.composed import ThresholdProbe as ThresholdProbe
    from steadfastapi.health.probes.databases import MySQLProbe as MySQLProbe
    from steadfastapi.health.probes.databases import PostgreSQLProbe as PostgreSQLProbe
    from steadfastapi.health.probes.documents import MongoProbe as MongoProbe
    from steadfastapi.health.probes.engines import SQLAlchemyProbe as SQLAlchemyProbe
    from steadfastapi.health.probes.engines import SqlAlchemyProbe as SqlAlchemyProbe
    from steadfastapi.health.probes.http import HTTPProbe as HTTPProbe
    from steadfastapi.health.probes.http import HttpProbe as HttpProbe
    from steadfastapi.health.probes.network import SMTPProbe as SMTPProbe
    from steadfastapi.health.probes.network import TCPProbe as TCPProbe
    from steadfastapi.health.probes.system import DiskSpaceProbe as DiskSpaceProbe
    from steadfastapi.health.probes.system import EventLoopProbe as EventLoopProbe
    from steadfastapi.health.probes.workers import CeleryProbe as CeleryProbe
    from steadfastapi.health.redis import RedisProbeStorage as RedisProbeStorage
    from steadfastapi.health.redis import RedisStorage as RedisStorage
    from steadfastapi.health.routes import FastAPIRouteProbe as FastAPIRouteProbe
    from steadfastapi.health.routes import RouteProbe as RouteProbe
    from steadfastapi.health.sockets import (
        FastAPIWebSocketProbe as FastAPIWebSocketProbe,
    )
    from steadfastapi.health.sockets import WebSocketProbe as WebSocketProbe
    from steadfastapi.health.storage import InMemoryProbeStorage as InMemoryProbeStorage
    from steadfastapi.health.storage import MemoryStorage as MemoryStorage
    from steadfastapi.health.storage import ProbeStorage as ProbeStorage

_HOMES = {
    "AlertRecord": "model",
    "BaseProbe": "probe",
    "CeleryProbe": "probes.workers",
    "DiskSpaceProbe": "probes.system",
    "EventLoopProbe": "probes.system",
    "FastAPIRouteProbe": "routes",
    "FastAPIWebSocketProbe": "sockets",
    "FunctionProbe": "probe",
    "HTTPProbe": "probes.http",
    "Health": "layer",
    "HealthHandle": "handle",
    "HealthReport": "model",
    "HttpProbe": "probes.http",
    "InMemoryProbeStorage": "storage",
    "KafkaProbe": "probes.brokers",
    "MemcachedProbe": "probes.caches",
    "MemoryStorage": "storage",
    "MongoProbe": "probes.documents",
    "MySQLProbe": "probes.databases",
    "NoOpProbe": "probes.composed",
    "PassiveProbe": "passive",
    "PostgreSQLProbe": "probes.databases",
    "ProbeGroup": "group",
    "ProbeResult": "model",
    "ProbeStatus": "model",
    "ProbeStorage": "storage",
    "RabbitMQProbe": "probes.brokers",
    "RedisProbe": "probes.caches",
    "RedisProbeStorage": "redis",
    "RedisStorage": "redis",
    "RouteProbe": "routes",
    "SMTPProbe": "probes.network",
    "SQLAlchemyProbe": "probes.engines",
    "SqlAlchemyProbe": "probes.engines",
    "TCPProbe": "probes.network",
    "ThresholdProbe": "probes.composed",
    "WebSocketProbe": "sockets",
}

__all__ = [
    "AlertRecord",
    "BaseProbe",
    "CeleryProbe",
    "DiskSpaceProbe",
    "EventLoopProbe",
    "FastAPIRouteProbe",
    "FastAPIWebSocketProbe",
    "FunctionProbe",
    "HTTPProbe",
    "Health",
    "HealthHandle",
    "HealthReport",
    "HttpProbe",
    "InMemoryProbeStorage",
    "KafkaProbe",
    "MemcachedProbe",
    "MemoryStorage",
    "MongoProbe",
    "MySQLProbe",
    "NoOpProbe",
    "PassiveProbe",
    "PostgreSQLProbe",
    "ProbeGroup",
    "ProbeResult",
    "ProbeStatus",
    "ProbeStorage",
    "RabbitMQProbe",
    "RedisProbe",
    "RedisProbeStorage",
    "RedisStorage",
    "RouteProbe",
    "SMTPProbe",
    "SQLAlchemyProbe",
    "SqlAlchemyProbe",
    "TCPProbe",
    "ThresholdProbe",
    "WebSocketProbe",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
