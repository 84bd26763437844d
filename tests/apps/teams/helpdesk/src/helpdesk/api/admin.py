# mypy: ignore-errors
from fastapi import APIRouter, Depends, Request, WebSocket

from helpdesk.deps import require_admin

router = APIRouter(prefix="/admin", dependencies=[Depends(require_admin)])
public = APIRouter()


@router.get("/outbox")
async def outbox(request: Request):
    return request.app.state.mailer.outbox


@public.get("/health")
async def health(request: Request):
    return {"ok": not request.app.state.store.closed}


@public.websocket("/live")
async def live(websocket: WebSocket):
    await websocket.accept()
    async for message in websocket.iter_json():
        await websocket.send_json({"seen": message})
