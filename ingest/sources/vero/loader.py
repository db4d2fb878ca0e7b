"""Land the Tax Administration's public income tax of corporations, one file per tax year."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl

from ingest import delimited
from ingest.delimited import Format, business_ids, checks, sift
from ingest.lake import LandingRefused, Manifest, Progress, archive_file, connect, literal, quiet
from ingest.load import Batch, land_batches
from ingest.source import Source
from ingest.sources.linefile import Check

SOURCE, DATASET = "vero", "corporate_tax"
AMOUNTS = ("taxable_income_eur", "taxes_eur", "prepayments_eur", "refund_eur", "back_tax_eur")
REQUIRED = ("tax_year", "business_id", "name", "municipality", "taxable_income_eur", "taxes_eur")
# Always two decimals, so an amount cut in the middle is seen.
AMOUNT = r"^-?[0-9]{1,15},[0-9]{2}$"
MUNICIPALITY = r"^([0-9]{3} .+|Ei kotikuntaa)$"
YEAR = re.compile(r"(?<!\d)(20\d\d)(?!\d)")
# A year's file may lose this share of the ids held for the year before it counts as cut.
SHRINK = 0.02


def land(
    origin: str | Path | None,
    as_of: date | None,
    home: Path,
    progress: Progress = quiet,
    *,
    accept_bounds: str | None = None,
) -> list[Manifest]:
    """Land a file, or every file of a folder but amendments (`*muutos*`), a load per tax year, the oldest first.

    as_of: by default the date in the file's name, else today.
    Raises LandingRefused in one line: amendment_file, shrink, and what delimited.read refuses.
    """
    if origin is None:
        raise LandingRefused("not_there", "the tax files' address changes every year: download the file and say where it is")
    found = delimited.files_of(origin, r".*\.csv")
    paths = [path for path in found if "muutos" not in path.name.casefold()]
    if not paths:
        raise LandingRefused("amendment_file", f"{found[0].name}: holds amendments, not the year; take the file without muutos")
    paths.sort(key=lambda path: YEAR.findall(path.stem))
    return [_land_year(path, as_of or delimited.day_of(path) or date.today(), home, progress, accept_bounds) for path in paths]


def _land_year(path: Path, as_of: date, home: Path, progress: Progress, accept_bounds: str | None) -> Manifest:
    source = Source.load(SOURCE)
    kept = archive_file(home, source.name, as_of, path)
    form = Format.of(source, DATASET, required=REQUIRED, quoting=False, encoding="cp1252")
    # Not the whole dataset, since other years stay: what a cut file lacks is therefore looked for here.
    batches = _batches(kept, form, home, progress, accept_bounds)
    return land_batches(source, DATASET, batches, as_of, files=[kept], home=home, mode="partial", accept_bounds=accept_bounds)


def _batches(path: Path, form: Format, home: Path, progress: Progress, accept_bounds: str | None) -> Iterator[Batch]:
    year, done = "", 0
    for frame in delimited.read(path, form):
        year = year or str(frame["tax_year"].drop_nulls().mode().sort().first() or "")
        if year and (named := YEAR.search(path.stem)) and named[1] != year:
            raise LandingRefused("wrong_file", f"{path.name}: holds another year than its name says")
        rows, refused = parse(frame, path.name, form, year)
        done += frame.height
        progress(f"vero {path.name}", done, None)
        yield rows.to_arrow(), refused.to_arrow()
    held = _held(home, year)
    if done < held * (1 - SHRINK) and not accept_bounds:
        raise LandingRefused("shrink", f"{path.name}: {done} rows, we hold {held} ids for {year}; fetch it again")


def parse(frame: pl.DataFrame, name: str, form: Format, year: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(rows of the dataset, refused records) of lines as delimited.read gives them; every line is in exactly one."""
    amounts = [
        Check("bad_amount", column, pl.col(column).is_null() | pl.col(column).str.contains(AMOUNT)) for column in AMOUNTS
    ]
    rows, refused = sift(
        business_ids(frame),
        key=["tax_year", "business_id"],
        checks=checks(
            form,
            Check(
                "wrong_year", "tax_year", (pl.col("tax_year") == year) & pl.col("tax_year").str.contains("^20[0-9]{2}$"), True
            ),
            *delimited.BUSINESS_ID_CHECKS,
            Check("missing_name", "name", pl.col("name").is_not_null()),
            Check("bad_code", "municipality", pl.col("municipality").str.contains(MUNICIPALITY)),
            *amounts,
        ),
        name=name,
    )
    euros = [pl.col(column).str.replace(",", ".", literal=True) for column in AMOUNTS]
    columns = Source.load(SOURCE).datasets[DATASET].columns
    return rows.with_columns(euros).rename({"position": "_position"}).select("_position", *columns, "_extra"), refused


def _held(home: Path, year: str) -> int:
    """How many ids the lake holds for a tax year."""
    files = literal(home / "raw" / SOURCE / DATASET / "load=*" / "*.parquet")
    with connect() as con:
        found = con.execute(f"select count(distinct _key) from read_parquet({files}) where _key like ?", [f"{year}|%"])
        return int((found.fetchone() or (0,))[0])
