"""What makes a file of a table unreadable or unsafe, whatever it is about: kind, encoding, a workbook's parts and sizes.

Belongs here: what the readers of tables share (ingest/tabular.py by a source's layout, delivery/refresh by sniffing). Does not
belong here: columns and rows. A hostile workbook is refused before anything of it is expanded: sizes and names are read from
the zip's directory, and no part may hold a DTD, so entities cannot be declared, let alone resolved.
"""

import csv
import io
import re
import stat
import unicodedata
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path, PurePosixPath
from typing import Any
from xml.sax import SAXException
from xml.sax.handler import ContentHandler

import defusedxml
import defusedxml.sax
import openpyxl
from openpyxl.utils.cell import coordinate_to_tuple, range_boundaries

from base.refused import LandingRefused


@dataclass(frozen=True)
class Limits:
    """What a file may ask of us. A workbook's parts count with the bytes its directory declares; reading enforces those."""

    file_bytes: int = 100_000_000
    unpacked_bytes: int = 150_000_000
    # Styles, themes, relations: read whole into objects, so a large one costs a multiple of its size.
    part_bytes: int = 8_000_000
    # Kept in memory for the whole reading; beyond this it is no survey.
    strings_bytes: int = 60_000_000
    entries: int = 500
    rows: int = 1_000_000
    columns: int = 256
    cell_characters: int = 32_767  # Excel's own
    depth: int = 64


LIMITS = Limits()
RECORD_LINES = 50  # a quote that is still open after so many lines was never meant to span them
HEADER_WITHIN = 20  # title rows above the header are common in exports
SUFFIXES = {".xlsx": "xlsx", ".csv": "csv", ".txt": "csv", ".tsv": "csv"}
DELIMITERS = ";\t,|"
MINORITY = 1 / 3  # of the lines with letters beyond ASCII: more in the other encoding, and nobody knows which is meant

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
ESCAPED = re.compile("[\udc80-\udcff]")
BEYOND_ASCII = re.compile("[^\x00-\x7f]")
MEDIA = (".png", ".jpg", ".jpeg", ".gif", ".emf", ".wmf", ".bin")


def fold(text: str) -> str:
    """A name as it is compared: no case, no accents, and underscores for everything that is not a letter or digit."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def taken(path: Path, limits: Limits = LIMITS) -> tuple[bytes, str]:
    """The bytes of a file and what it is by its content, `csv` or `xlsx`; its name must say the same.

    Raises LandingRefused: too_large, empty, not_tabular, format_mismatch.
    """
    size = path.stat().st_size
    if size > limits.file_bytes:
        raise LandingRefused("too_large", f"{path.name}: {size:,} bytes, the limit is {limits.file_bytes:,}")
    data = path.read_bytes()
    found = _format(data)
    said = SUFFIXES.get(path.suffix.lower())
    if found not in ("csv", "xlsx"):
        reason, message = _NOT_TABULAR[found]
        raise LandingRefused(reason, message.format(path.name))
    if said is None or said != found:
        raise LandingRefused("format_mismatch", f"{path.name}: by its content this is {found}; save it under its true name")
    return data, found


_NOT_TABULAR = {
    "empty": ("empty", "{}: holds nothing"),
    "xls": ("not_tabular", "{}: is an old Excel file (.xls) or an encrypted one; save it as .xlsx without a password"),
    "html": ("not_tabular", "{}: is a web page or XML, not a table; export it as .xlsx or .csv"),
    "json": ("not_tabular", "{}: is JSON, not a table"),
    "pdf": ("not_tabular", "{}: is a PDF, not a table"),
    "packed": ("not_tabular", "{}: is a compressed file; send what is in it"),
}


def _format(data: bytes) -> str:
    start = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start.strip(b"\x00"):
        return "empty"
    if data.startswith(b"PK"):
        return "xlsx"
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        return "xls"
    if data.startswith((b"\x1f\x8b", b"BZh", b"7z\xbc\xaf", b"\xfd7zXZ", b"Rar!", b"\x28\xb5\x2f\xfd")):
        return "packed"
    if start.startswith(b"%PDF"):
        return "pdf"
    if re.match(rb"<(\?xml|!doctype|html|table|head|body|meta|script)", start, re.IGNORECASE):
        return "html"
    return "json" if re.match(rb'[{\[]\s*["{\[]', start) else "csv"


def decode(data: bytes, name: str) -> tuple[str, str, set[int]]:
    """(text, encoding, numbers of the lines that are not in it, from 0). Strict: U+FFFD never comes to be."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or data[:2000].count(0) > len(data[:2000]) // 5:
        raise LandingRefused("encoding", f"{name}: is UTF-16; save it as UTF-8")
    marked = data.startswith(b"\xef\xbb\xbf")
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    lines = text.split("\n")
    foreign = {n for n, line in enumerate(lines) if ESCAPED.search(line)}
    proper = {n for n, line in enumerate(lines) if n not in foreign and BEYOND_ASCII.search(line)}
    if not foreign or marked:
        return text, "utf-8-sig" if marked else "utf-8", foreign
    share = len(foreign) / (len(foreign) + len(proper))
    if MINORITY < share < 1 - MINORITY:
        raise LandingRefused(
            "mixed_encoding", f"{name}: {len(proper)} lines are UTF-8 and {len(foreign)} are not; save it whole as UTF-8"
        )
    if share <= MINORITY:
        return text, "utf-8", foreign
    # ISO-8859-1 differs from its superset Windows-1252 only in control characters that no list of people holds.
    text = data.decode("cp1252", "surrogateescape")
    return text, "cp1252", proper | {n for n, line in enumerate(text.split("\n")) if ESCAPED.search(line)}


