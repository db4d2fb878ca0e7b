"""What a target group can be chosen by: the catalogue (criteria.csv), the codes that are valid now, and what a condition means.

A criterion is offered only when a source backs it; what DOMAIN lists without a source is in docs/reference/target-groups.md.
Its `sql` is read over the marts by delivery/targets.py, which makes one column of its name. A condition on an unknown value is
never true, so that `not` is exactly the rest.
"""

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

import duckdb

from base.refused import Refused
from delivery.nearest import refuse

REMEMBERED = 10_000
"""Conditions whose codes have been looked up are kept, so many at most."""

Scalar = float | date
Kind = Literal["set", "range", "flag", "text"]

SECTIONS_2008 = {
    "A": (1, 3), "B": (5, 9), "C": (10, 33), "D": (35, 35), "E": (36, 39), "F": (41, 43), "G": (45, 47), "H": (49, 53),
    "I": (55, 56), "J": (58, 63), "K": (64, 66), "L": (68, 68), "M": (69, 75), "N": (77, 82), "O": (84, 84), "P": (85, 85),
    "Q": (86, 88), "R": (90, 93), "S": (94, 96), "T": (97, 98), "U": (99, 99),
}  # fmt: skip
"""Divisions of each section of TOL 2008 (NACE rev. 2), which the seed of that classification does not tell."""

CODES = {
    "industries": "select code, name_fi, name_sv, name_en, section_code from registry.reference.industries",
    "sections": "select code, name_fi, name_sv, name_en from registry.reference.industries where level = 1",
    "industries_2008": "select code, name_fi from registry.reference.industries_2008",
    "regions": "select distinct region_code, region_fi, region_sv, region_en from registry.reference.municipalities",
    "wellbeing_counties": "select distinct wellbeing_county_code, wellbeing_county_fi from registry.reference.municipalities",
    "subregions": "select distinct subregion_code, subregion_fi from registry.reference.municipalities",
    "municipalities": "select code, name_fi, name_sv from registry.reference.municipalities",
    "postcodes": "select postcode, name_fi, name_sv from registry.reference.postal_codes",
    "legal_forms": "select code, name_fi, name_sv, name_en, letters from registry.reference.legal_forms",
    "legal_form_groups": "select distinct legal_form_group from registry.reference.legal_forms",
    "staff_bands": "select band_code, name_fi, name_sv, name_en from registry.reference.staff_bands "
                   "where min_staff is not null",
    "sources": "select source_name from registry.reference.source_purposes",
    "roles": "select role_code, name_fi, name_sv, name_en from registry.reference.roles",
    "areas": "select code, name_fi, name_sv, name_en from registry.reference.areas_of_responsibility union all "
             "select 'UNCLASSIFIED', 'luokittelematon', 'oklassificerad', 'unclassified'",
    "levels": "select distinct level from registry.reference.title_exact where level is not null union "
              "select distinct level from registry.reference.title_heads where level is not null",
}  # fmt: skip
"""Where the valid codes of a set come from: the first column is the code, the others are its names."""


@dataclass(frozen=True)
class Criterion:
    """One thing that can be asked. codes: where its codes come from, or for a range `number` or `date`."""

    code: str
    unit: Literal["organisation", "person"]
    kind: Kind
    match: Literal["exact", "prefix", "list", "list_prefix", "bands"]
    sql: str
    codes: str
    in_history: bool
    is_facet: bool
    names: dict[str, str]
    description: str

    @property
    def column(self) -> str:
        """Its column of `targets`; a raw range of staff is asked of the bands."""
        return "staff_band" if self.match == "bands" else self.code

    @property
    def is_list(self) -> bool:
        """Whether a target may have several values."""
        return self.match in ("list", "list_prefix")


@cache
def catalogue() -> dict[str, Criterion]:
    """All criteria by their code, in the order of criteria.csv."""
    with Path(__file__).with_name("criteria.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["code"]: Criterion(
                row["code"], row["unit"], row["kind"], row["match"], row["sql"], row["codes"],  # type: ignore[arg-type]
                row["history"] == "yes", row["facet"] == "yes",
                {language: row[f"name_{language}"] for language in ("fi", "sv", "en")}, row["description"],
            )
            for row in csv.DictReader(file)
        }  # fmt: skip


