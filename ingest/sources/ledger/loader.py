"""Land a snapshot of the ledger: the one place where the lake reads promises, and it only reads."""

import json
import tempfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from ingest.lake import DISAPPEARED, Manifest, Progress, archive_file, connect, literal, newest, prepare, quiet
from ingest.load import land_table
from ingest.source import Source
from ledger import objections, store, tables
from ledger.backup import Landed

Rows = list[dict[str, Any]]


def _of(table: type[tables.Row], unless: str | None = None) -> Callable[[Path], Rows]:
    """All rows of a table; without those whose text was erased, where they would say something else without it."""
    return lambda home: [row for row in store.rows(home, table) if unless is None or row[unless] is not None]


def _head(home: Path) -> Rows:
    head = store.suppression_head(home)
    versions = [use["version"] for use in store.rows(home, tables.KeyUse)]
    return [{"ledger": "ledger", "seq": head.seq, "version": head.version, "key_version": max(versions, default=None)}]


# What is in each dataset, and which tables it is made of. The head goes last: what it promises has landed before it.
DATASETS: dict[str, tuple[Callable[[Path], Rows], tuple[type[tables.Row], ...]]] = {
    "judgements": (_of(tables.Judgement, "salt"), (tables.Judgement,)),
    "corrections": (_of(tables.Correction, "salt"), (tables.Correction,)),
    "objections": (objections.every, (tables.Objection, tables.Revocation)),
    "objection_keys": (_of(tables.ObjectionKey), (tables.ObjectionKey,)),
    "reviews": (_of(tables.Review), (tables.Review,)),
    "notices": (_of(tables.Notice), (tables.Notice,)),
    "heads": (_head, (tables.Objection, tables.Revocation, tables.Review, tables.Notice, tables.KeyUse)),
}


# An empty ledger is a state too: the one that a lake begins with.
NOTHING_YET = datetime(2000, 1, 1)


def land(
    origin: str | Path | None, as_of: date | None, home: Path, progress: Progress = quiet, *, accept_bounds: str | None = None
) -> list[Manifest]:
    """Land what has been decided. origin and as_of are not needed: the ledger is where it is, and each row has its moment.

    Nothing decided since the last snapshot: nothing lands. An empty ledger is made in a lake that can have had none.
    Raises LandingRefused when rows have gone, store.LedgerRefused when the ledger is missing, out of reach, not the one that
    was seen, or keyed with another secret.
    """
    store.create(home)
    source, receipts = Source.load("ledger"), []
    # Nothing is added meanwhile: all datasets are of one moment.
    with store.holding(home) as session:
        store.check_key(session)
        for dataset, (rows_of, of_tables) in DATASETS.items():
            told = store.last_told(home, *of_tables) or (NOTHING_YET if dataset == "heads" else None)
            # Nothing else leaves the ledger: no evidence, no salt.
            columns = source.datasets[dataset].columns
            rows = [{column: row[column] for column in columns} for row in rows_of(home)] if told else []
            if told is None or not (rows or newest(home, "ledger", dataset)):
                continue
            day = as_of or told.date()
            receipts.append(
                land_table(
                    source, dataset, _table(source, dataset, rows), day, files=[_archived(home, dataset, day, rows)], home=home,
                    accept_bounds=accept_bounds,
                )
            )  # fmt: skip
            progress(f"ledger {dataset}", len(rows), len(rows))
    return receipts


def landed(home: Path) -> Landed:
    """What the last snapshot has of objections, for a ledger that has lost them."""
    prepare(home)

    def current(dataset: str) -> Rows:
        files = literal(home / "raw" / "ledger" / dataset / "load=*" / "*.parquet")
        with connect() as con:
            found = con.execute(f"""
                select * from read_parquet({files}, union_by_name=true, hive_partitioning=false)
                qualify row_number() over (partition by _key order by _load_id desc) = 1
            """)
            names = [column for column, *_ in found.description or []]
            rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        return [row for row in rows if row["_op"] != DISAPPEARED]

    return Landed(current("objections"), current("objection_keys"))


def _table(source: Source, dataset: str, rows: Rows) -> pa.Table:
    columns = source.datasets[dataset].columns
    if rows:
        return pa.Table.from_pylist([row | {"_position": place} for place, row in enumerate(rows, start=1)])
    return pa.table({column: pa.array([], pa.string()) for column in columns} | {"_position": pa.array([], pa.int64())})


def _archived(home: Path, dataset: str, day: date, rows: Rows) -> Path:
    """The snapshot as a file, so that the same decisions are known for the same load."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / f"{dataset}.jsonl"
        lines = (json.dumps(row, ensure_ascii=False, sort_keys=True, default=str) for row in rows)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return archive_file(home, "ledger", day, file)
