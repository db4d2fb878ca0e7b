"""How one title is judged. Data decides what words mean (vocabulary.py); here is only how they stand together.

1. The words are taken apart into known parts, and the longest phrases of the vocabulary are found among them.
2. Separators cut the title into pieces. A piece without a head takes that of its neighbour: "myynti- ja
   markkinointijohtaja", "Head of Sales & Marketing", "Director, Sales".
3. In each piece a curated title or the function nearest to the head gives the areas; a weak function (development,
   service, project) gives them only where no other function stands.
4. Whoever is an assistant, a trainee, a former this or that is no decision maker; what is not understood stays without
   an area.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import accumulate

from base.titles.text import CLOSE, HARD, OPEN, SEPARATORS, SOFT, normal_form
from base.titles.vocabulary import LEVELS, SHORT, Entry, Vocabulary

EXACT, NORMALISED, COMPOSED, GUESSED = 1.0, 0.9, 0.7, 0.4
"""Confidence: a curated title letter for letter; one after normalisation; stem and head; an initialism in context."""
LONGEST_TITLE = 300
"""What is longer is a text that has come into the wrong cell."""


@dataclass(frozen=True, slots=True)
class Label:
    """One area of a title. weight: its share where the title may mean one thing or another, 1 where it means all."""

    area: str
    function: str
    weight: float
    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a title says. No labels: unclassified, and `reason` says why."""

    title: str
    language: str | None
    normal_form: str
    level: str | None
    labels: tuple[Label, ...]
    reason: str

    @property
    def areas(self) -> tuple[str, ...]:
        """Area codes, sorted."""
        return tuple(sorted(label.area for label in self.labels))


@dataclass(slots=True)
class Item:
    """A phrase of the vocabulary in the title, or a word that it does not know."""

    text: str
    parts: tuple[str, ...]
    entries: list[Entry]
    corrected: bool = False

    def one(self, kind: str, language: str | None, *details: str) -> Entry | None:
        """Its entry of a kind; that of the title's language before others."""
        found = [e for e in self.entries if e.kind == kind and (not details or e.detail in details)]
        return next((e for e in found if e.language == language), found[0] if found else None)

    def only(self, *details: str) -> bool:
        """Whether it is a modifier of one of these kinds and nothing else."""
        return bool(self.entries) and all(e.kind == "modifier" and e.detail in details for e in self.entries)


@dataclass(slots=True)
class Piece:
    """What stands between two separators. before: the separator that leads it."""

    items: list[Item] = field(default_factory=list)
    before: str = ""
    bracketed: bool = False


@dataclass(slots=True)
class Finding:
    """What a piece gives.

    head_first: "head of sales"; exact: a curated title; bare: no function but a weak one ("project manager"), so that a
    neighbour may say of what; only_head: not even that ("director").
    """

    functions: tuple[tuple[str, float], ...]
    level: str
    confidence: float
    reason: str
    head_first: bool = False
    exact: bool = False
    bare: bool = False
    only_head: bool = False


def judge(title: str, language: str | None, vocabulary: Vocabulary) -> Judgement:
    """Areas, level and reason of one title. language: fi, sv, en, or None where nobody knows."""
    if len(title) > LONGEST_TITLE:
        return Judgement(title, language, "", None, (), f"unclassified: longer than {LONGEST_TITLE} characters")
    verbatim = " ".join(title.lower().split()) in vocabulary.verbatim
    return replace(_judged(normal_form(title), language, verbatim, vocabulary), title=title)


@lru_cache(maxsize=100_000)
def _judged(normal: str, language: str | None, verbatim: bool, vocabulary: Vocabulary) -> Judgement:
    return _Title(normal, language, verbatim, vocabulary).judge()


