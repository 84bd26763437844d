# mypy: ignore-errors
from functools import lru_cache

from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    api_keys: dict[str, str] = {"k-agent": "agent", "k-admin": "admin"}
    page_size: int = 20
    mail_from: str = "help@example.com"


@lru_cache
def get_settings() -> Settings:
    return Settings()
