"""The proof scan: is anything of somebody left in any file, whatever it is packed in?

Each file is read twice. As bytes, for what is somebody's alone (e-mail address, telephone number, register number) in every
encoding a program may have written it in. Then decoded, by what the bytes say it is and not by its name: gzip and zip
(workbooks too), Parquet (values and footer statistics), DuckDB and SQLite through SQL, text line by line; there a record is
looked at as a whole, so that a name beside its organisation is found too. Of DuckDB files freed blocks cannot be read, so one
that is older than the erasure counts as a finding.

A byte scan that finds nothing in a compressed file proves nothing (measured), so the scanner is calibrated: `calibrate` plants
somebody made up in a file of every kind and fails when one of them is not found.
"""

import base64
import gzip
import io
import json
import sqlite3
import tempfile
import unicodedata
import urllib.parse
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from base.normalise import phone
from ingest import redact
from ingest.lake import literal
from ingest.needles import Needles, Person, spellings
from ingest.source import Source
from orchestration.state import Refused
from orchestration.subject import personal_data

CHUNK = 16 << 20
# Longer than any needle in any encoding: read again at the beginning of the next piece.
OVERLAP = 2_000
DEPTH = 4
BATCH = 20_000
MAX_MEMBER = 4 << 30
SHORTEST = 6
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, gzip.BadGzipFile, duckdb.Error, sqlite3.Error, pa.ArrowException)


@dataclass(frozen=True)
class Hit:
    """Where something was found, and how: never what."""

    path: str
    decoder: str
    found: str

    def __str__(self) -> str:
        return f"{self.path} ({self.decoder}: {self.found})"


@dataclass
class Report:
    """What a scan has read: files, their bytes, decoded bytes by decoder, and where something was found. undecoded: damaged
    files, of which only the bytes could be read."""

    files: int = 0
    bytes: int = 0
    decoded: Counter[str] = field(default_factory=Counter)
    hits: list[Hit] = field(default_factory=list)
    undecoded: list[str] = field(default_factory=list)


def spelled(text: str) -> tuple[set[bytes], set[bytes]]:
    """A text in every encoding a program may have written it in: in lower case where case does not count, and Base64 as it is
    (without its ends, which depend on its neighbours)."""
    folded: set[bytes] = set()
    exact: set[bytes] = set()
    for form in {text.lower(), unicodedata.normalize("NFD", text.lower())}:
        folded |= {form.encode(), form.encode("utf-16-le"), form.encode("utf-16-be"), json.dumps(form)[1:-1].encode()}
        folded |= {urllib.parse.quote(form, safe="").lower().encode(), form.encode("latin-1", "ignore")}
    for form in {text, text.lower()}:
        for shift in range(3):
            coded = base64.b64encode(b"\0" * shift + form.encode())
            exact.add(coded[(0, 4, 4)[shift] : len(coded) - 4])
    return {f for f in folded if len(f) >= SHORTEST}, {e for e in exact if len(e) >= SHORTEST}


def texts_of(needles: Needles) -> set[str]:
    """What is somebody's alone, as it may be written: no names, which others bear too."""
    found = {*needles.emails, *(number for person in needles.people for number in person.registers)}
    for number in needles.phones:
        national = phone(number).national or ""
        found |= {number, national, "".join(filter(str.isdigit, national)), number.removeprefix("+")}
    return {text for text in found if len(text) >= SHORTEST}