class _Title:
    def __init__(self, normal: str, language: str | None, verbatim: bool, vocabulary: Vocabulary) -> None:
        self.normal, self.told, self.verbatim, self.vocabulary = normal, language, verbatim, vocabulary
        self.pieces = self._pieces()
        self.language = self._language()
        self._mend_head()

    def judge(self) -> Judgement:
        if not any(piece.items for piece in self.pieces):
            return self._nothing("no words")
        if negative := self._negative():
            return self._nothing(negative)
        findings = self._findings([p for p in self.pieces if not p.bracketed])
        # What stands in brackets is told again in other words, or the place: it counts where the rest says too little.
        if all(finding.bare for finding in findings):
            findings = ([] if findings else self._initialism()) or self._findings(self.pieces)
        if not findings:
            return self._nothing(self._why_not())
        labels: dict[str, Label] = {}
        for finding in findings:
            for code, weight in finding.functions:
                area = code.split(".")[0]
                if area not in labels or labels[area].confidence < finding.confidence:
                    labels[area] = Label(area, code, weight, finding.confidence, finding.reason)
        level = min((f.level for f in findings if f.level), key=LEVELS.index, default=None)
        reason = "; ".join(dict.fromkeys(finding.reason for finding in findings))
        return Judgement(self.normal, self.told, self.normal, level, tuple(labels[a] for a in sorted(labels)), reason)

    # Taking apart

    def _pieces(self) -> list[Piece]:
        stream: list[str] = []
        corrected: set[str] = set()
        for word in self._joined(self.vocabulary.pieces(self.normal)):
            split = self.vocabulary.split(word) if word not in SEPARATORS else None
            stream += (split.parts if split else ()) or (word,)
            if split and split.corrected:
                corrected |= set(split.parts)
        pieces, depth, at = [Piece()], 0, 0
        while at < len(stream):
            length, entries = (0, []) if stream[at] in SEPARATORS else self.vocabulary.find(stream, at)
            if stream[at] in SEPARATORS:
                depth = max(0, depth + {OPEN: 1, CLOSE: -1}.get(stream[at], 0))
                pieces.append(Piece([], SOFT if stream[at] == SOFT else HARD, depth > 0))
                at += 1
                continue
            parts = tuple(stream[at : at + max(length, 1)])
            pieces[-1].items.append(Item(" ".join(parts), parts, entries, not corrected.isdisjoint(parts)))
            at += len(parts)
        for piece in pieces:
            piece.items = self._without_company(piece.items)
        return [piece for piece in pieces if piece.items]

    def _joined(self, told: list[str]) -> list[str]:
        """A blank one letter off: "sale smanager" is one word, which is then parted where it should be."""
        result: list[str] = []
        for word in told:
            before = result[-1] if result else SOFT
            if before not in SEPARATORS and word not in SEPARATORS and not (self._known(before) and self._known(word)):
                together = self.vocabulary.split(before + word)
                ends = accumulate(map(len, together.parts))
                if not together.corrected and any(abs(end - len(before)) == 1 for end in ends):
                    result[-1] = before + word
                    continue
            result.append(word)
        return result

    def _known(self, word: str) -> bool:
        split = self.vocabulary.split(word)
        return bool(split.parts) and not split.corrected

    def _mend_head(self) -> None:
        """A title with a function and no head, and a word that is nearly one: "haed of sales"."""
        items = [item for piece in self.pieces for item in piece.items]
        if self._heads(items) or any(i.one("exact", None) for i in items) or not self._stated(items):
            return
        for item in items:
            if not item.entries and (head := self.vocabulary.near_head(item.text)):
                item.parts, item.entries, item.corrected = (head,), self.vocabulary.entries[head], True
                return

    @staticmethod
    def _without_company(items: list[Item]) -> list[Item]:
        """Without a company's name: its form (Oy, Ab) and the unknown words beside it; without degrees and notes."""
        if any(item.only("form") for item in items):
            if not any(e.kind in ("head", "exact", "negative") for item in items for e in item.entries):
                return []
            items = [item for item in items if item.entries]
        return [item for item in items if not item.only("form", "degree", "junk")]

    def _language(self) -> str | None:
        """The language most of its words are of; the told one counts as half a word, for titles cross borders."""
        score = dict.fromkeys(("fi", "sv", "en"), 0.0)
        if self.told in score:
            score[self.told] = 0.5
        for piece in self.pieces:
            for item in piece.items:
                languages = {e.language for e in item.entries if e.kind != "modifier"} - {"*"}
                if len(languages) == 1 and item.text != "chef":
                    score[languages.pop()] += 1
        best = max(score, key=lambda language: score[language])
        return best if score[best] else None

    # Not a decision maker

    def _negative(self) -> str | None:
        """Why nobody here decides, if so. A piece that names a stand-in or an outsider falls away alone."""
        kept = []
        for piece in self.pieces:
            found = [(at, e) for at, i in enumerate(piece.items) for e in i.entries if e.kind == "negative"]
            for at, entry in found:
                if entry.scope == "last" and any(i.one("head", None) or i.one("exact", None) for i in piece.items[at + 1 :]):
                    continue
                if any(e.kind != "negative" and e.language == self.language for e in piece.items[at].entries):
                    continue  # "intern" is no trainee in Swedish
                if entry.scope == "title":
                    return f"not a decision maker: {entry.term} ({entry.detail})"
                piece.items = []
                kept.append(f"not a decision maker: {entry.term} ({entry.detail})")
                break
        self.pieces = [piece for piece in self.pieces if piece.items]
        return kept[0] if kept and not self.pieces else None

    # Putting together

    def _findings(self, pieces: Sequence[Piece]) -> list[Finding]:
        alone = [self._finding(piece.items) for piece in pieces]
        findings, lenders = [], set()
        for at, piece in enumerate(pieces):
            # A head that has found no function here: an unknown word stands beside a weak one.
            if alone[at] or not self._functions(piece.items) or self._heads(piece.items):
                continue
            finding, lender = self._shared(pieces, alone, at)
            lent = alone[lender] if lender is not None else None
            # "palvelupäällikkö, konserni": a weak function beside another one adds nothing.
            if finding and not (lent and not lent.only_head and not self._stated(piece.items)):
                findings.append(finding)
                lenders.add(lender)
        # "Director, Sales", "Project Manager, IT": the neighbour says of what, so the bare title adds no area of its own.
        findings = [f for at, f in enumerate(alone) if f and not (f.bare and at in lenders)] + findings
        return [f for f in findings if not f.only_head] or findings

    def _shared(self, pieces: Sequence[Piece], alone: Sequence[Finding | None], at: int) -> tuple[Finding | None, int | None]:
        """A piece of functions with the head of a neighbour, the next one's, else the last one's; and that neighbour, if it
        has nothing to do but lend its head.
        """
        rest = range(at + 1, len(pieces))
        later = next((i for i in rest if self._heads(pieces[i].items) or not self._functions(pieces[i].items)), None)
        if later is not None:
            finding, heads = alone[later], self._heads(pieces[later].items)
            bare = bool(heads) and not self._stated(pieces[later].items)
            joined = any(pieces[i].before == SOFT for i in range(at + 1, later + 1)) and not (finding and finding.head_first)
            heads = heads or self._inner_heads(pieces[later].items)
            if heads and (bare or joined):
                lender = later if bare and pieces[later].before != SOFT else None
                return self._finding([*pieces[at].items, heads[-1]]), lender
        for earlier in range(at - 1, -1, -1):
            finding, heads = alone[earlier], self._heads(pieces[earlier].items)
            if heads or (finding and finding.exact):
                bare = not self._stated(pieces[earlier].items) and not (finding and not finding.bare)
                joined = all(pieces[i].before == SOFT for i in range(earlier + 1, at + 1))
                if heads and (bare or joined or (finding and finding.head_first and self._listed(pieces, earlier, at))):
                    return self._finding([heads[0], *pieces[at].items]), None if joined and not bare else earlier
                break
        return None, None

    def _inner_heads(self, items: Sequence[Item]) -> list[Item]:
        """The head at the end of a curated title: "markkinointi- ja konsernijohtaja" speaks of two johtaja."""
        if not items or not items[-1].one("exact", None):
            return []
        last = items[-1].parts[-1]
        found = next((last[at:] for at in range(len(last) - SHORT) if last[at:] in self.vocabulary.heads), None)
        return [Item(found, (found,), self.vocabulary.entries[found])] if found else []

    @staticmethod
    def _listed(pieces: Sequence[Piece], first: int, at: int) -> bool:
        """Whether "head of A, B and C" goes on to here: an "and" somewhere after the head."""
        return any(piece.before == SOFT for piece in pieces[first + 1 :]) or pieces[at].before == SOFT

    def _finding(self, items: list[Item]) -> Finding | None:
        """The areas of one piece with a head or a curated title in it."""
        core = [i for i in items if not i.only("acting", "preposition")]
        if whole := self._whole(items) or self._whole(core):
            return whole
        # Not all grades at once: of "senior distriktschef" the first one is none of the title's, the second is.
        graded = next((at for at, i in enumerate(core) if not i.only("grade")), len(core))
        if whole := next(filter(None, (self._whole(core[at:]) for at in range(1, graded + 1))), None):
            return whole
        core = [i for i in core if not i.only("grade")]
        known = [i for i in core if i.entries]
        if whole := self._whole(core) or (self._whole(known) if self._functions(known) else None):
            return whole
        head_at = next((at for at in range(len(items) - 1, -1, -1) if self._anchors(items, at)), None)
        if head_at is None:
            return None
        anchor = items[head_at]
        exact = anchor.one("exact", self.language)
        before = items[:head_at]
        functions = [i for i in items if i is not anchor and i.one("function", None)]
        if exact and not (anchor.one("head", None) and functions):
            confidence = NORMALISED if core == [anchor] and not anchor.corrected else COMPOSED
            return self._exact(exact, anchor, confidence)
        chosen, first = self._nearest(before, items), False
        if chosen is None:
            chosen, first = self._nearest(self._first_phrase(items[head_at + 1 :]), items), True
        if chosen is None:
            return self._led(before, anchor)
        function = chosen.one("function", self.language)
        heads = [e for i in items if (e := i.one("head", self.language))]
        if function is None or not heads or not self._trusted(heads, items):
            return None
        level = min((head.level for head in heads), key=LEVELS.index)
        head = anchor.one("head", self.language)
        reason = f"stem and head: {function.term} + {head.term if head else anchor.text}"
        reason += self._corrections([chosen, anchor])
        return Finding(function.functions, level, COMPOSED, reason, first, bare=function.detail == "weak")

    def _led(self, before: Sequence[Item], anchor: Item) -> Finding | None:
        """Who leads people of a curated title: "rakennuttajapäällikkö", "Lead Buyer Manager"."""
        head = anchor.one("head", self.language)
        exact = before[-1].one("exact", self.language) if before else None
        if not head or not exact:
            return None
        reason = f"curated title and head: {exact.term} + {head.term}{self._corrections([before[-1], anchor])}"
        return Finding(exact.functions, head.level, COMPOSED, reason)

    def _whole(self, items: list[Item]) -> Finding | None:
        """A curated title that is all of the piece."""
        if not items:
            return None
        found = self.vocabulary.whole(part for item in items for part in item.parts)
        entry = next((e for e in found if e.language == self.language), found[0] if found else None)
        if entry is None:
            return None
        corrected = any(item.corrected for item in items)
        return self._exact(entry, None, COMPOSED if corrected else EXACT if self.verbatim else NORMALISED, items)

    def _exact(self, entry: Entry, item: Item | None, confidence: float, items: Sequence[Item] = ()) -> Finding:
        band = {EXACT: "curated title", NORMALISED: "curated title after normalisation", COMPOSED: "curated title within"}
        reason = f"{band[confidence]}: {entry.term}{self._corrections([item] if item else items)}"
        whole = entry.scope == "whole"
        bare, only_head = whole and not self._stated(items), whole and not self._functions(items)
        return Finding(entry.functions, entry.level, confidence, reason, exact=True, bare=bare, only_head=only_head)

    def _anchors(self, items: list[Item], at: int) -> bool:
        """Whether an item can be what the piece turns on: a head, or a curated title that is not the stem of a head."""
        item = items[at]
        if item.one("head", None):
            return True
        follows = any(i.one("head", None) for i in items[at + 1 :])
        return bool(item.one("exact", None)) and not (follows and item.one("function", None))

    def _heads(self, items: Sequence[Item]) -> list[Item]:
        return [i for i in items if i.one("head", None)]

    def _functions(self, items: Sequence[Item]) -> list[Item]:
        return [i for i in items if i.one("function", None)]

    def _stated(self, items: Sequence[Item]) -> bool:
        """Whether a function stands there that is not a weak one."""
        return any(i.one("function", self.language) and not self._weak(i) for i in items)

    def _nearest(self, items: list[Item], piece: list[Item]) -> Item | None:
        """The strong function nearest to the head; a weak one only where every word of the piece is known."""
        for item in reversed(items):
            if item.one("function", self.language, "strong", "open") and not self._weak(item):
                return item
        if any(not item.entries or item.only("topic") for item in piece):
            return None
        return next((i for i in reversed(items) if i.one("function", None)), None)

    def _weak(self, item: Item) -> bool:
        function = item.one("function", self.language)
        return function is not None and function.detail == "weak"

    def _first_phrase(self, items: list[Item]) -> list[Item]:
        """What follows a head up to the second preposition: "of marketing" of "of marketing for retail"."""
        phrase: list[Item] = []
        for item in items:
            if item.only("preposition"):
                if self._functions(phrase):
                    break
                continue
            phrase.append(item)
        return phrase

    def _trusted(self, heads: list[Entry], items: list[Item]) -> bool:
        """A Swedish chef leads, an English one cooks."""
        lone = [i for i in items if i.text == "chef"]
        return not (lone and all(h.term == "chef" for h in heads) and self.language == "en")

    def _initialism(self) -> list[Finding]:
        """CPO and its like, by the other words of the title; alone only where one meaning is usual."""
        items = [item for piece in self.pieces for item in piece.items]
        for item in items:
            for name in item.parts:
                readings = self.vocabulary.initialisms.get(name, [])
                if not readings:
                    continue
                said = {part for i in items for part in i.parts}
                told = {c.split(".")[0] for i in items for e in i.entries if e.kind == "function" for c, _ in e.functions}
                fitting = [r for r in readings if r.meaning in said]
                fitting = fitting or [r for r in readings if told & {c.split(".")[0] for c, _ in r.functions}]
                fitting = fitting or [r for r in readings if r.alone and not told]
                if len({r.functions for r in fitting}) == 1:
                    reading = fitting[0]
                    reason = f"initialism in context: {name.upper()} for {reading.meaning}"
                    return [Finding(reading.functions, reading.level, GUESSED, reason)]
        return []

    def _corrections(self, items: Sequence[Item]) -> str:
        return " (misspelt)" if any(item.corrected for item in items) else ""

    def _why_not(self) -> str:
        items = [item for piece in self.pieces for item in piece.items]
        if names := [n.upper() for i in items for n in i.parts if n in self.vocabulary.initialisms]:
            return f"initialism without context: {', '.join(names)}"
        if unknown := [item.text for item in items if not item.entries]:
            return f"unknown: {', '.join(unknown[:5])}"
        if self._functions(items) and not self._heads(items):
            return "no head: a field of work, but no position in it"
        return "no function: a position, but nothing says of what"

    def _nothing(self, reason: str) -> Judgement:
        return Judgement(self.normal, self.told, self.normal, None, (), f"unclassified: {reason}")
