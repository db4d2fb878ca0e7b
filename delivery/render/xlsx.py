"""XLSX: typed text cells, so that 00100 and +358 stay what they are; no formula, no link, no macro.

Four sheets: the rows, what each column means, the terms, and the count from population to result. More rows than a sheet
can hold go on in a second file.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter

from base import files
from base.refused import Refused
from delivery.render import sheets
from delivery.render.cells import GUARD, text_cells
from delivery.render.model import EXTENSIONS, About, Profile, RenderedFile, rendered

MAX_ROWS = 1_048_575
"""Of data in a sheet; the header is one more."""
OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    # A full sheet of long texts is more than the 4 GiB that a plain zip can hold; a smaller one is the same with zip64.
    "use_zip64": True,
}
"""A text stays a text."""
MAX_CELL = 32_767
"""UTF-16 units in a cell. XlsxWriter would cut a longer one off."""
ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
"""Readers take `_x0041_` in a cell for the character of that number, unless its underscore is written that way itself."""


def write(batches: Iterator[pl.DataFrame], profile: Profile, about: About, folder: Path) -> list[RenderedFile]:
    """One file, or as many as the rows need: `<stem>.xlsx`, `<stem>_2.xlsx`, ..."""
    written: list[RenderedFile] = []
    rest: pl.DataFrame | None = None
    for number in count(1):
        path = folder / f"{about.stem}{f'_{number}' if number > 1 else ''}.{EXTENSIONS['xlsx']}"
        with _workbook(path, about, profile) as (book, sheet):
            rows, formats = 0, _formats(book, about)
            for frame in chain([rest] if rest is not None else [], batches):
                room = MAX_ROWS - rows
                _rows(sheet, frame.head(room), rows + 1, about, profile, formats)
                rows += min(len(frame), room)
                rest = frame.slice(room) if len(frame) > room else None
                if rest is not None:
                    break
            sheet.autofilter(0, 0, max(rows, 1), len(about.columns) - 1)
        written.append(rendered(path, "data", rows, about, profile, guard=GUARD))
        if rest is None:
            return written
    raise AssertionError("unreachable")


@contextmanager
def _workbook(path: Path, about: About, profile: Profile) -> Iterator[tuple[Any, Any]]:
    """A workbook with its sheets in order, the first one empty but for its header; written when left without an error."""
    with files.atomic_file(path) as temporary, files.draft_folder(path.with_name("scratch")) as scratch:
        # A row at a time goes into a file below `scratch`: it holds people, so it must not lie in the system's /tmp.
        book = xlsxwriter.Workbook(str(temporary), {**OPTIONS, "tmpdir": str(scratch)})
        # The program's clock in a file's properties would give every rendering other bytes.
        book.set_properties({"created": about.as_of, "title": about.stem, "author": "", "comments": ""})
        try:
            names = sheets.NAMES[profile.header_language]
            sheet = add_sheet(book, names[0])
            _cells(sheet, 0, [column.headers[profile.header_language] for column in about.columns], _bold(book))
            for number, column in enumerate(about.columns):
                sheet.set_column(number, number, column.width)
            yield book, sheet
            made = (sheets.dictionary(about, profile), sheets.terms(about), sheets.waterfall(about, profile))
            for name, (widths, lines) in zip(names[1:], made, strict=True):
                _sheet(book, name, widths, lines)
        except BaseException:
            for sheet in book.worksheets():
                sheet.row_data_fh.close()
            # Or the interpreter warns of a workbook that nobody closed, and tries to.
            book.fileclosed = True
            raise
        book.close()


def _bold(book: Any) -> Any:
    return book.add_format({"bold": True, "num_format": "@"})


def _sheet(book: Any, name: str, widths: tuple[int, ...], lines: list[tuple[str | int, ...]]) -> None:
    sheet = add_sheet(book, name)
    for number, width in enumerate(widths):
        sheet.set_column(number, number, width)
    bold, text = _bold(book), book.add_format({"num_format": "@"})
    for number, line in enumerate(lines):
        _cells(sheet, number, line, text if number else bold)


def _rows(sheet: Any, frame: pl.DataFrame, first: int, about: About, profile: Profile, formats: list[Any]) -> None:
    """Cells from row `first` on. XlsxWriter takes them one by one: the only loop over rows there is."""
    numbers = [pl.col(column.code).cast(pl.Float64) for column in about.columns if not column.is_text]
    shown = text_cells(frame, about, profile).with_columns(pl.col(pl.String).str.replace_all("\r\n?", "\n"))
    for number, row in enumerate(shown.with_columns(numbers).iter_rows(), start=first):
        for at, value in enumerate(row):
            if isinstance(value, float):
                sheet.write_number(number, at, value, formats[at])
            elif value is not None:
                write_text(sheet, number, at, value, formats[at])


def _formats(book: Any, about: About) -> list[Any]:
    """One for each column. Text is of the format `text`: somebody who edits a postal code keeps its zeros."""
    kinds = ["@" if column.is_text else "0" + "." * bool(column.decimals) + "0" * column.decimals for column in about.columns]
    made = {kind: book.add_format({"num_format": kind}) for kind in dict.fromkeys(kinds)}
    return [made[kind] for kind in kinds]


def _cells(sheet: Any, number: int, line: list[str] | tuple[str | int, ...], form: Any) -> None:
    for at, value in enumerate(line):
        if isinstance(value, int):
            sheet.write_number(number, at, value)
        elif value:
            write_text(sheet, number, at, value, form)


def write_text(sheet: Any, row: int, column: int, text: str, form: Any) -> None:
    """A cell of text. Raises Refused for one that no sheet can hold: cut off it would be another value."""
    if sheet.write_string(row, column, text, form) == -2:
        raise Refused(f"a cell of row {row + 1} is longer than the {MAX_CELL} characters that XLSX can hold: take CSV")


def _escaped(text: str | int) -> str:
    """A cell's text before it becomes XML; of `_x0041_x0042_` XlsxWriter's own escapes the first half only.

    Control characters are gone by then. A truth value comes as 0 or 1.
    """
    return ESCAPE.sub("_x005F_", str(text))


def add_sheet(book: Any, name: str) -> Any:
    """A worksheet whose texts are texts, whatever they look like, with its first row frozen."""
    sheet = book.add_worksheet(name)

    def plain(text: str, attributes: Any) -> None:
        sheet._xml_inline_string(text, True, attributes)

    # A text from `<r>` to `</r>` XlsxWriter takes for rich text of its own making and writes as it is: a firm of that name
    # could bring a formula along. There is no rich text here.
    sheet._xml_rich_inline_string = plain
    sheet._escape_control_characters = _escaped
    sheet.freeze_panes(1, 0)
    return sheet
