"""What is a secret: by the name it goes under, and by how it looks in a text.

Everything here takes linear time: a run of characters is scanned from its start only,
repetitions are possessive, and every match moves on. `_scrub` bounds what comes in.

The patterns are matched against the lower-case text, and the original is cut at the
same places: ignoring case in the patterns is ten times slower.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import Any

MASK = "[redacted]"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_WORDS = frozenset(
    _words("""
    apikey auth authorization cookie cookies credential credentials csrf cvc cvv dsn jwt
    otp passcode passphrase passwd password passwords passwort pin pwd secret secrets
    session sessionid signature ssn token tokens xsrf
    """)
)
_PAIRS = frozenset(
    _words("""
    access:key api:key auth:key card:number encryption:key forwarded:for pass:word
    private:key secret:key set:cookie signing:key
    """)
)
_ENDINGS = _words("""
    accesskey apikey authkey cookie credentials passphrase passwd password privatekey
    secret secretkey token
""")
"""Of words written as one: `authtoken`, `dbpassword`; not `tokenizer`."""
_HARMLESS = frozenset(
    _words("""
    age algorithm at count duration enabled endpoint expired expires expiry field in
    length limit max name policy required seconds ttl type uri url usage valid
    """)
)
"""Last segments that turn a secret's name into a fact about it: `token_count`."""
_SEGMENT = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
MAX_NAME = 128


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Return whether a field, header or variable of this name holds a secret.

    `X-API-Key`, `x_api_key` and `xApiKey` are one name.
    """
    parts = [part.lower() for part in _SEGMENT.findall(name[-MAX_NAME:])]
    if not parts or (len(parts) > 1 and parts[-1] in _HARMLESS):
        return False
    if parts == ["pass"] or not _WORDS.isdisjoint(parts):
        return True
    return any(part.endswith(_ENDINGS) for part in parts) or any(
        f"{first}:{second}" in _PAIRS for first, second in pairwise(parts)
    )


def hides(name: str, value: Any) -> bool:
    """Return whether `value` must not be shown under `name`.

    That there is none (`password=None`), whether there is one (`has_token=True`) and
    how many a language model counted (`prompt_tokens=57`) is no secret.
    """
    if not is_secret_name(name) or value is None or value is True or value is False:
        return False
    return type(value) not in (int, float) or not name.lower().endswith("tokens")


_STRONG = _words("""
    pass(?:word|wd|phrase|code|wort) secret token api[_-]?key access[_-]?key
    private[_-]?key encryption[_-]?key signing[_-]?key auth[_-]?key authorization
    credential cookie signature csrf xsrf x[_-]forwarded[_-]for
