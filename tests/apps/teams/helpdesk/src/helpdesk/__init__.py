# mypy: ignore-errors
from helpdesk.factory import create_app

__all__ = ["create_app"]
