# mypy: ignore-errors
import logging
from typing import Annotated

from fastapi import Depends, Header, HTTPException, Query, Request, Security
from fastapi.security import APIKeyHeader

from helpdesk.config import Settings, get_settings

log = logging.getLogger("helpdesk.auth")
api_key_header = APIKeyHeader(name="X-API-Key", auto_error=False)

SettingsDep = Annotated[Settings, Depends(get_settings)]


async def current_role(
    settings: SettingsDep, key: Annotated[str | None, Security(api_key_header)] = None
) -> str:
    role = settings.api_keys.get(key or "")
    if role is None:
        log.warning("rejected an API key")
        raise HTTPException(401, "Invalid API key", headers={"WWW-Authenticate": "Key"})
    return role


async def require_admin(role: Annotated[str, Depends(current_role)]) -> None:
    if role != "admin":
        raise HTTPException(403, "Admins only")


class Page:
    def __init__(
        self,
        settings: SettingsDep,
        page: Annotated[int, Query(ge=1)] = 1,
        size: Annotated[int | None, Query(le=100)] = None,
    ):
        self.size = size or settings.page_size
        self.start = (page - 1) * self.size

    def of(self, items):
        items = list(items)
        return {
            "total": len(items),
            "items": items[self.start : self.start + self.size],
        }


async def unit_of_work(request: Request):
    journal = request.app.state.journal
    journal.append("begin")
    try:
        yield request.app.state.store
        journal.append("commit")
    except Exception:
        journal.append("rollback")
        raise
    finally:
        journal.append("end")


async def accept_language(accept_language: Annotated[str, Header()] = "en") -> str:
    return accept_language.split(",")[0]
