"""What the picking page shows of a group: facets with live counts, chips, the map, the waterfall, the profile.

All of it is plain values; the templates draw it. Addresses are those of the same page with one thing changed.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from delivery import criteria
from delivery.columns import Language, values
from delivery.counting import SMALL_COUNTS, STANDING
from delivery.criteria import Criterion
from delivery.group import TargetGroup
from delivery.picker import Cell
from delivery.service.counts import BANDS, PROFILE, Look
from delivery.service.page import form
from delivery.service.page.form import Pairs
from delivery.service.page.rendering import day, number
from delivery.service.page.texts import Words
from delivery.service.shelf import Shelf
from delivery.wording import worded

PLACES = ("region", "industry_section", "staff_band", "legal_form_group")
PERSONS = ("area", "level", "role", "person_language", "verifier")
FIRMS = ("language", "employer", "vat_registered", "has_website")
CHANNELS_OF = "open_channel"
FOLDED = 8
"""Of a longer list the rest stands behind a lid."""
SHADES = 5
MONTHS = {3: 92, 6: 183, 12: 365, 24: 730}
"""Verified within so many months, in days (delivery/criteria.csv)."""
LEAST = ("0.5", "0.7", "0.8", "0.9")
SEARCHED = ("industry", "municipality", "postcode", "legal_form", "subregion", "wellbeing_county", "industry_2008", "status",
            "source", "person_source")  # fmt: skip
ENDS = {"age_years", "taxed_income", "days_since_verified", "p_current"}
"""Ranges that have a place of their own on the page; the others stand in one list."""
OF_THEIR_OWN = ("age_years.min", "age_years.max", "taxed_income.min", "days_since_verified.max", "p_current.min", "title")
BAND_NAMES = {"age_years": ("0–1", "2–4", "5–9", "10–19", "20–49", "50–"), "days_since_verified": ("3", "6", "12", "24", "24+")}
HEAD = re.compile("(?<=[^ -]{4})(maa|laakso|botten|land|landet|dalen|bothnia|karelen|karelia)$")
"""Where the long name of a region may be broken on its tile."""
CHIPS = ("include", "exclude", "months", "as_of", "cap", "rank", "n", "strata", "cells", "hold_out", "about", "topic", "reason",
         form.TREE)  # fmt: skip
"""What else narrows a group and is told as a chip."""
NAMED_OTHERWISE = {"language": "language", "person_language": "language", "open_channel": "channel"}
"""Criteria whose codes are called by a family of texts.csv of another name."""


@dataclass(frozen=True)
class Option:
    """A value that can be chosen. count: how many more of it; None where it is too small to be told."""

    code: str
    name: str
    count: int | None
    is_chosen: bool
    bar: float = 0


@dataclass(frozen=True)
class Facet:
    """A list of values. rest: behind a lid, open when something in it is chosen."""

    code: str
    title: str
    shown: list[Option]
    rest: list[Option]

    @property
    def is_open(self) -> bool:
        """Whether the lid is."""
        return any(option.is_chosen for option in self.rest)

    @property
    def chosen(self) -> int:
        """How many are."""
        return sum(option.is_chosen for option in (*self.shown, *self.rest))


@dataclass(frozen=True)
class Chip:
    """Something that was chosen, and the address without it."""

    title: str
    name: str
    query: str


@dataclass(frozen=True)
class Part:
    """A condition among those that can be put together. moves: where it may go (and, any1, none1 ...), and the address then."""

    pairs: list[tuple[str, str]]
    title: str
    name: str
    moves: list[tuple[str, str]]


@dataclass(frozen=True)
class Block:
    """Conditions of which any, or none, holds. kind: and, any, none; the first holds everything that is in no other."""

    kind: str
    parts: list[Part]


@dataclass(frozen=True)
class Tile:
    """A region on the map. shade: 0 to SHADES by its count."""

    code: str
    name: str
    row: int
    column: int
    count: int | None
    shade: int
    is_chosen: bool
    query: str


@dataclass(frozen=True)
class Step:
    """A gate of the waterfall: what fell, and where its bar begins and how wide it is (of 1000)."""

    kind: str
    name: str
    count: int
    start: float
    width: float


@dataclass(frozen=True)
class Share:
    """A line of the profile. of_group, of_all: shares, None where not told; index: 100 is as everywhere; fill, mark: where its
    bar ends and everybody's would, in percent of the longest."""

    name: str
    count: int | None
    of_group: float | None
    of_all: float | None
    index: int | None
    fill: float
    mark: float | None