def of_unit(unit: str) -> list[Criterion]:
    """The criteria that a group of this unit may use: a person's organisation counts for the person, not the other way."""
    return [one for one in catalogue().values() if one.unit == "organisation" or unit == "person"]


def dimensions(unit: str) -> list[str]:
    """What counts can be broken down by."""
    return [one.code for one in of_unit(unit) if one.is_facet]


def dimension_of(code: str) -> str:
    """The dimension whose facet leaves out conditions on this criterion."""
    return {"industry": "industry_section", "staff": "staff_band"}.get(code, code)


@dataclass(frozen=True)
class Test:
    """What a condition asks of a column, with every code looked up. A null low or high is open; notes are for who asked."""

    column: str
    how: Literal["values", "prefixes", "range", "flag", "contains"]
    is_list: bool = False
    words: tuple[str, ...] = ()
    low: Scalar | None = None
    high: Scalar | None = None
    wants: bool = True
    notes: tuple[str, ...] = field(default=(), compare=False)


class Codebook:
    """The codes that are valid in a published version, and their names. db: a desk (delivery/published.py)."""

    def __init__(self, db: duckdb.DuckDBPyConnection) -> None:
        self._db = db
        self._known: dict[str, dict[str, tuple[str, ...]]] = {}
        self._crossed: tuple[dict[str, list[str]], dict[str, list[str]]] | None = None
        self._tests: dict[tuple[str, str, str], Test] = {}

    def valid(self, criterion: Criterion) -> dict[str, tuple[str, ...]]:
        """Valid codes of a set with their names (Finnish first)."""
        source = criterion.codes
        if source.startswith("="):
            return dict.fromkeys(source[1:].split("|"), ())
        if source not in self._known:
            rows = self._db.execute(CODES[source]).fetchall()
            self._known[source] = {code: tuple(name for name in names if name) for code, *names in sorted(rows, key=str)}
        return self._known[source]

    def test(self, criterion: Criterion, operator: str, asked: object) -> Test:
        """What a condition means here. asked: as the group has it. Raises Refused, naming the nearest valid code."""
        key = (criterion.code, operator, repr(asked))
        if key not in self._tests:
            if len(self._tests) >= REMEMBERED:
                self._tests.clear()
            self._tests[key] = self._test(criterion, operator, asked)
        return self._tests[key]

    def _test(self, criterion: Criterion, operator: str, asked: object) -> Test:
        if operator == "is":
            return Test(criterion.column, "flag", wants=bool(asked))
        if operator == "contains":
            return Test(criterion.column, "contains", words=(str(asked).lower(),))
        if operator != "in":
            low, high = bounds(operator, asked)
            return self._bands(criterion, low, high) if criterion.match == "bands" else Test(
                criterion.column, "range", low=low, high=high
            )  # fmt: skip
        words: list[str] = []
        for word in asked:  # type: ignore[attr-defined]
            words += self._codes(criterion, str(word))
        how: Literal["values", "prefixes"] = "prefixes" if criterion.match in ("prefix", "list_prefix") else "values"
        notes = self._splits(words) if criterion.code == "industry_2008" else ()
        return Test(criterion.column, how, criterion.is_list, tuple(dict.fromkeys(words)), notes=notes)

    def _codes(self, criterion: Criterion, word: str) -> Sequence[str]:
        valid = self.valid(criterion)
        special = _SPECIAL.get(criterion.code)
        found = special(word, valid) if special else [word] if word in valid else []
        if not found:
            raise refuse(criterion.code, word, valid)
        return found

    def _bands(self, criterion: Criterion, low: Scalar | None, high: Scalar | None) -> Test:
        rows = self._db.execute(
            """select band_code, min_staff, max_staff from registry.reference.staff_bands
               where min_staff is not null order by ord"""
        ).fetchall()
        least = float("-inf") if low is None else low
        most = float("inf") if high is None else high
        taken = [row for row in rows if row[1] <= most and (row[2] is None or row[2] >= least)]
        cut = [code for code, first, last in taken if first < least or (most != math.inf and (last is None or last > most))]
        notes = (f"staff is known in bands: {', '.join(cut)} is taken whole",) if cut else ()
        return Test(criterion.column, "values", words=tuple(code for code, *_ in taken), notes=notes)

    def _splits(self, prefixes: Sequence[str]) -> tuple[str, ...]:
        """What the crosswalk makes of codes of TOL 2008: where one splits, and what of others comes with it."""
        if self._crossed is None:
            self._crossed = ({}, {})
            for old, new in self._db.execute(
                "select code_2008, code_2025 from registry.reference.industry_crosswalk order by all"
            ).fetchall():
                self._crossed[0].setdefault(old, []).append(new)
                self._crossed[1].setdefault(new, []).append(old)
        targets, origins = self._crossed
        asked = [old for old in targets if old.startswith(tuple(prefixes))]
        notes = [
            f"TOL 2008 {dotted(old)} splits into {', '.join(map(dotted, targets[old]))}"
            for old in asked
            if len(targets[old]) > 1
        ]
        for new in dict.fromkeys(new for old in asked for new in targets[old]):
            if others := [old for old in origins[new] if old not in asked]:
                notes.append(f"TOL 2025 {dotted(new)} also takes in TOL 2008 {', '.join(map(dotted, others))}")
        return tuple(notes)


