"""Target groups that a recipient keeps for later. What a group says is the affair of delivery/group.py."""

import secrets
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ledger import chain, store
from ledger.store import LedgerRefused
from ledger.tables import SavedGroup

MOST = 1000
"""How many a recipient may keep."""


def save(home: Path, recipient_id: str, spec: str, *, group_id: str | None = None, by_whom: str) -> str:
    """Keep a group (JSON), or a new wording of one; returns its id. Raises LedgerRefused."""
    with store.connect(home) as session:
        if group_id is None and len(_kept(session, recipient_id)) >= MOST:
            raise LedgerRefused(f"{MOST} groups are kept already: remove one first")
        if group_id is not None:
            _one(session, recipient_id, group_id)
        made = group_id or f"g{secrets.token_hex(6)}"
        _add(session, recipient_id, made, spec, by_whom)
    return made


def remove(home: Path, recipient_id: str, group_id: str, *, by_whom: str) -> None:
    """Keep a group no longer. Raises LedgerRefused when this recipient has none of that id."""
    with store.connect(home) as session:
        _one(session, recipient_id, group_id)
        _add(session, recipient_id, group_id, None, by_whom)


def one(home: Path, recipient_id: str, group_id: str) -> dict[str, Any]:
    """A recipient's group. Raises LedgerRefused when this recipient has none of that id."""
    with store.connect(home, write=False) as session:
        return _one(session, recipient_id, group_id)


def every(home: Path, recipient_id: str) -> list[dict[str, Any]]:
    """A recipient's groups, the last saved first: group_id, spec, saved_at."""
    with store.connect(home, write=False) as session:
        return _kept(session, recipient_id)


def _kept(session: sa.orm.Session, recipient_id: str) -> list[dict[str, Any]]:
    newest = sa.select(sa.func.max(SavedGroup.saved_group_row_id)).group_by(SavedGroup.group_id)
    listed = sa.select(SavedGroup.group_id, SavedGroup.spec, SavedGroup.saved_at).where(
        SavedGroup.saved_group_row_id.in_(newest), SavedGroup.recipient_id == recipient_id, SavedGroup.spec.is_not(None)
    )
    return [dict(row) for row in session.execute(listed.order_by(SavedGroup.saved_group_row_id.desc())).mappings()]


def _one(session: sa.orm.Session, recipient_id: str, group_id: str) -> dict[str, Any]:
    found = [row for row in _kept(session, recipient_id) if row["group_id"] == group_id]
    if not found:
        raise LedgerRefused(f"there is no group {group_id}")
    return found[0]


def _add(session: sa.orm.Session, recipient_id: str, group_id: str, spec: str | None, by_whom: str) -> None:
    row = {"group_id": group_id, "recipient_id": recipient_id, "spec": spec, "saved_at": chain.now(), "by_whom": by_whom}
    store.add(session, "group", {SavedGroup: [row]})