@dataclass
class Record:
    """One row as read: `fault` is (reason, column index or None) when it cannot be taken."""

    position: int
    cells: list[str]
    fault: tuple[str, int | None] | None = None
    flags: list[tuple[int, str]] = field(default_factory=list)


def csv_records(lines: list[str], start: int, delimiter: str, width: int, bad_lines: set[int]) -> Iterator[Record]:
    """The records after line `start`. A line that opens a quote nothing closes is refused alone: reading resumes after it,
    so that it cannot swallow the rest of the file."""
    # One limit for the whole process, which other libraries move too: beyond any file's size, so that what is said of a long
    # cell is the same whoever else was imported. How long a cell may be is ours to judge (`cell_too_long`).
    csv.field_size_limit(LIMITS.file_bytes)
    begin = start

    def feed() -> Iterator[str]:
        for n in range(begin, len(lines)):
            if n - begin >= RECORD_LINES:
                raise csv.Error("a record of too many lines")
            yield lines[n]

    while begin < len(lines):
        reader, offset = csv.reader(feed(), delimiter=delimiter, strict=True), begin
        try:
            for cells in reader:
                end = offset + reader.line_num
                if len(cells) > width and not any(c.strip() for c in cells[width:]):
                    cells = cells[:width]
                fault: tuple[str, int | None] | None = None
                if bad_lines and not bad_lines.isdisjoint(range(begin, end)):
                    fault = ("encoding", None)
                elif len(cells) != width and any(c.strip() for c in cells):
                    if end - begin > 1:
                        raise csv.Error("a quote that was closed by another record's")
                    fault = ("ragged", None)
                yield Record(begin + 1, cells, fault)
                begin = end
        except csv.Error:
            yield Record(begin + 1, [lines[begin].rstrip("\n")], ("unbalanced_quote", None))
            begin += 1


def _is_xml(part: str) -> bool:
    return not part.lower().endswith(MEDIA) and not part.endswith("/")


def _check_directory(archive: zipfile.ZipFile, name: str, limits: Limits) -> None:
    """Refuse by the zip's directory, before anything is unpacked."""
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if len(entries) > limits.entries:
        raise LandingRefused("zip_layout", f"{name}: {len(entries):,} parts, the limit is {limits.entries}")
    for entry in entries:
        path = PurePosixPath(entry.filename)
        link = stat.S_ISLNK(entry.external_attr >> 16)
        if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or ":" in entry.filename or link:
            raise LandingRefused("zip_layout", f"{name}: a part has a name that leads out of the workbook")
        if entry.flag_bits & 1:
            raise LandingRefused("zip_layout", f"{name}: a part is encrypted; save it without a password")
    if len({n.casefold() for n in names}) < len(names):
        raise LandingRefused("zip_layout", f"{name}: two parts have one name")
    if any(n.casefold().endswith("vbaproject.bin") for n in names):
        raise LandingRefused("macros", f"{name}: holds macros; save it as .xlsx without them")
    if not {"[Content_Types].xml", "xl/workbook.xml"} <= set(names):
        raise LandingRefused("format_mismatch", f"{name}: is a zip but no Excel workbook")
    if (unpacked := sum(entry.file_size for entry in entries)) > limits.unpacked_bytes:
        raise LandingRefused(
            "decompress_limit", f"{name}: unpacks to {unpacked:,} bytes, the limit is {limits.unpacked_bytes:,}"
        )
    for entry in entries:
        part = entry.filename.lower()
        limit = limits.strings_bytes if "sharedstrings" in part else limits.part_bytes
        if "/worksheets/sheet" not in part and not part.endswith(MEDIA) and entry.file_size > limit:
            raise LandingRefused(
                "decompress_limit", f"{name}: a part unpacks to {entry.file_size:,} bytes, the limit is {limit:,}"
            )


