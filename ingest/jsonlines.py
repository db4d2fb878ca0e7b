"""JSON lines, one object per line, read strictly and in bounded memory: what is ambiguous in JSON is refused, not guessed.

Belongs here: what any such file can be wrong in. Does not belong here: what the objects mean (the sources' loaders).
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ingest.delimited import UNDECODABLE, Format, pieces, plain, text_of
from ingest.lake import LandingRefused

# Characters no text may hold, written as escapes: NUL, and halves of a pair without the other half.
FORBIDDEN = re.compile(r"\\u(?:0000|[dD][89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..\\u)[dD][c-fC-F]..)")


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
        records = [_record(number + first_position, raw) for number, raw in piece.lines]
        seen, undecodable = seen + len(records), undecodable + sum(r.fault == "encoding" for r in records)
        sound += sum(r.fault is None for r in records)
        if piece.is_cut and records[-1].fault:
            raise LandingRefused("cut_off", f"{name}: ends in the middle of line {piece.last}, fetch it again")
        if not sound and seen > 100:
            break
        yield records
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
    for records in read(path):
        rows = [_flat(record, spellings, refused, form) for record in records]
        yield pl.DataFrame(rows, schema={"position": pl.Int64, **schema})


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


def _record(position: int, raw: bytes) -> Record:
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
