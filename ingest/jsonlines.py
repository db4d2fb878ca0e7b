"""JSON lines, one object per line, read strictly and in bounded memory: what is ambiguous in JSON is refused, not guessed.

Belongs here: what any such file can be wrong in. Does not belong here: what the objects mean (the sources' loaders).
"""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from base.normalise import sql
from ingest import records
from ingest.delimited import UNDECODABLE, Format, pieces, plain, text_of
from ingest.lake import LandingRefused

# Characters no text may hold, written as escapes: NUL, and halves of a pair without the other half.
FORBIDDEN = re.compile(r"\\u(?:0000|[dD][89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..\\u)[dD][c-fC-F]..)")

WITHHELD = "withheld, see the archived file ({})"
"""In place of a text that may hold what must not be kept; its digest tells two of them apart."""


@dataclass(frozen=True)
class Record:
    """One line: its number from 1, the object it holds, or why it holds none (`fault`, one of delimited.FAULTS)."""

    position: int
    value: dict[str, Any]
    fault: str | None
    original: str


class _Ambiguous(ValueError):
    """Valid to some parsers only: a key given twice, NaN, a number out of range."""


def read(path: Path, first_position: int = 0) -> Iterator[list[Record]]:
    """The lines of a file in batches. Raises LandingRefused: empty, encoding, not_json_lines, line_limit, cut_off."""
    name, seen, undecodable, sound = path.name, 0, 0, 0
    for piece in pieces(path, "utf-8", quoting=False):
        found = [record(number + first_position, raw) for number, raw in piece.lines]
        seen, undecodable = seen + len(found), undecodable + sum(r.fault == "encoding" for r in found)
        sound += sum(r.fault is None for r in found)
        if piece.is_cut and found[-1].fault:
            raise LandingRefused("cut_off", f"{name}: ends in the middle of line {piece.last}, fetch it again")
        if not sound and seen > 100:
            break
        yield found
    if not seen:
        raise LandingRefused("empty", f"{name}: is empty")
    if undecodable > max(1, seen * UNDECODABLE):
        raise LandingRefused("encoding", f"{name}: {undecodable} of {seen} lines are not UTF-8")
    if not sound:
        raise LandingRefused("not_json_lines", f"{name}: not one line is a JSON object; one object per line is expected")