class Scanner:
    """One scan. older_than: DuckDB files not written since are a finding (they may hold freed blocks)."""

    def __init__(self, needles: Needles, extra: Iterable[str] = (), older_than: datetime | None = None) -> None:
        self.needles, self.older_than = needles, older_than
        forms = [spelled(text) for text in {*texts_of(needles), *extra}]
        # As text of one character a byte: one pass of the text search for all needles, however many.
        self._folded = sorted(f.decode("latin-1") for f in set().union(*(folded for folded, _ in forms)))
        self._exact = sorted(e.decode("latin-1") for e in set().union(*(exact for _, exact in forms)))
        self.report = Report()

    def folder(self, root: Path, skip: Callable[[Path], bool] = lambda path: False) -> Report:
        """Every file below a folder, and those of it that are deleted but still open somewhere."""
        for path in sorted(root.rglob("*")):
            if path.is_file() and not path.is_symlink() and not skip(path):
                self.file(path, str(path.relative_to(root)))
        for descriptor, name in open_but_deleted(root):
            self.file(descriptor, f"{name} (deleted, still open)")
        return self.report

    def file(self, path: Path, name: str) -> None:
        """One file, as bytes and decoded."""
        try:
            size = path.stat().st_size
            self.report.files += 1
            self.report.bytes += size
            with path.open("rb") as source:
                head = source.read(16)
                source.seek(0)
                self._bytes(iter(lambda: source.read(CHUNK), b""), name, "bytes")
            try:
                self._decode(path, name, head)
            except DAMAGED:
                self.report.undecoded.append(name)
        except FileNotFoundError:
            return  # gone while we looked: what is no longer there holds nothing
        if head[8:12] == b"DUCK" and self.older_than and path.stat().st_mtime < self.older_than.timestamp():
            self._hit(name, "duckdb", "older than the erasure, may hold freed blocks")

    def _decode(self, path: Path, name: str, head: bytes) -> None:
        if head[:2] == b"\x1f\x8b":
            with gzip.open(path) as packed:
                self._stream(packed, name, "gzip")
        elif head[:4] == b"PK\x03\x04":
            self._zip(zipfile.ZipFile(path), name)
        elif head[:4] == b"PAR1":
            self._parquet(path, name)
        elif head[8:12] == b"DUCK":
            self._duckdb(path, name)
        elif head == b"SQLite format 3\0":
            self._sqlite(path, name)
        self._records(path, name)

    def _records(self, path: Path, name: str) -> None:
        """Records of the forms that are rewritten: what would still be taken out is still there."""
        parts = Path(name).parts
        subject = redact.subject_of(parts[1]) if len(parts) > 2 and parts[0] in ("archive", "inbox") else "person"
        if len(parts) > 3 and parts[0] in ("raw", "aside"):
            subject = dataset_subject(parts[1], parts[2])
        if redact.can(path) and (found := redact.file(path, self.needles, subject, dry_run=True)):
            self._hit(name, "records", f"{found} records")

    def _bytes(self, pieces: Iterator[bytes], name: str, decoder: str) -> None:
        before, hit = b"", False
        for piece in pieces:
            self.report.decoded[decoder] += len(piece)
            text = before + piece
            if not hit and self._holds(text):
                hit = True
                self._hit(name, decoder, "text")
            before = text[-OVERLAP:]

    def _holds(self, content: bytes) -> bool:
        if not self._folded:
            return False
        text = pl.Series([content.decode("latin-1")])
        folded = text.str.contains_any(self._folded, ascii_case_insensitive=True)
        return bool(folded[0]) or bool(text.str.contains_any(self._exact)[0])

    def _stream(self, stream: io.BufferedIOBase | gzip.GzipFile, name: str, decoder: str, depth: int = 0) -> None:
        head = stream.read(CHUNK)
        if depth < DEPTH and head[:4] == b"PK\x03\x04":
            content = head + stream.read(MAX_MEMBER)
            self._zip(zipfile.ZipFile(io.BytesIO(content)), name, depth + 1)
            return
        if depth < DEPTH and head[:2] == b"\x1f\x8b":
            self._stream(gzip.GzipFile(fileobj=io.BytesIO(head + stream.read(MAX_MEMBER))), name, "gzip", depth + 1)
            return

        def pieces() -> Iterator[bytes]:
            yield head
            yield from iter(lambda: stream.read(CHUNK), b"")

        self._bytes(pieces(), name, decoder)

    def _zip(self, packed: zipfile.ZipFile, name: str, depth: int = 0) -> None:
        with packed:
            for member in packed.infolist():
                with packed.open(member) as stream:
                    self._stream(stream, f"{name}:{member.filename}", "zip", depth)  # type: ignore[arg-type]

    def _parquet(self, path: Path, name: str) -> None:
        with duckdb.connect() as con:
            rows = f"read_parquet({literal(path)}, hive_partitioning = false)"
            self._relation(con, rows, name, "parquet")
        about = pq.read_metadata(path)
        stats = [
            f"{column.statistics.min} {column.statistics.max}"
            for group in range(about.num_row_groups)
            for place in range(about.num_columns)
            if (column := about.row_group(group).column(place)).statistics is not None and column.statistics.has_min_max
        ]
        self._bytes(iter(["\n".join([*stats, str(about.metadata)]).encode()]), name, "parquet footer")

    def _duckdb(self, path: Path, name: str) -> None:
        with duckdb.connect(str(path), read_only=True) as con:
            texts = con.execute("select sql from duckdb_views() union all select macro_definition from duckdb_functions()")
            self._bytes(iter([str(texts.fetchall()).encode()]), name, "duckdb catalogue")
            tables = con.execute("select schema_name, table_name from duckdb_tables()").fetchall()
            for schema, table in tables:
                columns = con.execute(f'describe "{schema}"."{table}"').fetchall()
                named = any(personal_data.kind_of(schema, table, column[0]) == "name" for column in columns)
                self._relation(con, f'"{schema}"."{table}"', f"{name}:{schema}.{table}", "duckdb", whole=named)

    def _sqlite(self, path: Path, name: str) -> None:
        with sqlite3.connect(f"file:{urllib.parse.quote(str(path))}?mode=ro", uri=True) as con:
            con.text_factory = bytes
            for (table,) in con.execute("select name from sqlite_master where type = 'table'").fetchall():
                told = con.execute(f'select * from "{table.decode()}"')
                while rows := told.fetchmany(BATCH):
                    joined = (b"\x1f".join(v if isinstance(v, bytes) else str(v).encode() for v in row if v) for row in rows)
                    self._bytes(iter([b"\x1e".join(joined)]), f"{name}:{table.decode()}", "sqlite")

    def _relation(self, con: duckdb.DuckDBPyConnection, relation: str, name: str, decoder: str, whole: bool = False) -> None:
        columns = [column[0] for column in con.execute(f"describe select * from {relation}").fetchall()]
        packed = ", ".join(f'"{c}" := "{c}"'.replace("\\", "") for c in columns)
        rows = con.execute(f"select to_json(struct_pack({packed}))::varchar from {relation}")
        while batch := rows.fetchmany(BATCH):
            texts = [text for (text,) in batch]
            self._bytes(iter(["\n".join(texts).encode()]), name, decoder)
            if whole:
                records = (json.loads(texts[place]) for place in self.needles.candidates(pl.Series(texts, dtype=pl.String)))
                if found := sum(map(self.needles.meets, records)):
                    self._hit(name, decoder, f"{found} rows")

    def _hit(self, name: str, decoder: str, found: str) -> None:
        self.report.hits.append(Hit(name, decoder, found))