@dataclass(frozen=True)
class Profile:
    """Who is in a group by one dimension."""

    code: str
    title: str
    lines: list[Share]


@dataclass(frozen=True)
class Names:
    """Names of codes, of the published version. gates: those that stand for every group."""

    language: Language
    valid: Mapping[str, Mapping[str, tuple[str, ...]]]
    gates: Mapping[str, str]
    words: Words = field(init=False)
    _known: dict[tuple[str, str | None], str] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", Words(self.language))

    def of(self, criterion: str, code: str | None) -> str:
        """What a code is called."""
        key = (criterion, code)
        said = self._known.get(key)
        if said is None:
            said = self._of(criterion, code)
            if code is None or code in self.valid.get(criterion, {}):
                self._known[key] = said
        return said

    def _of(self, criterion: str, code: str | None) -> str:
        if code is None:
            return self.words("unknown")
        if criterion in BAND_NAMES:
            return self.words.of(criterion, BAND_NAMES[criterion][int(code)])
        if code in ("true", "false"):
            return values()["boolean"][code][self.language]
        if told := values().get({"person_source": "source"}.get(criterion, criterion), {}).get(code):
            return told[self.language]
        names = self.valid.get(criterion, {}).get(code, ())
        if not names:
            return self.words.of(NAMED_OTHERWISE.get(criterion, criterion), code)
        place = {"fi": 0, "sv": 1, "en": 2}[self.language]
        # Places have names in two languages only, and what stands after the names is no name.
        has = {"municipality": 2, "postcode": 2, "subregion": 1, "wellbeing_county": 1}.get(criterion, 3)
        return names[place] if place < min(has, len(names)) else names[0]

    def title(self, criterion: str) -> str:
        """What a criterion is called, with a capital."""
        said = self.words.of("title", criterion)
        return said if said != criterion else _capital(criteria.catalogue()[criterion].names[self.language])

    def gate(self, code: str) -> str:
        """What a gate is called."""
        return _capital(self.gates.get(code) or self.words.of("gate", code))


def names(shelf: Shelf, language: Language) -> Names:
    """Names in a language, of the version in service. Raises Refused when nothing is published."""
    known: Names | None = shelf.held.names.get(language)
    if known:
        return known
    with shelf.version() as version:
        kept = version.names
        if language not in kept:
            book = version.picker.book
            valid = {one.code: book.valid(one) for one in criteria.catalogue().values() if one.kind == "set"}
            rows = version.db.execute(f"select gate, name_{language} from registry.reference.gates").fetchall()
            kept[language] = Names(language, valid, dict(rows))
        found: Names = kept[language]
        return found


def dimensions(unit: str) -> list[str]:
    """Dimensions whose values the page lists."""
    return [*PLACES, *(PERSONS if unit == "person" else ()), *FIRMS, *((CHANNELS_OF,) if unit == "person" else ())]


def facets(look: Look, pairs: Pairs, named: Names, codes: Sequence[str]) -> dict[str, Facet]:
    """Lists of values, those of nobody too: a list whose lines come and go cannot be used by keyboard."""
    found = {}
    for code in codes:
        common = {cell.values[0]: cell.count or 0 for cell in look.whole.get(code, [])}
        chosen = {value for key, value in pairs if key == code}
        cells = [cell for cell in look.facets.get(code, []) if cell.values[0] is not None]
        most = max((cell.count or 0 for cell in cells), default=0)
        options = [
            Option(str(cell.values[0]), named.of(code, cell.values[0]), cell.count, cell.values[0] in chosen,
                   100 * (cell.count or 0) / most if most else 0)
            for cell in _ordered(code, cells, named)
        ]  # fmt: skip
        options += [Option(value, value, 0, True) for value in sorted(chosen - {option.code for option in options})]
        if len(options) > FOLDED + 1 and code != "staff_band":
            # The most common ones first, as they are among everybody: an order that does not move with each choice.
            options.sort(key=lambda option: -common.get(option.code, 0))
        most_shown = FOLDED if len(options) > FOLDED + 1 else len(options)
        found[code] = Facet(code, named.title(code), options[:most_shown], options[most_shown:])
    return found


