"""Ban lists kept by others -> raw `external_lists/<list>` for each configured list, and `external_lists/lists` with their ages.

Belongs here: what a list bans and of which day it is. Does not belong here: leaving people out (the gates of extraction).
"""

import re
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from base.normalise import columns, email_key
from ingest import people, tabular
from ingest.lake import DISAPPEARED, LandingRefused, Manifest, Progress, archive_file, connect, literal, newest, quiet
from ingest.load import land_table
from ingest.source import Source

AGES = "lists"
KINDS = ("email", "phone", "business_id")
DATES = ((r"(20\d\d)-?([01]\d)-?([0-3]\d)", (1, 2, 3)), (r"([0-3]?\d)\.([01]?\d)\.(20\d\d)", (3, 2, 1)))


def land(
    origin: str | Path | None,
    as_of: date | None,
    home: Path,
    progress: Progress = quiet,
    *,
    accept_bounds: str | None = None,
) -> list[Manifest]:
    """Land one list, or all of a folder in the order of their names. `as_of`: the list's own date, if the file does not tell.

    Raises LandingRefused as tabular.read and Load do, and list_unknown, list_date_missing, cut_off.
    """
    source = Source.load("external_lists")
    receipts = []
    for path in tabular.files(origin, source):
        receipts += _land_list(source, path, as_of, home, progress, accept_bounds)
    return receipts


def _land_list(
    source: Source, path: Path, as_of: date | None, home: Path, progress: Progress, accept_bounds: str | None
) -> list[Manifest]:
    assert source.layout is not None
    name = list_of(path, source)
    table = tabular.read(path, source.layout)
    if not any(table.has(kind) for kind in KINDS):
        raise LandingRefused("header_mismatch", f"{path.name}: no header with any of the columns {', '.join(KINDS)}")
    if table.cut_off:
        raise LandingRefused(
            "cut_off", f"{path.name}: ends in the middle of a line; whoever is missing would no longer be banned"
        )
    day = date_of(path, table, as_of)
    archived = archive_file(home, source.name, day, path)
    entries, refused = understand(table)
    receipt = land_table(
        source, name, entries.to_arrow(), day, files=[archived], home=home,
        refused=pl.concat([refused, table.refused]).to_arrow(), accept_bounds=accept_bounds,
    )  # fmt: skip
    progress(f"external_lists {name}", entries.height, entries.height + refused.height)
    return [receipt, _land_ages(source, day, archived, home)]


def list_of(path: Path, source: Source) -> str:
    """Which list a file is, by the beginning of its name. Raises LandingRefused list_unknown."""
    name = tabular.fold(path.stem)
    found = [known for known in source.datasets if known != AGES and f"{name}_".startswith(f"{known}_")]
    if not found:
        known = ", ".join(d for d in source.datasets if d != AGES)
        raise LandingRefused("list_unknown", f"{path.name}: the name begins with none of the lists {known}")
    return max(found, key=len)


def identity(path: Path, digest: str) -> str:
    """What makes two files the same list (ingest/inbox.py): the bytes and the day in the name, for an unchanged list that is
    sent again under a new day has been checked anew."""
    return f"{digest}-{_date_in(path.stem) or 'undated'}"


def date_of(path: Path, table: tabular.Table, as_of: date | None) -> date:
    """The day a list is of: what its rows say (the newest), else its name, else `as_of`. Raises LandingRefused."""
    today = date.today()
    told = table.rows.select(people.moment("list_date", today).dt.date().max()).item() if table.has("list_date") else None
    day: date | None = told or _date_in(path.stem) or as_of
    if day is None:
        raise LandingRefused("list_date_missing", f"{path.name}: neither a column nor the name says of which day the list is")
    if day > max(today, as_of or today):
        raise LandingRefused("bad_date", f"{path.name}: is of {day}, which has not come yet")
    return day


def _date_in(name: str) -> date | None:
    for pattern, order in DATES:
        if found := re.search(rf"(?<!\d){pattern}(?!\d)", name):
            try:
                return date(*(int(found[place]) for place in order))
            except ValueError:
                continue
    return None


def understand(table: tabular.Table) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(entries, refused): each cell is an entry of its own, so that one that cannot be read takes no other with it."""
    cells = table.rows.unpivot(KINDS, index=["_position", "_extra"], variable_name="kind", value_name="told").drop_nulls("told")
    places = pl.col("kind").replace_strict({kind: n for n, kind in enumerate(KINDS)}, return_dtype=pl.Int64)
    cells = cells.with_columns(_position=pl.col("_position") + tabular.FURTHER * 1000 * places)
    mails, phones, ids = (cells.filter(kind=kind) for kind in KINDS)
    mails = mails.hstack(columns.emails(mails["told"]).select(first="address", more="more", reason="reason"))
    phones = phones.hstack(columns.phones(phones["told"]).select(first="e164", more="more", reason="reason"))
    ids = ids.hstack(columns.business_ids(ids["told"]).rename({"business_id": "first"})).with_columns(
        more=pl.lit([], pl.List(pl.String))
    )
    read = pl.concat([mails, phones, ids.select(mails.columns)])
    is_read = pl.col("first").is_not_null()
    refused = read.filter(~is_read).select(
        "_position",
        _key=pl.lit(None, pl.String),
        _reason=pl.col("reason"),
        _path=pl.col("kind"),
        _original=pl.struct("told").struct.json_encode(),
    )
    values = read.filter(is_read).with_columns(value=pl.concat_list(pl.concat_list("first"), "more"))
    entries = tabular.one_each(values, "value").with_columns(
        value=pl.when(kind="email").then(pl.col("value").map_elements(email_key, return_dtype=pl.String)).otherwise("value")
    )
    return entries.select("_position", "_extra", "kind", "value"), refused.cast(tabular.REFUSED)  # type: ignore[arg-type]


def _land_ages(source: Source, day: date, file: Path, home: Path) -> Manifest:
    """One row for every configured list, also for those that never came."""
    rows = []
    for position, (name, dataset) in enumerate(source.datasets.items(), start=1):
        if name == AGES:
            continue
        last = newest(home, source.name, name)
        dated = date.fromisoformat(last.as_of) if last else None
        age = dataset.max_age_days
        rows.append(
            {
                "_position": position * tabular.FURTHER,  # of no row of the file
                "list_id": name,
                "list_date": dated,
                "stale_after": dated + timedelta(days=age) if dated and age is not None else None,
                "entries": _entries(home / "raw" / source.name / name) if last else 0,
                "max_age_days": age,
                "is_required": dataset.required,
            }
        )
    schema = {"_position": pl.Int64, "list_id": pl.String, "list_date": pl.Date, "stale_after": pl.Date, "entries": pl.Int64,
              "max_age_days": pl.Int32, "is_required": pl.Boolean}  # fmt: skip
    before = newest(home, source.name, AGES)
    as_of = max(day, date.fromisoformat(before.as_of)) if before else day
    table = pl.DataFrame(rows, schema=schema).to_arrow()
    return land_table(source, AGES, table, as_of, files=[file], home=home, mode="partial")


def _entries(folder: Path) -> int:
    loads = f"read_parquet({literal(folder / 'load=*' / '*.parquet')}, union_by_name=true, hive_partitioning=false)"
    with connect() as con:
        row = con.execute(f"""
            select count(*) from (select arg_max(_op, _load_id) as op from {loads} group by _key)
            where op <> '{DISAPPEARED}'
        """).fetchone()
    return int(row[0]) if row else 0
