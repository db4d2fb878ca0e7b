"""Read a customer's register, whatever it looks like: every column as text, every row in its order.

Unlike a survey's export it has no layout, so the header is the fullest of the first rows that holds no data; a row that cannot
be taken is listed with its number and reason, and the others go on. What makes a file unsafe or unreadable is base/tables.py's.
"""

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from base.refused import LandingRefused
from base.tables import (
    CONTROL,
    DELIMITERS,
    HEADER_WITHIN,
    LIMITS,
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
from delivery.refresh.columns import known, looks_like_data


@dataclass
class Register:
    """A customer's register. `rows`: `row_id` (from 0), `line` (as its sender counts) and a text column `c0`, `c1` ... for each
    header; empty cells are null. `unread`: (line, reason) of the rows that could not be taken."""

    headers: list[str]
    rows: pl.DataFrame
    unread: list[tuple[int, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read(path: Path, limits: Limits = LIMITS) -> Register:
    """Read a CSV or XLSX file. Raises LandingRefused with one line that quotes nothing of the file: too_large, empty,
    not_tabular, format_mismatch, encoding, mixed_encoding, not_a_table, sheets and what base.tables.workbook gives."""
    data, kind = taken(path, limits)
    if kind == "csv":
        return _csv(data, path.name, limits)
    with workbook(data, path.name, limits) as (book, scans):
        return _book(book, scans, path.name, limits)


def _csv(data: bytes, name: str, limits: Limits) -> Register:
    text, _, bad_lines = decode(data, name)
    text = text.replace("\r\n", "\n")
    if "\n" not in text:
        text = text.replace("\r", "\n")
    lines = [line + "\n" for line in text.split("\n")]
    best: tuple[int, int, int, str, list[str]] | None = None
    for delimiter in DELIMITERS:
        rows = [_cells(line, delimiter) for line in lines[:HEADER_WITHIN]]
        width = Counter(len(row) for row in rows if len(row) > 1).most_common(1)
        for number, cells in enumerate(rows):
            told = (len(known(cells)), width[0][1] if width and len(cells) == width[0][0] else 0, -number)
            if (best is None or told > best[:3]) and any(cells):
                best = (*told, delimiter, cells)
    if best is None:
        raise LandingRefused("empty", f"{name}: holds nothing")
    _, _, number, delimiter, header = best
    while header and not header[-1].strip():
        header.pop()
    start = -number if looks_like_data(header) else 1 - number
    return _register(csv_records(lines, start, delimiter, len(header), bad_lines), header, name, limits)


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def _book(book: Any, scans: dict[str, Scan], name: str, limits: Limits) -> Register:
    found = []
    for sheet in book.worksheets:
        scan = scans.get(sheet._worksheet_path)
        if scan is None or not scan.rows or sheet.sheet_state != "visible":
            continue
        sheet.reset_dimensions()  # they are what the file claims
        first = sheet.iter_rows(min_row=1, max_row=min(HEADER_WITHIN, scan.rows), max_col=scan.columns, values_only=True)
        told = [(n, [cell_text(value) for value in row]) for n, row in enumerate(first, start=1)]
        row = max(told, key=lambda one: (len(known(one[1])), sum(map(bool, one[1])), -one[0]))
        found.append((len(known(row[1])), scan.rows, sheet, scan, *row))
    if not found:
        raise LandingRefused("empty", f"{name}: no visible sheet holds anything")
    _, _, sheet, scan, number, header = max(found, key=lambda one: one[:2])
    while header and not header[-1].strip():
        header.pop()
    start = number if looks_like_data(header) else number + 1
    rows = sheet.iter_rows(min_row=start, max_row=scan.rows, max_col=scan.columns, values_only=True)
    records = (Record(n, [cell_text(v) for v in row]) for n, row in enumerate(rows, start=start))
    return _register(records, header, name, limits)


def _register(records: Iterable[Record], header: list[str], name: str, limits: Limits) -> Register:
    if len(header) > limits.columns:
        raise LandingRefused("too_many_columns", f"{name}: {len(header)} columns, the limit is {limits.columns}")
    bare = looks_like_data(header)
    headers, warnings = _told_apart([f"column {n}" for n in range(1, len(header) + 1)] if bare else header)
    if bare:
        warnings.append("the first row is no header: columns were found by what they hold")
    columns: list[list[str | None]] = [[] for _ in headers]
    lines: list[int] = []
    unread: list[tuple[int, str]] = []
    for record in records:
        if not any(cell.strip() for cell in record.cells) and record.fault is None:
            continue
        if len(lines) + len(unread) >= limits.rows:
            raise LandingRefused("too_many_rows", f"{name}: more than {limits.rows:,} rows")
        cells = record.cells
        reason = record.fault[0] if record.fault and not (record.fault[0] == "ragged" and len(cells) < len(headers)) else None
        if any(len(cell) > limits.cell_characters for cell in cells):
            reason = "cell_too_long"
        elif any(map(CONTROL.search, cells)):
            reason = "control_char"
        elif any(cell.strip() for cell in cells[len(headers) :]):
            reason = reason or "ragged"
        if reason:
            unread.append((record.position, reason))
            continue
        lines.append(record.position)
        for at, column in enumerate(columns):
            value = cells[at].strip() if at < len(cells) else ""
            column.append(value or None)
    if not lines:
        raise LandingRefused("empty", f"{name}: no row below the header could be read")
    frame = pl.DataFrame(
        {
            "row_id": range(len(lines)),
            "line": lines,
            **{f"c{n}": pl.Series(values, dtype=pl.String) for n, values in enumerate(columns)},
        }
    )
    if unread:
        told = ", ".join(f"{count} {reason}" for reason, count in sorted(Counter(reason for _, reason in unread).items()))
        warnings.append(f"{len(unread)} row(s) could not be read: {told}")
    return Register(headers, frame, unread, warnings)


def _told_apart(header: list[str]) -> tuple[list[str], list[str]]:
    """The headers, where two are the same with a number, and where one is empty with its place."""
    seen: Counter[str] = Counter()
    out = []
    for number, cell in enumerate(header, start=1):
        text = " ".join(cell.split()) or f"column {number}"
        seen[fold(text)] += 1
        out.append(text if seen[fold(text)] == 1 else f"{text} ({seen[fold(text)]})")
    twice = sum(count > 1 for count in seen.values())
    return out, [f"{twice} header(s) stand there more than once: the later ones were numbered"] if twice else []