@cache
def dataset_subject(source: str, dataset: str) -> redact.Subject:
    """What the records of a raw dataset are about."""
    found = Source.load(source).datasets.get(dataset) if source in Source.names() else None
    return found.subject if found else "person"


def open_but_deleted(root: Path) -> Iterator[tuple[Path, str]]:
    """Files below a folder that were removed while a process still holds them open, as far as we may look."""
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue
        if target.endswith(" (deleted)") and target.startswith(f"{root.resolve()}/"):
            yield descriptor, str(Path(target.removesuffix(" (deleted)")).relative_to(root.resolve()))


# --- calibration ----------------------------------------------------------------------------------------------------------

CANARY = Person(
    names=spellings("Kanerva", "Ääniö-Koetin"),
    business_ids=frozenset(["0112038-9"]),
    birth_dates=frozenset([date(1969, 4, 1)]),
    emails=frozenset(["kanerva.koetin@canary.example"]),
    phones=frozenset(["+358401239876"]),
)
ROW = {
    "first_name": "Kanerva",
    "last_name": "Ääniö-Koetin",
    "business_id": "0112038-9",
    "email": "Kanerva.Koetin@canary.example",
}


def calibrate() -> dict[str, int]:
    """Plant somebody made up in a file of every kind and find them all; returns kind -> findings.

    Raises Refused when one is not found: then nothing this scanner says is proof.
    """
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        _plant(root)
        found: dict[str, int] = {}
        for path in sorted(root.iterdir()):
            scanner = Scanner(Needles((CANARY,)))
            scanner.file(path, path.name)
            found[path.name] = len(scanner.report.hits)
    if blind := sorted(name for name, hits in found.items() if not hits):
        raise Refused(f"the scanner does not see what was planted in {', '.join(blind)}: it proves nothing")
    return found


