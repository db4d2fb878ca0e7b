"""What the files that people send have in common once they are read: dates, contact points, organisations that must exist.

Belongs here: normal forms of columns for the sources survey, bounces and external_lists. Does not belong here: reading the
file (ingest/tabular.py), normal forms of a value (base/normalise).
"""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from base.normalise import columns
from ingest.lake import connect, literal
from ingest.source import Dataset, Source
from ingest.tabular import Table

# d.m.yyyy as Finns write it, with or without a time (9.30, klo 9:30), or ISO 8601 as spreadsheets and systems do.
FINNISH = r"^\s*(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[ ,]+(?:klo |kl\.? )?(\d{1,2})[.:](\d{2})(?:[.:](\d{2}))?)?\s*$"
ISO = r"^\s*(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?\s*$"
EARLIEST = date(1995, 1, 1)  # before it there was no e-mail address to survey; 1899 and 1900 are a spreadsheet's zero
YES = ["1", "x", "k", "kylla", "y", "yes", "ja", "j", "true", "ok", "annettu"]
NO = ["0", "e", "ei", "n", "no", "nej", "false", "-"]


def moment(column: str, today: date) -> pl.Expr:
    """A column of texts as timestamps (local time as told); null when it is none, or outside 1995 to a year from now."""
    finnish, iso = pl.col(column).str.extract_groups(FINNISH), pl.col(column).str.extract_groups(ISO)

    def spelled(groups: pl.Expr, order: tuple[str, str, str]) -> pl.Expr:
        year, month, day = (groups.struct.field(place) for place in order)
        clock = [groups.struct.field(place).fill_null("0").str.zfill(2) for place in ("4", "5", "6")]
        text = pl.format("{}-{}-{} {}:{}:{}", year, month.str.zfill(2), day.str.zfill(2), *clock)
        return text.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False)

    found = pl.coalesce(spelled(finnish, ("3", "2", "1")), spelled(iso, ("1", "2", "3")))
    return pl.when(found.dt.date().is_between(EARLIEST, today + timedelta(days=366))).then(found)


def yes(column: str) -> pl.Expr:
    """True or false of the ways to tick a box; null when nothing or something else is said."""
    said = pl.col(column).str.strip_chars().str.to_lowercase().str.replace_all("ä", "a", literal=True)
    return pl.when(said.is_in(YES)).then(True).when(said.is_in(NO)).then(False)


def with_contacts(rows: pl.DataFrame, email: str = "email", phone: str = "phone") -> pl.DataFrame:
    """Add the normal forms of an e-mail and a phone column. What was told is kept in `*_told`; what cannot be used leaves
    the normal form null and a `*_reason`; further addresses of one cell are `*_more`."""
    addresses, numbers = columns.emails(rows[email]), columns.phones(rows[phone])
    return rows.rename({email: f"{email}_told", phone: f"{phone}_told"}).with_columns(
        **{
            email: addresses["address"],
            f"{email}_kind": addresses["kind"],
            f"{email}_reason": addresses["reason"],
            f"{email}_more": addresses["more"],
            f"{phone}_e164": numbers["e164"],
            f"{phone}_kind": numbers["kind"],
            f"{phone}_reason": numbers["reason"],
            f"{phone}_more": numbers["more"],
        }
    )


def with_business_ids(rows: pl.DataFrame, column: str = "business_id") -> pl.DataFrame:
    """Replace a column by its normal form, and add `<column>_reason` where it has none."""
    found = columns.business_ids(rows[column])
    return rows.with_columns(**{column: found["business_id"], f"{column}_reason": found["reason"]})


def with_flags(rows: pl.DataFrame, table: Table, reasons: Mapping[str, str]) -> pl.DataFrame:
    """Add `flags`: what is odd about a row that is taken all the same, as `column:flag` parted by blanks, null if nothing is.

    `reasons`: column of a reason -> the column it is about.
    """
    told = pl.DataFrame(
        [(f.position, f"{f.column}:{f.flag}") for f in table.flags],
        schema={"_position": pl.Int64, "_told": pl.String},
        orient="row",
    )
    told = told.group_by("_position").agg(pl.col("_told").sort().str.join(" "))
    parts = [pl.format("{}:{}", pl.lit(about), pl.col(reason)) for reason, about in reasons.items()]
    flags = pl.concat_str(pl.col("_told"), *parts, separator=" ", ignore_nulls=True)
    return rows.join(told, on="_position", how="left").with_columns(flags=pl.when(flags != "").then(flags)).drop("_told")


def business_id_of(dataset: Dataset) -> str | None:
    """The raw column that holds a dataset's business ids: its key, or a column of that name."""
    if dataset.key in (["business_id"], ["businessId.value"]):
        return "_key"
    return next((f'"{name}"' for name in ("business_id", "businessId") if name in dataset.columns), None)


def unknown_organisations(home: Path, ids: pl.Series) -> set[str]:
    """Those business ids that no register landed so far has. Empty while no register has landed: nothing can be said then."""
    registers = [
        (home / "raw" / source.name / name / "load=*" / "*.parquet", column)
        for source in map(Source.load, Source.names())
        if source.layout is None
        for name, dataset in source.datasets.items()
        if (column := business_id_of(dataset)) and (home / "raw" / source.name / name).exists()
    ]
    if not registers:
        return set()
    with connect() as con:
        con.register("given", ids.drop_nulls().unique().to_frame("business_id").to_arrow())
        known = " union all ".join(
            f"""select {column} as _key from read_parquet({literal(path)}, union_by_name=true, hive_partitioning=false)
                where {column} is not null"""
            for path, column in registers
        )
        con.execute(f"create view known as {known}")
        if con.execute("select 1 from known limit 1").fetchone() is None:
            return set()
        unknown = con.execute("select business_id from given where business_id not in (select _key from known)").fetchall()
    return {row[0] for row in unknown}
