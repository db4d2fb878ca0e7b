"""Take people out of files, record by record, in the form the files have: what is left is what was received, without them.

A record about a person goes whole; of one about an organisation only the values that are the person's, unless the organisation
is the person. Where a record goes, its line stays empty, so that the numbers of the others still tell their place. A file that
holds nobody is not touched; one that does is replaced in one step, with the same result whenever it is done again.
"""

import csv
import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import duckdb
import openpyxl
import polars as pl
from openpyxl.packaging.core import DocumentProperties

from base.files import atomic_file
from ingest.lake import LandingRefused, connect, literal, sha256, was, write_checksum
from ingest.needles import Needles
from ingest.records import json_spec
from ingest.source import Source
from ingest.sources.ytj import framing

Subject = Literal["person", "organisation"]
Edit = Callable[[list[str]], dict[int, str | None]]
"""Texts of records -> those that change, by place: the new text, or None for a record that goes."""

BATCH = 20_000
JOINED_LINES = 50
EPOCH = (1980, 1, 1, 0, 0, 0)
SAVED_AT = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*")


@cache
def subject_of(source: str) -> Subject:
    """Whether the files of a source tell of people: then a record that meets goes whole."""
    if source not in Source.names():
        return "person"
    return "person" if any(d.subject == "person" for d in Source.load(source).datasets.values()) else "organisation"


def can(path: Path) -> bool:
    """Whether files of this name have records that can be taken out."""
    return _writer(path) is not None


def file(path: Path, needles: Needles, subject: Subject, *, dry_run: bool = False) -> int:
    """Take the people out of one file; returns how many records told of them. Files that are no records are left as they are.

    dry_run: count only.
    """
    writer = _writer(path)
    if writer is None:
        return 0
    edit, counted = _edit(needles, subject), 0

    def counting(texts: list[str]) -> dict[int, str | None]:
        nonlocal counted
        changed = edit(texts)
        counted += len(changed)
        return changed

    try:
        with atomic_file(path) as temporary:
            if not writer(path, temporary, counting) or dry_run:
                raise _Untouched
            temporary.chmod(path.stat().st_mode)
    except _Untouched:
        pass
    except LandingRefused:
        return 0  # damaged: it was never read either, and what it holds is the scanner's to find
    return counted


class _Untouched(Exception):
    """Nothing to take out: the temporary file is dropped."""


def archived(path: Path, needles: Needles, subject: Subject) -> tuple[str, str] | None:
    """As `file`, for one of the archive: its checksum is renewed and tells what it was. Returns (old, new) SHA-256."""
    old = sha256(path)
    if not file(path, needles, subject):
        return None
    new = sha256(path)
    write_checksum(path, new, [*was(path), old])
    return old, new


# --- what becomes of a record ----------------------------------------------------------------------------------------------


def _edit(needles: Needles, subject: Subject) -> Edit:
    def edit(texts: list[str]) -> dict[int, str | None]:
        changed: dict[int, str | None] = {}
        for place in needles.candidates(pl.Series(texts, dtype=pl.String)):
            record = parsed(texts[place])
            if subject == "person":
                if needles.meets(record):
                    changed[place] = None
            elif needles.is_theirs(record):
                changed[place] = None
            elif isinstance(record, dict) and (cleaned := needles.without(record)) != record:
                changed[place] = json.dumps(cleaned, ensure_ascii=False)
            elif isinstance(record, list) and any(map(needles.holds, record)):
                changed[place] = None
        return changed

    return edit


