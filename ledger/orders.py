"""Orders of extract files, and what became of their deliveries. What an order says is the affair of delivery/orders.py."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ledger import chain, recipients, store
from ledger.store import LedgerRefused
from ledger.tables import DeliveryEvent, FileOrder

STATES = ("active", "paused", "ended")


@dataclass(frozen=True)
class Accepted:
    """Who, on the recipient's side, accepted which version of the terms, and when (UTC)."""

    terms: str
    by: str
    at: datetime


def add(home: Path, order_id: str, recipient_id: str, spec: str, accepted: Accepted, *, by_whom: str) -> None:
    """Write down an order, or a new wording of one. spec: canonical JSON. Raises LedgerRefused.

    An order stays with its recipient: what was made for one is never sent to another.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", order_id):
        raise LedgerRefused(f"{order_id!r} is no order's id: small letters, digits and hyphens, it names a folder")
    if not accepted.by.strip() or not accepted.terms.strip() or not by_whom.strip():
        raise LedgerRefused("say who accepted which version of the terms, and by whom the order is added")
    if recipient_id not in {one["recipient_id"] for one in recipients.every(home)}:
        raise LedgerRefused(f"there is no recipient {recipient_id!r}: `kohde recipient add` first")
    with store.connect(home) as session:
        known = _newest(session, order_id)
        if known and known["recipient_id"] != recipient_id:
            raise LedgerRefused(f"order {order_id} is another recipient's")
        _add(session, order_id, recipient_id, "active", spec, accepted, by_whom)


def set_state(home: Path, order_id: str, state: str, *, by_whom: str) -> None:
    """Pause an order, let it go on, or end it for good. Raises LedgerRefused."""
    if state not in STATES:
        raise LedgerRefused(f"{state!r} is none of {', '.join(STATES)}")
    with store.connect(home) as session:
        known = _newest(session, order_id)
        if known is None:
            raise LedgerRefused(f"there is no order {order_id}")
        if known["state"] == "ended":
            raise LedgerRefused(f"order {order_id} has ended: what follows is a new one")
        accepted = Accepted(known["accepted_terms"], known["accepted_by"], known["accepted_at"])
        _add(session, order_id, known["recipient_id"], state, known["spec"], accepted, by_whom)


def _add(
    session: sa.orm.Session, order_id: str, recipient_id: str, state: str, spec: str, accepted: Accepted, by_whom: str
) -> None:
    row = {
        "order_id": order_id, "recipient_id": recipient_id, "state": state, "spec": spec, "accepted_terms": accepted.terms,
        "accepted_by": accepted.by.strip(), "accepted_at": accepted.at, "added_at": chain.now(), "by_whom": by_whom.strip(),
    }  # fmt: skip
    store.add(session, "order", {FileOrder: [row]})


def _newest(session: sa.orm.Session, order_id: str) -> dict[str, Any] | None:
    listed = sa.select(*FileOrder.__table__.c).where(FileOrder.order_id == order_id).order_by(FileOrder.order_row_id.desc())
    found = session.execute(listed.limit(1)).mappings().one_or_none()
    return dict(found) if found else None


def every(home: Path) -> list[dict[str, Any]]:
    """All orders as they are now, by id."""
    newest = sa.select(sa.func.max(FileOrder.order_row_id)).group_by(FileOrder.order_id)
    listed = sa.select(*FileOrder.__table__.c).where(FileOrder.order_row_id.in_(newest)).order_by(FileOrder.order_id)
    with store.connect(home, write=False) as session:
        return [dict(row) for row in session.execute(listed).mappings()]


def one(home: Path, order_id: str) -> dict[str, Any]:
    """An order as it is now. Raises LedgerRefused when there is none."""
    with store.connect(home, write=False) as session:
        found = _newest(session, order_id)
    if found is None:
        raise LedgerRefused(f"there is no order {order_id}")
    return found


def happened(home: Path, delivery_id: str, order_id: str, recipient_id: str, what: str, **detail: Any) -> None:
    """Write down what became of a delivery. detail: figures; nothing of a person."""
    row = {
        "delivery_id": delivery_id, "order_id": order_id, "recipient_id": recipient_id, "what": what, "at": chain.now(),
        "detail": json.dumps(detail, ensure_ascii=False, sort_keys=True, default=str) if detail else None,
    }  # fmt: skip
    with store.connect(home) as session:
        store.add(session, "delivery", {DeliveryEvent: [row]})


def history(home: Path, order_id: str | None = None, what: Iterable[str] = ()) -> list[dict[str, Any]]:
    """What became of deliveries, oldest first; of one order, of some kinds."""
    listed = sa.select(*DeliveryEvent.__table__.c).order_by(DeliveryEvent.delivery_event_id)
    if order_id is not None:
        listed = listed.where(DeliveryEvent.order_id == order_id)
    if kinds := list(what):
        listed = listed.where(DeliveryEvent.what.in_(kinds))
    with store.connect(home, write=False) as session:
        return [
            {**row, "detail": json.loads(row["detail"]) if row["detail"] else {}} for row in session.execute(listed).mappings()
        ]