def _plant(scratch: Path) -> None:
    address, line = ROW["email"].lower(), ";".join(ROW.values())
    filler = "x" * 1000
    (scratch / "utf8.txt").write_text(f"{filler} {address}", encoding="utf-8")
    (scratch / "utf16.bin").write_bytes(f"{filler} {address}".encode("utf-16"))
    (scratch / "percent.bin").write_text(f"{filler} ?mail={urllib.parse.quote(address, safe='')}&x", encoding="utf-8")
    for shift in range(3):
        (scratch / f"base64-{shift}.bin").write_bytes(base64.b64encode(f"{'y' * shift}{address} {filler}".encode()))
    (scratch / "phone.bin").write_text(f"{filler} 040 1239876", encoding="utf-8")
    (scratch / "name.csv").write_text("etunimi;sukunimi;y-tunnus\nKanerva;Aanio-Koetin;01120389\n", encoding="utf-8")
    (scratch / "latin1.csv").write_bytes("nimi;y-tunnus\nÄÄNIÖ-KOETIN Kanerva;0112038-9\n".encode("latin-1"))
    nfd = unicodedata.normalize("NFD", "Ääniö-Koetin Kanerva")
    (scratch / "nfd.csv").write_text(f"nimi;syntynyt\n{nfd};1.4.1969\n", encoding="utf-8")
    (scratch / "escaped.jsonl").write_text(json.dumps({**ROW, "email": None}) + "\n", encoding="utf-8")
    (scratch / "array.json").write_text(json.dumps([{"a": 1}, {**ROW, "email": None}]), encoding="utf-8")
    with gzip.open(scratch / "packed.csv.gz", "wb") as packed:
        packed.write(f"{line}\n{filler}".encode())
    with zipfile.ZipFile(scratch / "packed.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.json", json.dumps([ROW]) + filler)
    book = xlsxwriter.Workbook(str(scratch / "book.xlsx"))
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, list(ROW))
    sheet.write_row(1, 0, list(ROW.values()))
    book.close()
    with duckdb.connect(str(scratch / "base.duckdb")) as con:
        con.execute("create schema main2; create table main2.t as select range as n, repeat('ab', 50) as v from range(5000)")
        con.execute(
            "create table held as select ? as first_name, ? as last_name, ? as business_id, ? as email", list(ROW.values())
        )
        con.execute(f"copy (select * from held) to {literal(scratch / 'values.parquet')} (format parquet, compression zstd)")
        con.execute("checkpoint")
    with sqlite3.connect(scratch / "base.db") as base:
        base.execute("pragma secure_delete = off")
        base.execute("create table held (email text)")
        base.execute("insert into held values (?)", [address])
        base.commit()
        base.execute("delete from held")
        base.commit()
    base.close()