def bounds(operator: str, asked: object) -> tuple[Scalar | None, Scalar | None]:
    """Lowest and highest value that a range takes, both included. Raises Refused when it is upside down."""
    if operator == "at_least":
        return asked, None  # type: ignore[return-value]
    if operator == "at_most":
        return None, asked  # type: ignore[return-value]
    ends: tuple[Any, Any] = asked  # type: ignore[assignment]
    low, high = ends
    if low > high:
        raise Refused(f"between {low} and {high}: the lower end comes first")
    return low, high


def dotted(code: str) -> str:
    """46510 as 46.51.0's common spelling 46.510: a dot after the division."""
    return f"{code[:2]}.{code[2:]}" if len(code) > 2 else code


def _industry(word: str, valid: dict[str, tuple[str, ...]]) -> list[str]:
    code = word.replace(".", "").replace(" ", "").upper()
    if code not in valid:
        return []
    # The last name is the section.
    return [code] if code.isdigit() else [one for one, names in valid.items() if len(one) == 2 and names[-1] == code]


def _industry_2008(word: str, valid: dict[str, tuple[str, ...]]) -> list[str]:
    code = word.replace(".", "").replace(" ", "").upper()
    if code in SECTIONS_2008:
        first, last = SECTIONS_2008[code]
        return [one for one in (f"{number:02}" for number in range(first, last + 1)) if one in valid]
    return [code] if code in valid else []


def _postcode(word: str, valid: dict[str, tuple[str, ...]]) -> list[str]:
    return [word] if word.isdigit() and any(code.startswith(word) for code in valid) else []


def _legal_form(word: str, valid: dict[str, tuple[str, ...]]) -> list[str]:
    # The last name is the letters, where a form has any.
    return [word] if word in valid else [code for code, names in valid.items() if names and names[-1] == word.upper()]


def _in_capitals(word: str, valid: dict[str, tuple[str, ...]]) -> list[str]:
    return [word.upper()] if word.upper() in valid else []


_SPECIAL: dict[str, Callable[[str, dict[str, tuple[str, ...]]], list[str]]] = {
    "industry": _industry,
    "industry_2008": _industry_2008,
    "postcode": _postcode,
    "legal_form": _legal_form,
    **{
        code: (lambda word, valid: [word.upper()] if word.upper() in valid else [])
        for code in ("area", "role", "industry_section")
    },
}


def table() -> str:
    """The criteria as docs/reference/target-groups.md lists them."""
    lines = ["| criterion | of | kind | day | by | fi | sv | says |", "|---|---|---|---|---|---|---|---|"]
    for one in catalogue().values():
        told = (
            f"`{one.code}`", one.unit, one.kind, "yes" if one.in_history else "", "yes" if one.is_facet else "",
            one.names["fi"], one.names["sv"], one.description,
        )  # fmt: skip
        lines.append(f"| {' | '.join(told)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")
