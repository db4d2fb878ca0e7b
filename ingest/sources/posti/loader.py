"""Posti's postal code file (PCF) -> raw `posti/postal_codes`.

Belongs here: the fixed-width format and its damages. Does not belong here: the product's shape of postal codes
(renew_seeds), regions and municipality names (statfi).
"""

import re
import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from ingest.lake import LandingRefused, Manifest, Progress, archive_file, quiet
from ingest.load import land_table
from ingest.source import Source
from ingest.sources.fetch import fetch, is_url
from ingest.sources.linefile import Check, read_bytes, refuse_cut_off, sift, split_lines

# (name, first column counted from 1, length); the fields taken, see source.yml for those refused and why.
LAYOUT = (
    ("record_type", 1, 5),
    ("file_date", 6, 8),
    ("postcode", 14, 5),
    ("name_fi", 19, 30),
    ("name_sv", 49, 30),
    ("valid_from", 103, 8),
    ("type_code", 111, 1),
    ("municipality_code", 177, 3),
    ("language_code", 220, 1),
)
LINE_LENGTH = 220

# å ä ö Å Ä Ö in UTF-8: two bytes that are a letter and a control or symbol in ISO-8859-1, never written by Posti.
UTF8_LETTERS = re.compile(rb"\xc3[\xa5\xa4\xb6\x85\x84\x96]|^\xef\xbb\xbf")


def land(
    origin: str | Path | None,
    as_of: date | None,
    home: Path,
    progress: Progress = quiet,
    *,
    accept_bounds: str | None = None,
) -> list[Manifest]:
    """Land a PCF file (`.dat`, or a `.zip` holding one).

    `origin`: file, folder (its newest PCF_*), or URL; None takes the newest file published on or before `as_of`
    (default today). `as_of`: default the date written in the file.
    `accept_bounds`: a person's reason to let a load pass whose bounds fail. Raises LandingRefused with one line when
    the file as a whole is no PCF; damaged lines are quarantined.
    """
    source = Source.load("posti")
    with tempfile.TemporaryDirectory() as scratch:
        path = _find(origin, as_of, source.url, Path(scratch), progress)
        rows, refused = parse(read_bytes(path, ".dat"), path.name)
        written_on = rows["file_date"].max()
        as_of = as_of or datetime.strptime(str(written_on), "%Y%m%d").date()
        archived = archive_file(home, source.name, as_of, path)
    manifest = land_table(
        source,
        "postal_codes",
        rows.rename({"position": "_position"}).to_arrow(),
        as_of,
        files=[archived],
        home=home,
        refused=refused.to_arrow(),
        official=origin is None,
        accept_bounds=accept_bounds,
    )
    progress("posti postal_codes", manifest.counts.read, manifest.counts.read)
    return [manifest]


def parse(data: bytes, name: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(rows, quarantined) of a PCF file's bytes; every non-empty line is in exactly one of them."""
    if UTF8_LETTERS.search(data):
        raise LandingRefused(
            "encoding",
            f"{name}: is UTF-8, the postal code file is ISO-8859-1: its columns have shifted; take the original file",
        )
    frame = split_lines(data, "iso-8859-1")
    if not frame.height or not frame["line"].str.starts_with("PONOT").any():
        raise LandingRefused("not_a_pcf", f"{name}: no PONOT record in it, this is no postal code file (PCF)")
    fields = [
        pl.col("line").str.slice(start - 1, length).str.strip_chars(" ").replace("", None).alias(field)
        for field, start, length in LAYOUT
    ]
    rows, refused = sift(
        frame.with_columns(*fields),
        key=["postcode"],
        checks=[
            Check(
                "line_length",
                "line",
                pl.col("line").str.strip_chars_end(" ").str.len_chars() == LINE_LENGTH,
                identifies=True,
            ),
            Check("record_type", "record_type", pl.col("record_type") == "PONOT", identifies=True),
            Check("bad_postcode", "postcode", pl.col("postcode").str.contains("^[0-9]{5}$"), identifies=True),
            Check("bad_date", "file_date", _is_date("file_date")),
            Check("bad_date", "valid_from", _is_date("valid_from")),
            Check("missing_name", "name_fi", pl.col("name_fi").is_not_null()),
            Check("missing_name", "name_sv", pl.col("name_sv").is_not_null()),
            Check("bad_code", "type_code", pl.col("type_code").str.contains("^[0-9]$")),
            Check("bad_code", "municipality_code", pl.col("municipality_code").str.contains("^[0-9]{3}$")),
            Check("bad_code", "language_code", pl.col("language_code").str.contains("^[0-9]$")),
        ],
        name=name,
    )
    refuse_cut_off(data, name, rows, refused)
    if rows.is_empty():
        raise LandingRefused("not_a_pcf", f"{name}: not one sound record in {refused.height} lines")
    return rows.select("position", *(field for field, _, _ in LAYOUT[1:])), refused


def _is_date(column: str) -> pl.Expr:
    return pl.col(column).str.to_date("%Y%m%d", strict=False).is_not_null() & (pl.col(column).str.len_chars() == 8)


def _find(origin: str | Path | None, as_of: date | None, address: str, scratch: Path, progress: Progress) -> Path:
    """The file to land, fetched if need be."""
    if origin is None:
        # Published weekly on no fixed day, and every address carries the day of publication.
        day = as_of or date.today()
        for back in range(14):
            name = f"PCF_{day - timedelta(days=back):%Y%m%d}.dat"
            progress(f"posti {name}", back, None)
            try:
                return fetch(address.replace("PCF_{date}.dat", name), scratch / name)
            except LandingRefused as refusal:
                if refusal.reason != "not_there":
                    raise
        raise LandingRefused("not_there", f"no postal code file was published in the 14 days up to {day} at {address}")
    if is_url(origin):
        return fetch(str(origin), scratch / (str(origin).rsplit("/", 1)[-1] or "PCF.dat"))
    path = Path(origin)
    if path.is_dir():
        found = sorted(p for p in path.iterdir() if re.fullmatch(r"PCF_\d{8}\.(dat|zip)", p.name, re.IGNORECASE))
        if not found:
            raise LandingRefused("not_there", f"{path}: no PCF_yyyymmdd.dat or .zip in it")
        return found[-1]
    if not path.exists():
        raise LandingRefused("not_there", f"{path}: no such file")
    return path