def chips(wanted: TargetGroup, pairs: Pairs, named: Names) -> list[Chip]:
    """Everything that narrows the group, each with the way back."""
    found = []
    for key, value in pairs:
        query = form.query(form.without(pairs, key, value))
        if form.is_condition(key):
            title, name = _worded(named, key, value)
            if block := form.block_of(key).rstrip("0123456789."):
                title = f"{named.words.of('block_of', block)}: {title}"
            found.append(Chip(title, name, query))
        elif key in CHIPS:
            found.append(Chip(_capital(named.words.of("chip", key)), _told(named, key, value), query))
    return found


def blocks(pairs: Pairs, named: Names) -> list[Block]:
    """The conditions as they hang together: those that all hold, then each block, with the ways from one to another."""
    kept: dict[str, dict[str, Pairs]] = {"": {}}
    for key, value in pairs:
        if form.is_condition(key):
            kept.setdefault(form.block_of(key), {}).setdefault(form.condition_of(key), []).append((key, value))
    places = [*kept, *(form.free_block(pairs, kind) for kind in ("any", "none") if not any(b.startswith(kind) for b in kept))]
    found = []
    for block, conditions in kept.items():
        parts = []
        for condition, told in conditions.items():
            said = [_worded(named, key, value) for key, value in told]
            bare = condition.removeprefix(block)
            moves = [
                (place[:-1] or "and", form.query(form.moved(pairs, condition, place)))
                for place in places
                # Two on one value would be one: sets grow, of others one would be lost.
                if place != block and (criteria.catalogue()[bare.removeprefix(form.NOT)].kind == "set"
                                       or f"{place}{bare}" not in kept.get(place, {}))
            ]  # fmt: skip
            parts.append(Part(told, said[0][0], "; ".join(name for _, name in said), moves))
        found.append(Block(block[:-1] or "and", parts))
    return found


def kept(pairs: Pairs, shown: Sequence[str], named: Names) -> list[tuple[str, str, str, str]]:
    """Conditions for which the form has no place of their own: key, value, and what they are called."""
    return [
        (key, value, *_worded(named, key, value))
        for key, value in pairs
        if form.is_condition(key) and not form.block_of(key) and key not in shown
    ]


def deeper(pairs: Pairs, named: Names) -> list[tuple[str, str]]:
    """Parts that nest deeper than a form can show: as JSON and in words."""
    return [(value, _told(named, key, value)) for key, value in pairs if key == form.TREE]


def ranges(unit: str) -> list[Criterion]:
    """Ranges that stand in one list."""
    return [one for one in criteria.of_unit(unit) if one.kind == "range" and one.code not in ENDS]


def flags(unit: str) -> list[Criterion]:
    """Yes or no, beside those that are facets."""
    return [one for one in criteria.of_unit(unit) if one.kind == "flag" and one.code not in FIRMS]


def strata(unit: str, named: Names) -> list[tuple[str, str]]:
    """What a sample can be spread by."""
    return [(code, named.title(code)) for code in criteria.dimensions(unit) if not criteria.catalogue()[code].is_list]


def _worded(named: Names, key: str, value: str) -> tuple[str, str]:
    """What a condition is called, and what it asks."""
    bare = key.removeprefix(form.block_of(key)).removeprefix(form.NOT)
    code = form.condition_of(bare)
    title = named.title(code)
    is_not = key.removeprefix(form.block_of(key)).startswith(form.NOT)
    return f"{named.words('not')} {title}" if is_not else title, _said(named, bare, code, value)


def _told(named: Names, key: str, value: str) -> str:
    if key == "about":
        return named.of("area", value)
    if key == "strata":
        return named.title(value)
    if key == "hold_out":
        return f"{100 * float(value.replace(',', '.')):g} %"
    if key == form.TREE:
        said = worded(value, named.language, named.of)
        return said[1:-1] if said.startswith("(") else said
    if key == "as_of":
        return day(value, named.language)
    return named.words.of("rank" if key == "rank" else "topic", value)


