"""The clock of licences (DOMAIN L-23): until when a delivered file may be used, who is to be reminded, who has destroyed it."""

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from delivery.orders import every as every_order
from delivery.schedule import HELSINKI
from ledger import disclosures, orders

State = Literal["running", "renewed", "ending", "ended", "destroyed"]
REMIND_DAYS = 7
"""Before a licence ends its recipient is reminded, once."""


@dataclass(frozen=True)
class Licence:
    """A delivery that was sent, and where its licence stands.

    renewed: a later delivery of the same order of changes has taken its place. ending: within REMIND_DAYS. ended: its recipient
    has not confirmed yet that it was destroyed.
    """

    delivery_id: str
    order_id: str
    recipient_id: str
    valid_until: date
    state: State
    is_reminded: bool

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {**asdict(self), "valid_until": self.valid_until.isoformat()}


def every(home: Path, now: datetime | None = None) -> list[Licence]:
    """The licence of each delivery that somebody has, oldest first. now: with a zone. Raises LedgerRefused."""
    today = (now or datetime.now(UTC)).astimezone(HELSINKI).date()
    history = orders.history(home, what=["sent", "licence_reminded"])
    sent = [row for row in history if row["what"] == "sent"]
    reminded = {row["delivery_id"] for row in history if row["what"] == "licence_reminded"}
    destroyed = {row["delivery_id"] for row in disclosures.acknowledgements(home) if row["what"] == "destroyed"}
    of_changes = {order.order_id for order in every_order(home) if order.spec.mode == "delta"}
    last = {row["order_id"]: row["delivery_id"] for row in sent}
    return [
        Licence(
            row["delivery_id"], row["order_id"], row["recipient_id"], until := date.fromisoformat(row["detail"]["valid_until"]),
            _state(
                (until - today).days, row["delivery_id"] in destroyed,
                row["order_id"] in of_changes and last[row["order_id"]] != row["delivery_id"],
            ),
            row["delivery_id"] in reminded,
        )
        for row in sent
    ]  # fmt: skip


def _state(
    days_left: int, is_destroyed: bool, is_renewed: bool
) -> Literal["running", "renewed", "ending", "ended", "destroyed"]:
    if is_destroyed:
        return "destroyed"
    if is_renewed:
        return "renewed"
    return "ended" if days_left < 0 else "ending" if days_left <= REMIND_DAYS else "running"


def remind(home: Path, now: datetime | None = None) -> list[Licence]:
    """Licences whose recipients are to be reminded now, each once; that they are is written down."""
    due = [one for one in every(home, now) if one.state in ("ending", "ended") and not one.is_reminded]
    for one in due:
        orders.happened(
            home, one.delivery_id, one.order_id, one.recipient_id, "licence_reminded", valid_until=one.valid_until.isoformat()
        )
    return due
