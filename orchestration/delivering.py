"""Orders and deliveries as the command line and Dagster drive them: the deliverers' parts, with publishing behind them."""

import hashlib
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from base.refused import Refused
from delivery import group, orders, recall, terms
from delivery.deliver import Delivered, deliver
from delivery.orders import Order
from delivery.render import Profile
from ledger import orders as ledger
from orchestration.publish import publish
from orchestration.targeting import known_recipient, own_lists


def add(home: Path, order_id: str, file: Path, recipient: str, accepted_by: str, by: str) -> Order:
    """Take an order from a file; the terms in force are accepted with it. Raises Refused, LedgerRefused."""
    spec = orders.load(file)
    return _added(home, order_id, recipient, spec, accepted_by, by)


def _added(home: Path, order_id: str, recipient: str, spec: orders.OrderSpec, accepted_by: str, by: str) -> Order:
    accepted = ledger.Accepted(terms.CURRENT, accepted_by, datetime.now(UTC).replace(tzinfo=None))
    ledger.add(home, order_id, recipient, spec.canonical(), accepted, by_whom=by)
    return orders.one(home, order_id)


def extract(
    home: Path, file: Path, recipient: str, profile: Profile, accepted_by: str, by: str, lists: list[str] | None = None
) -> Delivered:
    """One file of a target group, now, into the lake's deliveries: an order without a schedule.

    Raises Refused, LedgerRefused.
    """
    known_recipient(home, recipient)
    spec = orders.parse({"group": group.load(file), "file": profile.model_dump(), "lists": own_lists(lists or [])})
    order_id = "kerta-" + hashlib.sha256(f"{recipient}|{spec.canonical()}".encode()).hexdigest()[:10]
    order = _added(home, order_id, recipient, spec, accepted_by, by)
    return deliver(home, order, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}", republish=partial(publish, home))


def run_due(home: Path, now: datetime | None = None) -> dict[str, list[dict[str, Any]]]:
    """Deliver what standing orders owe; one that fails keeps no other from going out. Raises LedgerRefused."""
    told: dict[str, list[dict[str, Any]]] = {"delivered": [], "failed": []}
    now = now or datetime.now(UTC)
    for order, period in orders.due(home, now):
        try:
            told["delivered"].append(deliver(home, order, period, republish=partial(publish, home), now=now).to_dict())
        except Refused as refused:
            told["failed"].append({"order_id": order.order_id, "period": period, "why": str(refused)})
    return told


def run_one(home: Path, order_id: str, now: datetime | None = None) -> Delivered:
    """Deliver an order now, whatever its schedule says. Raises Refused, LedgerRefused."""
    now = now or datetime.now(UTC)
    return deliver(home, orders.one(home, order_id), f"{now:%Y-%m-%dT%H:%M:%S.%f}", republish=partial(publish, home), now=now)


def run_recall(home: Path, now: datetime | None = None) -> list[Delivered]:
    """Tell recipients what they may no longer use. Raises Refused, LedgerRefused."""
    return recall.recall(home, republish=partial(publish, home), now=now)
