"""What the tests of the retries share."""

from collections.abc import Iterator

import pytest
from sqlalchemy import URL

from steadfastapi.testing import instant_retries
from support.postgres import Admin, database


@pytest.fixture
def instant() -> Iterator[None]:
    """No waiting between attempts."""
    with instant_retries():
        yield


@pytest.fixture(scope="module")
def postgres() -> Iterator[tuple[URL, Admin]]:
    """A database of this module, and a connection to it."""
    with database() as found:
        yield found


@pytest.fixture
def url(postgres: tuple[URL, Admin]) -> URL:
    """The address of the database."""
    return postgres[0]


@pytest.fixture
def admin(postgres: tuple[URL, Admin]) -> Admin:
    """A connection outside of what is tested; the table is empty."""
    postgres[1].run("TRUNCATE effects")
    return postgres[1]
