"""What a delivery holds: a group's rows, what has changed of them since the one before, or what a recall tells."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa

from delivery import columns, counting, delta, knowing, selection
from delivery.extract import Extract, extract, known_as
from delivery.orders import Order
from delivery.render import Gate

_REMOVALS = Path(__file__).with_name("removals.sql")


@dataclass(frozen=True)
class Content:
    """Rows of a file, and what is kept of those that the recipient then has (delta.ROWS; a null digest: no longer).

    is_whole: everything that the recipient has of the order is in it, so the order's decoy is too.
    """

    kind: Literal["full", "delta", "recall"]
    rows: pa.Table
    digests: pa.Table
    sources: list[str]
    gates: tuple[Gate, ...]
    matching: tuple[Gate, ...] = ()
    is_whole: bool = False


Fill = Callable[[duckdb.DuckDBPyConnection, Order, date, datetime], Content]
"""Makes the content from an open desk: order, the last day of use, now."""


def of_group(home: Path, base: Path | None) -> Fill:
    """The order's group as it is today; of an order of changes only those. base: digests of the delivery before."""

    def fill(db: duckdb.DuckDBPyConnection, order: Order, until: date, now: datetime) -> Content:
        group = order.spec.group
        waterfall = selection.select(db, group, knowing.context(home, group, order.recipient_id, order.spec.lists, now))
        whole = extract(db, group, order.recipient_id, order.spec.file.value_language, until)
        before = delta.read(base) if base else None
        whole = known_as(whole, before) if before else whole
        digests = delta.digests(whole.rows, whole.subjects)
        told = counting.protected(waterfall) if group.unit == "person" else waterfall
        gates, matching = _gates(told.waterfall), _gates(told.matching)
        if order.spec.mode == "full":
            return Content("full", whole.rows, digests, whole.sources, gates, matching, is_whole=True)
        steps = delta.changes(before, digests, delta.as_known_now(db, before) if before else None)
        kept = delta.told_by(digests, steps)
        return Content("delta", rows_of(db, whole, steps), kept, whole.sources, gates, matching, is_whole=before is None)

    return fill


def _gates(steps: list[dict[str, Any]]) -> tuple[Gate, ...]:
    """As a manifest tells them: from POPULATION, whatever it is of, to RESULT."""
    return tuple(Gate(step["gate"] if place else "POPULATION", step["count"]) for place, step in enumerate(steps))


def rows_of(db: duckdb.DuckDBPyConnection, whole: Extract, steps: pa.Table) -> pa.Table:
    """The rows of a delta: what is new or changed as it is now, what is gone as its ids and the reason, or where it went.

    steps: operation, row_id, person_id, business_id, merged_into, as delta.changes gives them.
    """
    db.register("steps", steps)
    db.register("whole", whole.rows)
    db.register("reasons", db.sql(reasons(db, "steps")).to_arrow_table())
    wanted = columns.schema(columns.of(delta=True, maintenance="restriction" in whole.rows.column_names))
    ours = {"operation": "steps.operation", "removal_reason": "reasons.removal_reason", "row_id": "steps.row_id"}
    ours |= {"business_id": "steps.business_id", "merged_into": "steps.merged_into"}
    shown = ", ".join(f"{ours.get(name, f'whole.{name}')} as {name}" for name in wanted.names)
    rows = db.sql(f"""
        select {shown} from steps
        left join whole on steps.row_id = whole.row_id
        left join reasons on steps.row_id = reasons.row_id
        order by steps.operation, steps.row_id""").to_arrow_table()  # fmt: skip
    return rows.cast(wanted)


def reasons(db: duckdb.DuckDBPyConnection, steps: str) -> str:
    """SQL that gives removal_reason of each row that a table of steps removes."""
    db.execute(f"""
        create or replace temp table gone as
        select row_id, person_id, business_id from {steps} where operation = 'POISTO'""")
    return _REMOVALS.read_text(encoding="utf-8")
