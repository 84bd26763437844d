"""An application with a console, which says which process answers."""

import os

from fastapi import FastAPI

from support.console import consoled

app = FastAPI(title="Shop")


@app.get("/pid")
def pid() -> int:
    """Return the process."""
    return os.getpid()


stack = consoled(app)
