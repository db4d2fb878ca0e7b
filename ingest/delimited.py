"""Delimited text as registers export it (`;` between columns, a header first), read strictly and in bounded memory.

Strict: encoding, quoting and columns are declared, nothing is guessed from the bytes; every line that is not what was
declared is kept apart with its number and a reason. Belongs here: what the files of machines share, whatever their size.
Does not belong here: what the columns mean (the sources' loaders), tables that people make and send (ingest/tabular.py),
small files of fixed width (ingest/sources/linefile.py).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from base.normalise import columns
from ingest.lake import LandingRefused
from ingest.source import Source
from ingest.sources import linefile
from ingest.sources.linefile import Check, split_fields

CHUNK_BYTES = 8 << 20
# Positions are unique in a load: of several files, hundreds of millions tell the file and the rest the line.
FILE_LINES = 100_000_000
# A line longer than this is no line but a file without line ends; reading on would fill the memory.
MAX_LINE_BYTES = 1 << 20
# A quoted field may hold line breaks; a quote that stays open longer was never meant to open.
MAX_JOINED_LINES = 20
# Above this share of undecodable lines the declared encoding is wrong; below it, those lines are.
UNDECODABLE = 0.001
# å ä ö Å Ä Ö of UTF-8, read in an eight-bit encoding: two characters that never stand together in Finnish.
UTF8 = re.compile("Ã[¥¤¶…„–]")
CONTROL = r"[\x00-\x08\x0B\x0C\x0E-\x1F]"
JSON_FAULTS = ("json_malformed", "json_strict", "json_limits", "schema_type")
FAULTS = ("encoding", "control_char", "repeated_header", "unbalanced_quote", "field_count", *JSON_FAULTS)


@dataclass(frozen=True)
class Format:
    """What a file must look like.

    columns: our name -> spellings its header may use; a header is compared without case, up to a `|` (bilingual headers).
    required: names that must be there; the others are null when the file lacks them.
    refused: spellings of columns whose values are never read on, not even into quarantine.
    keep_unknown: whether values of columns nobody knows are kept in `_extra`; false for registers of persons, where they
    are counted by name only.
    quoting: false where a quote is a character like any other.
    encoding: for ISO-8859-1 say cp1252, of which it is a part: what uses those names for each other is everywhere.
    ends_in_newline: the contract promises a line end after the last line, so a file without one was cut.
    """

    columns: Mapping[str, Sequence[str]]
    required: Sequence[str]
    refused: Sequence[str] = ()
    keep_unknown: bool = True
    quoting: bool = True
    encoding: str = "utf-8"
    ends_in_newline: bool = False

    @classmethod
    def of(cls, source: Source, dataset: str, *, required: Sequence[str], **options: object) -> "Format":
        """The format a fact sheet states: its dataset's `header`, and what the source refuses."""
        return cls(source.datasets[dataset].header, required, tuple(source.fields_refused), **options)  # type: ignore[arg-type]

    def match(self, header: Sequence[str], name: str) -> "Header":
        """Which of our columns each column of a file is. Raises LandingRefused `header` in one line when it cannot be."""
        spellings = {plain(s): ours for ours, all_of in self.columns.items() for s in (ours, *all_of)}
        refused = set(map(plain, self.refused))
        found = [plain(column) for column in header]
        ours = [spellings.get(column) for column in found]
        if doubled := sorted({c for c in ours if c and ours.count(c) > 1} | {c for c in found if found.count(c) > 1}):
            raise LandingRefused("header", f"{name}: two columns of the header are both {doubled[0]}")
        if missing := [column for column in self.required if column not in ours]:
            wanted = " or ".join(self.columns[missing[0]])
            raise LandingRefused("header", f"{name}: the header has no column {wanted}; columns are separated by ;")
        places = [column or f"_other_{n}" for n, column in enumerate(ours)]
        unknown = {
            place: column
            for place, column, known in zip(places, found, ours, strict=True)
            if known is None and column not in refused
        }
        withheld = any(column in refused for column in found) or (bool(unknown) and not self.keep_unknown)
        return Header(places, unknown, withheld)


