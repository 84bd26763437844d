"""Texts that make a pattern slow, made from the pattern itself."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from support.proof_patterns import Found

Texts = Iterator[str]


@dataclass(frozen=True)
class Attack:
    """A text that may make a pattern slow.

    Args:
        before: What leads to a repetition.
        repeated: What it repeats.
        end: What does not fit.
    """

    before: str
    repeated: str
    end: str

    def __str__(self) -> str:
        return repr(f"{self.before}{self.repeated}…{self.end}")

    def text(self, size: int) -> str:
        """Return the text with so many characters."""
        body = self.before + self.repeated * (size // len(self.repeated) + 1)
        return body[: size - len(self.end)] + self.end


def attacks(found: Found, most: int) -> list[Attack]:
    """Return what may make a pattern slow; of more than `most`, every so manieth.

    For each repetition in it: what leads there, what it repeats for ever, and an end
    that does not fit; also the whole, and its ends.
    """
    source = found.pattern.pattern
    text = source.decode("latin-1") if isinstance(source, bytes) else source
    tree = parser.parse(text, found.pattern.flags & ~re.UNICODE)
    seeds: set[tuple[str, str]] = set()
    for before, repeated in _pumps(tree, ""):
        seeds |= {(before, repeated), ("", before + repeated)}
    whole = next(_samples(tree))
    seeds |= {("", whole), ("", whole[:-1]), ("", whole[:1]), ("", whole[-1:])}
    every = [
        Attack(before, repeated, end)
        for before, repeated in sorted(seeds)
        if repeated
        for end in ("", "\x00", '"')
    ]
    return every[:: -(-len(every) // most)]


def _pumps(tree: Any, before: str) -> Iterator[tuple[str, str]]:
    """Return what leads to each repetition, and what it repeats."""
    for code, value in tree:
        if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            for sample in _samples(value[2]):
                yield before, sample
        for part in _parts(code, value):
            yield from _pumps(part, before)
        before += next(_samples([(code, value)]))


def _parts(code: Any, value: Any) -> list[Any]:
    if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
        return [value[2]]
    if code is codes.BRANCH:
        return list(value[1])
    if code is codes.SUBPATTERN:
        return [value[3]]
    if code in (codes.ASSERT, codes.ASSERT_NOT):
        return [value[1]]
    return [value] if code is codes.ATOMIC_GROUP else []


def _samples(tree: Any) -> Texts:
    """Return texts that a pattern matches, or nearly: one for each alternative."""
    results = [""]
    for code, value in tree:
        choices = list(_of(code, value))[:8] or [""]
        results = [a + b for a in results for b in choices][:8]
    yield from results


def _of(code: Any, value: Any) -> Texts:
    if code is codes.LITERAL:
        yield chr(value)
    elif code is codes.NOT_LITERAL:
        yield "a" if value != ord("a") else "b"
    elif code is codes.ANY:
        yield "a"
    elif code is codes.IN:
        yield from _of_class(value)
    elif code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
        for sample in _samples(value[2]):
            yield sample * max(1, value[0])
    elif code not in (codes.AT, codes.ASSERT_NOT, codes.ASSERT, codes.GROUPREF):
        for part in _parts(code, value):
            yield from _samples(part)


def _of_class(items: Any) -> Texts:
    """Return some characters of a class: some that others match too."""
    wanted = "a1 A_-,;:.\"'/\\\t\x00=&?~é"
    pattern = re.compile(_unparsed(items))
    yield from [one for one in wanted if pattern.fullmatch(one)][:6]
    for code, value in items:
        if code is codes.LITERAL:
            yield chr(value)
        elif code is codes.RANGE:
            yield chr(value[0])


_CATEGORIES = {
    codes.CATEGORY_DIGIT: r"\d",
    codes.CATEGORY_NOT_DIGIT: r"\D",
    codes.CATEGORY_SPACE: r"\s",
    codes.CATEGORY_NOT_SPACE: r"\S",
    codes.CATEGORY_WORD: r"\w",
    codes.CATEGORY_NOT_WORD: r"\W",
}


def _unparsed(items: Any) -> str:
    parts = []
    for code, value in items:
        if code is codes.NEGATE:
            parts.append("^")
        elif code is codes.LITERAL:
            parts.append(re.escape(chr(value)))
        elif code is codes.RANGE:
            parts.append(f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}")
        else:
            parts.append(_CATEGORIES[value])
    return f"[{''.join(parts)}]"
