"""`python bench/titles.py FILE.csv`: how well titles are read, on labelled ones (columns language, title, area_codes).

Prints coverage, precision, recall, exact match, a table per area and the confusion matrix. `--noise` adds the same titles in
every kind of mess of tests/title_noise.py; `--half A` takes the half of the rows by which the vocabulary was tuned, B the other
one; `--errors` prints what went wrong; `--json FILE` keeps the figures; `--speed` also measures 300,000 rows of 20,000 distinct
titles against a regular expression over the vocabulary, row by row.
"""

import argparse
import csv
import hashlib
import json
import random
import re
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # run as a script, for tests.title_noise

from base.titles import classify, default_vocabulary  # noqa: E402

NONE = "-"
Example = tuple[str, str, frozenset[str]]
"""Language ('' = not known), title, the areas a person gave it."""


@dataclass
class Figures:
    """What is told of a set of titles.

    coverage: share of the titles with an area that get any. precision, recall: of all pairs of title and area. exact: share of
    the titles that get exactly their areas. abstained: share of the titles without any area that get none; None: no such title
    """

    titles: int
    coverage: float
    precision: float
    recall: float
    exact: float
    abstained: float | None
    per_area: dict[str, dict[str, float]]
    confusion: dict[str, dict[str, int]]


def read(path: Path) -> list[Example]:
    """Rows of a CSV file; area_codes parted by | (or ; or ,), empty = no area."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        (row["language"].strip(), row["title"], frozenset(filter(None, re.split(r"[|;, ]+", row["area_codes"] or ""))))
        for row in rows
    ]


def half_of(example: Example) -> str:
    """A or B, by a digest of language and title: the split does not move when rows do."""
    return "AB"[hashlib.sha256(f"{example[0]}|{example[1]}".encode()).digest()[0] % 2]


def noisy(examples: list[Example], seed: int) -> list[Example]:
    """Each title in each kind of mess that fits it."""
    from tests.title_noise import variants

    return [(lang, changed, areas) for lang, title, areas in examples for _, changed in variants(title, lang, seed)]


def measure(examples: list[Example], errors: bool = False) -> Figures:
    """Classify all at once and compare."""
    told = pl.DataFrame([(lang or None, title) for lang, title, _ in examples], schema=["language", "title"], orient="row")
    found: dict[tuple[str | None, str], set[str]] = {}
    reasons: dict[tuple[str | None, str], str] = {}
    for row in classify(told).iter_rows(named=True):
        pair = (row["language"], row["title"])
        found.setdefault(pair, set()).update({row["area_code"]} - {None})
        reasons[pair] = row["reason"]
    hits, wanted_all, got_all, confusion = Counter[str](), Counter[str](), Counter[str](), Counter[tuple[str, str]]()
    covered = exact = labelled = silent = 0
    for lang, title, wanted in examples:
        got = found[lang or None, title]
        labelled += bool(wanted)
        covered += bool(wanted and got)
        silent += not wanted and not got
        exact += got == wanted
        hits.update(got & wanted)
        wanted_all.update(wanted)
        got_all.update(got)
        confusion.update((area, area) for area in got & wanted)
        confusion.update((area, other) for area in wanted - got for other in (got - wanted or {NONE}))
        confusion.update((NONE, other) for other in got if not wanted)
        confusion.update((area, other) for area in sorted(wanted)[:1] if wanted <= got for other in got - wanted)
        if errors and got != wanted:
            print(f"{lang:3} {title!r}: {sorted(wanted)} read as {sorted(got)}, {reasons[lang or None, title]}")
    areas = sorted(wanted_all | got_all)
    return Figures(
        titles=len(examples),
        coverage=_share(covered, labelled),
        precision=_share(hits.total(), got_all.total()),
        recall=_share(hits.total(), wanted_all.total()),
        exact=_share(exact, len(examples)),
        abstained=_share(silent, len(examples) - labelled) if len(examples) > labelled else None,
        per_area={
            area: {
                "titles": wanted_all[area],
                "precision": _share(hits[area], got_all[area]),
                "recall": _share(hits[area], wanted_all[area]),
            }
            for area in areas
        },
        confusion={
            row: {column: confusion[row, column] for column in [*areas, NONE] if confusion[row, column]}
            for row in [*areas, NONE]
            if any(confusion[row, column] for column in [*areas, NONE])
        },
    )


def report(name: str, figures: Figures, tables: bool) -> None:
    """Print one set's figures."""
    silence = "" if figures.abstained is None else f"  abstained {figures.abstained:.3f}"
    print(
        f"{name:<16}{figures.titles:>7} titles  coverage {figures.coverage:.3f}  precision {figures.precision:.3f}  "
        f"recall {figures.recall:.3f}  exact {figures.exact:.3f}{silence}"
    )
    if not tables:
        return
    print(f"\n{'area':<16}{'titles':>8}{'precision':>11}{'recall':>8}")
    for area, row in figures.per_area.items():
        print(f"{area:<16}{row['titles']:>8}{row['precision']:>11.3f}{row['recall']:>8.3f}")
    columns = [*figures.per_area, NONE]
    print("\nconfusion: a person's area down, read as across; - = none")
    print(" " * 15 + "".join(f"{column[:5]:>6}" for column in columns))
    for area, read_as in figures.confusion.items():
        print(f"{area:<15}" + "".join(f"{read_as.get(column, '.'):>6}" for column in columns))
    print()


