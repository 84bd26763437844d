# mypy: ignore-errors
import pytest
from fastapi.testclient import TestClient

from helpdesk import create_app


@pytest.fixture
def app():
    return create_app()


@pytest.fixture
def client(app):
    with TestClient(app, headers={"X-API-Key": "k-agent"}) as c:
        yield c


@pytest.fixture
def anyio_backend():
    return "asyncio"
