"""Count a target group over what is published, with what the ledger knows of the recipient."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from base.refused import Refused
from delivery import group
from delivery.counting import Context
from delivery.nearest import refuse
from delivery.picker import Cell, Picker
from delivery.published import desk
from ingest import tabular
from ingest.source import Layout
from ledger import disclosures, recipients

MONTH_DAYS = 30.4375
"""Mean length of a month, for "not delivered within so many months"."""

LIST = Layout(
    required=[],
    columns={
        "business_id": ["y-tunnus", "ytunnus", "fo-nummer"],
        "email": ["sähköposti", "sähköpostiosoite", "e-post", "e-mail"],
        "person_id": ["henkilön tunniste"],
    },
)
"""What the columns of a customer's own list may be called."""


def count(
    home: Path, file: Path, *, recipient: str | None = None, by: list[str] | None = None, lists: list[str] | None = None
) -> dict[str, Any]:
    """Waterfall, losses among those that match, notes and what else delivery.picker.Count tells; with `by` also the breakdown.

    lists: NAME=FILE of the group's own lists. Raises Refused.
    """
    by = by or []
    if len(by) > 2:
        raise Refused("a breakdown has one or two dimensions")
    wanted = group.load(file)
    context = _context(home, wanted, recipient, lists or [])
    with desk(home) as db:
        picker = Picker(db)
        told = asdict(picker.count(wanted, context))
        cells = picker.breakdown(wanted, by, context) if by else []
    return {
        "name": wanted.name,
        "criteria_hash": group.digest(wanted),
        **told,
        "by": by,
        "cells": [_cell(one) for one in cells],
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {"values": list(cell.values), "count": cell.count}


def _context(home: Path, wanted: group.TargetGroup, recipient: str | None, lists: list[str]) -> Context:
    own = dict(_list(told) for told in lists)
    if wanted.not_delivered_months and not recipient:
        raise Refused("not_delivered_months asks what a recipient was given: name one with --recipient")
    if not recipient:
        return Context(lists=own)
    known = {one["recipient_id"]: (one["name"],) for one in recipients.every(home)}
    if recipient not in known:
        raise refuse("recipient", recipient, known)
    now = datetime.now(UTC).replace(tzinfo=None)
    months = wanted.not_delivered_months
    since = now - timedelta(days=MONTH_DAYS * months) if months else now
    return Context(
        recipient,
        delivered=frozenset(disclosures.to_recipient(home, recipient, since)),
        ever=frozenset(disclosures.to_recipient(home, recipient, datetime(1970, 1, 1))),
        lists=own,
    )


def _list(told: str) -> tuple[str, pa.Table]:
    name, _, file = told.partition("=")
    if not name or not file:
        raise Refused(f"--list takes NAME=FILE, not {told!r}")
    if not Path(file).is_file():
        raise Refused(f"there is no file {file}")
    table = tabular.read(Path(file), LIST)
    if not table.headers.keys() & LIST.columns.keys():
        raise Refused(f"{Path(file).name}: no column of {', '.join(LIST.columns)}")
    return name, table.rows.select(list(LIST.columns)).to_arrow()