""")
"""Found anywhere in a name: `db_password_2`, `secretAccessKey`."""
_WEAK = _words("pass(?![a-z]) pin otp cvc cvv ssn pwd jwt dsn session(?:[_-]?id)?")
"""Words of their own only: a `compass` does not pass."""
_FACTS = _words("count expires izer limit name type uri url usage")
"""Ends of names that tell a fact, as `_HARMLESS` does: `token_count`, `tokenizer`."""


def _names() -> str:
    """Return the pattern of a secret's name, one alternative for each first letter.

    That lets the engine skip every character that starts none; what must not stand
    before a word is therefore looked at after its first letter.
    """
    no_fact = "".join(f"(?<!{end})" for end in _FACTS)
    branches = []
    for letter in sorted({word[0] for word in _STRONG + _WEAK}):
        strong = "|".join(word[1:] for word in _STRONG if word[0] == letter)
        weak = "|".join(word[1:] for word in _WEAK if word[0] == letter)
        anywhere = [f"(?:{strong})[\\w-]{{0,32}}+{no_fact}"] if strong else []
        alone = [f"(?<![a-z].)(?:{weak})\\d{{0,2}}+"] if weak else []
        branches.append(f"{letter}(?:{'|'.join(anywhere + alone)})")
    return "|".join(branches)


_SEPARATOR = (
    r"(?>\\{0,3}[\"']?\s{0,3}(?:[:=]{1,2}>?|%3[ad])|\\{0,3}[\"'],|>)(?>\s{0,3})"
)
_SCHEME = r"(?:(?:bearer|basic|digest|token)\s{1,3}+)?"
_DONE = (
    rf"(?!{_SCHEME}\[redacted\]"
    r"|(?:none|null|true|false|\"\"|'')(?=[\s,;&)}\]\"']|$))"
)
"""What is masked already, and what says that there is no secret."""
_QUOTED = (
    rf"(b?\"){_DONE}(?!\")(?:[^\"\\\n]++|\\.)++"
    rf"|(b?'){_DONE}(?!')(?:[^'\\\n]++|\\.)++"
)
_BARE = (
    rf"([\[({{]){_DONE}[^\])}}\n]++"
    rf"|(\\{{1,3}}[\"']|){_DONE}{_SCHEME}(?!b?[\"']|[\[({{])"
    r"[^\s\"'&,;<>)\]}\\]++(?:[)\]}]++[^\s\"'&,;<>)\]}\\]++)*+"
)
_NAMED = re.compile(
    rf"((?:{_names()}){_SEPARATOR}){_DONE}(?:{_QUOTED}|{_BARE})", re.ASCII
)
_LITERALS = re.compile(
    rf"((?:{_names()}){_SEPARATOR}){_DONE}(?:{_QUOTED})"
    rf"|([?&](?:{_names()})=){_DONE}[^\s&\"'{{}}]++",
    re.ASCII,
)
"""What is quoted or in a URL: in source code, `token = read()` tells nothing."""

_COOKIES = re.compile(rf"(cookie\s{{0,3}}:\s{{0,3}}+){_DONE}[^\s\"'][^\n\"']*+")
"""A header line: everything up to its end."""
_URL = re.compile(
    r"(://)(?!\[redacted\])[^\s/@:]{0,256}+:(?!\d{1,5}[/?#\s])"
    r"(?:[^\s/@]*+(?:/(?!/)[^\s/@]*+)*+@)++"
)
"""User and password; a slash or an @ in the password is wrong, and happens."""

_ALONE = r"(?<![\w-].)"
_KEYS = re.compile(
    rf"a{_ALONE}(?:(?:kia|sia)[0-9a-z]{{16}}(?![0-9a-z])|iza[\w-]{{30,}}+)"
    rf"|b{_ALONE}(?:earer|asic)\s{{1,3}}+()(?!\[redacted\])[\w.~+/=-]{{8,}}+"
    rf"|e{_ALONE}yj[\w-]{{8,}}+\.[\w-]{{8,}}+(?:\.[\w-]*+)?"
    rf"|g{_ALONE}(?:h[pousr]_\w{{16,}}+|ithub_pat_\w{{16,}}+|lpat-[\w-]{{16,}}+)"
    rf"|h{_ALONE}f_\w{{20,}}+"
    rf"|n{_ALONE}pm_\w{{20,}}+"
    rf"|p{_ALONE}ypi-[\w-]{{20,}}+"
    rf"|r{_ALONE}k_[\w-]{{16,}}+"
    rf"|s{_ALONE}k[-_][\w-]{{16,}}+"
    rf"|x{_ALONE}ox[abeprs]-[\w-]{{10,}}+"
    r"|-----begin [a-z0-9 ]{0,40}private key-----[a-z0-9+/=\s\\]*+"
    r"(?:-----end [a-z0-9 ]{0,40}-----)?",
    re.ASCII,
)
"""Keys of providers, tokens of schemes, private keys, by their form alone."""

_URL_HINTS = ("://",)
_COOKIE_HINTS = ("cookie",)
_NAME_HINTS = _words("""
    pass pwd secret token key authorization credential cookie signature csrf xsrf pin
    otp cvc cvv ssn jwt dsn session forwarded
""")
_KEY_HINTS = _words("""
    sk- sk_ rk_ ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- xox akia asia aiza hf_ npm_
    pypi- eyj bearer basic -----begin
""")
"""One of them is in every text that a pattern matches. To look for them first costs
a few microseconds, where most texts have none."""
_SHORTEST_KEY = 14


def masked_code(line: str) -> str:
    """Return a line of source code with its literal secrets masked."""
    return masked(line, _LITERALS)


def masked(text: str, named: re.Pattern[str] = _NAMED) -> str:
    """Return `text` with the secrets in it masked."""
    may_name = ":" in text or "=" in text or "," in text or ">" in text or "%3" in text
    if not may_name and len(text) < _SHORTEST_KEY:
        return text
    lowered = _lowered(text)
    steps: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = ((_KEYS, _KEY_HINTS),)
    if may_name:
        names = ((_COOKIES, _COOKIE_HINTS), (named, _NAME_HINTS))
        steps = ((_URL, _URL_HINTS), *names, *steps)
    for pattern, hints in steps:
        for hint in hints:
            if hint in lowered:
                result = _replaced(pattern, lowered, text)
                if result is not text:
                    text = result
                    lowered = _lowered(text)
                break
    return text


def _lowered(text: str) -> str:
    """Return `text` in lower case, of the same length: İ would become two."""
    return text.replace("İ", "i").lower()


def _replaced(pattern: re.Pattern[str], lowered: str, text: str) -> str:
    """Mask in `text` what `pattern` finds in `lowered`, after its last group."""
    kept: list[str] = []
    done = 0
    for found in pattern.finditer(lowered):
        group, end = found.lastindex, found.end() - (pattern is _URL)  # without its @
        start = found.end(group) if group else found.start()
        if pattern is _KEYS and group and _is_prose(text[start:end]):
            continue
        kept.append(text[done:start])
        done = end
    if not done:
        return text
    kept.append(text[done:])
    return MASK.join(kept)


def _is_prose(text: str) -> bool:
    """Return whether what follows `basic` is a word: `basic authentication`."""
    return text.isalpha() and text.islower()
