"""JSON records to typed columns, set-based: what a record's structure says against the columns its fact sheet knows.

DuckDB computes each record's structure (keys and JSON types); the few that occur are judged here, one by one. So a number
where a text belongs, an object where a list belongs, and a field nobody knew are found in every record without a Python
step per record, and one bad record never costs its neighbours.
"""

import gzip
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ingest.lake import LandingRefused

MAX_FILE_BYTES = 256 << 20
MAX_RECORD_BYTES = 8 << 20
MAX_LINES_BYTES = 16 << 30
BATCH = 20_000
# Only to find where values end: their digits are never made a number, so that none is too long for one.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
_BETWEEN = re.compile(r"[\s,]*")


def read_batches(file: Path, field: str | None = None) -> Iterator[list[str]]:
    """The raw texts of a file's records in batches: JSON lines (`.jsonl`, `.jsonl.gz`), else as read_records takes them.

    A line that is no UTF-8 comes with its bad bytes escaped, and so is no JSON. Raises LandingRefused as read_records, and
    bad_gzip, decompress_limit.
    """
    if ".jsonl" not in file.suffixes:
        yield read_records(file, field)
        return
    total, batch = 0, []
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
            while line := lines.readline(MAX_RECORD_BYTES + 1):
                if (total := total + len(line)) > MAX_LINES_BYTES or len(line) > MAX_RECORD_BYTES:
                    raise LandingRefused("decompress_limit", f"{file.name} has a line or a sum of lines beyond all limits")
                if text := line.decode("utf-8-sig" if total == len(line) else "utf-8", "backslashreplace").strip():
                    batch.append(text)
                if len(batch) == BATCH:
                    yield batch
                    batch = []
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise LandingRefused("bad_gzip", f"{file.name} is damaged or cut off ({error})") from None
    if not total:
        raise LandingRefused("empty_body", f"{file.name} is empty")
    yield batch


def read_records(file: Path, field: str | None = None) -> list[str]:
    """The raw text of each element of a file's JSON array, or of the array in `field` of its envelope; a single object
    without that field is one record.

    Raises LandingRefused too_large, empty_body, encoding, not_json, json_limits, truncated_json.
    """
    if file.stat().st_size > MAX_FILE_BYTES:
        raise LandingRefused("too_large", f"{file.name} is longer than {MAX_FILE_BYTES} bytes")
    try:
        text = file.read_bytes().decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise LandingRefused("encoding", f"{file.name} is not UTF-8 at byte {error.start}") from None
    if not text:
        raise LandingRefused("empty_body", f"{file.name} is empty")
    if text[0] not in "[{":
        raise LandingRefused("not_json", f"{file.name} starts with {text[:1]!r}, not with JSON")
    envelope = re.search(rf'"{field}"\s*:\s*\[', text) if field and text[0] == "{" else None
    try:
        if text[0] == "{":
            end = _DECODER.raw_decode(text)[1]
            if text[end:].strip():
                raise LandingRefused("not_json", f"{file.name} goes on after its end")
            if not envelope:
                return [text]
        return _elements(text, envelope.end() if envelope else 1, file.name)
    except RecursionError:
        raise LandingRefused("json_limits", f"{file.name} nests too deep") from None
    except json.JSONDecodeError as error:
        raise LandingRefused("truncated_json", f"{file.name} is damaged or cut off at character {error.pos}") from None


def _elements(text: str, position: int, name: str) -> list[str]:
    found: list[str] = []
    while True:
        between = _BETWEEN.match(text, position)
        position = between.end() if between else position
        if text[position : position + 1] == "]":
            return found
        _, end = _DECODER.raw_decode(text, position)
        found.append(text[position:end])
        position = end


