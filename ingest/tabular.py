"""One strict reader of the tables people send: CSV and XLSX, everything as text, every bad row refused with its reason.

Belongs here: which rows of a table with a known layout can be taken. Does not belong here: what makes a file unreadable or
unsafe (base/tables.py), what its columns mean (each source's layout says what they are called, its loader what they must hold).

Nothing is guessed: the format is told by content and must agree with the name, the encoding must hold for every line, the
header must have the columns the layout requires.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from base.tables import (
    CONTROL,
    DELIMITERS,
    HEADER_WITHIN,
    LIMITS,
    SUFFIXES,
    Limits,
    Record,
    Scan,
    cell_text,
    csv_records,
    decode,
    fold,
    taken,
    workbook,
)  # fmt: skip
from ingest.lake import LandingRefused
from ingest.source import Layout, Source
from ingest.sources.linefile import Check

__all__ = ["Flag", "Limits", "Table", "files", "fold", "one_each", "read", "said_as", "sift"]

CHUNK = 10_000  # rows as objects cost ten times what they cost in a frame
FURTHER = 1 << 32  # added to the position of each further record of one row

UTF8_IN_CP1252 = re.compile(r"[ÂÃÅ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]")
# Formulas that reach out of the workbook, or show one thing and do another.
REACHING = re.compile(r"hyperlink|webservice|importdata|filterxml|rtd\(|call\(|register|\||\[\d|://", re.IGNORECASE)
PLAIN_HEADER = re.compile(r"^(?!.*\d{5})[\w .,:%()/?-]{1,60}$")


@dataclass(frozen=True)
class Flag:
    """Something odd in a cell that was taken all the same."""

    position: int
    column: str
    flag: str


@dataclass
class Table:
    """What a file holds. `rows`: `_position` (the row number its sender sees), the layout's columns as text (null if empty or
    absent), `_extra` (JSON of the names of columns nobody has told us about; their values may say anything of anybody and are
    left in the archived file). `refused`: as land_table takes it, without the columns that the layout ignores."""

    rows: pl.DataFrame
    refused: pl.DataFrame
    headers: dict[str, str]
    format: str
    encoding: str | None = None
    delimiter: str | None = None
    header_row: int = 1
    flags: list[Flag] = field(default_factory=list)
    # Whether the last line is damaged and has no end: then nobody knows how much is missing.
    cut_off: bool = False

    def has(self, *columns: str) -> bool:
        """Whether the file has all these columns."""
        return set(columns) <= self.headers.keys()

    def warnings(self) -> list[str]:
        """The flags, counted by column, without a value of the file."""
        counted = Counter((f.flag, f.column) for f in self.flags)
        return [f"{flag} in {column}: {times} row(s)" for (flag, column), times in sorted(counted.items())]


REFUSED = {"_position": pl.Int64, "_key": pl.String, "_reason": pl.String, "_path": pl.String, "_original": pl.String}


def read(path: Path, layout: Layout, limits: Limits = LIMITS) -> Table:
    """Read a CSV or XLSX file as `layout` names its columns. Every row below the header is in `rows` or in `refused`.

    Raises LandingRefused with one line, free of the file's values, when the file as a whole cannot be taken: too_large,
    empty, format_mismatch, not_tabular, encoding, mixed_encoding, header_mismatch, zip_layout, bad_zip, decompress_limit,
    xml_forbidden, macros, sheets, too_many_rows, too_many_columns, cell_too_long.
    """
    data, found = taken(path, limits)
    return _read_xlsx(data, path.name, layout, limits) if found == "xlsx" else _read_csv(data, path.name, layout, limits)


def files(origin: str | Path | None, source: Source) -> list[Path]:
    """The files to land: one, or those of a folder in the order of their names. Raises LandingRefused not_there."""
    if origin is None:
        raise LandingRefused("not_there", f"{source.name} has no address: put files into inbox/{source.name}, or name one")
    path = Path(origin)
    if path.is_dir():
        found = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
        if found:
            return found
    elif path.exists():
        return [path]
    raise LandingRefused("not_there", f"{path}: no such file, or no .csv or .xlsx in it")


def said_as(layout: Layout, column: str) -> dict[str, str]:
    """Every folded way to say a value of `column` -> what we call it."""
    return {fold(way): name for name, ways in layout.values.get(column, {}).items() for way in (name, *ways)}


def sift(rows: pl.DataFrame, key: Sequence[str], checks: Sequence[Check]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part `rows` into those that pass every check and those refused by the first they fail, as land_table takes them.

    Give the identifying checks first: a record that fails one gets no key.
    """
    verdicts = [pl.when(check.passes.fill_null(False)).then(None).otherwise(n) for n, check in enumerate(checks)]
    judged = rows.with_columns(_failed=pl.coalesce(*verdicts, pl.lit(None, pl.Int32)))
    failed = judged.filter(pl.col("_failed").is_not_null())
    number = pl.col("_failed")
    told = [c for c in rows.columns if not c.startswith("_")]
    refused = failed.select(
        "_position",
        _key=pl.when(number >= sum(check.identifies for check in checks)).then(pl.concat_str(key, separator="|")),
        _reason=number.replace_strict(dict(enumerate(c.reason for c in checks)), return_dtype=pl.String),
        _path=number.replace_strict(dict(enumerate(c.field for c in checks)), return_dtype=pl.String),
        _original=pl.struct(told).struct.json_encode(),
    )
    return judged.filter(number.is_null()).drop("_failed"), refused.cast(REFUSED)  # type: ignore[arg-type]


