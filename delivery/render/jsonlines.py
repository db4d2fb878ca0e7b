"""JSON Lines: an object for each row, every key in it, ISO dates, codes, and `_null` with the reason of each null."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from base import files
from delivery.columns import MISSING, Column, Language
from delivery.render.batches import REASON
from delivery.render.model import EXTENSIONS, About, Profile, RenderedFile, rendered


def write(batches: Iterator[pl.DataFrame], profile: Profile, about: About, folder: Path) -> list[RenderedFile]:
    """One file."""
    path = folder / f"{about.stem}.{EXTENSIONS['jsonl']}"
    rows = 0
    with files.atomic_file(path) as temporary, temporary.open("wb") as out:
        for frame in batches:
            out.write(lines(frame, about, profile.header_language).encode())
            rows += len(frame)
    shown = tuple(column.headers[profile.header_language] for column in about.columns if column.code != MISSING)
    more = {"encoding": "utf-8", "headers": (*shown, "_null"), "text_columns": ()}
    return [rendered(path, "data", rows, about, profile, **more)]


def lines(frame: pl.DataFrame, about: About, language: Language) -> str:
    """The rows as text, each with its line end."""
    shown = [column for column in about.columns if column.code != MISSING]
    body = pl.struct(_value(column).alias(column.headers[language]) for column in shown).struct.json_encode()
    reasons = [
        pl.concat_str(pl.lit(f'"{column.headers[language]}":"'), pl.col(REASON + column.code), pl.lit('"')) for column in shown
    ]
    nulls = pl.concat_str(reasons, separator=",", ignore_nulls=True)
    # The object is reopened: its keys are fixed, those of _null are only the columns that are null.
    row = pl.concat_str(body.str.strip_suffix("}"), pl.lit(',"_null":{'), nulls, pl.lit("}}\n"))
    text: str = frame.select(row.str.join("")).item() if len(frame) else ""
    return text


def _value(column: Column) -> pl.Expr:
    value = pl.col(column.code)
    if column.kind == "date":
        return value.dt.to_string("%Y-%m-%d")
    # Of at most 18 digits, four of them decimals: what a double says of it is what it is.
    return value.cast(pl.Float64) if column.decimals else value
