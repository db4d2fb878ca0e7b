"""The nearest valid word to one that is not: what a refusal names."""

from collections.abc import Iterable, Mapping, Sequence

from rapidfuzz import fuzz, process, utils

from base.refused import Refused

LIKE_ENOUGH = 50.0
"""rapidfuzz's score of 100 below which a suggestion would only mislead."""


def nearest(word: str, valid: Mapping[str, Sequence[str]] | Iterable[str]) -> str | None:
    """The valid code most like the word, by the code or by one of its names; None when nothing is like it."""
    names = valid if isinstance(valid, Mapping) else dict.fromkeys(valid, ())
    spelt = [(code, spelling) for code, others in names.items() for spelling in (code, *others) if spelling]
    found = process.extractOne(
        word, [spelling for _, spelling in spelt], scorer=fuzz.ratio, processor=utils.default_process, score_cutoff=LIKE_ENOUGH
    )
    return spelt[found[2]][0] if found else None


def refuse(what: str, word: object, valid: Mapping[str, Sequence[str]] | Iterable[str]) -> Refused:
    """A refusal of a word, with the nearest valid one, and all of them when they are few."""
    codes = list(valid)
    near = nearest(str(word), valid)
    names = valid[near] if near and isinstance(valid, Mapping) else ()
    named = f" ({names[0]})" if names and names[0] else ""
    hint = f"; did you mean {near}{named}?" if near else ""
    listed = "" if near or not 0 < len(codes) <= 20 else f"; there are {', '.join(sorted(codes))}"
    return Refused(f"{what} {str(word)[:80]!r} is not known{hint}{listed}")
