"""One limited route, for several workers that share a Redis."""

import os
import time

from fastapi import FastAPI

from steadfastapi import configure, limiter

app = FastAPI()


@app.get("/limited")
@limiter.limit(os.environ.get("TEST_LIMIT", "50/second"))
async def limited() -> dict[str, float]:
    """Say which worker answers."""
    return {"pid": os.getpid()}


@app.get("/strict")
@limiter.limit(os.environ.get("TEST_LIMIT", "50/second"), when_storage_fails="deny")
async def strict() -> dict[str, float]:
    """Say which worker answers, if the storage granted it."""
    return {"pid": os.getpid()}


@app.get("/closed")
@limiter.limit("1000000/minute", when_storage_fails="deny")
async def closed() -> dict[str, float]:
    """Stay closed without a storage."""
    return {"at": time.time()}


@app.get("/free")
async def free() -> dict[str, float]:
    """Answer anybody."""
    return {"pid": os.getpid()}


configure(app, logs=False, tracing=False, sentry=False)
