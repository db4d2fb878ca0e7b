"""Deliveries of a recipient: what there is, their files, what may still be used of them.

A file is found by the ids that the ledger has, never by a path that somebody sent.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from delivery import orders, recall
from delivery.deliver import Republish, prove
from delivery.schedule import HELSINKI
from delivery.service.faults import Fault
from ledger import disclosures
from ledger import orders as ledger

KEPT = (".age", ".csv", ".xlsx", ".jsonl", ".parquet", ".json", ".md", ".sha256", ".yaml", ".yml", ".txt")


def every(home: Path, recipient_id: str) -> list[dict[str, Any]]:
    """Deliveries that were sent to a recipient, the newest first."""
    confirmed: dict[str, list[str]] = {}
    for row in disclosures.acknowledgements(home):
        confirmed.setdefault(row["delivery_id"], []).append(row["what"])
    rows = {row["delivery_id"]: row["detail"]["rows"] for row in ledger.history(home, what=["made"])}
    return [
        {
            "delivery_id": row["delivery_id"], "order_id": row["order_id"], "kind": row["detail"]["kind"],
            "rows": rows.get(row["delivery_id"]), "sent_at": row["at"], "valid_until": row["detail"]["valid_until"],
            "confirmed": sorted(confirmed.get(row["delivery_id"], [])),
        }
        for row in reversed(ledger.history(home, what=["sent"]))
        if row["recipient_id"] == recipient_id
    ]  # fmt: skip


def one(home: Path, recipient_id: str, delivery_id: str) -> dict[str, Any]:
    """One of them, with its files. Raises Fault 404, also for what is another's."""
    told = next((row for row in every(home, recipient_id) if row["delivery_id"] == delivery_id), None)
    if told is None:
        raise Fault(404, "there is no such delivery")
    return told | {"files": sorted(_files(home, recipient_id, told))}


def file(home: Path, recipient_id: str, delivery_id: str, name: str, republish: Republish, now: datetime | None = None) -> Path:
    """A file of a delivery, proven against the ledger of this moment: it may have waited since it was made.

    Raises Fault: 404 when there is none, 410 when its licence has ended, 409 when it tells of somebody who may not be told of
    any more; Refused when nobody can say.
    """
    told = one(home, recipient_id, delivery_id)
    found = _files(home, recipient_id, told).get(name)
    if found is None:
        raise Fault(404, "there is no such file")
    if date.fromisoformat(told["valid_until"]) < (now or datetime.now(UTC)).astimezone(HELSINKI).date():
        raise Fault(410, f"the licence ended on {told['valid_until']}")
    if recall.is_withdrawn(home, orders.one(home, told["order_id"]), delivery_id, republish=republish):
        raise Fault(409, "this file may not be used any more as it was made: take the next one, or order it anew")
    return found


def recalls(home: Path, recipient_id: str) -> list[dict[str, Any]]:
    """Recalls that a recipient has not confirmed, oldest first."""
    return [one.to_dict() for one in recall.unconfirmed(home) if one.recipient_id == recipient_id]


def check(home: Path, recipient_id: str, delivery_id: str, republish: Republish) -> dict[str, Any]:
    """Which rows of an order's deliveries may not be used any more as they are held: row ids by what is to be done.

    Against the ledger of this moment: the gates are proven anew when it has moved.

    Raises Fault 404, Refused.
    """
    told = one(home, recipient_id, delivery_id)
    order = orders.one(home, told["order_id"])
    held = recall.held_rows(home, order, datetime.now(UTC))
    prove(home, republish)
    rows = recall.news(home, order, held).select(["row_id", "operation"]).to_pylist()
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["operation"], []).append(row["row_id"])
    return {"delivery_id": delivery_id, "order_id": order.order_id, "held": held.num_rows, "to_do": found}


def _files(home: Path, recipient_id: str, told: dict[str, Any]) -> dict[str, Path]:
    folder = home / "deliveries" / recipient_id / told["order_id"] / told["delivery_id"]
    if not folder.is_dir():
        return {}
    return {path.name: path for path in folder.iterdir() if path.is_file() and not path.is_symlink() and path.suffix in KEPT}