@dataclass(frozen=True)
class Header:
    """A file's header understood: a name for every column in order, those nobody knows, whether values must be withheld."""

    places: list[str]
    unknown: dict[str, str]
    withheld: bool


def read(path: Path, form: Format, first_position: int = 0) -> Iterator[pl.DataFrame]:
    """The lines of a file in batches: `position`, `original`, `fault` (one of FAULTS or null), our columns, `_extra`, and
    `is_cut` for the last line of a file if it has no line end: see sift.

    Positions are line numbers counted from 1 (the header is line 1), plus `first_position`. Texts are trimmed, empty is
    null. Raises LandingRefused for what condemns the whole file: empty, encoding, header, line_limit, cut_off.
    """
    name, header, top, seen, undecodable = path.name, None, "", 0, 0
    for piece in pieces(path, form.encoding, quoting=form.quoting):
        frame = _decoded(piece, form)
        if header is None:
            top = frame["line"][0]
            if top is None or (form.encoding != "utf-8" and UTF8.search(top)):
                raise LandingRefused("encoding", f"{name}: its header is not {form.encoding}; say what encoding it has")
            header = form.match([part.strip('" ') for part in top.rstrip("; ").split(";")], name)
            frame = frame[1:]
        frame = _columns(_split(frame, header, top, form), header, form)
        seen, undecodable = seen + frame.height, undecodable + frame.filter(fault="encoding").height
        if piece.is_cut and form.ends_in_newline:
            raise LandingRefused("cut_off", f"{name}: ends in the middle of line {piece.last}, fetch it again")
        is_cut = (pl.col("position") == pl.col("position").max()) & piece.is_cut
        yield frame.with_columns(pl.col("position") + first_position, is_cut=is_cut)
    if header is None:
        raise LandingRefused("empty", f"{name}: is empty")
    if undecodable > max(1, seen * UNDECODABLE):
        raise LandingRefused("encoding", f"{name}: {undecodable} of {seen} lines are not {form.encoding}; say what it is")


def checks(form: Format, *own: Check) -> list[Check]:
    """What every line must meet before what its source asks (`own`): the faults of its form, in their order."""
    return [Check(fault, "line", pl.col("fault").ne_missing(fault), identifies=True) for fault in FAULTS] + list(own)


