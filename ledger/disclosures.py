"""Disclosures: who has received whose data, in which file, when, which fields, until when; what a recipient has confirmed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ledger import chain, keys, recipients, store
from ledger.store import LedgerRefused
from ledger.tables import Acknowledgement, DeliveryEvent, Disclosure

AT_ONCE = 500
CONFIRMED = ("fetched", "recalled", "destroyed")


@dataclass(frozen=True)
class Delivery:
    """One file that a recipient is given."""

    delivery_id: str
    recipient_id: str
    file: str
    sha256: str
    fields: Sequence[str]
    purpose: str
    order_id: str | None = None
    disclosed_at: datetime | None = None
    valid_until: date | None = None


def record(home: Path, delivery: Delivery, subjects: Iterable[tuple[str | None, str | None]]) -> int:
    """Write down whom a file is about (person_id, business_id), as one entry; returns how many rows.

    Raises LedgerRefused for a recipient that nobody has added, or a delivery that was recorded before.
    """
    about = {
        "delivery_id": delivery.delivery_id, "recipient_id": delivery.recipient_id, "order_id": delivery.order_id,
        "file": delivery.file, "sha256": delivery.sha256, "fields": ",".join(delivery.fields), "purpose": delivery.purpose,
        "disclosed_at": delivery.disclosed_at or chain.now(), "valid_until": delivery.valid_until,
    }  # fmt: skip
    if delivery.recipient_id not in {one["recipient_id"] for one in recipients.every(home)}:
        raise LedgerRefused(f"there is no recipient {delivery.recipient_id!r}: `kohde recipient add` first")
    new = [about | {"person_id": person, "business_id": organisation} for person, organisation in dict.fromkeys(subjects)]
    with store.connect(home) as session:
        if session.execute(sa.select(1).where(Disclosure.delivery_id == delivery.delivery_id).limit(1)).first():
            raise LedgerRefused(f"delivery {delivery.delivery_id} is recorded already")
        if new:
            store.add(session, "disclosure", {Disclosure: new})
    return len(new)


def of(home: Path, person_ids: Iterable[str] = (), business_ids: Iterable[str] = ()) -> list[dict[str, Any]]:
    """What was disclosed of these persons, or of these organisations themselves, oldest first, with the recipient's name."""
    named = {one["recipient_id"]: one for one in recipients.every(home)}
    found: dict[int, dict[str, Any]] = {}
    with store.connect(home, write=False) as session:
        for column, wanted in ((Disclosure.person_id, list(person_ids)), (Disclosure.business_id, list(business_ids))):
            for at in range(0, len(wanted), AT_ONCE):
                listed = sa.select(*Disclosure.__table__.c).where(column.in_(wanted[at : at + AT_ONCE]))
                if column is Disclosure.business_id:
                    listed = listed.where(Disclosure.person_id.is_(None))
                found |= {row["disclosure_id"]: dict(row) for row in session.execute(listed).mappings()}
    return [
        {
            **{c: v for c, v in row.items() if c not in ("seq", "salt", "sealed", "fields")},
            "fields": row["fields"].split(","),
            "recipient_name": named[row["recipient_id"]]["name"],
            "recipient_business_id": named[row["recipient_id"]]["business_id"],
        }
        for _, row in sorted(found.items())
    ]


def to_recipient(home: Path, recipient_id: str, since: datetime) -> set[tuple[str | None, str]]:
    """Whom (person_id, business_id) a recipient was told of after a moment (UTC without a zone)."""
    listed = sa.select(Disclosure.person_id, Disclosure.business_id).distinct()
    listed = listed.where(Disclosure.recipient_id == recipient_id, Disclosure.disclosed_at > since)
    with store.connect(home, write=False) as session:
        return {(person, firm) for person, firm in session.execute(listed).tuples() if firm}


def persons_of(home: Path, delivery_id: str) -> list[str | None]:
    """Ids of the persons whom a delivery disclosed, as the newest version of the secret has them."""
    listed = (
        sa.select(Disclosure.person_id)
        .distinct()
        .where(Disclosure.delivery_id == delivery_id, Disclosure.person_id.is_not(None))
    )
    with store.connect(home, write=False) as session:
        return keys.current().brought(session.execute(listed).scalars().all())


def rows_of(home: Path, delivery_id: str) -> int:
    """How many rows a delivery disclosed."""
    counted = sa.select(sa.func.count()).select_from(Disclosure).where(Disclosure.delivery_id == delivery_id)
    with store.connect(home, write=False) as session:
        return session.execute(counted).scalar_one()


def acknowledge(home: Path, delivery_id: str, recipient_id: str, what: str) -> None:
    """Write down what a recipient has confirmed of a delivery (CONFIRMED), once. Raises LedgerRefused."""
    if what not in CONFIRMED:
        raise LedgerRefused(f"{what!r} is none of {', '.join(CONFIRMED)}")
    row = {"delivery_id": delivery_id, "recipient_id": recipient_id, "what": what, "acked_at": chain.now()}
    with store.connect(home) as session:
        # A recall that only removes rows discloses nobody.
        given = [
            sa.select(1).where(table.delivery_id == delivery_id, table.recipient_id == recipient_id).limit(1)
            for table in (Disclosure, DeliveryEvent)
        ]
        if not any(session.execute(one).first() for one in given):
            raise LedgerRefused(f"{recipient_id} was given no delivery {delivery_id}")
        known = sa.select(1).where(
            *(getattr(Acknowledgement, name) == row[name] for name in ("delivery_id", "recipient_id", "what"))
        )
        if not session.execute(known.limit(1)).first():
            store.add(session, "acknowledgement", {Acknowledgement: [row]})


def acknowledgements(home: Path) -> list[dict[str, Any]]:
    """What recipients have confirmed, oldest first."""
    return store.rows(home, Acknowledgement)
