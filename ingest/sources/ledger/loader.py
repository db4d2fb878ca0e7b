"""Land a snapshot of the ledger: the one place where the lake reads promises, and it only reads."""

import json
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from ingest.lake import Manifest, Progress, archive_file, quiet
from ingest.load import land_table
from ingest.source import Source
from ledger import store

TABLES: dict[str, tuple[type[store.Base], str]] = {
    "judgements": (store.Judgement, "judged_at"),
    "corrections": (store.Correction, "made_at"),
}


def land(
    origin: str | Path | None, as_of: date | None, home: Path, progress: Progress = quiet, *, accept_bounds: str | None = None
) -> list[Manifest]:
    """Land what has been decided. origin and as_of are not needed: the ledger is where it is, and each row has its moment.

    Nothing decided since the last snapshot: nothing lands. Raises LandingRefused when rows have gone, store.LedgerRefused when
    the database cannot be reached.
    """
    if not store.exists(home):
        return []
    source, receipts = Source.load("ledger"), []
    for dataset, (table, moment) in TABLES.items():
        rows = store.rows(home, table)
        if not rows:
            continue
        day = as_of or max(row[moment] for row in rows).date()
        kept = _archived(home, dataset, day, rows)
        positions = [{**row, "_position": number} for number, row in enumerate(rows, start=1)]
        receipts.append(
            land_table(
                source, dataset, pa.Table.from_pylist(positions), day, files=[kept], home=home, accept_bounds=accept_bounds
            )
        )
        progress(f"ledger {dataset}", len(rows), len(rows))
    return receipts


def _archived(home: Path, dataset: str, day: date, rows: list[dict[str, Any]]) -> Path:
    """The snapshot as a file, so that the same decisions are known for the same load."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / f"{dataset}.jsonl"
        lines = (json.dumps(row, ensure_ascii=False, sort_keys=True, default=str) for row in rows)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return archive_file(home, "ledger", day, file)
