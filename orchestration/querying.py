"""Answers of the published marts as analysts take them along: CSV, Parquet and XLSX beside the table on the screen.

The connection is closed to files, so DuckDB's own `copy ... to` cannot write: an answer leaves through here, batch by batch.
"""

import datetime
import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.parquet as pq
import xlsxwriter

from base import files
from base.refused import Refused
from delivery.render.cells import cleaned
from delivery.render.xlsx import MAX_ROWS, OPTIONS, add_sheet, write_text
from orchestration import terminal

FORMATS = ("csv", "json", "parquet", "xlsx")
NEEDS_A_FILE = ("parquet", "xlsx")
BATCH_ROWS = 50_000
OWN = 0o600
"""Mode of a file with an answer of registry.duckdb or marketing.duckdb: it may hold people, so it is its owner's alone."""
SPREADSHEET_DATES = {datetime.date: "yyyy-mm-dd", datetime.datetime: "yyyy-mm-dd hh:mm:ss"}


def ask(db: duckdb.DuckDBPyConnection, sql: str, rows: int | None = None) -> duckdb.DuckDBPyRelation:
    """The answer, not yet fetched. rows: at most so many. Raises Refused for what answers nothing, duckdb.Error."""
    answer = db.sql(sql)
    if answer is None:
        raise Refused("that asks nothing: a query begins with select, from, with, describe, show or summarize")
    return answer.limit(rows) if rows is not None else answer


def written(answer: duckdb.DuckDBPyRelation, path: Path, form: str, *, is_shared: bool) -> int:
    """Write the answer into `path`, whole or not at all; returns its rows. is_shared: others may read it too.

    Raises Refused for more rows than a sheet holds, or a cell that no sheet can hold.
    """
    with files.atomic_file(path) as temporary:
        temporary.touch(mode=0o666 if is_shared else OWN)
        return {"csv": _csv, "json": _json, "parquet": _parquet, "xlsx": _xlsx}[form](answer, temporary)


def csv_parts(answer: duckdb.DuckDBPyRelation) -> Iterator[tuple[str, int]]:
    """CSV with a header, and the rows of each part. Commas, points; a null is empty, no text is `""`, a list is JSON."""
    reader = _flat(answer).to_arrow_reader(BATCH_ROWS)
    yield pl.DataFrame(pl.from_arrow(reader.schema.empty_table())).write_csv(), 0
    for batch in reader:
        yield pl.DataFrame(pl.from_arrow(batch)).write_csv(include_header=False), batch.num_rows


def records(answer: duckdb.DuckDBPyRelation) -> list[dict[str, Any]]:
    """The rows by column name."""
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.fetchall()]


def read_sql(path: str) -> str:
    """SQL out of a file, `-`: of the standard input. Raises Refused when it cannot be read."""
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path} cannot be read: {error}") from None


def _flat(answer: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Lists, structs and maps as JSON: neither CSV nor a sheet has a cell for them."""
    names = ['"' + name.replace('"', '""') + '"' for name in answer.columns]
    nested = [str(kind).endswith("]") or str(kind).startswith(("STRUCT", "MAP", "UNION")) for kind in answer.types]
    return answer.project(
        ", ".join(
            f"to_json({name})::varchar as {name}" if is_nested else name for name, is_nested in zip(names, nested, strict=True)
        )
    )


def _csv(answer: duckdb.DuckDBPyRelation, temporary: Path) -> int:
    total = 0
    with temporary.open("w", encoding="utf-8", newline="") as file:
        for text, rows in csv_parts(answer):
            file.write(text)
            total += rows
    return total


def _json(answer: duckdb.DuckDBPyRelation, temporary: Path) -> int:
    found = records(answer)
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(found, file, ensure_ascii=False, indent=2, default=str)
    return len(found)


def _parquet(answer: duckdb.DuckDBPyRelation, temporary: Path) -> int:
    total = 0
    reader = answer.to_arrow_reader(BATCH_ROWS)
    with pq.ParquetWriter(temporary, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)
            total += batch.num_rows
    return total


def _xlsx(answer: duckdb.DuckDBPyRelation, temporary: Path) -> int:
    """One sheet of typed cells: what looks like a formula is a text, 00100 keeps its zeros."""
    reader = _flat(answer).to_arrow_reader(BATCH_ROWS)
    total = 0
    with files.draft_folder(temporary.with_suffix(".scratch")) as scratch:
        book = xlsxwriter.Workbook(str(temporary), {**OPTIONS, "tmpdir": str(scratch), "remove_timezone": True})
        try:
            sheet = add_sheet(book, "answer")
            bold = book.add_format({"bold": True})
            dates = {kind: book.add_format({"num_format": form}) for kind, form in SPREADSHEET_DATES.items()}
            for at, name in enumerate(reader.schema.names):
                write_text(sheet, 0, at, name, bold)
            for batch in reader:
                if total + batch.num_rows > MAX_ROWS:
                    raise Refused(f"a sheet holds {terminal.number(MAX_ROWS)} rows: ask for fewer, or for csv or parquet")
                frame = pl.DataFrame(pl.from_arrow(batch)).with_columns(cleaned(pl.col(pl.String)))
                for row in frame.iter_rows():
                    total += 1
                    for at, value in enumerate(row):
                        _cell(sheet, total, at, value, dates)
            sheet.autofilter(0, 0, max(total, 1), len(reader.schema.names) - 1)
        except BaseException:
            # As delivery.render.xlsx: or the interpreter warns of a workbook that nobody closed, and tries to.
            for sheet in book.worksheets():
                sheet.row_data_fh.close()
            book.fileclosed = True
            raise
        book.close()
    return total


def _cell(sheet: Any, row: int, at: int, value: Any, dates: dict[type, Any]) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, at, value)
    elif isinstance(value, int | float | Decimal):
        sheet.write_number(row, at, value)
    elif type(value) in dates:
        sheet.write_datetime(row, at, value, dates[type(value)])
    else:
        write_text(sheet, row, at, str(value), None)