def parsed(text: str) -> Any:
    """A record's text as a value: JSON, else the cells of a line."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
    delimiter = max(";\t|,", key=text.count)
    try:
        return next(csv.reader(io.StringIO(text), delimiter=delimiter), [])
    except csv.Error:
        return text.split(delimiter)


# --- forms of files -------------------------------------------------------------------------------------------------------

Writer = Callable[[Path, Path, Edit], bool]


def _writer(path: Path) -> Writer | None:
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        inner = _writer(path.with_suffix(""))
        return _gzipped(inner, path.with_suffix("").name) if inner else None
    return {
        ".csv": _lines, ".txt": _lines, ".tsv": _lines, ".jsonl": _lines, ".ndjson": _lines,
        ".json": _json, ".zip": _zip, ".xlsx": _xlsx, ".parquet": _parquet,
    }.get("".join(suffixes[-1:]))  # fmt: skip


def _gzipped(inner: Writer, name: str) -> Writer:
    def write(path: Path, temporary: Path, edit: Edit) -> bool:
        plain = temporary.with_name(f"{temporary.name}.{name}")
        edited = plain.with_name(plain.name + ".edited")
        try:
            with gzip.open(path) as source, plain.open("wb") as unpacked:
                while chunk := source.read(1 << 20):
                    unpacked.write(chunk)
            if not inner(plain, edited, edit):
                return False
            with temporary.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
                packed.write(edited.read_bytes())
            return True
        finally:
            plain.unlink(missing_ok=True)
            edited.unlink(missing_ok=True)

    return write


def _lines(path: Path, temporary: Path, edit: Edit) -> bool:
    """Text, one record a line; a quoted cell may go over several. A record that goes leaves its lines empty."""
    with path.open("rb") as source:
        wide = source.read(2) in (b"\xff\xfe", b"\xfe\xff")
    if wide:
        text = path.read_bytes().decode("utf-16", "surrogateescape")
        batches: Iterator[list[bytes]] = iter([text.encode("utf-8", "surrogateescape").splitlines(keepends=True)])
    else:
        batches = _raw_lines(path)
    touched = False
    is_json = any(s in (".jsonl", ".ndjson") for s in path.suffixes)
    with temporary.open("wb") as out:
        for lines in batches:
            records = [[line] for line in lines] if is_json else _joined(lines)
            changed = edit([_decoded(b"".join(record)) for record in records])
            touched |= bool(changed)
            for place, record in enumerate(records):
                raw = b"".join(record)
                if place in changed:
                    end = b"\r\n" if record[-1].endswith(b"\r\n") else b"\n" if record[-1].endswith(b"\n") else b""
                    new = (changed[place] or "").encode()
                    raw = new + end * len(record)
                out.write(raw.decode("utf-8", "surrogateescape").encode("utf-16", "surrogateescape") if wide else raw)
    return touched


def _raw_lines(path: Path) -> Iterator[list[bytes]]:
    with path.open("rb") as source:
        while lines := source.readlines(16 << 20):
            # A quoted cell that is open at the end of a batch is read on to its end.
            while b"".join(lines[-JOINED_LINES:]).count(b'"') % 2 and (more := source.readline()):
                lines.append(more)
                if len(lines) > BATCH * 50:
                    break
            yield lines


def _joined(lines: list[bytes]) -> list[list[bytes]]:
    """Lines as records: a quote left open joins the next ones, up to where none is meant to."""
    records: list[list[bytes]] = []
    place = 0
    while place < len(lines):
        length = 1
        if lines[place].count(b'"') % 2:
            quotes, further = 1, place + 1
            while further < min(len(lines), place + JOINED_LINES) and quotes % 2:
                quotes += lines[further].count(b'"')
                further += 1
            if quotes % 2 == 0:
                length = further - place
        records.append(lines[place : place + length])
        place += length
    return records


def _decoded(raw: bytes) -> str:
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _json(path: Path, temporary: Path, edit: Edit) -> bool:
    """A JSON file: the elements of its array, of the arrays in its envelope, or the one object."""
    try:
        content = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return _lines(path, temporary, edit)
    lists = [content] if isinstance(content, list) else []
    if isinstance(content, dict):
        lists = [value for value in content.values() if isinstance(value, list) and any(isinstance(v, dict) for v in value)]
    if isinstance(content, dict) and not any(_looks_like_records(content, one) for one in lists):
        changed = edit([json.dumps(content, ensure_ascii=False)])
        if not changed:
            return False
        temporary.write_text(changed[0] or "{}", encoding="utf-8")
        return True
    touched = False
    for records in lists:
        changed = edit([json.dumps(record, ensure_ascii=False) for record in records])
        touched |= bool(changed)
        kept = [(n, record) for n, record in enumerate(records) if changed.get(n, "") is not None]
        records[:] = [json.loads(str(changed[n])) if n in changed else record for n, record in kept]
    if touched:
        temporary.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return touched


def _looks_like_records(envelope: dict[str, Any], records: list[Any]) -> bool:
    """An answer with pages is counts beside one list; an organisation's record has lists among its own fields."""
    return sum(isinstance(value, list | dict) for value in envelope.values()) == 1 and all(isinstance(r, dict) for r in records)


