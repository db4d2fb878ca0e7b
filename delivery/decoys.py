"""Decoys: one made-up contact in a file, another in each delivery, by which a leaked copy names the recipient it came from.

They are of nobody: the business id is of a series that is not given out, the mailbox of a domain of the house's own
(KOHDE_DECOY_DOMAIN; without it there are no decoys). They look like the rows around them, are in no count and no price, and
nothing of them is kept: whoever has the secret makes them again from the delivery's id. An order of changes has one in its
first delivery; no later one touches it, so that it stays in the recipient's copy.
"""

import os
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from stdnum.fi import ytunnus

from base.refused import Refused
from ledger import keys, orders, recipients

FIRST = ("Aila", "Eero", "Helvi", "Ilmo", "Kaino", "Lempi", "Oiva", "Rauha", "Sulo", "Taimi", "Urho", "Veini")
LAST = (
    "Ahoranta",
    "Haarasuo",
    "Kivilehto",
    "Korpiaho",
    "Lehtovuo",
    "Niittykari",
    "Rantasuo",
    "Suokivi",
    "Vuorikorpi",
    "Ylikari",
)
FIRM = ("Palvelu", "Konepalvelu", "Suunnittelu", "Rakennus", "Kauppa", "Huolto")


@dataclass(frozen=True)
class Decoy:
    """Who a decoy says to be."""

    row_id: str
    contact_person_id: str
    business_id: str
    organisation_name: str
    first_name: str
    last_name: str
    email: str


def domain() -> str | None:
    """The domain whose mailboxes the house reads; None: no decoys."""
    return os.environ.get("KOHDE_DECOY_DOMAIN", "").strip().lower() or None


def of_delivery(delivery_id: str, mailboxes: str) -> Decoy:
    """The decoy of a delivery, the same whenever it is asked for. Raises keys.SecretMissing."""
    row, person = (keys.keyed([f"decoy|{delivery_id}|{part}"], "target")[0] or "" for part in ("row", "person"))
    number = int.from_bytes(person.encode(), "big")
    first, last, firm = FIRST[number % 12], LAST[number // 12 % 10], FIRM[number // 120 % 6]
    # Of the tenth million, which the register has not come to: nobody's.
    wanted = (f"{at}-{check}" for at in range(9_900_000 + number // 720 % 99_000, 10_000_000) for check in range(10))
    business_id = next(one for one in wanted if ytunnus.is_valid(one))
    return Decoy(row, person, business_id, f"{last}n {firm} Oy", first, last, f"{first}.{last}@{mailboxes}".lower())


def mixed(rows: pa.Table, delivery_id: str) -> pa.Table:
    """The rows with the delivery's decoy among them, where there are people and mailboxes to hide it among."""
    at = domain()
    wanted = {"email", "last_name"} <= set(rows.column_names)
    models = rows.filter(pc.is_valid(rows["email"])) if wanted and at else rows.slice(0, 0)
    if not models.num_rows or at is None:
        return rows
    decoy = of_delivery(delivery_id, at)
    place = int.from_bytes(decoy.row_id.encode(), "big")
    row = models.slice(place % models.num_rows, 1).to_pylist()[0]
    row |= dict.fromkeys(
        ("visiting_street", "visiting_postcode", "visiting_town", "postal_street", "postal_postcode", "postal_town", "phone",
         "postal_line_1", "postal_line_2", "postal_line_3", "website", "postal_country", "position", "position_code")
    )  # fmt: skip
    row |= vars(decoy)
    cut = place % (rows.num_rows + 1)
    return pa.concat_tables([rows.slice(0, cut), pa.Table.from_pylist([row], rows.schema), rows.slice(cut)])


@dataclass(frozen=True)
class Leak:
    """Where a row of a leaked file came from. by: what told it."""

    delivery_id: str
    order_id: str
    recipient_id: str
    recipient_name: str
    by: str


def trace(home: Path, text: str) -> list[Leak]:
    """The deliveries that a text holds a row of, told by the ids of its rows or by a decoy. Raises LedgerRefused.

    text: of a file in any format, or of one row of it.
    """
    made = orders.history(home, what=["made"])
    named = {one["recipient_id"]: one["name"] for one in recipients.every(home)}
    folded, ids = text.lower(), set(re.findall(r"\bt_\d+[a-z2-7]{24}\b", text))
    found = []
    for row in made:
        by = _told_by(home, row, folded, ids)
        if by:
            found.append(Leak(row["delivery_id"], row["order_id"], row["recipient_id"], named[row["recipient_id"]], by))
    return found


def _told_by(home: Path, row: dict[str, str], folded: str, ids: set[str]) -> str | None:
    """What of a text is of this delivery alone, or of its recipient."""
    decoy = of_delivery(row["delivery_id"], domain() or "none")
    local = decoy.email.split("@")[0]
    if decoy.row_id in ids or decoy.contact_person_id in ids or (decoy.business_id in folded and local.split(".")[1] in folded):
        return "decoy"
    path = home / "delivered" / row["order_id"] / f"{row['delivery_id']}.parquet"
    if ids and path.exists() and ids & set(pq.read_table(path, columns=["row_id"])["row_id"].to_pylist()):
        return "row_id"
    return None


def read(path: Path) -> str:
    """The text of a leaked file: XLSX unpacked, everything else as it is. Raises Refused for one that cannot be read."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                return "\n".join(packed.read(name).decode("utf-8", "replace") for name in packed.namelist() if "xml" in name)
        return path.read_bytes().decode("utf-8", "replace")
    except (OSError, zipfile.BadZipFile) as error:
        raise Refused(f"{path.name} cannot be read ({type(error).__name__})") from None
