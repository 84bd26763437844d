"""What the Sentry server promises."""

from collections.abc import Iterator
from contextlib import contextmanager

from sentry_sdk import Client, Scope, new_scope

from support.sentry import SentryReceiver, parse_envelope


@contextmanager
def sdk(receiver: SentryReceiver) -> Iterator[Scope]:
    """Run a real client, without touching the global one."""
    client = Client(receiver.dsn, default_integrations=False)
    with new_scope() as scope:
        scope.set_client(client)
        try:
            yield scope
        finally:
            client.close(timeout=2)


def test_events_of_the_real_client_arrive_in_order() -> None:
    """Events are decoded and their text can be scanned."""
    with SentryReceiver() as receiver:
        with sdk(receiver) as scope:
            scope.capture_message("first")
            scope.capture_message("second")
            events = receiver.wait_for_events(2)

        assert ["first", "second"] == [event["message"] for event in events]
        assert "second" in receiver.raw()


def test_a_rate_limit_silences_the_real_client() -> None:
    """Scripted back-pressure reaches the client; the refused event is not kept."""
    with SentryReceiver() as receiver:
        receiver.respond_with(429, {"X-Sentry-Rate-Limits": "60:error:organization"})
        with sdk(receiver) as scope:
            scope.capture_message("refused")
            scope.client.flush(timeout=2)
            scope.capture_message("held back")

        assert [] == receiver.events()
        assert "refused" in receiver.raw()
        assert "held back" not in receiver.raw()


def test_envelopes_are_split_by_length_and_by_line() -> None:
    """A payload with a length may hold newlines; one without ends with its line."""
    envelope = parse_envelope(
        b'{"event_id":"1"}\n{"type":"attachment","length":5}\na\nb\nc\n'
        b'{"type":"event"}\n{"message":"m"}\n{"type":"session"}\n{}'
    )

    assert {"event_id": "1"} == envelope.headers
    assert ["attachment", "event", "session"] == [i.type for i in envelope.items]
    assert b"a\nb\nc" == envelope.items[0].payload
    assert {"message": "m"} == envelope.items[1].json()
