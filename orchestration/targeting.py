"""Count a target group over what is published, with what the ledger knows of the recipient."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from base.refused import Refused
from delivery import group, knowing
from delivery.counting import protected
from delivery.nearest import refuse
from delivery.picker import Cell, Picker
from delivery.published import desk
from ledger import recipients


def count(
    home: Path, file: Path, *, recipient: str | None = None, by: list[str] | None = None, lists: list[str] | None = None,
    exact: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Waterfall, losses among those that match, notes and what else delivery.picker.Count tells; with `by` also the breakdown.

    lists: NAME=FILE of the group's own lists. exact: for the house alone; what is counted for a recipient may be told them, so
    small losses are not shown one by one. Raises Refused.
    """
    by = by or []
    if len(by) > 2:
        raise Refused("a breakdown has one or two dimensions")
    wanted = group.load(file)
    if wanted.not_delivered_months and not recipient:
        raise Refused("not_delivered_months asks what a recipient was given: name one with --recipient")
    known = known_recipient(home, recipient) if recipient else None
    context = knowing.context(home, wanted, known, own_lists(lists or []))
    with desk(home) as db:
        picker = Picker(db)
        counted = picker.count(wanted, context)
        is_shown = exact or recipient is None or wanted.unit != "person"
        told = asdict(counted if is_shown else protected(counted))
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


def known_recipient(home: Path, wanted: str) -> str:
    """The id of a recipient. Raises Refused, naming the nearest that there is."""
    known = {one["recipient_id"]: (one["name"],) for one in recipients.every(home)}
    if wanted not in known:
        raise refuse("recipient", wanted, known)
    return wanted


def own_lists(told: list[str]) -> dict[str, Path]:
    """Files of a group's own lists from NAME=FILE. Raises Refused."""
    pairs = [one.partition("=") for one in told]
    for (name, _, file), one in zip(pairs, told, strict=True):
        if not name or not file:
            raise Refused(f"--list takes NAME=FILE, not {one!r}")
    return {name: Path(file) for name, _, file in pairs}
