"""The answer as the customer gets it: its own columns and rows as they were, behind them what was found, in its language."""

import csv
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import xlsxwriter

from base.files import atomic_file, draft_folder
from delivery.refresh.reading import Register
from delivery.refresh.weighing import PARTS
from delivery.render.cells import cleaned, guarded
from delivery.render.xlsx import add_sheet

LANGUAGES = ("fi", "sv", "en")
COLUMNS = (
    "status", "restriction", "business_id", "name", "score", "why", "other", "changes", "street", "postcode", "town",
    "phone", "email",
    "website", "person", "title", "person_email", "person_phone", "duplicate", "marketable",
)  # fmt: skip


@cache
def words(language: str) -> dict[str, str]:
    """Every word of the answer in one of LANGUAGES."""
    with (Path(__file__).parent / "words.csv").open(encoding="utf-8", newline="") as file:
        return {row["key"]: row[language] for row in csv.DictReader(file)}


def table(db: duckdb.DuckDBPyConnection, register: Register, language: str) -> pl.DataFrame:
    """Customer's columns and ours, all text, in the order of the customer's rows. Needs temp table `answer` (changes.py)."""
    say = words(language)
    lines = register.rows["line"].to_list()
    found = db.execute("select * from answer order by row_id")
    names = [name for name, *_ in found.description or []]
    told = [_said(dict(zip(names, row, strict=True)), say, lines) for row in found.fetchall()]
    theirs = {header: register.rows[f"c{at}"] for at, header in enumerate(register.headers)}
    ours: dict[str, pl.Series] = {}
    for column in COLUMNS:
        header = say[f"h_{column}"]
        while header in theirs or header in ours:
            header += " *"
        ours[header] = pl.Series([row[column] for row in told], dtype=pl.String)
    return pl.DataFrame(theirs | ours)


def _said(row: dict[str, Any], say: dict[str, str], lines: list[int]) -> dict[str, str | None]:
    told = {column: row.get(column) for column in COLUMNS}
    why = [f"{say[f'p_{part}']} {bits:+.1f}" for part, bits in zip(PARTS, row["parts"] or [], strict=False) if bits]
    why += [say[f"p_{kind}_{row[kind]}"] for kind in ("name_kind", "place_kind") if (row[kind] or 1) > 1]
    told |= {
        "status": say[row["status"]],
        "restriction": say["kielto"] if row["is_closed"] else None,
        "score": None if row["score"] is None else f"{row['score']:.1f}",
        "why": "; ".join(why) or None,
        "other": ", ".join(row["others"]) or None,
        "changes": ", ".join(say[change] for change in row["changes"]) or None,
        "person": say[row["person"]] if row["person"] else None,
        "duplicate": None if row["first_row"] is None else str(lines[row["first_row"]]),
        "marketable": ", ".join(say[channel] for channel in row["channels"]) or None,
    }
    return told


def write(answer: pl.DataFrame, folder: Path, stem: str, made_at: datetime) -> list[Path]:
    """`<stem>.csv` (semicolons, UTF-8 with a mark) and `<stem>.xlsx` (text cells) in a folder; same answer, same bytes.

    Cleaned and guarded as every file that leaves (render/): the customer's own cells may hold formulas as well as ours.
    """
    paths = [folder / f"{stem}.csv", folder / f"{stem}.xlsx"]
    # The headers are a row like the others: a customer may call a column =1+1, or what polars takes for a pattern.
    cells = pl.DataFrame(
        [
            pl.concat([pl.Series([name], dtype=pl.String), column]).alias(f"c{at}")
            for at, (name, column) in enumerate(zip(answer.columns, answer, strict=True))
        ]
    ).with_columns(cleaned(pl.all()))
    with atomic_file(paths[0]) as temporary, temporary.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
        writer.writerows(cells.select(guarded(pl.col(name)) for name in cells.columns).iter_rows())
    with atomic_file(paths[1]) as temporary, draft_folder(folder / "scratch") as scratch:
        book = xlsxwriter.Workbook(
            str(temporary),
            {"constant_memory": True, "tmpdir": str(scratch), "strings_to_formulas": False, "strings_to_urls": False},
        )
        book.set_properties({"created": made_at})
        sheet = add_sheet(book, "Kohde")
        for number, row in enumerate(cells.iter_rows()):
            for at, cell in enumerate(row):
                if cell:
                    sheet.write_string(number, at, cell)
        book.close()
    return paths