def sift(frame: pl.DataFrame, key: Sequence[str], checks: Sequence[Check], name: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """As linefile.sift. Raises LandingRefused cut_off when the line without an end is one of the refused: it was cut, and
    how much is missing nobody knows."""
    good, refused = linefile.sift(frame, key, checks, name)
    cut = frame.filter("is_cut")["position"] if "is_cut" in frame.columns else pl.Series(dtype=pl.Int64)
    if cut.is_in(refused["_position"].to_list()).any():
        raise LandingRefused("cut_off", f"{name}: ends in the middle of its last line, fetch it again")
    return good, refused


BUSINESS_ID_CHECKS = [
    Check(reason, "business_id", pl.col("bid_fault").ne_missing(reason), identifies=True)
    for reason in ("bid_missing", "bid_shape", "bid_checksum")
]


def business_ids(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with `business_id` in its normal form, and in `bid_fault` why there is none: see BUSINESS_ID_CHECKS."""
    normal = columns.business_ids(frame["business_id"])
    return frame.with_columns(normal["business_id"], normal["reason"].alias("bid_fault"))


def files_of(origin: str | Path, pattern: str) -> list[Path]:
    """The file `origin`, or the files in folder `origin` whose names match `pattern` (no case), sorted.

    Raises LandingRefused not_there.
    """
    path = Path(origin)
    if path.is_dir():
        if found := sorted(p for p in path.iterdir() if p.is_file() and re.fullmatch(pattern, p.name, re.IGNORECASE)):
            return found
        raise LandingRefused("not_there", f"{path}: no file named like {pattern} in it")
    if not path.is_file():
        raise LandingRefused("not_there", f"{path}: no such file")
    return [path]


def day_of(path: Path) -> date | None:
    """The day a file speaks of, by its name or else its folder's: 20260102 or 2026-01-02."""
    for name in (path.stem, path.parent.name):
        for found in re.finditer(r"(?<!\d)(20\d\d)-?(\d\d)-?(\d\d)(?!\d)", name):
            try:
                return date(*map(int, found.groups()))
            except ValueError:
                continue
    return None


def day(column: str) -> pl.Expr:
    """A date as registers and people write it, 2024-02-29 or 29.2.2024; null when it is none of these or impossible."""
    text = pl.col(column)
    iso = pl.when(text.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")).then(text)
    finnish = pl.when(text.str.contains(r"^[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}$")).then(text)
    return pl.coalesce(iso.str.to_date("%Y-%m-%d", strict=False), finnish.str.to_date("%d.%m.%Y", strict=False))


def is_day(column: str) -> pl.Expr:
    """Whether a column is empty or a possible date."""
    return pl.col(column).is_null() | day(column).is_not_null()


@dataclass(frozen=True)
class Piece:
    """Whole lines of a file as bytes, each with its number from 1; `is_cut`: the last line of the file has no line end."""

    lines: list[tuple[int, bytes]]
    is_cut: bool
    last: int


def pieces(path: Path, encoding: str, *, quoting: bool) -> Iterator[Piece]:
    """Cut a file into pieces of whole lines (empty ones left out); `quoting`: a quoted field with line breaks stays in one.

    Raises LandingRefused: encoding (its first bytes say it is another one), line_limit.
    """
    rest, number = b"", 1
    with path.open("rb") as file:
        start = file.read(3)
        if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise LandingRefused("encoding", f"{path.name}: is UTF-16, expected {encoding}")
        if start == b"\xef\xbb\xbf" and encoding != "utf-8":
            raise LandingRefused("encoding", f"{path.name}: is UTF-8 by its first bytes, expected {encoding}")
        rest = b"" if start == b"\xef\xbb\xbf" else start
        while True:
            chunk = file.read(CHUNK_BYTES)
            ended = not chunk
            # On the byte, not with splitlines(), which takes 0x85 and 0x1c..0x1e for line ends too.
            *whole, rest = (rest + chunk).split(b"\n")
            if len(rest) > MAX_LINE_BYTES or any(len(line) > MAX_LINE_BYTES for line in whole):
                raise LandingRefused("line_limit", f"{path.name}: line {number} or later is over {MAX_LINE_BYTES:,} bytes")
            is_cut = ended and bool(rest.strip())
            if is_cut:
                whole.append(rest)
            numbered = [(number + n, line.rstrip(b"\r")) for n, line in enumerate(whole)]
            waiting = _join_quoted(numbered, ended) if quoting else 0
            if waiting:
                rest = b"\n".join([*whole[-waiting:], rest])
            number += len(whole) - waiting
            if filled := [(n, line) for n, line in numbered if line.strip()]:
                yield Piece(filled, is_cut, number - 1)
            if ended:
                return


OPENS = re.compile(rb'(?:^|;)"(?:[^"]|"")*$')
CLOSES = re.compile(rb'^(?:[^"]|"")*"(?:;|$)')


def _join_quoted(lines: list[tuple[int, bytes]], ended: bool) -> int:
    """Join in place the lines of each quoted field that holds line breaks; return how many lines must wait for the next piece.

    Only a quote that opens a field, is closed at the end of a field and has no other quote in between joins lines: a stray
    quote spoils its own line and no other.
    """
    odd = [i for i, (_, line) in enumerate(lines) if line.count(b'"') % 2]
    drop: set[int] = set()
    waiting = 0
    for i in odd:
        if i in drop or not OPENS.search(lines[i][1]):
            continue
        for j in range(i + 1, min(i + 1 + MAX_JOINED_LINES, len(lines))):
            line = lines[j][1]
            if line.count(b'"') % 2 and CLOSES.search(line):
                lines[i] = (lines[i][0], b"\n".join(line for _, line in lines[i : j + 1]))
                drop.update(range(i + 1, j + 1))
                break
            if b'"' in line.replace(b'""', b""):
                break
        else:
            if not ended and len(lines) <= i + MAX_JOINED_LINES:
                waiting = len(lines) - i
                drop.update(range(i, len(lines)))
                break
    if drop:
        lines[:] = [line for i, line in enumerate(lines) if i not in drop]
    return waiting


def _decoded(piece: Piece, form: Format) -> pl.DataFrame:
    """`position`, `line` (null if not in the encoding), `original` (always readable)."""
    texts = [line for _, line in piece.lines]
    try:
        decoded: list[str | None] = [text.decode(form.encoding) for text in texts]
        original = decoded
    except UnicodeDecodeError:
        decoded = [text_of(text, form.encoding) for text in texts]
        original = [
            text if text is not None else raw.decode(form.encoding, errors="backslashreplace")
            for text, raw in zip(decoded, texts, strict=True)
        ]
    columns = {"position": [n for n, _ in piece.lines], "line": decoded, "original": original}
    return pl.DataFrame(columns, schema={"position": pl.Int64, "line": pl.String, "original": pl.String})


def text_of(raw: bytes, encoding: str) -> str | None:
    """The bytes as text, null when they are not in `encoding`: U+FFFD never comes to be."""
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None


def _split(frame: pl.DataFrame, header: Header, top: str, form: Format) -> pl.DataFrame:
    """The lines' fields under the header's places, and `fault`."""
    line, places = pl.col("line"), header.places
    if form.quoting:
        frame = split_fields(frame, places)
    else:
        parts = line.str.strip_suffix(";") if top.endswith(";") else line
        frame = frame.with_columns(_parts=parts.str.split(";")).with_columns(
            is_split=pl.col("_parts").list.len() == len(places)
        )
        fields = [
            pl.col("_parts").list.get(n, null_on_oob=True).str.strip_chars().replace("", None).alias(place)
            for n, place in enumerate(places)
        ]
        frame = frame.with_columns(*fields).drop("_parts")
    is_other_encoding = line.str.contains(UTF8.pattern) if form.encoding != "utf-8" else pl.lit(False)
    is_unbalanced = (line.str.count_matches('"', literal=True) % 2 == 1) if form.quoting else pl.lit(False)
    fault = (
        pl.when(line.is_null() | is_other_encoding).then(pl.lit("encoding"))
        .when(line.str.contains(CONTROL)).then(pl.lit("control_char"))
        .when(line == top).then(pl.lit("repeated_header"))
        .when(pl.col("is_split").fill_null(False)).then(None)
        .when(is_unbalanced).then(pl.lit("unbalanced_quote"))
        .otherwise(pl.lit("field_count"))
    )  # fmt: skip
    return frame.with_columns(fault=fault)


def _columns(frame: pl.DataFrame, header: Header, form: Format) -> pl.DataFrame:
    """Our columns in the format's order, what nobody knows in `_extra`, and an `original` without withheld values."""
    ours = [pl.col(c) if c in header.places else pl.lit(None, pl.String).alias(c) for c in form.columns]
    if not header.unknown:
        extra = pl.lit(None, pl.String)
    elif form.keep_unknown:
        extra = pl.struct(pl.col(place).alias(told) for place, told in header.unknown.items()).struct.json_encode()
    else:
        extra = pl.lit(json.dumps(dict.fromkeys(header.unknown.values()), ensure_ascii=False))
    original = pl.col("original")
    if header.withheld:
        taken = [pl.col(c).fill_null("") for c in header.places if c in form.columns]
        told = pl.when(pl.col("is_split")).then(pl.concat_str(taken, separator=";"))
        original = told.otherwise(pl.format("withheld, see the archived file ({})", pl.col("original").hash()))
    return frame.select("position", "fault", *ours, original=original, _extra=extra)


def plain(column: str) -> str:
    """A header's name as compared: before the `|`, without case and outer spaces."""
    return column.split("|")[0].strip().casefold()
