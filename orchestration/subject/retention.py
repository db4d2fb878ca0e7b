"""Retention: what has been kept for as long as its fact sheet, or the kind of its fields (retention.csv), says, goes.

The clock of a person's data runs from the last look at the person (L-11): the day of the interview, not of the load, so that
the same file landed again, or the same value told by the same interview, starts nothing anew. A place in a register is looked
at as long as the register tells it; its clock runs from the day it was gone. Some kinds of fields go before their record does.
What goes from raw goes from the marts by building them anew, and the published versions that held it are removed.
"""

import csv
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import duckdb
from filelock import FileLock

from base.files import atomic_file, fsync
from ingest.lake import DISAPPEARED, connect, literal
from ingest.source import Dataset, Source
from orchestration import settings
from orchestration.state import BuildState, writer

_KINDS = Path(__file__).with_name("retention.csv")
ARCHIVE_DAYS = 90
"""Files as they were received, when they tell of people (others': as long as the fact sheet says)."""
QUARANTINE_DAYS = 90
LOG_DAYS = 90
INBOX_DAYS = 90
DELIVERY_DAYS = 30


@dataclass(frozen=True)
class Expired:
    """Something whose time is over. rows: of a file that others' rows stay in; None: the whole goes."""

    path: str
    rule: str
    since: str
    rows: int | None = None


@cache
def kinds() -> dict[str, int]:
    """Kind of a field (ingest.source.Personal) -> days after the last look that it is kept, where not as long as its record."""
    with _KINDS.open(encoding="utf-8", newline="") as file:
        return {row["kind"]: int(row["days"]) for row in csv.DictReader(file, delimiter=";")}


def run(home: Path, today: date | None = None, *, dry_run: bool = False) -> list[Expired]:
    """Remove what has expired and, when rows of people went, build and publish anew; returns what went. dry_run: only say what.

    Raises Refused when a build or publication is running, BuildFailed.
    """
    today = today or datetime.now(UTC).date()
    if dry_run:
        return [*_whole(home, today), *_rows(home, today, dry_run=True)]
    with writer(home):
        whole = list(_whole(home, today))
        for one in whole:
            _remove(home / one.path)
        rows = list(_rows(home, today, dry_run=False))
    if rows and BuildState.read(home).status != "absent":
        from orchestration.subject import erase

        erase.renew(home)
    return whole + rows


def _whole(home: Path, today: date) -> Iterator[Expired]:
    """Folders and files that go whole."""
    for source in map(Source.load, Source.names()):
        tells_of_people = any(dataset.subject == "person" for dataset in source.datasets.values())
        days = min(source.retention_days, ARCHIVE_DAYS) if tells_of_people else source.retention_days
        for folder in sorted((home / "archive" / source.name).glob("20[0-9][0-9]-[0-9][0-9]-[0-9][0-9]")):
            # The ledger's snapshots follow the ledger, which is kept for as long as claims can be made.
            if source.name != "ledger" and (day := _over(folder.name, days, today)):
                yield Expired(str(folder.relative_to(home)), f"archive, {days} days", day)
    for folder in sorted(home.glob("quarantine/*/*/load=*")) + sorted(home.glob("aside/*/*/load=*")):
        day = folder.name[-12:-4]
        if found := _over(f"{day[:4]}-{day[4:6]}-{day[6:]}", QUARANTINE_DAYS, today):
            yield Expired(str(folder.relative_to(home)), f"{folder.relative_to(home).parts[0]}, {QUARANTINE_DAYS} days", found)
    logs = [*settings.dbt_target(home).glob("*.log*"), *settings.dagster_home(home).glob("storage/*/compute_logs")]
    for rule, days, paths in (
        ("logs", LOG_DAYS, logs),
        ("inbox", INBOX_DAYS, [*home.glob("inbox/*/done/*"), *home.glob("inbox/*/refused/*")]),
        ("deliveries", DELIVERY_DAYS, list(home.glob("deliveries/*/*/*"))),
    ):
        for path in sorted(paths):
            if found := _over(datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat(), days, today):
                yield Expired(str(path.relative_to(home)), f"{rule}, {days} days", found)


