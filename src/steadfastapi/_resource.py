"""Who sends telemetry: the resource that traces and logs of a process share."""

from __future__ import annotations

import os
import uuid
from functools import lru_cache
from typing import TYPE_CHECKING

from opentelemetry.sdk.resources import OTELResourceDetector, Resource

if TYPE_CHECKING:
    from steadfastapi._service import Service

INSTANCE_ID = "service.instance.id"


def resource_of(service: Service) -> Resource:
    """Describe a service; every process has a `service.instance.id` of its own.

    What `OTEL_RESOURCE_ATTRIBUTES` says is in it, and an instance id among that wins.
    """
    said = OTELResourceDetector().detect().attributes
    attributes = {
        "service.name": service.name,
        "service.version": service.version,
        "deployment.environment.name": service.environment,
        INSTANCE_ID: said.get(INSTANCE_ID) or instance_id(),
    }
    if service.revision:
        attributes["vcs.ref.head.revision"] = service.revision
    return Resource.create(attributes)


def instance_id() -> str:
    """Return the identifier of this process, another one in a forked child."""
    return _instance_id(os.getpid())


@lru_cache(maxsize=1)
def _instance_id(pid: int) -> str:  # noqa: ARG001 - the key of the cache
    return str(uuid.uuid4())