def unpack(
    con: duckdb.DuckDBPyConnection,
    texts: Sequence[str],
    columns: Mapping[str, str],
    *,
    first_position: int = 0,
    required: Iterable[str] = (),
    refused: Iterable[str] = (),
    known: Iterable[str] = (),
) -> Counter[str]:
    """Make temp table `unpacked` of record texts: _position, raw, _refusal ([reason, path] or null), _extra and `columns`.

    columns: DuckDB types by field. required: fields that must be there. refused: field paths (`addresses[].co`) that a
    fact sheet refuses; they are not unknown, and not kept. known: further fields that are no column.
    Returns how often each unknown field occurs; their values are kept in `_extra`.

    Reasons: json_limits, encoding, json_malformed, json_strict (a key twice), missing_required, schema_type, control_char.
    """
    types = {name: duckdb.type(kind) for name, kind in columns.items()}
    positions = pa.array(range(first_position, first_position + len(texts)), pa.int64())
    con.register("given", pa.table({"_position": positions, "raw": pa.array(texts, pa.string())}))
    con.execute(f"""
        create or replace temp table shaped as
        -- TRY: a record that is no JSON, or nests deeper than DuckDB's limit, has no structure.
        select *, if(strlen(raw) > {MAX_RECORD_BYTES}, null, try(json_structure(raw)::varchar)) as structure from given
    """)
    con.unregister("given")
    counted = con.execute("select structure, count(*) from shaped where structure is not null group by all").fetchall()
    verdicts = [(s, *judge(json.loads(s), types, tuple(required), {*refused, *known})) for s, _ in counted]
    unknown: Counter[str] = Counter()
    for (_, number), (*_, extra) in zip(counted, verdicts, strict=True):
        unknown.update(dict.fromkeys(extra, number))
    texts_of = pa.string()
    con.register(
        "judged",
        pa.table(
            {
                "structure": pa.array([v[0] for v in verdicts], texts_of),
                "_reason": pa.array([v[1] for v in verdicts], texts_of),
                "_path": pa.array([v[2] for v in verdicts], texts_of),
            }
        ),
    )
    kept = ", ".join(
        f"'{quoted(p)}', nullif(json_extract(safe, '$.{quoted(p).replace('[]', '[*]')}')::varchar, '[]')::json"
        for p in sorted(unknown)
    )
    extra_sql = f"nullif(json_merge_patch('{{}}', json_object({kept}))::varchar, '{{}}')" if kept else "null::varchar"
    spec = json.dumps({name: json_spec(kind) for name, kind in types.items()})
    fields = ", ".join(f'r."{name}" as "{name}"' for name in types)
    con.execute(f"""
        create or replace temp table unpacked as
        select _position, raw, {extra_sql} as _extra, {fields},
               case
                   when strlen(raw) > {MAX_RECORD_BYTES} then ['json_limits', '$']
                   when structure is null and regexp_matches(raw, '\\\\x[89a-f][0-9a-f]') then ['encoding', '$']
                   when structure is null then [if(json_valid(raw), 'json_limits', 'json_malformed'), '$']
                   when len(json_keys(safe)) > len(list_distinct(json_keys(safe))) then ['json_strict', '$']
                   when _reason is not null then [_reason, _path]
                   when contains(raw, '\\u0000') then ['control_char', '$']
               end as _refusal
        from (select *, if(structure is null, '{{}}', raw) as safe, from_json(safe, '{spec}') as r
              from shaped left join judged using (structure))
    """)
    con.unregister("judged")
    return unknown


def judge(
    structure: Any, types: Mapping[str, Any], required: Sequence[str], refused: Iterable[str]
) -> tuple[str | None, str | None, list[str]]:
    """What a structure says of every record that has it: a reason and path to refuse it for, and the unknown fields."""
    if not isinstance(structure, dict):
        return "schema_type", "$", []
    for name in required:
        if structure.get(name, "NULL") == "NULL":
            return "missing_required", name, []
    extra: list[str] = []
    for name, found in structure.items():
        if name in types:
            if wrong := compare(found, types[name], name, extra, refused):
                return "schema_type", wrong, []
        elif name not in refused:
            extra.append(name)
    return None, None, extra


def json_spec(kind: Any) -> Any:
    """A DuckDB type (duckdb.sqltypes.DuckDBPyType, loosely typed by its stubs) as the structure from_json takes."""
    if kind.id == "struct":
        return {name: json_spec(child) for name, child in kind.children}
    return [json_spec(kind.children[0][1])] if kind.id == "list" else str(kind)


def compare(found: Any, kind: Any, path: str, extra: list[str], refused: Iterable[str] = ()) -> str | None:
    """The path at which `found` (a JSON structure) is not what `kind` expects; fields `kind` lacks are added to `extra`
    unless `refused` names them, by name or by path."""
    if found == "NULL":
        return None
    if kind.id == "list":
        return compare(found[0], kind.children[0][1], path + "[]", extra, refused) if isinstance(found, list) else path
    if kind.id == "struct":
        if not isinstance(found, dict):
            return path
        children = dict(kind.children)
        for name, value in found.items():
            inner = f"{path}.{name}"
            if name in children:
                if wrong := compare(value, children[name], inner, extra, refused):
                    return wrong
            elif name not in refused and inner not in refused:
                extra.append(inner)
        return None
    wanted = {"varchar": ("VARCHAR",), "boolean": ("BOOLEAN",)}.get(kind.id, ("UBIGINT", "BIGINT"))
    return None if found in wanted else path


def quoted(path: str) -> str:
    """A path as the inside of an SQL literal."""
    return path.replace("'", "''")
