"""The vocabulary of titles: six seeds that a domain expert edits, indexed so that a word costs a look-up, not a search.

Keys are without blanks, so that `customer service`, `customerservice` and `Customer-Service` are one entry; the rules only
ever join whole words or whole parts of a compound, never cut a word anywhere else. A key is also known without its marks
(`paallikko`), unless that is another word: `städ` is cleaning, `stad` a town.
"""

import csv
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path

from base.titles.text import SEPARATORS, SOFT, fold, normal_form

SEEDS = Path(__file__).parents[2] / "dbt_project" / "seeds"
TABLES = ("title_functions", "title_exact", "title_heads", "title_modifiers", "title_negatives", "title_initialisms")
LEVELS = ("director", "manager", "supervisor", "specialist")
"""From the top down."""
FUZZY_FROM = 7
"""Letters from which a known word is recognised with one error: among shorter ones too many real words are neighbours."""
FUZZY_STEM, FUZZY_HEAD = 6, 4
"""The same inside a compound, where the part beside it speaks for it."""
SHORT = 3
"""Parts of this length or less begin a compound, they do not stand inside one: `it` is no part of `credit`."""
LONGEST_PHRASE = 6
LONGEST_WORD = 60

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One meaning of a word or phrase.

    kind: function, exact, head, modifier or negative. detail: a function's strength, an exact title's scope, a
    modifier's or negative's kind. functions: (AREA.FUNCTION, weight).
    """

    kind: str
    term: str
    language: str
    detail: str = ""
    functions: tuple[tuple[str, float], ...] = ()
    level: str = ""
    scope: str = ""

    @property
    def areas(self) -> frozenset[str]:
        """The areas of its functions."""
        return frozenset(code.partition(".")[0] for code, _ in self.functions)


@dataclass(frozen=True, slots=True)
class Reading:
    """One meaning of an initialism such as CPO; `alone`: taken where the title says no more."""

    meaning: str
    functions: tuple[tuple[str, float], ...]
    level: str
    alone: bool


@dataclass(frozen=True, slots=True)
class Split:
    """A word as parts of the vocabulary; `corrected`: one letter was wrong. No parts: unknown."""

    parts: tuple[str, ...]
    corrected: bool = False


class Vocabulary:
    """All entries, found by key."""

    def __init__(self, tables: Mapping[str, Iterable[Row]]) -> None:
        self.tables = {name: [dict(row) for row in tables[name]] for name in TABLES}
        self.entries: dict[str, list[Entry]] = {}
        self.verbatim: set[str] = set()
        self.phrase_words: set[str] = set()
        self._bare: set[str] = set()
        self._full: dict[str, list[str]] = {}  # heads: dir -> direktör, director
        self._tails_of_phrases: set[str] = set()
        conjunctions = [row for row in self.tables["title_modifiers"] if row["kind"] == "conjunction"]
        self.conjunctions = frozenset(row["term"] for row in conjunctions)
        self._load()
        self.initialisms: dict[str, list[Reading]] = {}
        for row in self.tables["title_initialisms"]:
            reading = Reading(row["meaning"], _functions(row["areas"]), row["level"], row["without_context"].lower() == "true")
            self.initialisms.setdefault(key(row["initialism"]), []).append(reading)
        self.phrase_words |= set(self.initialisms)
        self._fuzzy = _deletions(
            {w for w in self.phrase_words if len(w) >= FUZZY_FROM} | {w for w in self._parts if len(w) >= FUZZY_HEAD}
        )
        self.split = lru_cache(maxsize=100_000)(self._split)
        self.wholes = self._by_parts()

    @classmethod
    def load(cls, folder: Path = SEEDS) -> "Vocabulary":
        """Read the seeds of a folder. Raises FileNotFoundError or KeyError when one or a column of it is missing."""
        tables = {}
        for name in TABLES:
            with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
                tables[name] = list(csv.DictReader(file))
        return cls(tables)

    @cached_property
    def version(self) -> str:
        """See version_of."""
        return version_of(self.tables)

    def pieces(self, normal: str) -> list[str]:
        """Words and separators of a normal form; and, ja, och are what a & is."""
        return [SOFT if word in self.conjunctions else word for word in normal.split()]

    def find(self, parts: list[str], start: int) -> tuple[int, list[Entry]]:
        """The longest phrase that begins at a part: how many parts it takes, and its entries. (0, []) when there is none."""
        for length in range(min(LONGEST_PHRASE, len(parts) - start), 0, -1):
            piece = parts[start : start + length]
            if length > 1 and piece[-1] in SEPARATORS:
                continue
            found = self.entries.get("".join(SOFT if part in SEPARATORS else part for part in piece))
            if found and any(entry.scope != "whole" for entry in found):
                return length, [entry for entry in found if entry.scope != "whole"]
        return 0, []

    def whole(self, parts: Iterable[str]) -> list[Entry]:
        """Curated titles that consist of exactly these parts."""
        parts = list(parts)
        spelled_out = ["".join(self._full.get(part, [part])[-turn] for part in parts) for turn in (0, 1)]
        return next((found for k in ("".join(parts), *spelled_out) if (found := self.wholes.get(k))), [])

    def _load(self) -> None:
        for row in self.tables["title_functions"]:
            self._add(row, Entry("function", row["term"], row["language"], row["strength"], _functions(row["areas"])))
        for row in self.tables["title_exact"]:
            entry = Entry("exact", row["title"], row["language"], "", _functions(row["areas"]), row["level"], row["scope"])
            self._add({**row, "term": row["title"]}, entry)
            self.verbatim |= {row["title"], *(row["other_forms"] or "").split("|")}
        for row in self.tables["title_heads"]:
            self._add(row, Entry("head", row["term"], row["language"], level=row["level"]))
            for form in filter(None, (row["other_forms"] or "").split("|")):
                self._full.setdefault(key(form), []).append(key(row["term"]))
        for row in (row for row in self.tables["title_modifiers"] if row["kind"] != "conjunction"):
            self._add(row, Entry("modifier", row["term"], row["language"], row["kind"]))
        for row in self.tables["title_negatives"]:
            self._add(row, Entry("negative", row["term"], row["language"], row["kind"], scope=row["scope"]))
        for k in sorted(self.entries):
            if (bare := fold(k)) != k and (bare not in self.entries or bare in self._bare):
                self.entries.setdefault(bare, []).extend(self.entries[k])
                self._bare.add(bare)
        self.phrase_words |= {fold(word) for word in self.phrase_words}
        inside = {"function", "exact", "head", "negative"}
        self._parts = frozenset(self._tails_of_phrases) | frozenset(
            k
            for k, found in self.entries.items()
            if SOFT not in k
            and any(
                (e.kind in inside and e.scope != "whole") or (e.detail in ("grade", "acting", "topic") and len(k) > SHORT)
                for e in found
                if e.kind != "negative" or len(k) > SHORT
            )
        )
        self._linking = self._keys(lambda e: e.language in ("sv", "*"))
        self.heads = self._keys(lambda e: e.kind == "head")
        self._stems = self._keys(lambda e: e.kind == "function" and len(e.term) > FUZZY_HEAD)
        self._carriers = self._parts & self._keys(lambda e: e.kind in ("function", "exact", "head"))
        self._enders = self._carriers | self._tails_of_phrases | self._keys(lambda e: e.kind == "negative")
        self._open = self._keys(lambda e: e.detail == "open")
        self._closed = self._keys(lambda e: e.kind == "function") - self._open
        self._topics = self._keys(lambda e: e.detail == "topic")

    def _keys(self, fits: Callable[[Entry], bool]) -> frozenset[str]:
        return frozenset(k for k, found in self.entries.items() if any(map(fits, found)))

    def _by_parts(self) -> dict[str, list[Entry]]:
        """Curated titles by their key, and by that of their parts, where linking letters have gone."""
        wholes: dict[str, list[Entry]] = {}
        for k, found in list(self.entries.items()):
            if exact := [entry for entry in found if entry.kind == "exact"]:
                for spelling in {k, "".join(self._split(k).parts)} - {""}:
                    wholes.setdefault(spelling, []).extend(entry for entry in exact if entry not in wholes.get(spelling, []))
        return wholes

    def _add(self, row: Row, entry: Entry) -> None:
        for term in (row["term"], *filter(None, (row.get("other_forms") or "").split("|"))):
            pieces = self.pieces(normal_form(term))
            self.entries.setdefault("".join(pieces), []).append(entry)
            self.phrase_words |= set(pieces) - SEPARATORS
            if entry.kind == "function" and entry.language != "en" and len(pieces) > 1 and len(pieces[-1]) > SHORT:
                self._tails_of_phrases |= {pieces[-1], fold(pieces[-1])}  # raaka-ainepäällikkö, call centerchef

    def _split(self, word: str) -> Split:
        """A word, a compound of known parts, either with one wrong letter; else no parts."""
        if len(word) > LONGEST_WORD:
            return Split(())
        for spelling in dict.fromkeys((word, word.replace("ae", "a").replace("oe", "o"))):
            if spelling in self._parts or (spelling in self.phrase_words and len(spelling) <= SHORT):
                return Split((spelling,))
            # A title that is curated as a whole only: the rules join its parts again where they are all there is.
            if spelling in self.phrase_words:
                return Split(self._compound(spelling) or (spelling,))
            if spelling.endswith("s") and spelling[:-1] in self._parts and len(spelling) > SHORT + 1:
                return Split((spelling[:-1],))
            if parts := self._compound(spelling):
                return Split(parts)
        if len(word) >= FUZZY_HEAD and (near := self._one_of(self._neighbours(word, FUZZY_FROM))):
            return Split(self.split(near).parts, corrected=True)
        if parts := self._misspelt_compound(word):
            return Split(parts, corrected=True)
        if parts := self._qualified(word):
            return Split(parts)
        return Split(())

    def _ends(self, word: str, start: int) -> Iterable[int]:
        """Where a known part that begins at `start` may end; a linking s may follow it."""
        for end in range(start + 2, len(word) + 1):
            if word[start:end] in self._parts and (end - start > SHORT or start == 0):
                yield end

    def _after(self, word: str, start: int, end: int) -> tuple[int, ...]:
        """Where the next part may begin; Swedish links parts with an s."""
        return (end, end + 1) if word[end : end + 1] == "s" and word[start:end] in self._linking else (end,)

    def _compound(self, word: str) -> tuple[str, ...]:
        """Fewest known parts that make up the whole word, the first ones as long as can be."""
        best: dict[int, tuple[str, ...]] = {0: ()}
        for start in range(len(word)):
            if start not in best:
                continue
            for end in self._ends(word, start):
                parts = (*best[start], word[start:end])
                for after in self._after(word, start, end):
                    if after not in best or len(parts) <= len(best[after]):
                        best[after] = parts
        found = best.get(len(word), ())
        return found if len(found) > 1 and self._sound(found) else ()

    def _sound(self, parts: Sequence[str]) -> bool:
        """Whether parts that make up a word also make sense. The last one says what it is: Palosaari is an island, whatever
        palo is. And what no area is about changes the function after it, unless any word may stand there: turkistalous.
        """
        closed = any(one in self._topics and other in self._closed for one, other in pairwise(parts))
        return parts[-1] in self._enders and not closed

    def _neighbours(
        self, word: str, least: int, among: frozenset[str] | None = None, *, anywhere: bool = False
    ) -> frozenset[str]:
        """Known words of at least so many letters that are a wrong, missing, added or swapped letter away.

        anywhere: the first letter may be wrong as well.
        """
        return frozenset(
            known
            for form in (word, *_without_one(word))
            for known in self._fuzzy.get(form, ())
            if (among is None or known in among) and one_apart(word, known)
            # Two letters swapped seldom make another word, so they are put right in short ones too.
            if (len(known) > FUZZY_HEAD and sorted(word) == sorted(known))
            or (len(known) >= least and (anywhere or _begins_alike(word, known)))
        )

    def _one_of(self, near: frozenset[str]) -> str | None:
        """The word that is meant; None if there is none, or if it may be this or that. Forms of one word are no doubt."""
        meanings = {frozenset(e.areas for e in self.entries.get(known, [])) for known in near}
        return min(near) if len(meanings) == 1 else None

    def near_head(self, word: str) -> str | None:
        """The head that is one letter away, however short: only for a title that says of what, and has no head."""
        return self._one_of(self._neighbours(word, FUZZY_HEAD, self.heads, anywhere=True)) if len(word) >= SHORT else None

    def _misspelt_compound(self, word: str) -> tuple[str, ...]:
        """A compound with one wrong letter in one of its parts, or two letters swapped where the parts meet."""
        if len(word) < FUZZY_FROM + 2:
            return ()
        tails = self._tails(word)
        options = [
            (*before, meant, *after)
            for start, before in self._starts(word).items()
            for end, after in tails.items()
            if (before or after) and (meant := self._meant(word[start:end], before, after))
        ]
        if options := [parts for parts in options if self._sound(parts)]:
            return min(options, key=lambda parts: (self._stems.isdisjoint(parts), len(parts), -len(parts[0]), parts))
        for at in range(2, len(word) - FUZZY_HEAD):
            if word[at] != word[at + 1] and (parts := self._compound(word[:at] + word[at + 1] + word[at] + word[at + 2 :])):
                return parts
        return ()

    def _meant(self, piece: str, before: Sequence[str], after: Sequence[str]) -> str | None:
        """The part that a piece between known parts is meant to be."""
        if not after:
            led = len(piece) >= SHORT and not self._stems.isdisjoint(before)
            near = self._neighbours(piece, FUZZY_HEAD, self.heads, anywhere=True) if led else frozenset()
            return self._one_of(near or self._neighbours(piece, FUZZY_FROM, self._carriers))
        least = FUZZY_FROM + 1 if before else FUZZY_STEM
        near = self._neighbours(piece, least, self._carriers)
        if not near and piece.endswith("s"):
            near = self._neighbours(piece[:-1], least, self._carriers)
        return self._one_of(near)

    def _starts(self, word: str) -> dict[int, tuple[str, ...]]:
        best: dict[int, tuple[str, ...]] = {0: ()}
        for start in range(len(word)):
            if start in best:
                for end in self._ends(word, start):
                    for after in self._after(word, start, end):
                        best.setdefault(after, (*best[start], word[start:end]))
        return best

    def _tails(self, word: str) -> dict[int, tuple[str, ...]]:
        best: dict[int, tuple[str, ...]] = {len(word): ()}
        for end in range(len(word), 0, -1):
            if end in best:
                for start in range(end - SHORT - 1, 0, -1):
                    if word[start:end] in self._parts:
                        best.setdefault(start, (word[start:end], *best[end]))
        return best

    def _qualified(self, word: str) -> tuple[str, ...]:
        """A function that any word may qualify, with its head: the prefix is unknown, the area is not in doubt."""
        for start, parts in sorted(self._tails(word).items()):
            if start > SHORT and len(parts) > 1 and parts[0] in self._open and len(parts[0]) > SHORT + 1:
                return parts
        return ()


def version_of(tables: Mapping[str, Iterable[Row]]) -> str:
    """Twelve hexadecimal digits that change with any row of the vocabulary and any line of the rules."""
    digest = hashlib.sha256()
    for name in TABLES:
        for row in sorted(tuple(sorted((k, str(v or "")) for k, v in row.items())) for row in tables[name]):
            digest.update(repr((name, row)).encode())
    for module in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(module.read_bytes())
    return digest.hexdigest()[:12]


def key(term: str) -> str:
    """A term as the index knows it: in its normal form, without blanks."""
    return normal_form(term).replace(" ", "")


def one_apart(a: str, b: str) -> bool:
    """Whether one letter wrong, missing, added, or two neighbours swapped make the one of the other."""
    if len(a) > len(b):
        a, b = b, a
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    if len(b) - len(a) == 1:
        return a[at:] == b[at + 1 :]
    if len(a) != len(b):
        return False
    return a[at + 1 :] == b[at + 1 :] or (a[at : at + 2] == b[at : at + 2][::-1] and a[at + 2 :] == b[at + 2 :])


def _begins_alike(word: str, known: str) -> bool:
    """A first letter is seldom wrong; it may be missing, or have changed places. Long words may err anywhere."""
    if word[0] == known[0] or word[:2] == known[1::-1] or len(known) > FUZZY_FROM + 2:
        return True
    return len(known) > FUZZY_FROM and word == known[1:]


def _without_one(word: str) -> set[str]:
    return {word[:i] + word[i + 1 :] for i in range(len(word))}


def _deletions(known: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Each word under itself and under what is left of it without one letter: neighbours meet there."""
    index: dict[str, set[str]] = {}
    for word in known:
        for form in (word, *_without_one(word)):
            index.setdefault(form, set()).add(word)
    return {form: tuple(sorted(found)) for form, found in index.items()}


def _functions(areas: str) -> tuple[tuple[str, float], ...]:
    """`TK.PRODUCT:0.5|MARKKINOINTI.PRODUCT:0.5` -> pairs; without a weight the areas share evenly."""
    pairs = [cell.partition(":")[::2] for cell in areas.split("|")]
    return tuple((code.strip(), float(weight) if weight else round(1 / len(pairs), 2)) for code, weight in pairs)
