"""Applications with a watchdog."""

from typing import Any

from fastapi import FastAPI

from steadfastapi import Stack, configure
from steadfastapi.watchdog.layer import Watchdog, WatchdogHandle

OFF: dict[str, Any] = {"logs": False, "tracing": False, "sentry": False}


def watched(app: FastAPI, *, blocked_after: float = 0.1, **keywords: Any) -> Stack:
    """Configure an application with a watchdog that is quick to bark."""
    dog = Watchdog(blocked_after=blocked_after)
    return configure(app, **{**OFF, "watchdog": dog, **keywords})


def dog_of(stack: Stack) -> WatchdogHandle:
    """Return the handle of the watchdog."""
    handle: WatchdogHandle = stack.plan.handles["watchdog"]
    return handle