def speed(examples: list[Example], rows: int, distinct: int, naive_rows: int) -> dict[str, float]:
    """Seconds of processor time for `rows` titles, and what the naive way would take by a sample of them.

    Naive: for each row and each area, search the normal form with one alternation of the area's terms.
    """
    from base.titles.text import normal_form
    from tests.title_noise import KINDS

    rng = random.Random(1)
    made: dict[tuple[str, str], None] = {}
    while len(made) < distinct:
        lang, title, _ = rng.choice(examples)
        once = rng.choice(KINDS)(title, lang, rng)
        twice = rng.choice(KINDS)(once.lower(), lang, rng) if once and rng.random() < 0.4 else once
        if twice:
            made[lang, twice] = None
    pool = list(made)
    told = pl.DataFrame(rng.choices(pool, k=rows), schema=["language", "title"], orient="row")
    known = default_vocabulary()
    terms: dict[str, set[str]] = {}
    for row in known.tables["title_functions"]:
        for area in row["areas"].split("|"):
            terms.setdefault(area.partition(".")[0], set()).update({row["term"], *row["other_forms"].split("|")} - {""})
    alternations = ["|".join(sorted(map(re.escape, words), key=len, reverse=True)) for words in terms.values()]
    patterns = [re.compile(alternation) for alternation in alternations]
    started = time.process_time()
    labels = classify(told, known).filter(pl.col("area_code").is_not_null()).height
    ours = time.process_time() - started
    started = time.process_time()
    for _, title in told.head(naive_rows).iter_rows():
        normal = normal_form(title)
        _ = [pattern for pattern in patterns if pattern.search(normal)]
    naive = (time.process_time() - started) * rows / naive_rows
    print(
        f"speed: {rows:,} rows, {len(pool):,} distinct, {labels:,} labels: {ours:.1f} s; "
        f"a regular expression per row: {naive:.0f} s (by {naive_rows:,} of the rows); {naive / ours:.0f} times"
    )
    return {
        "rows": rows,
        "distinct": len(pool),
        "seconds": round(ours, 2),
        "naive_seconds": round(naive),
        "times": round(naive / ours),
    }


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 1.0


def main() -> None:
    """Parse, measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--half", choices=["A", "B"], help="only this half of the rows")
    parser.add_argument("--unknown-language", action="store_true", help="do not tell the language")
    parser.add_argument("--noise", action="store_true", help="also in every kind of mess")
    parser.add_argument("--seed", type=int, default=1, help="of the mess")
    parser.add_argument("--errors", action="store_true", help="print each title that was read wrongly")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--speed", action="store_true", help="also measure the time")
    options = parser.parse_args()
    examples: list[Example] = read(options.file)
    if options.half:
        examples = [example for example in examples if half_of(example) == options.half]
    sets: dict[str, list[Example]] = {"as they are": examples}
    if options.noise:
        sets["in a mess"] = noisy(examples, options.seed)
    if options.unknown_language:
        for rows in sets.values():
            rows[:] = [("", title, areas) for _, title, areas in rows]
    kept: dict[str, object] = {
        "classifier_version": default_vocabulary().version,
        "file": options.file.name,
        "half": options.half,
    }
    for name, rows in sets.items():
        figures = measure(rows, options.errors)
        report(name, figures, tables=name == "as they are")
        kept[name] = asdict(figures)
    if options.speed:
        kept["speed"] = speed(examples, rows=300_000, distinct=20_000, naive_rows=2_000)
    if options.json:
        from base.files import write_text

        write_text(options.json, json.dumps(kept, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