def _over(day: str, days: int, today: date) -> str | None:
    """The day, when it is more than so many days ago."""
    return day if date.fromisoformat(day) < today - timedelta(days=days) else None


def _rows(home: Path, today: date, *, dry_run: bool) -> Iterator[Expired]:
    """Landed rows of people whose clock has run out, load by load."""
    for source in map(Source.load, Source.names()):
        for name, dataset in source.datasets.items():
            folder = home / "raw" / source.name / name
            if (
                source.name != "ledger"
                and (dataset.subject == "person" or dataset.clock)
                and any(folder.glob("load=*/*.parquet"))
            ):
                with FileLock(home / "manifests" / f".{source.name}-{name}.lock", timeout=600):
                    yield from _of_dataset(home, folder, dataset, source.retention_days, today, dry_run)


def _of_dataset(home: Path, folder: Path, dataset: Dataset, days: int, today: date, dry_run: bool) -> Iterator[Expired]:
    """Rows whose time is over, and of those that stay the fields whose kind's time is."""
    told = "coalesce(" + ", ".join([*(f'"{column}"::date' for column in dataset.clock), "_as_of"]) + ")"
    clock = f"arg_max({told}, _load_id)" if dataset.clock else "null::date"
    files = literal(folder / "load=*" / "*.parquet")
    shorter = {kind: limit for kind, limit in kinds().items() if limit < days}
    with connect() as con:
        con.execute(f"""
            create temp table looked_at as
            select _key, if(arg_max(_op, _load_id) = '{DISAPPEARED}', max(_as_of), {clock}) as since
            from read_parquet({files}, union_by_name = true, hive_partitioning = false)
            group by _key having since < date '{today - timedelta(days=min([days, *shorter.values()]))}'
        """)
        over = f"_key in (select _key from looked_at where since < date '{today - timedelta(days=days)}')"
        for path in sorted(folder.glob("load=*/*.parquet")):
            rows = f"read_parquet({literal(path)}, hive_partitioning = false)"
            there = {column for (column, *_) in con.execute(f"describe from {rows}").fetchall()}
            # The key stays: it is how a record is known again, and goes with it.
            fields = {
                kind: [c for c, k in dataset.personal_columns().items() if k == kind and c in there and c != "_key"]
                for kind in shorter
            }
            found = [*_counted(con, rows, over, f"people, {days} days after the last look")]
            emptied: dict[str, str] = {}
            for kind, columns in fields.items():
                late = f"_key in (select _key from looked_at where since < date '{today - timedelta(days=shorter[kind])}')"
                emptied |= {column: f'if({late}, null, "{column}") as "{column}"' for column in columns}
                if any_left := " or ".join(f'"{column}" is not null' for column in columns):
                    rule = f"{kind}, {shorter[kind]} days after the last look"
                    found += _counted(con, rows, f"{late} and not ({over}) and ({any_left})", rule)
            if found and not dry_run:
                replaced = f"replace ({', '.join(emptied.values())})" if emptied else ""
                with atomic_file(path) as temporary:
                    con.execute(
                        f"copy (select * {replaced} from {rows} where not ({over})) to {literal(temporary)} "
                        "(format parquet, compression zstd)"
                    )
            yield from (Expired(str(path.relative_to(home)), rule, since, count) for rule, since, count in found)


def _counted(con: duckdb.DuckDBPyConnection, rows: str, condition: str, rule: str) -> Iterator[tuple[str, str, int]]:
    """Of the rows that a rule concerns: the rule, since when at the latest, how many; nothing when there are none."""
    count, since = con.execute(
        f"select count(*), max(since) from {rows} inner join looked_at using (_key) where {condition}"
    ).fetchall()[0]
    if count:
        yield rule, str(since), int(count)


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    fsync(path.parent)
