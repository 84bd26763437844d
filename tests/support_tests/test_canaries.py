"""What the canaries and their search promise."""

import base64
import json
import traceback
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest

from support import canaries as canaries_module
from support.canaries import Canaries, CanaryError, raise_with_all


def test_frame_and_text_hold_the_secrets_of_the_matrix() -> None:
    """Locals show secrets 1 to 6 and 8, the exception text 1, 2 and 8."""
    canaries = Canaries()
    names = list(canaries.values())
    try:
        raise_with_all(canaries)
    except CanaryError as error:
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)

    assert [*names[:6], names[7]] == list(canaries.find("".join(shown.format())))
    text = "".join(shown.format_exception_only())
    assert [names[0], names[1], names[7]] == list(canaries.find(text))


def test_a_request_holds_the_rest() -> None:
    """Headers, query and body show secrets 7 to 14."""
    canaries = Canaries()

    request = httpx2.Request("POST", "http://shop/", **canaries.request_kwargs())
    sent = f"{request.url}{request.headers.raw}".encode() + request.content

    assert list(canaries.values())[6:] == list(canaries.find(sent))


def test_secrets_are_random_and_hidden() -> None:
    """Two sets share nothing, and neither repr nor source shows a value."""
    canaries = Canaries()

    source = Path(canaries_module.__file__).read_text(encoding="utf-8")
    assert {} == canaries.find(repr(canaries) + source)
    assert {} == canaries.find(json.dumps(Canaries(forwarded_for="").values()))
    assert 14 == len(canaries.values())
    assert {13, 24, 27} == {len(value) for value in canaries.values().values()}


HARD = 'p@ss"w/örd\\ =?>ÿ~'


@pytest.mark.parametrize(
    "form",
    [
        HARD,
        quote(HARD),
        quote(HARD, safe="").lower(),
        json.dumps(HARD),
        json.dumps(HARD, ensure_ascii=False),
        repr(HARD),
        *(base64.b64encode(f"{'x' * n}{HARD}!".encode()).decode() for n in range(3)),
        base64.urlsafe_b64encode(f"x{HARD}".encode()).decode(),
    ],
)
def test_every_form_is_found_once(form: str) -> None:
    """Encodings and base64 at any alignment count once, in text and in bytes."""
    canaries = Canaries(body_password=HARD)

    assert {"body_password": 1} == canaries.find(f"<{form}>")
    assert {"body_password": 1} == canaries.find(f"<{form}>".encode())
