"""Lines of small official text files: decoding, splitting and sifting, set-based, with nothing lost.

Belongs here: what the loaders of reference files share. Does not belong here: anything a file of millions of records
would need (these are read whole).
"""

import io
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ingest.lake import LandingRefused

MAX_BYTES = 50_000_000  # the largest reference file is about 1 MB; a zip that inflates beyond this is no reference file


@dataclass(frozen=True)
class Check:
    """A condition every record must meet; `reason` and `field` are what the quarantine says when it does not.

    Null counts as not met. `identifies`: a record that fails it cannot be told which one it is.
    """

    reason: str
    field: str
    passes: pl.Expr
    identifies: bool = False


def read_bytes(path: Path, suffix: str) -> bytes:
    """The file's bytes; of a zip, those of its one member that ends with `suffix`. Refuses a damaged or bulging zip."""
    if path.stat().st_size > MAX_BYTES:
        raise LandingRefused("too_large", f"{path.name}: larger than {MAX_BYTES:,} bytes, this is no reference file")
    data = path.read_bytes()
    if not data.startswith(b"PK"):
        return data
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [m for m in archive.infolist() if m.filename.lower().endswith(suffix)]
            if len(members) != 1:
                raise LandingRefused("bad_zip", f"{path.name}: {len(members)} members end with {suffix}, expected one")
            with archive.open(members[0]) as member:
                data = member.read(MAX_BYTES + 1)  # the header may lie about the size, so the read itself is capped
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise LandingRefused("bad_zip", f"{path.name}: damaged zip ({error})") from error
    if len(data) > MAX_BYTES:
        raise LandingRefused("too_large", f"{path.name}: inflates beyond {MAX_BYTES:,} bytes")
    return data


def split_lines(data: bytes, encoding: str) -> pl.DataFrame:
    """One row per non-empty line: `position` from 1, `line` (null if not in `encoding`), `original` (always readable)."""
    # Split on the byte, not with str.splitlines(), which takes ISO-8859-1's 0x85 and 0x1c..0x1e for line ends too.
    numbered = [(n, raw.rstrip(b"\r")) for n, raw in enumerate(data.split(b"\n"), start=1) if raw.strip()]
    return pl.DataFrame(
        {
            "position": [n for n, _ in numbered],
            "line": [_decoded(raw, encoding) for _, raw in numbered],
            "original": [raw.decode(encoding, errors="backslashreplace") for _, raw in numbered],
        },
        schema={"position": pl.Int64, "line": pl.String, "original": pl.String},
    )


def split_fields(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Split `line` on semicolons into the columns `names`, and say in `is_split` whether it could be.

    Quotes may hold semicolons; one semicolon at the end is allowed, as the exports have it.
    """
    pattern = ";".join(rf'(?:"(?P<q{i}>(?:[^"]|"")*)"|(?P<p{i}>[^";]*))' for i in range(len(names)))
    groups = pl.col("line").str.extract_groups(f"^{pattern};?$")
    frame = frame.with_columns(groups.alias("_groups"))
    fields = [
        pl.coalesce(
            pl.col("_groups").struct.field(f"q{i}").str.replace_all('""', '"', literal=True),
            pl.col("_groups").struct.field(f"p{i}"),
        )
        .str.strip_chars()
        .replace("", None)
        .alias(name)
        for i, name in enumerate(names)
    ]
    split = pl.any_horizontal(pl.col("_groups").struct.field("*").is_not_null())
    return frame.with_columns(*fields, is_split=split.fill_null(False)).drop("_groups")


def sift(frame: pl.DataFrame, key: Sequence[str], checks: Sequence[Check], name: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part the records of file `name` that pass every check from the rest; the rows of both add up to those of `frame`.

    Returns (good, refused): `good` keeps all columns; `refused` has what lake.land_table takes, with the first check
    failed as reason and file:line:field as path. Give the identifying checks first: a record that fails one gets no
    key, so the lake knows better than to believe that the record it cannot find has disappeared.
    """
    verdicts = [pl.when(check.passes.fill_null(False)).then(None).otherwise(n) for n, check in enumerate(checks)]
    judged = frame.with_columns(_failed=pl.coalesce(*verdicts, pl.lit(None, pl.Int32)))
    number, failed = pl.col("_failed"), pl.col("_failed").is_not_null()
    fields = number.replace_strict(dict(enumerate(check.field for check in checks)), return_dtype=pl.String)
    nameless = sum(check.identifies for check in checks)
    refused = judged.filter(failed).select(
        _position="position",
        _key=pl.when(number >= nameless).then(pl.concat_str(key, separator="|")),
        _reason=number.replace_strict(dict(enumerate(check.reason for check in checks)), return_dtype=pl.String),
        _path=pl.format("{}:{}:{}", pl.lit(name), "position", fields),
        _original="original",
    )
    return judged.filter(~failed).drop("_failed"), refused


def refuse_cut_off(data: bytes, name: str, rows: pl.DataFrame, refused: pl.DataFrame) -> None:
    """Refuse a file whose last line is damaged and has no end: it was cut, and how much is missing nobody knows."""
    if data.endswith(b"\n") or refused.is_empty():
        return
    last_bad = refused["_position"].sort()[-1]
    if last_bad == pl.concat([rows["position"], refused["_position"]]).max():
        raise LandingRefused("cut_off", f"{name}: ends in the middle of line {last_bad}, fetch it again")


def _decoded(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None