class Scan(ContentHandler):
    """What openpyxl's stream does not tell of a sheet: formulas, merged ranges, true extent. Reading any part with it also
    proves that the part declares no entities and is not nested beyond reason."""

    def __init__(self, limits: Limits, part: str, name: str) -> None:
        super().__init__()
        self.limits, self.is_sheet, self.name = limits, part.lower().startswith("xl/worksheets/"), name
        self.depth = self.rows = self.columns = self._row = self._column = 0
        self.formulas: dict[tuple[int, int], str] = {}
        self.shared: dict[str, str] = {}
        self.merged: list[tuple[int, int, int, int]] = []
        self._formula: list[str] | None = None
        self._shared_index: str | None = None

    def startElement(self, tag: str, attributes: Any) -> None:
        self.depth += 1
        if self.depth > self.limits.depth:
            raise LandingRefused("xml_forbidden", f"{self.name}: nested deeper than {self.limits.depth}")
        if not self.is_sheet:
            return
        tag = tag.rpartition(":")[2]
        if tag == "row":
            number = int(attributes.get("r", self._row + 1))
            if number <= self._row:
                # openpyxl would pass over such a row in silence.
                raise LandingRefused("bad_workbook", f"{self.name}: row {number} stands after row {self._row}")
            self._row, self._column = number, 0
            self.rows = number
            if number > self.limits.rows + HEADER_WITHIN:
                raise LandingRefused("too_many_rows", f"{self.name}: more than {self.limits.rows:,} rows")
        elif tag == "c":
            where = coordinate_to_tuple(attributes["r"]) if "r" in attributes else (self._row, self._column + 1)
            if where[0] != self._row or where[1] <= self._column:
                raise LandingRefused("bad_workbook", f"{self.name}: a cell of row {self._row} is out of place")
            self._column = where[1]
            self.columns = max(self.columns, self._column)
            if self.columns > self.limits.columns:
                raise LandingRefused("too_many_columns", f"{self.name}: more than {self.limits.columns} columns")
        elif tag == "f":
            self._formula, self._shared_index = [], attributes.get("si")
        elif tag == "mergeCell":
            left, top, right, bottom = range_boundaries(attributes["ref"])
            self.merged.append((top, left, bottom, right))

    def characters(self, content: str) -> None:
        if self._formula is not None:
            self._formula.append(content)

    def endElement(self, tag: str) -> None:
        self.depth -= 1
        if self._formula is not None and tag.rpartition(":")[2] == "f":
            text = "".join(self._formula)
            if self._shared_index is not None:
                text = self.shared.setdefault(self._shared_index, text)
            self.formulas[self._row, self._column] = text
            self._formula = None

    def is_merged(self, row: int) -> bool:
        return any(top <= row <= bottom for top, _, bottom, _ in self.merged)


def _scan(archive: zipfile.ZipFile, part: str, name: str, limits: Limits) -> Scan:
    parser = defusedxml.sax.make_parser()
    parser.forbid_dtd = True
    scan = Scan(limits, part, name)
    parser.setContentHandler(scan)
    with archive.open(part) as stream:
        while piece := stream.read(1 << 16):
            parser.feed(piece)
    parser.close()
    return scan


def cell_text(value: object) -> str:
    """A cell as text: dates as ISO dates, whole numbers without a point, nothing in scientific form."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e18 else repr(value)
    return str(value)


@contextmanager
def workbook(data: bytes, name: str, limits: Limits) -> Iterator[tuple[Any, dict[str, Scan]]]:
    """The open book (openpyxl, read-only) and what each part's scan says. Whatever is wrong with it is a LandingRefused."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_directory(archive, name, limits)
            scans = {part: _scan(archive, part, name, limits) for part in archive.namelist() if _is_xml(part)}
        # openpyxl warns of what it leaves out (styles, validations); that is none of our concern.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
            try:
                yield book, scans
            finally:
                book.close()
    except defusedxml.DefusedXmlException as error:
        raise LandingRefused("xml_forbidden", f"{name}: holds a document type or entities, which no workbook needs") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise LandingRefused("bad_zip", f"{name}: damaged or half-written workbook ({type(error).__name__})") from error
    except (SAXException, KeyError, ValueError, TypeError, AttributeError, IndexError, SyntaxError, OverflowError) as error:
        # What openpyxl raises for parts that contradict each other; its own words may quote the file.
        raise LandingRefused("bad_workbook", f"{name}: not a sound workbook ({type(error).__name__})") from error
