"""Fields made safe to render."""

import json
import time
from typing import Any

from steadfastapi._scrub import MASK
from steadfastapi.logs.clean import MAX_FIELDS, MAX_SIZE, cleaned


def clean(**fields: Any) -> dict[str, Any]:
    """Return fields as they would be rendered."""
    return cleaned(fields, {})[0]


def test_secrets_are_masked_by_name_and_by_form() -> None:
    """At the top as well as below; what is none of these stays."""
    assert {"password": MASK, "a": f"token={MASK}", "b": [{"dsn": MASK}], "c": 7} == (
        clean(password="hunter2", a="token=x", b=[{"dsn": "x"}], c=7)
    )


def test_that_there_is_no_secret_may_be_said() -> None:
    """`password=None` explains a failed login."""
    assert {"password": None, "has_token": True} == clean(password=None, has_token=True)


def test_own_fields_are_trusted_as_long_as_they_are_ours() -> None:
    """A processor that puts another value in their place loses the trust."""
    own = {"route": "token={token}", "path": "token=a"}
    line = {"route": own["route"], "path": "token=b"}

    assert {"route": "token={token}", "path": f"token={MASK}"} == cleaned(line, own)[0]


def test_names_are_plain_and_short() -> None:
    """Processors and `extra` may use anything hashable."""
    line: Any = {("a", 1): 2, "x" * 1000: 3, ("password",): 4}
    result, _ = cleaned(line, {})

    assert 2 == result["('a', 1)"]
    assert MASK == result["('password',)"]
    assert [128] == [len(name) for name in result if name.startswith("x")]


def test_there_are_so_many_fields_and_no_more() -> None:
    """The first ones, for those are the line's own."""
    result = clean(**{f"f{number}": number for number in range(1000)})

    assert MAX_FIELDS == len(result)
    assert 0 == result["f0"]


def test_all_values_together_are_bounded() -> None:
    """128 fields of 8 KiB would be a megabyte; later ones are shortened to nothing."""
    size = len(json.dumps(clean(**{f"f{n}": "x" * 8000 for n in range(100)})))

    assert MAX_SIZE < size < MAX_SIZE * 1.2


def test_the_exception_is_given_apart() -> None:
    """As a triple, whatever the caller gave; the renderer makes text of it."""
    error = ValueError("x")
    triple = (ValueError, error, None)
    for given in (error, triple):
        assert ({}, triple) == cleaned({"exc_info": given}, {})
    for useless in (None, False, True, (None, None, None), "x", (1, 2, 3), (error,)):
        assert ({}, None) == cleaned({"exc_info": useless}, {})


def test_a_stack_is_text() -> None:
    """Of `stack_info=True`; secrets in it are masked, and it comes last."""
    assert {"a": 1, "stack": f"Stack\n  token={MASK}"} == clean(
        stack_info="Stack\n  token=x", a=1
    )


def test_the_record_of_stdlib_stays_inside() -> None:
    """Processors may want it; a line does not."""
    assert {"a": 1} == clean(_record=object(), a=1)


def test_a_large_event_takes_milliseconds() -> None:
    """128 fields of a megabyte each (SEC-8)."""
    line = {f"f{number}": "token=a " * 125_000 for number in range(128)}
    begin = time.thread_time()
    cleaned(line, {})

    assert 0.1 > time.thread_time() - begin
