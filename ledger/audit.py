"""The trail of what was asked of the service: who, what, about what, with what outcome. Part of the chain; nobody's data."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ledger import store
from ledger.tables import AuditEvent


def write(home: Path, events: Sequence[dict[str, Any]]) -> None:
    """Add events (columns of AuditEvent) as one entry. Raises LedgerRefused."""
    if events:
        with store.connect(home) as session:
            store.add(session, "audit", {AuditEvent: list(events)})


def last(home: Path, most: int = 200, *, recipient_id: str | None = None) -> list[dict[str, Any]]:
    """The newest events first, of one recipient or of all."""
    wanted = ("at", "request_id", "access_id", "recipient_id", "role", "action", "about", "status", "rows")
    listed = sa.select(*(AuditEvent.__table__.c[name] for name in wanted)).order_by(AuditEvent.audit_event_id.desc())
    if recipient_id is not None:
        listed = listed.where(AuditEvent.recipient_id == recipient_id)
    with store.connect(home, write=False) as session:
        return [dict(row) for row in session.execute(listed.limit(most)).mappings()]


def about_since(home: Path, action: str, since: datetime) -> dict[str, datetime]:
    """What an action was about, and when last, since a moment (UTC without a zone)."""
    listed = sa.select(AuditEvent.about, sa.func.max(AuditEvent.at)).where(
        AuditEvent.action == action, AuditEvent.at >= since, AuditEvent.about.is_not(None)
    )
    with store.connect(home, write=False) as session:
        return {str(about): at for about, at in session.execute(listed.group_by(AuditEvent.about)).tuples()}


def last_used(home: Path, recipient_id: str) -> dict[str, datetime]:
    """When each access of a recipient last asked for something: UTC without a zone."""
    newest = sa.select(AuditEvent.access_id, sa.func.max(AuditEvent.at)).where(AuditEvent.recipient_id == recipient_id)
    with store.connect(home, write=False) as session:
        return {str(access_id): at for access_id, at in session.execute(newest.group_by(AuditEvent.access_id)).tuples()}
