"""Land Statistics Finland's facts about single businesses: size, sector and staff band. Classifications are in `statfi`."""

import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl

from ingest import delimited
from ingest.delimited import Format, business_ids, checks, sift
from ingest.lake import LandingRefused, Manifest, Progress, archive_file, quiet
from ingest.load import Batch, Load, land_batches
from ingest.source import Source
from ingest.sources.linefile import Check

SOURCE = "statfi_business"
SEEDS = Path(__file__).parents[3] / "dbt_project" / "seeds"
# Which file is of which dataset and month: by its name, since nothing inside says it.
STAFF = re.compile("staff|henkil[oö]st[oö]", re.IGNORECASE)
MONTH = re.compile(r"(?<!\d)(20\d\d)-?(0[1-9]|1[0-2])(?!\d)")
REQUIRED = {
    "size_classes": ("business_id", "industry_code", "sector_code", "size_code"),
    "staff_bands": ("business_id", "band_told", "period"),
}
INDUSTRY = "^[0-9]{2}$"
SECTOR = r"^S\.?[0-9]{2,6}$"
SIZE = "^[0-9]$"
SIZES = {"0", "1", "2", "3", "4"}
PERIOD = "^20[0-9]{2}(-(0[1-9]|1[0-2]))?$"


def land(
    origin: str | Path | None,
    as_of: date | None,
    home: Path,
    progress: Progress = quiet,
    *,
    encoding: str = "utf-8",
    dataset: str | None = None,
    accept_bounds: str | None = None,
) -> list[Manifest]:
    """Land one file, or the files of a folder: what is called staff or henkilöstö holds staff bands, the rest size classes.

    Of several months in a folder (2026-01.csv) the last one lands; the files of a month are one load.
    as_of: by default the date or the first day of the month in the file's name, else today. dataset: only this one.
    Raises LandingRefused in one line; bad lines are quarantined.
    """
    if origin is None:
        raise LandingRefused("not_there", "statfi_business is behind a user id: download the files and say where they are")
    if dataset is not None and dataset not in REQUIRED:
        raise LandingRefused("unknown_dataset", f"statfi_business has no dataset {dataset}; it has {', '.join(REQUIRED)}")
    found = delimited.files_of(origin, r".*\.csv")
    manifests = []
    for name in REQUIRED if dataset is None else [dataset]:
        files = [path for path in found if bool(STAFF.search(path.stem)) == (name == "staff_bands")]
        last = max(map(_month, files), default="")
        if files := [path for path in files if _month(path) == last]:
            day = as_of or delimited.day_of(files[0]) or (date.fromisoformat(f"{last}-01") if last else date.today())
            manifests.append(_land_dataset(name, files, day, home, progress, encoding, accept_bounds))
    return manifests


def _month(path: Path) -> str:
    found = MONTH.search(path.stem)
    return f"{found[1]}-{found[2]}" if found else ""


def _land_dataset(
    dataset: str, paths: list[Path], as_of: date, home: Path, progress: Progress, encoding: str, accept_bounds: str | None
) -> Manifest:
    source = Source.load(SOURCE)
    kept = [archive_file(home, source.name, as_of, path) for path in paths]
    form = Format.of(source, dataset, required=REQUIRED[dataset], encoding=encoding)

    def batches() -> Iterator[Batch]:
        done = 0
        for number, path in enumerate(kept):
            for frame in delimited.read(path, form, first_position=number * delimited.FILE_LINES):
                rows, refused = parse(frame, path.name, form, dataset)
                done += frame.height
                progress(f"statfi_business {dataset}", done, None)
                yield rows.to_arrow(), refused.to_arrow()

    after = _count_sizes if dataset == "size_classes" else _count_bands
    return land_batches(source, dataset, batches(), as_of, files=kept, home=home, after=after, accept_bounds=accept_bounds)


def parse(frame: pl.DataFrame, name: str, form: Format, dataset: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(rows of the dataset, refused records) of lines as delimited.read gives them; every line is in exactly one."""
    frame = business_ids(frame)
    if dataset == "size_classes":
        own = [
            Check("bad_code", "industry_code", pl.col("industry_code").str.contains(INDUSTRY).fill_null(True)),
            Check("bad_code", "sector_code", pl.col("sector_code").str.contains(SECTOR).fill_null(True)),
            Check("bad_code", "size_code", pl.col("size_code").str.contains(SIZE)),
        ]
    else:
        folded = pl.col("band_told").str.replace_all("[–—−-]", "-").str.replace_all(r"\s", "").str.to_lowercase()
        frame = frame.with_columns(band_code=folded.replace_strict(bands(), default=None, return_dtype=pl.String))
        own = [
            Check("missing_required", "band_told", pl.col("band_told").is_not_null()),
            Check("bad_code", "period", pl.col("period").str.contains(PERIOD)),
        ]
    rows, refused = sift(frame, ["business_id"], checks(form, *delimited.BUSINESS_ID_CHECKS, *own), name)
    columns = Source.load(SOURCE).datasets[dataset].columns
    return rows.rename({"position": "_position"}).select("_position", *columns, "_extra"), refused


@cache
def bands() -> dict[str, str]:
    """How a staff band is told, dashes and spaces folded -> its code in seed staff_bands."""
    told = pl.read_csv(SEEDS / "staff_bands.csv", infer_schema=False)
    names = {
        re.sub(r"\s", "", row["name_fi"].replace("–", "-")).lower(): row["band_code"] for row in told.iter_rows(named=True)
    }
    return names | {code: code for code in told["band_code"]}


def _count_sizes(load: Load) -> None:
    found = load.con.execute("select size_code, count(*) from fresh group by all").fetchall()
    load.unknown_codes.update({f"size_code={code}": times for code, times in found if code not in SIZES})


def _count_bands(load: Load) -> None:
    found = load.con.execute("select band_told, count(*) from fresh where band_code is null group by all").fetchall()
    load.unknown_codes.update({f"band_told={told[:20]}": times for told, times in found})
