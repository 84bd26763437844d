"""An application that asks for multi-process metrics when it is too late."""

import os
import tempfile

import prometheus_client
from fastapi import FastAPI

from steadfastapi import configure

os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.gettempdir()
assert prometheus_client.REGISTRY

app = FastAPI()
configure(app, tracing=False, sentry=False)
