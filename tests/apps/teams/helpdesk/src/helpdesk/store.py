# mypy: ignore-errors
import itertools


class TicketStore:
    def __init__(self):
        self._ids = itertools.count(1)
        self.tickets = {}
        self.closed = False

    def add(self, subject, body, priority):
        ticket = {
            "id": next(self._ids),
            "subject": subject,
            "body": body,
            "priority": priority,
            "status": "open",
            "comments": [],
        }
        self.tickets[ticket["id"]] = ticket
        return ticket

    def get(self, ticket_id):
        return self.tickets[ticket_id]


class Mailer:
    def __init__(self, sender):
        self.sender = sender
        self.outbox = []

    async def send(self, to, subject):
        if to.endswith("@invalid"):
            raise ConnectionError(f"cannot deliver to {to}")
        self.outbox.append((self.sender, to, subject))
