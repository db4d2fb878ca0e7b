"""Persons' names, for matching only: what is shown is the name as it was given.

One folded key is wrong: Mäkinen is written Makinen by one and Maekinen by another, Åberg Aberg, Aaberg or Oberg. So a name
has a set of keys, and two spellings are the same name when their sets meet.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import islice, product

from base.normalise.characters import INVISIBLE, clean
from base.normalise.data import words

MAX_KEYS = 64
# How a letter may be written without it. The first is the letter stripped of its mark.
SPELLINGS = {
    "ä": ("a", "ae"), "ö": ("o", "oe"), "å": ("a", "aa", "o"), "ø": ("o", "oe"), "æ": ("a", "ae", "e"),
    "ü": ("u", "ue", "y"), "ß": ("ss", "s"), "š": ("s", "sh"), "ž": ("z", "zh"), "œ": ("o", "oe"), "þ": ("th", "t"),
}  # fmt: skip
# Letters without a mark that Unicode could take off. `from` and `to` are also SQL's (base/normalise/sql.py).
SINGLE = ("æœøđłðıħ", "aoodldih")
DOUBLE = {"ß": "ss", "þ": "th"}
APOSTROPHE = r"'`\u00b4\u02bb-\u02be\u2018-\u201b\u2032"
# Marks that a newer Unicode than Python's knows; taken out, so that Python and DuckDB strip the same.
UNKNOWN_MARKS = r"\u0cf3\u0ece"
# Everything that parts two words: ASCII and Latin-1 signs and blocks of punctuation.
SEPARATOR = (
    r"\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\u00bf\u00d7\u00f7\u1680\u2000-\u2bff\u2e00-\u2e7f\u3000-\u303f"
    r"\ufe30-\ufe6f\uff00-\uff0f\uff1a-\uff20\ufff0-\uffff"
)
# The spelling variants, undone: ae, aa and ä are all one with a. Coarse on purpose: this key is shared by every spelling.
COLLAPSE = (("a[ae]+", "a"), ("o[oe]+", "o"), ("u[ue]+", "u"), ("sh+", "s"), ("zh+", "z"))

_REMOVED = re.compile(f"[{INVISIBLE}{APOSTROPHE}{UNKNOWN_MARKS}]")
_SEPARATOR = re.compile(f"[{SEPARATOR}]+")
# Parts words before all else: what lies beyond the first plane (emoji; marks of which Python and DuckDB know different ones).
_BEYOND = re.compile("[\x00\ud800-\udfff\U00010000-\U0010ffff]")
_SINGLE = str.maketrans(*SINGLE) | {ord(letter): plain for letter, plain in DOUBLE.items()}
_COLLAPSE = [(re.compile(pattern), letter) for pattern, letter in COLLAPSE]


def name_fold(text: str | None) -> str | None:
    """The one coarse key that all spellings of a name share: `Mäkinen, Aarne-Öjvind` gives `arne makinen ojvind`.

    Lower case, marks off, ae/aa/oe/ue undone, hyphens split, titles dropped, words sorted. None when nothing is left.
    It brings together what is not the same (Saarinen, Sarinen): good beside a business id, never alone.
    The same rule is SQL's name_fold; tests hold the two together.
    """
    tokens = [_collapse(token) for token in _tokens(_strip(_lower(text or "")))]
    return " ".join(sorted(_without_titles(tokens))) or None


def name_keys(text: str | None) -> frozenset[str]:
    """All keys of a name, at most 64: `name_fold`, then each letter written one way throughout, then mixed ways.

    Empty for an empty name. Any two spellings by dropped marks or by ae, oe, aa, ue share a key; the rarer ones (å as o,
    æ as e, ü as y) share one with the original spelling.
    """
    cleaned = clean(text or "")
    fold = name_fold(cleaned)
    if fold is None:
        return frozenset()
    keys = {fold: None}
    for spelled in _spellings(" ".join(_tokens(_lower(cleaned)))):
        keys.setdefault(spelled)
        if len(keys) == MAX_KEYS:
            break
    return frozenset(keys)


def _spellings(text: str) -> Iterator[str]:
    letters = sorted(set(text) & SPELLINGS.keys())
    for choice in product(*([(letter, way) for way in SPELLINGS[letter]] for letter in letters)):
        yield _spelled(text.translate({ord(letter): way for letter, way in choice}))
    if letters:
        # Bounded beforehand, because different spellings may give one key after sorting.
        for mixed in islice(product(*(SPELLINGS.get(letter, (letter,)) for letter in text)), 4 * MAX_KEYS):
            yield _spelled("".join(mixed))


def _spelled(text: str) -> str:
    return " ".join(sorted(_without_titles(_tokens(_strip(text)))))


def _lower(text: str) -> str:
    text = _BEYOND.sub(" ", text)
    if text.isascii():
        return _REMOVED.sub("", text).lower()
    # Letter by letter, because Python alone lowers a final sigma by its place in the word.
    composed = unicodedata.normalize("NFC", _REMOVED.sub("", unicodedata.normalize("NFC", text)))
    return "".join(map(str.lower, composed))


def _tokens(text: str) -> list[str]:
    return _SEPARATOR.sub(" ", text).split()


def _strip(text: str) -> str:
    if text.isascii():
        return text
    letters = (c for c in unicodedata.normalize("NFD", text) if not unicodedata.category(c).startswith("M"))
    return unicodedata.normalize("NFC", "".join(letters)).translate(_SINGLE)


def _collapse(token: str) -> str:
    for pattern, letter in _COLLAPSE:
        token = pattern.sub(letter, token)
    return token


@cache
def titles() -> frozenset[str]:
    """The titles that are no part of a name (titles.csv), as written and as folded."""
    return words("titles") | {_collapse(_strip(title)) for title in words("titles")}


def _without_titles(tokens: list[str]) -> list[str]:
    # A title alone may be somebody's name (Ins, Tri): it goes only when two words remain.
    kept = [token for token in tokens if token not in titles()]
    return kept if len(kept) >= 2 else tokens
