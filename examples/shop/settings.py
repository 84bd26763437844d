"""What the environment decides about the shop."""

import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from pydantic import AnyHttpUrl, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url
from starlette.requests import HTTPConnection

ASYNC_DRIVERS = {
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "sqlite": "sqlite+aiosqlite",
}


class Settings(BaseSettings):
    """Settings of the shop, read from the environment when created."""

    model_config = SettingsConfigDict(
        env_prefix="SHOP_", env_ignore_empty=True, frozen=True, populate_by_name=True
    )

    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
    """Where the data lives; a SQLite file in `data_dir` by default."""

    data_dir: Path = Path(tempfile.gettempdir(), "steadfast-shop")
    """The directory of the default SQLite file; created when needed."""

    partner_url: AnyHttpUrl | None = None
    """Base URL of the shipping partner; the shop's own socket by default."""

    admin_token: SecretStr | None = None
    """Bearer token of the admin pages; without one nobody gets in."""

    cors_origins: tuple[str, ...] = ("http://localhost:5173",)
    """Origins of the front ends that may call this API, as a JSON list."""

    @property
    def sqlalchemy_url(self) -> URL:
        """The database URL with an async driver, whatever spelling was given."""
        if self.database_url is None:
            path = str(self.data_dir / "shop.db")
            return URL.create("sqlite+aiosqlite", database=path)
        url = make_url(self.database_url)
        # Hosting providers hand out libpq spellings; asyncpg says `ssl`.
        query = {"ssl" if k == "sslmode" else k: v for k, v in url.query.items()}
        driver = ASYNC_DRIVERS.get(url.drivername, url.drivername)
        return url.set(drivername=driver, query=query)


def get_settings(connection: HTTPConnection) -> Settings:
    """Return what this application was created with."""
    settings: Settings = connection.app.state.settings
    return settings


SettingsDep = Annotated[Settings, Depends(get_settings)]