def read_flat(path: Path, form: Format) -> Iterator[pl.DataFrame]:
    """The lines of a file of flat objects as delimited.read gives those of a table: keys are the header's spellings."""
    spellings = {plain(s): ours for ours, all_of in form.columns.items() for s in (ours, *all_of)}
    refused = set(map(plain, form.refused))
    schema = dict.fromkeys(("fault", "original", *form.columns, "_extra"), pl.String)
    for found in read(path):
        rows = [_flat(record, spellings, refused, form) for record in found]
        yield pl.DataFrame(rows, schema={"position": pl.Int64, **schema})


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Give a connection what loaders of JSON judge with: the normal forms as macros, and is_day (empty, or a possible date)."""
    sql.register(con)
    con.execute("""
        create or replace temp macro is_day(v) as
            coalesce(v, '') = '' or (regexp_full_match(v, '[0-9]{4}-[0-9]{2}-[0-9]{2}') and try_cast(v as date) is not null)
    """)


def unpack(
    con: duckdb.DuckDBPyConnection,
    found: Sequence[Record],
    columns: Mapping[str, str],
    *,
    required: Iterable[str],
    refused: Iterable[str],
    lists: Iterable[str] = (),
) -> None:
    """Make temp table `unpacked` of records: _position, _refusal ([reason, path] or null), _extra, _original and `columns`.

    As ingest.records.unpack, for registers that tell of persons: of fields nobody knows only the names are kept, and of a
    refused record only what would have been taken. lists: fields where a list of one may be the bare object (XML gateways).
    """
    sound = [record for record in found if record.fault is None]
    bare = re.compile(rf'"({"|".join(lists)})"\s*:\s*\{{') if lists else None
    texts = [
        json.dumps(_in_lists(r.value, frozenset(lists)), ensure_ascii=False) if bare and bare.search(r.original) else r.original
        for r in sound
    ]
    records.unpack(con, texts, columns, required=required, refused=refused)
    positions = {
        "_position": pa.array(range(len(sound)), pa.int64()),
        "line": pa.array([r.position for r in sound], pa.int64()),
    }
    con.register("lines", pa.table(positions))
    names = ", ".join(f'"{name}"' for name in columns)
    unknown = "array_to_string(list_transform(json_keys(u._extra), lambda k: to_json(k) || ':null'), ',')"
    con.execute(f"""
        create or replace temp table unpacked as
        select l.line as _position, u._refusal, {names},
               '{{' || {unknown} || '}}' as _extra,
               to_json(struct_pack({", ".join(f'"{name}" := "{name}"' for name in columns)}))::varchar as _original
        from unpacked u join lines l using (_position)
    """)
    con.unregister("lines")
    if faulty := [record for record in found if record.fault]:
        rows = {
            "_position": pa.array([r.position for r in faulty], pa.int64()),
            "_refusal": pa.array([[r.fault, "$"] for r in faulty], pa.list_(pa.string())),
            "_original": pa.array([WITHHELD.format(hashlib.md5(r.original.encode()).hexdigest()) for r in faulty], pa.string()),
        }
        con.register("faulty", pa.table(rows))
        con.execute("insert into unpacked by name select * from faulty")
        con.unregister("faulty")


def _in_lists(value: Any, lists: frozenset[str]) -> Any:
    if isinstance(value, dict):
        inner = {key: _in_lists(item, lists) for key, item in value.items()}
        return {key: [item] if key in lists and isinstance(item, dict) else item for key, item in inner.items()}
    return [_in_lists(item, lists) for item in value] if isinstance(value, list) else value


def text(value: object) -> str | None:
    """A text trimmed, empty is null. Anything but a text is null too: a code that came as a number has lost its zeros."""
    return (value.strip() or None) if isinstance(value, str) else None


def _flat(record: Record, spellings: dict[str, str], refused: set[str], form: Format) -> dict[str, Any]:
    row: dict[str, Any] = {"position": record.position, "fault": record.fault, "original": record.original}
    extra: dict[str, Any] = {}
    withheld = False
    for key, value in record.value.items():
        ours = spellings.get(plain(key))
        if ours is None:
            withheld |= plain(key) in refused or not form.keep_unknown
            if plain(key) not in refused:
                extra[key] = value if form.keep_unknown else None
        elif ours in row:
            row["fault"] = "json_strict"
        else:
            row[ours] = text(value)
            if value is not None and not isinstance(value, str):
                row["fault"] = "schema_type"
    if withheld:
        row["original"] = json.dumps({c: row.get(c) for c in form.columns}, ensure_ascii=False)
    return row | {"_extra": json.dumps(extra, ensure_ascii=False) if extra else None}


def record(position: int, raw: bytes) -> Record:
    """One object's bytes, judged."""
    line = text_of(raw, "utf-8")
    if line is None:
        return Record(position, {}, "encoding", raw.decode("utf-8", "backslashreplace"))
    fault = "control_char" if "\\u" in line and FORBIDDEN.search(line) else None
    try:
        value = json.loads(line, object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_finite)
    except _Ambiguous:
        return Record(position, {}, "json_strict", line)
    except RecursionError:
        return Record(position, {}, "json_limits", line)
    except ValueError as error:
        # CPython refuses integers of more than 4,300 digits.
        return Record(position, {}, "json_malformed" if isinstance(error, json.JSONDecodeError) else "json_limits", line)
    if not isinstance(value, dict):
        return Record(position, {}, "schema_type", line)
    return Record(position, {} if fault else value, fault, line)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Ambiguous
    return found


def _no_constant(name: str) -> float:
    raise _Ambiguous(name)


def _finite(number: str) -> float:
    if not math.isfinite(found := float(number)):
        raise _Ambiguous
    return found
