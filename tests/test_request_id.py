"""Request ids of our own."""

import os
import re

from steadfastapi._request_id import AT_ONCE, RequestIds


def test_ids_are_random_digits_and_never_the_same() -> None:
    """Also when the drawn ones are used up."""
    ids = RequestIds()
    drawn = [ids.next() for _ in range(3 * AT_ONCE + 1)]
    assert len(drawn) == len(set(drawn))
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in drawn)


def test_a_forked_child_draws_its_own() -> None:
    """What the parent has drawn in advance is the parent's."""
    ids = RequestIds()
    mine = [ids.next()]
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, "".join(ids.next() for _ in range(100)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    mine += [ids.next() for _ in range(AT_ONCE)]
    theirs = {text[at : at + 32] for at in range(0, len(text), 32)}
    assert 100 == len(theirs)
    assert set() == theirs & set(mine)