def _zip(path: Path, temporary: Path, edit: Edit) -> bool:
    """The register's dump: one JSON array in a zip, too long to be held."""
    try:
        source, member = framing.open_member(path)
    except LandingRefused:
        return False
    touched = False
    info = zipfile.ZipInfo(member.filename, EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    with source, zipfile.ZipFile(temporary, "w") as packed, packed.open(info, "w", force_zip64=True) as out:
        first = True
        out.write(b"[")
        for batch in framing.records(framing.chunks(source, member)):
            changed = edit([_decoded(raw) for raw in batch])
            touched |= bool(changed)
            for place, raw in enumerate(batch):
                new = changed.get(place, "")
                if new is not None:
                    out.write(b"" if first else b",")
                    out.write(new.encode() or raw)
                    first = False
        out.write(b"]")
    return touched


def _xlsx(path: Path, temporary: Path, edit: Edit) -> bool:
    """A workbook: rows are emptied, and it is written anew, since a workbook keeps texts that no cell shows any more."""
    try:
        book = openpyxl.load_workbook(path)
    except Exception:  # refused by the reader too; whether anything of them is in it is the scanner's to say
        return False
    touched = False
    for sheet in book.worksheets:
        rows = list(sheet.iter_rows())
        texts = [json.dumps(["" if c.value is None else str(c.value) for c in row], ensure_ascii=False) for row in rows]
        changed = edit(texts)
        touched |= bool(changed)
        for place in changed:
            for cell in rows[place]:
                cell.value = None
                cell.comment = None
                cell.hyperlink = None
    if touched:
        # Who made the workbook is nobody's business here; and its clock would make another file of it each time.
        book.properties = DocumentProperties(creator="", created=datetime(*EPOCH[:6]))
        with io.BytesIO() as held:
            book.save(held)
            with zipfile.ZipFile(held) as saved, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as packed:
                for member in saved.infolist():
                    content = SAVED_AT.sub(rb"\g<1>1980-01-01T00:00:00Z", saved.read(member))
                    packed.writestr(zipfile.ZipInfo(member.filename, EPOCH), content, zipfile.ZIP_DEFLATED)
    return touched


def _parquet(path: Path, temporary: Path, edit: Edit) -> bool:
    """Rows as JSON; a row of which something is left keeps its place, under a hash of its own (see `marked`)."""
    rows = f"read_parquet({literal(path)}, file_row_number = true, hive_partitioning = false)"
    changed: dict[int, str | None] = {}
    with connect() as con:
        con.execute("set preserve_insertion_order = true")
        columns = con.execute(f"describe select * exclude file_row_number from {rows}").fetchall()
        types = {name: kind for name, kind, *_ in columns}
        packed = ", ".join(f"{_name(column)} := {_name(column)}" for column in types)
        told = con.execute(f"select file_row_number, to_json(struct_pack({packed}))::varchar from {rows}")
        while batch := told.fetchmany(BATCH):
            numbers = [number for number, _ in batch]
            changed |= {numbers[place]: new for place, new in edit([text for _, text in batch]).items()}
        if not changed:
            return False
        gone = ", ".join(map(str, changed))
        con.execute(f"create table kept as select * from {rows} where file_row_number not in ({gone})")
        spec = json.dumps({name: json_spec(duckdb.type(kind)) for name, kind in types.items()})
        for number, new in changed.items():
            if new is not None:
                con.execute(
                    f"insert into kept by name select unnest(from_json(?, ?)), {number} as file_row_number", [new, spec]
                )
                if "_record_hash" in types:
                    con.execute(f"update kept set {marked()} where file_row_number = {number}")
        con.execute(
            f"copy (select * exclude file_row_number from kept order by file_row_number) to {literal(temporary)} "
            "(format parquet, compression zstd)"
        )
    return True


def marked() -> str:
    """SQL that marks a row of which something was taken: the same record, told again, is then known as the one it was."""
    return "_record_hash = md5('redacted' || _record_hash), _raw_hash = null"


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
