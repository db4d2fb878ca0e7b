"""CSV as Finnish spreadsheets and machines expect it: semicolons, CRLF, every text quoted, a header; null is an empty cell
without quotes, an empty text one with them.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import polars as pl

from base import files
from delivery.render import ansi
from delivery.render.cells import GUARD, text_cells
from delivery.render.model import EXTENSIONS, About, Profile, RenderedFile, rendered

DELIMITER, END = ";", "\r\n"
BOM = "\ufeff".encode()


def write(batches: Iterator[pl.DataFrame], profile: Profile, about: About, folder: Path) -> list[RenderedFile]:
    """One file, and with cp1252 a second one that lists every character it could not hold."""
    path = folder / f"{about.stem}.{EXTENSIONS['csv']}"
    charset = "cp1252" if profile.charset == "cp1252" else "utf-8"
    rows = 0
    report = ansi.Report()
    with files.atomic_file(path) as temporary, temporary.open("wb") as out:
        out.write(BOM if profile.charset == "utf-8-sig" else b"")
        headers = [column.headers[profile.header_language] for column in about.columns]
        out.write((DELIMITER.join(f'"{header}"' for header in headers) + END).encode(charset))
        for frame in batches:
            encodable = partial(report.encodable, first_row=rows + 1)
            cells = text_cells(frame, about, profile, *([encodable] if charset == "cp1252" else []))
            out.write(lines(cells, about, profile).encode(charset))
            rows += len(frame)
    dialect: dict[str, str | bool] = {
        "delimiter": DELIMITER, "lineTerminator": END, "quoteChar": '"', "doubleQuote": True, "header": True,
        "decimalChar": decimal_char(profile),
    }  # fmt: skip
    more = {"encoding": profile.charset, "dialect": dialect, "guard": "" if profile.raw else GUARD, "unencodable": report.count}
    written = [rendered(path, "data", rows, about, profile, **more)]
    if report.count:
        written.append(report.write(folder, about, profile))
    return written


def decimal_char(profile: Profile) -> str:
    """A comma for Finnish and Swedish readers, a point for English ones."""
    return "." if profile.value_language == "en" else ","


def lines(cells: pl.DataFrame, about: About, profile: Profile) -> str:
    """The rows as text, each with its line end."""
    shown = []
    for column in about.columns:
        cell = pl.col(column.code)
        if column.is_text:
            cell = pl.concat_str(pl.lit('"'), cell.str.replace_all('"', '""', literal=True), pl.lit('"'))
        else:
            cell = cell.str.replace(".", decimal_char(profile), literal=True)
        shown.append(cell.fill_null(""))
    rows = cells.select(pl.concat_str(shown, separator=DELIMITER).alias("row"))
    text: str = rows.select(pl.concat_str(pl.col("row"), pl.lit(END)).str.join("")).item() if len(rows) else ""
    return text
