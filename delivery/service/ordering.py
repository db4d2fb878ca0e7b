"""Orders over the service: taken once for a key of the customer's own, made in the background, never more rows than agreed.

Files are fetched from the service. Other destinations (SFTP, S3) are set by the operator on the command line: nobody can make
the service reach into a network by an order.
"""

import hashlib
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from base.refused import Refused
from delivery import orders, terms
from delivery.deliver import deliver
from delivery.group import TargetGroup
from delivery.orders import Order
from delivery.render import Profile
from delivery.service import counts, lists
from delivery.service.faults import Fault, line, where
from delivery.service.office import Office
from delivery.service.settings import Settings
from delivery.service.shelf import Shelf
from ledger import orders as ledger
from ledger.access import Identity
from ledger.store import LedgerRefused

_log = logging.getLogger(__name__)
PREFIX = "poiminta-"
"""Of the ids of orders taken here."""


class Acceptance(BaseModel):
    """Who, of the customer, accepts which version of the terms of use and the rules of marketing to businesses."""

    model_config = ConfigDict(extra="forbid")

    version: str
    by: str = Field(min_length=2, max_length=200)


class Wanted(BaseModel):
    """An order. With no schedule it is made once, now. group: as a target group file; lists that it names are one's own."""

    model_config = ConfigDict(extra="forbid")

    group: dict[str, Any]
    file: Profile = Profile()
    mode: Literal["full", "delta"] = "full"
    fields: list[str] | None = None
    schedule: str | None = Field(default=None, max_length=100)
    age_recipient: str | None = Field(default=None, max_length=200)
    accepted: Acceptance


@dataclass
class Orders:
    """Takes orders and has them made, one at a time."""

    office: Office
    shelf: Shelf
    settings: Settings
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "orders"))
    _failed: dict[str, str] = field(default_factory=dict)
    _waiting: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Orders that are being made: whose, and how many rows were counted for them."""
    _taking: threading.Lock = field(default_factory=threading.Lock)

    def take(self, who: Identity, recipient_id: str, wanted: Wanted, wanted_group: TargetGroup, key: str) -> tuple[Order, bool]:
        """The order of an idempotency key, and whether it is new. Raises Fault, Refused, LedgerRefused.

        The same key with another order is refused: one of the two is a mistake.
        """
        home = self.office.home
        if wanted.accepted.version != terms.CURRENT:
            raise Fault(409, f"the terms in force are version {terms.CURRENT}: read and accept them")
        own = lists.paths(home, recipient_id)
        named = {*wanted_group.include, *wanted_group.exclude}
        spec = orders.parse({
            "group": wanted_group, "file": wanted.file, "mode": wanted.mode, "fields": wanted.fields,
            "schedule": wanted.schedule, "age_recipient": wanted.age_recipient,
            "lists": {name: own[name] for name in named if name in own},
        })  # fmt: skip
        order_id = PREFIX + hashlib.sha256(f"{recipient_id}|{key}".encode()).hexdigest()[:16]
        with self._taking:
            known = next((row for row in ledger.every(home) if row["order_id"] == order_id), None)
            if known is not None:
                if (known["spec"], known["accepted_by"]) != (spec.canonical(), wanted.accepted.by.strip()):
                    raise Fault(409, "this Idempotency-Key belongs to another order")
                return orders.one(home, order_id), False
            told = counts.count(self.shelf, wanted_group, recipient_id, own)
            self._within_quota(recipient_id, told["result"])
            accepted = ledger.Accepted(terms.CURRENT, wanted.accepted.by, datetime.now(UTC).replace(tzinfo=None))
            ledger.add(home, order_id, recipient_id, spec.canonical(), accepted, by_whom=who.access_id)
            order = orders.one(home, order_id)
            self.submit(order, told["result"])
        return order, True

    def submit(self, order: Order, rows: int = 0) -> None:
        """Have an order made in the background, unless it stands on a schedule, is being made already or was made."""
        made = {row["order_id"] for row in ledger.history(self.office.home, order.order_id, ["sent"])}
        is_due = order.state == "active" and order.spec.schedule is None and not made
        if is_due and order.order_id not in self._waiting:
            self._failed.pop(order.order_id, None)
            self._waiting[order.order_id] = (order.recipient_id, rows)
            self._pool.submit(self._make, order.order_id)

    def resume(self) -> None:
        """Have those made that were taken and not made when the service last ended."""
        for order in orders.every(self.office.home):
            if order.order_id.startswith(PREFIX):
                self.submit(order)

    def state(self, order: Order, sent: set[str]) -> tuple[str, str | None]:
        """waiting, made, failed (and why), or standing; paused and ended as the ledger has it."""
        if order.state != "active":
            return order.state, None
        if order.order_id in self._failed:
            return "failed", self._failed[order.order_id]
        if order.order_id in sent:
            return ("made" if order.spec.schedule is None else "standing"), None
        return ("waiting" if order.spec.schedule is None else "standing"), None

    def end(self) -> None:
        """Finish what is being made, take nothing more."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _make(self, order_id: str) -> None:
        home = self.office.home
        try:
            # As it is now: somebody may have ended it while it waited.
            order = orders.one(home, order_id)
            if order.state == "active":
                # The same name however often it is tried: what a killed process had made is not made again.
                period = f"{order.accepted.at:%Y-%m-%dT%H:%M:%S.%f}"
                deliver(home, order, period, republish=self.office.republish)
        except (Refused, LedgerRefused) as refused:
            self._failed[order_id] = line(refused, home)
        except Exception as error:
            # Its text may hold a value: the kind alone is told.
            self._failed[order_id] = f"a fault of ours ({type(error).__name__})"
            _log.error("order %s: %s", order_id, where(error))
        finally:
            self._waiting.pop(order_id, None)
        self.shelf.forget()

    def _within_quota(self, recipient_id: str, rows: int) -> None:
        since = (datetime.now(UTC) - timedelta(days=1)).replace(tzinfo=None)
        made = ledger.history(self.office.home, what=["made"])
        used = sum(row["detail"]["rows"] for row in made if row["recipient_id"] == recipient_id and row["at"] > since)
        promised = sum(waiting for whose, waiting in list(self._waiting.values()) if whose == recipient_id)
        left = self.settings.rows_per_day - used - promised
        if rows > left:
            raise Fault(429, f"{rows:,} rows; {max(left, 0):,} of {self.settings.rows_per_day:,} rows a day are left")
