"""A Celery application, as a worker imports it."""

import os
from importlib import import_module

app = import_module("celery").Celery("jobs", broker=os.environ["BROKER"])
