"""What the house does among the stories' people: the desk erases who asked for it, and a file is delivered.

Both are the product's own (orchestration.subject.erase, delivery.deliver). Only the warehouse is made bare here, as in every
round: before an erasure the old one is thrown away, as any warehouse may be.
"""

import csv
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from base.refused import Refused
from bench.bare import Bare
from delivery import orders
from delivery.deliver import Republish, deliver
from ledger import keys, recipients
from ledger import orders as ledger_orders
from ledger.orders import Accepted
from orchestration.build import landed
from orchestration.publish import publish
from orchestration.state import BUILD_STATE, WAREHOUSE, BuildState
from orchestration.subject import erase, find

RECIPIENT, ORDER = "ostaja", "kaikki"
SPEC: dict[str, Any] = {
    "group": {
        "version": 1, "name": "Kaikki", "channels": ["email", "phone", "post"],
        "campaign": {"topic": "ohjelmistot", "override_reason": "the story asks everybody whatever their area"},
    },
    "file": {"format": "csv", "raw": True, "header_language": "en"},
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """What a recipient was told of one person or organisation."""

    business_id: str
    first_name: str
    last_name: str
    email: str
    phone: str
    lines: str


def open_order(home: Path) -> None:
    """One recipient who takes everybody on every channel."""
    recipients.add(home, RECIPIENT, "Ostaja Oy", by_whom="a trial")
    accepted = Accepted("1", "Ostaja Oskari", datetime(2024, 1, 2))
    ledger_orders.add(home, ORDER, RECIPIENT, orders.parse(SPEC).canonical(), accepted, by_whom="a trial")


def published(bare: Bare) -> None:
    """Publish what the bare models have made. The receipt of a build says so, since nobody but us has built."""
    _let_go(bare)
    publish(bare.home)
    bare.connect()


def _let_go(bare: Bare) -> None:
    """Leave the warehouse to the product, as one that was built."""
    bare.close()
    BuildState("built", loads=landed(bare.home), built_at=datetime.now(UTC).isoformat(), key=keys.current().check()).write(
        bare.home
    )


def erased(bare: Bare, asked: Sequence[find.Question]) -> list[bool]:
    """Erase those whom the desk finds by what they tell; whether each was found. The models have to run then."""
    home = bare.home
    _let_go(bare)
    found: list[find.Subject | None] = []
    for question in asked:
        try:
            found.append(find.subject(home, find.find(home, question)))
        except Refused:
            found.append(None)  # none or several: the desk would ask for more
    bare.throw_away()
    # A warehouse that is older than the erasure proves nothing, so the code lists wait outside the lake.
    kept = (home / WAREHOUSE).rename(home.parent / WAREHOUSE)
    (home / BUILD_STATE).unlink()
    shutil.rmtree(home / "published", ignore_errors=True)
    if subjects := [one for one in found if one]:
        erase.erase(home, subjects, evidence="letters", by_whom="a trial")
    kept.rename(home / WAREHOUSE)
    bare.connect()
    return [one is not None for one in found]


def delivered(bare: Bare, day: datetime, prove: Republish) -> list[Row]:
    """Deliver the order; the rows that the recipient can read. prove: makes the gates anew and publishes."""
    told = deliver(
        bare.home, orders.one(bare.home, ORDER), f"{day:%Y-%m-%dT%H:%M}", republish=prove, now=day.replace(tzinfo=UTC)
    )
    (path,) = Path(told.folder).glob("*.csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [
            Row(
                row["business_id"], row["first_name"], row["last_name"], row["email"], row["phone"],
                "\n".join(row[f"postal_line_{number}"] for number in (1, 2, 3)).strip(),
            )
            for row in csv.DictReader(file, delimiter=";")
        ]  # fmt: skip