def _said(named: Names, bare: str, code: str, value: str) -> str:
    if code == "days_since_verified" and bare.endswith(form.MAX):
        months = next((months for months, days in MONTHS.items() if str(days) == value), None)
        if months:
            return named.words("within_months", months=months)
    sign = "≥ " if bare.endswith(form.MIN) else "≤ " if bare.endswith(form.MAX) else ""
    one = criteria.catalogue()[code]
    if one.kind == "set":
        name = named.of(code, value)
        return f"{value} {name}" if code in SEARCHED and name != value else name
    if one.kind == "flag":
        return named.of(code, value)
    if one.codes == "date":
        return f"{sign}{day(value, named.language)}"
    return f"{sign}{number(int(value), named.language) if value.isdecimal() else value}"


def tiles(look: Look, pairs: Pairs, named: Names) -> list[Tile]:
    """The map of the regions, laid out like the country."""
    counts = {cell.values[0]: cell.count for cell in look.facets["region"]}
    most = max((count or 0 for count in counts.values()), default=0)
    chosen = {value for key, value in pairs if key == "region"}
    found = []
    for code, row, column in _places():
        count = counts.get(code, 0)
        # By its root: Uusimaa has a third of everything.
        shade = 0 if not count or not most else min(SHADES, 1 + int((SHADES - 0.01) * (count / most) ** 0.5))
        query = form.query(form.toggled(pairs, "region", code))
        found.append(
            Tile(
                code, HEAD.sub("\N{SOFT HYPHEN}\\1", named.of("region", code)), row, column, count, shade, code in chosen, query
            )
        )
    return found


def steps(lines: Sequence[Mapping[str, Any]], named: Names) -> list[Step]:
    """The waterfall as bars that hang where the one before ended; gates at which nobody fell are left out."""
    if not lines:
        return []
    left = total = int(lines[0]["count"])
    found = []
    for at, line in enumerate(lines):
        count = int(line["count"])
        is_end = at in (0, len(lines) - 1)
        if not is_end:
            left -= count
        if count or is_end:
            start = 0 if is_end else left
            scale = 1000 / total if total else 0
            kind = (
                "end" if is_end else "small" if line["gate"] == SMALL_COUNTS else "house" if line["gate"] in STANDING else "own"
            )
            found.append(Step(kind, named.gate(line["gate"]), count, start * scale, max(count * scale, 2 if count else 0)))
    return found


def profile(look: Look, named: Names) -> list[Profile]:
    """Who is in the group against everybody whom the channels reach."""
    size = int(look.told["available"])
    found = []
    for code in (*PROFILE, *BANDS):
        if code not in look.profile:
            continue
        everywhere = {cell.values[0]: cell.count for cell in look.whole[code]}
        shares = [
            (cell, _part(cell.count, size), _part(everywhere.get(cell.values[0], 0), look.whole_size))
            for cell in _ordered(code, look.profile[code], named)
        ]
        most = max((share or 0 for _, *of in shares for share in of), default=0) or 1
        lines = [
            Share(named.of(code, cell.values[0]), cell.count, of_group, of_all,
                  round(100 * of_group / of_all) if of_group is not None and of_all else None,
                  100 * (of_group or 0) / most, None if of_all is None else 100 * of_all / most)
            for cell, of_group, of_all in shares if cell.count != 0 or of_all
        ]  # fmt: skip
        found.append(Profile(code, named.title(code), lines))
    return found


def _part(count: int | None, size: int) -> float | None:
    return None if count is None or not size else count / size


def _ordered(code: str, cells: Sequence[Cell], named: Names) -> list[Cell]:
    """Bands from the smallest, the rest by name; what is not known last."""

    def place(cell: Cell) -> tuple[Any, ...]:
        value = cell.values[0]
        if value is None:
            return (1, 0, "")
        if code == "staff_band":
            return (0, int(value.split("-")[0].rstrip("+")), "")
        return (0, 0, value if code in (*BANDS, "industry_section") else named.of(code, value).casefold())

    return sorted(cells, key=place)


def _capital(said: str) -> str:
    return said[:1].upper() + said[1:]


@cache
def _places() -> list[tuple[str, int, int]]:
    with Path(__file__).with_name("regions.csv").open(encoding="utf-8", newline="") as file:
        return [(row["region_code"], int(row["row"]), int(row["column"])) for row in csv.DictReader(file)]
