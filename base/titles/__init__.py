"""Titles -> areas of responsibility, with level, confidence and reason; or no area, and why not.

`text` cleans, `vocabulary` knows words (from seeds that a domain expert edits), `rules` judges one title, and here many are
judged at once: each distinct title once. docs/explanation/titles.md tells how, and with what success.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import polars as pl

from base.titles.rules import Judgement, Label, judge
from base.titles.vocabulary import SEEDS, TABLES, Vocabulary, version_of

__all__ = ["SCHEMA", "Judgement", "Label", "Vocabulary", "classify", "default_vocabulary", "explain", "rows_of", "version_of"]

SCHEMA = {
    "language": pl.String,
    "title": pl.String,
    "normal_form": pl.String,
    "area_code": pl.String,
    "function_code": pl.String,
    "weight": pl.Float64,
    "confidence": pl.Float64,
    "level": pl.String,
    "reason": pl.String,
    "classifier_version": pl.String,
}
"""Columns of `classify`: one row per distinct title and area; a title without an area has one row, area_code null."""


@lru_cache(maxsize=4)
def default_vocabulary(folder: Path = SEEDS) -> Vocabulary:
    """The vocabulary of the seeds in a folder, read once per process."""
    return Vocabulary.load(folder)


def rows_of(tables: Mapping[str, pl.DataFrame]) -> dict[str, list[dict[str, str]]]:
    """Seed tables that are in memory, as dbt has them, in the shape that Vocabulary and version_of take."""
    return {name: tables[name].with_columns(pl.all().cast(pl.String).fill_null("")).to_dicts() for name in TABLES}


def explain(title: str, language: str | None = None) -> Judgement:
    """One title. language: fi, sv, en or None where it is not known."""
    return judge(title, language, default_vocabulary())


def classify(titles: pl.DataFrame, known: Vocabulary | None = None) -> pl.DataFrame:
    """Judge the distinct pairs of `language` (fi, sv, en; anything else: not known) and `title`; columns as in SCHEMA.

    Null titles are left out. The cost is that of the distinct titles: 20,000 of them take a few seconds on one core.
    """
    pairs = titles.select("language", "title").drop_nulls("title").unique(maintain_order=True)
    if pairs.is_empty():
        return pl.DataFrame(schema=SCHEMA)
    known = known or default_vocabulary()
    rows: list[tuple[object, ...]] = []
    for language, title in pairs.iter_rows():
        found = judge(title, language, known)
        about = (language, title, found.normal_form)
        if not found.labels:
            rows.append((*about, None, None, None, None, None, found.reason, known.version))
        rows += [
            (*about, label.area, label.function, label.weight, label.confidence, found.level, label.reason, known.version)
            for label in found.labels
        ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")