def one_each(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """A row for each element of a list column; the positions stay distinct, and `position % FURTHER` is the row number."""
    return rows.explode(column).with_columns(_position=pl.col("_position") + FURTHER * pl.int_range(pl.len()).over("_position"))


# --- CSV ----------------------------------------------------------------------------------------------------------------


def _read_csv(data: bytes, name: str, layout: Layout, limits: Limits) -> Table:
    text, encoding, bad_lines = decode(data, name)
    text = text.replace("\r\n", "\n")
    if "\n" not in text:
        text = text.replace("\r", "\n")
    lines = [line + "\n" for line in text.split("\n")]
    delimiter, header_row, header = _csv_header(lines, layout, name)
    records = csv_records(lines, header_row, delimiter, len(header), bad_lines)
    table = _assemble(records, header, layout, limits, name, format="csv")
    table.encoding, table.delimiter, table.header_row = encoding, delimiter, header_row
    last = table.refused["_position"].max() if table.refused.height else 0
    table.cut_off = not text.endswith("\n") and last == len(lines)
    return table


def _csv_header(lines: list[str], layout: Layout, name: str) -> tuple[str, int, list[str]]:
    """(delimiter, row number, cells) of the header: the reading of the first rows that knows the most columns."""
    best: tuple[int, str, int, list[str]] | None = None
    for delimiter in DELIMITERS:
        for number, line in enumerate(lines[:HEADER_WITHIN], start=1):
            try:
                cells = next(csv.reader([line], delimiter=delimiter, strict=True), [])
            except csv.Error:
                continue
            known = len(_known(cells, layout))
            if known and (best is None or known > best[0]):
                best = (known, delimiter, number, cells)
    _, delimiter, number, cells = best or (0, ";", 1, [])
    _check_header(cells, layout, name)
    while cells and not cells[-1].strip():
        cells.pop()  # a delimiter at the end of every line
    return delimiter, number, cells


# --- XLSX ---------------------------------------------------------------------------------------------------------------


def _read_xlsx(data: bytes, name: str, layout: Layout, limits: Limits) -> Table:
    with workbook(data, name, limits) as (book, scans):
        return _read_book(book, scans, name, layout, limits)


def _read_book(book: Any, scans: dict[str, Scan], name: str, layout: Layout, limits: Limits) -> Table:
    found = []
    for sheet in book.worksheets:
        scan = scans.get(sheet._worksheet_path)
        if scan is None:
            raise LandingRefused("bad_workbook", f"{name}: a sheet lies in a part that is not one")
        sheet.reset_dimensions()  # they are what the file claims
        first = sheet.iter_rows(min_row=1, max_row=min(HEADER_WITHIN, scan.rows), max_col=scan.columns, values_only=True)
        if scan.rows and sheet.sheet_state == "visible":
            known = [
                (len(_known(cells := [cell_text(v) for v in row], layout)), n, cells) for n, row in enumerate(first, start=1)
            ]
            best = max(known, key=lambda k: (k[0], -k[1]), default=(0, 1, []))
            if set(layout.required) <= _known(best[2], layout).keys() or len(book.worksheets) == 1:
                found.append((sheet, scan, best[1], best[2]))
    if len(found) != 1:
        reason, what = ("sheets", "more than one sheet has") if found else ("header_mismatch", "no visible sheet has")
        raise LandingRefused(reason, f"{name}: {what} the columns {', '.join(layout.required)}")
    sheet, scan, header_row, header = found[0]
    _check_header(header, layout, name)
    if scan.is_merged(header_row):
        raise LandingRefused("header_mismatch", f"{name}: cells of the header (row {header_row}) are merged")
    while header and not header[-1].strip():
        header.pop()
    table = _assemble(_xlsx_records(sheet, scan, header_row, header, layout), header, layout, limits, name, format="xlsx")
    table.header_row = header_row
    return table


def _xlsx_records(sheet: Any, scan: Scan, header_row: int, header: list[str], layout: Layout) -> Iterator[Record]:
    columns = {index: column for column, index in _known(header, layout).items()}
    for number, row in enumerate(
        sheet.iter_rows(min_row=header_row + 1, max_row=scan.rows, max_col=scan.columns), start=header_row + 1
    ):
        record = Record(number, [cell_text(cell.value) for cell in row[: len(header)]])
        record.cells += [""] * (len(header) - len(record.cells))
        if any(cell.value is not None for cell in row[len(header) :]):
            record.fault = ("ragged", None)
        for index, cell in enumerate(row[: len(header)]):
            formula = scan.formulas.get((number, index + 1))
            if formula is not None:
                if REACHING.search(formula):
                    record.fault = record.fault or ("formula_forbidden", index)
                elif cell.value is None:
                    record.fault = record.fault or ("formula_without_value", index)
                else:
                    record.flags.append((index, "formula"))
            if cell.value is None or index not in columns:
                continue
            if cell.data_type == "e":
                record.fault = record.fault or ("cell_error", index)
            elif columns[index] in layout.digits and isinstance(cell.value, int | float):
                record.flags.append((index, "number_for_text"))
        if scan.merged and scan.is_merged(number):
            record.fault = ("merged_cells", None)
        yield record


# --- common to both -----------------------------------------------------------------------------------------------------


def _known(cells: Iterable[str], layout: Layout) -> dict[str, int]:
    """Our column -> its place among the header's cells."""
    names = {fold(way): column for column, ways in layout.columns.items() for way in (column, *ways)}
    found: dict[str, int] = {}
    for index, cell in enumerate(cells):
        if (column := names.get(fold(cell))) is not None:
            found.setdefault(column, index)
    return found


def _check_header(cells: list[str], layout: Layout, name: str) -> None:
    # What is found instead is not told: without a header it would be the first person's row.
    if missing := [column for column in layout.required if column not in _known(cells, layout)]:
        raise LandingRefused("header_mismatch", f"{name}: no header with the column(s) {', '.join(missing)}")
    names = {fold(way): column for column, ways in layout.columns.items() for way in (column, *ways)}
    twice = [c for c, n in Counter(names.get(fold(cell)) for cell in cells).items() if c is not None and n > 1]
    if twice:
        raise LandingRefused("header_mismatch", f"{name}: two columns are called {', '.join(sorted(twice))}")


def _assemble(records: Iterable[Record], header: list[str], layout: Layout, limits: Limits, name: str, *, format: str) -> Table:
    """Rows into frames, piece by piece; every record that is not empty goes into `rows` or `refused`."""
    if len(header) > limits.columns:
        raise LandingRefused("too_many_columns", f"{name}: {len(header)} columns, the limit is {limits.columns}")
    known = _known(header, layout)
    ignored = {fold(column) for column in layout.ignored}
    taken = {index: column for column, index in known.items()}
    unknown = {
        index: cell.strip() if PLAIN_HEADER.match(cell.strip()) else f"column {index + 1}"
        for index, cell in enumerate(header)
        if index not in taken and fold(cell) not in ignored
    }
    schema = {"_position": pl.Int64, **dict.fromkeys(layout.columns, pl.String), "_extra": pl.String}
    chunks: list[pl.DataFrame] = []
    good: list[dict[str, object]] = []
    refused: list[dict[str, object]] = []
    flags: list[Flag] = []
    folded_header = [fold(cell) for cell in header]
    count = 0
    for record in records:
        cells = record.cells
        if not any(cell.strip() for cell in cells) and record.fault is None:
            continue
        count += 1
        if count > limits.rows:
            raise LandingRefused("too_many_rows", f"{name}: more than {limits.rows:,} rows")
        fault = record.fault or _fault(cells, folded_header, limits)
        if fault:
            reason, index = fault
            path = (taken.get(index) or unknown.get(index, f"column {index + 1}")) if index is not None else ""
            refused.append(
                {"_position": record.position, "_reason": reason, "_path": path, "_original": _original(cells, header, ignored)}
            )
            continue
        extra = {column: None for index, column in unknown.items() if cells[index].strip()}
        good.append(
            {
                "_position": record.position,
                **{column: cells[index] if cells[index].strip() else None for index, column in taken.items()},
                "_extra": json.dumps(extra, ensure_ascii=False) if extra else None,
            }
        )
        flags += [Flag(record.position, taken[index], flag) for index, flag in record.flags if index in taken]
        flags += [Flag(record.position, c, "mojibake") for i, c in taken.items() if UTF8_IN_CP1252.search(cells[i])]
        if len(good) == CHUNK:
            chunks.append(pl.DataFrame(good, schema=schema))
            good = []
    chunks.append(pl.DataFrame(good, schema=schema))
    headers = {column: header[index] for column, index in known.items()}
    return Table(pl.concat(chunks), pl.DataFrame(refused, schema=REFUSED), headers, format, flags=flags)


def _fault(cells: list[str], header: list[str], limits: Limits) -> tuple[str, int | None] | None:
    for index, cell in enumerate(cells):
        if len(cell) > limits.cell_characters:
            return "cell_too_long", index
        if CONTROL.search(cell):
            return "control_char", index
    return ("header_repeated", None) if [fold(cell) for cell in cells] == header else None


def _original(cells: list[str], header: list[str], ignored: set[str]) -> str:
    """The row as text: under its headers if it has as many cells, else as a list; cut at a length nobody reads beyond."""
    pairs = zip(header, cells, strict=False)
    told: object = {h: c for h, c in pairs if fold(h) not in ignored} if len(cells) == len(header) else cells
    text = json.dumps(told, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
    return text[:10_000]
