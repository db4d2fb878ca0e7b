"""Recipients: who may be given data, by name, as an access report has to tell it (CJEU C-154/21)."""

import re
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from base.normalise import business_id as normal_business_id
from ledger import chain, store
from ledger.store import LedgerRefused
from ledger.tables import Recipient


def add(
    home: Path, recipient_id: str, name: str, *, business_id: str | None = None, contact: str | None = None, by_whom: str
) -> str:
    """Write down a recipient, or what has changed of one; returns its id. Raises LedgerRefused."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", recipient_id):
        raise LedgerRefused(f"{recipient_id!r} is no recipient's id: small letters, digits and hyphens, it names a folder")
    if not name.strip() or not by_whom.strip():
        raise LedgerRefused("say the recipient's name, and by whom it is added")
    organisation = normal_business_id(business_id)
    if business_id and organisation is None:
        raise LedgerRefused(f"{business_id!r} is no business id")
    row = {
        "recipient_id": recipient_id, "name": name.strip(), "business_id": organisation, "contact": contact,
        "added_at": chain.now(), "by_whom": by_whom.strip(),
    }  # fmt: skip
    with store.connect(home) as session:
        store.add(session, "recipient", {Recipient: [row]})
    return recipient_id


def every(home: Path) -> list[dict[str, Any]]:
    """All recipients as they are now, by id."""
    newest = sa.select(sa.func.max(Recipient.recipient_row_id)).group_by(Recipient.recipient_id)
    listed = sa.select(
        Recipient.recipient_id, Recipient.name, Recipient.business_id, Recipient.contact, Recipient.added_at
    ).where(Recipient.recipient_row_id.in_(newest))
    with store.connect(home, write=False) as session:
        return [dict(row) for row in session.execute(listed.order_by(Recipient.recipient_id)).mappings()]
