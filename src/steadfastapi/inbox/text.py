"""Words to search by: the same in every store, and in the tests' reference.

A text is split into words by us, not by a database: each has its own ideas of
underscores, dots and umlauts. What is searched for is found where every one of its
words begins a word of the text, or is one if it has less than `PREFIX_FROM` letters;
there is no syntax, and so nothing to escape from.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steadfastapi.inbox.entry import Entry

_WORD = re.compile(r"[^\W_]+")
MAX_WORDS = 256
"""Of one entry."""
MAX_WORD = 64
MAX_TEXT = 4 * 1024
MAX_QUERY_WORDS = 16
PREFIX_FROM = 3
"""Letters from which a word finds those that it begins: `n5` would begin a tenth of all
numbers, and take every index its time."""


def words_of(text: str, limit: int = MAX_WORDS) -> list[str]:
    """Return the words of a text, each once, in the order of their first use."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    found = dict.fromkeys(one[:MAX_WORD] for one in _WORD.findall(folded))
    return list(found)[:limit]


def query_words(text: str) -> list[str]:
    """Return the words that must all be found."""
    return words_of(text[:MAX_TEXT], MAX_QUERY_WORDS)


def is_prefix(wanted: str) -> bool:
    """Return whether a word of a query finds the words that it begins."""
    return len(wanted) >= PREFIX_FROM


def matches(words: list[str], query: list[str]) -> bool:
    """Return whether each word of the query is found."""
    return all(
        any(word.startswith(wanted) for word in words)
        if is_prefix(wanted)
        else wanted in words
        for wanted in query
    )


def searched(entry: Entry) -> list[str]:
    """Return the words that an entry is found by."""
    return words_of(" ".join(_texts(entry))[: 2 * MAX_TEXT])


def _texts(entry: Entry) -> Iterator[str]:
    request = entry.request
    yield entry.event
    yield str(request.get("route") or "")
    yield from (fault.type for fault in entry.faults)
    for name in ("id", "trace_id", "method", "status", "path"):
        yield str(request.get(name) or "")
    yield entry.user or ""
    yield entry.message[:MAX_TEXT]
    yield from entry.also
    yield entry.culprit
    for values in (entry.fields, entry.context):
        for name, value in values.items():
            if isinstance(value, (str, int)):
                yield f"{name} {str(value)[:256]}"
