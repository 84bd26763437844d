# mypy: ignore-errors
import logging
from enum import Enum

from fastapi import APIRouter, BackgroundTasks, Depends, HTTPException, Request, status
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from helpdesk.deps import Page, accept_language, current_role, unit_of_work

log = logging.getLogger(__name__)

router = APIRouter(
    prefix="/tickets", tags=["tickets"], dependencies=[Depends(current_role)]
)
comments = APIRouter(prefix="/{ticket_id}/comments", tags=["comments"])


class Priority(str, Enum):
    low = "low"
    high = "high"


class TicketIn(BaseModel):
    subject: str = Field(min_length=3, max_length=80)
    body: str = ""
    priority: Priority = Priority.low
    notify: str | None = None


class CommentIn(BaseModel):
    text: str


def find(ticket_id: int, store=Depends(unit_of_work)):
    try:
        return store.get(ticket_id)
    except KeyError:
        raise HTTPException(404, f"Ticket {ticket_id} not found")


def write_audit(journal, what):
    journal.append(f"audit {what}")


@router.post("", status_code=status.HTTP_201_CREATED)
async def create(
    ticket: TicketIn,
    request: Request,
    background: BackgroundTasks,
    store=Depends(unit_of_work),
):
    created = store.add(ticket.subject, ticket.body, ticket.priority)
    log.info("ticket %s created", created["id"])
    background.add_task(write_audit, request.app.state.journal, created["id"])
    if ticket.notify:
        background.add_task(
            request.app.state.mailer.send, ticket.notify, created["subject"]
        )
    return created


@router.get("")
async def list_tickets(page: Page = Depends(), store=Depends(unit_of_work)):
    return page.of(store.tickets.values())


@router.get("/stream")
async def stream(store=Depends(unit_of_work)):
    async def lines():
        for ticket in store.tickets.values():
            yield f"{ticket['id']};{ticket['subject']}\n"

    return StreamingResponse(lines(), media_type="text/csv")


@router.get("/{ticket_id}")
async def read(ticket=Depends(find), language=Depends(accept_language)):
    return {**ticket, "language": language}


@router.post("/{ticket_id}/close")
async def close(ticket=Depends(find)):
    if ticket["status"] == "closed":
        raise HTTPException(409, "Already closed")
    ticket["status"] = "closed"
    return ticket


@comments.post("", status_code=201)
async def comment(comment: CommentIn, ticket=Depends(find)):
    ticket["comments"].append(comment.text)
    return {"count": len(ticket["comments"])}


@router.post("/{ticket_id}/escalate")
async def escalate(ticket=Depends(find), store=Depends(unit_of_work)):
    raise RuntimeError("the on-call rota is empty")


router.include_router(comments)
