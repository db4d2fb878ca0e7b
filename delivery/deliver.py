"""One delivery: select, render, look at the ledger again, and let it be seen; whole or absent, once for each period.

What a recipient can see appears only while the ledger is held (nobody can object meanwhile) and its head is the one that the
rows were proven against; in the same step it is written down whose data went where. Whoever objected while the file was made is
not in it: the gates are proven anew (`republish`) and the file is made anew.

    deliveries/<recipient>/<order>/<delivery>/   the files, `_READY` last: what the recipient fetches, or our copy of it
    delivered/<order>/<delivery>.parquet         ids and digests of its rows, for the next delta and for recalls
"""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
from filelock import FileLock

from base import files
from base.refused import Refused
from delivery import content, delta, making, published
from delivery.content import Fill
from delivery.making import Made
from delivery.manifest import read as read_manifest
from delivery.orders import Order
from delivery.send import send
from delivery.send.destinations import READY
from ledger import disclosures, orders, store
from ledger.store import LedgerRefused

_PROVING = threading.Lock()
LOOKS = 3
"""How often a file is made anew because somebody objected while it was made."""
Republish = Callable[[], object]
"""Proves the gates against the ledger as it is and publishes (orchestration.publish.publish)."""


class Moved(Exception):
    """The ledger has changed since the rows were proven."""


@dataclass(frozen=True)
class Delivered:
    """What was delivered. folder: our copy. is_new: not found as made by an earlier call."""

    delivery_id: str
    order_id: str
    recipient_id: str
    folder: str
    rows: int
    sha256: str
    suppression_version: str
    valid_until: date
    sent_to: str | None
    is_new: bool

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {**asdict(self), "valid_until": self.valid_until.isoformat()}


def deliver(
    home: Path, order: Order, period: str, *, republish: Republish, now: datetime | None = None, fill: Fill | None = None
) -> Delivered:
    """Make and send what an order owes for a period (schedule.period); what is done already is not done again.

    now: with a zone. fill: what the file holds, if not the order's group. Raises Refused or LedgerRefused in one line: then
    nothing new can be seen by the recipient.
    """
    if order.state != "active" and fill is None:
        raise Refused(f"order {order.order_id} is {order.state}")
    now = now or datetime.now(UTC)
    root = home / "deliveries" / order.recipient_id / order.order_id
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root.parent / f".{order.order_id}.lock"):
        _recover(home, order, root)
        files.sweep(root)
        # A recall takes back: it never waits for a list.
        is_recall, fill = fill is not None, fill or content.of_group(home, _base(home, order))
        for _ in range(LOOKS):
            known = _made(home, order, period)
            if known is None and not is_recall:
                published.check_lists(home, now)
            delivery_id = known or _make(home, order, period, root, now, republish, fill)
            try:
                sent_to = _send(home, order, root / delivery_id)
                return _told(order, root / delivery_id, sent_to, is_new=known is None)
            except Moved:
                _withdraw(home, order, root / delivery_id)
        raise Refused(f"order {order.order_id}: the ledger moved {LOOKS} times while the file was sent; try again")


def _made(home: Path, order: Order, period: str) -> str | None:
    """The delivery of a period that was made and not withdrawn."""
    found = None
    for row in orders.history(home, order.order_id, ["made", "withdrawn"]):
        if row["what"] == "made" and row["detail"]["period"] == period:
            found = row["delivery_id"]
        elif row["what"] == "withdrawn" and row["delivery_id"] == found:
            found = None
    return found


def _make(home: Path, order: Order, period: str, root: Path, now: datetime, republish: Republish, fill: Fill) -> str:
    """Render the files and commit them; with no destination this is also when the recipient can see them."""
    for _ in range(LOOKS):
        prove(home, republish)
        folder = published.current(home)
        delivery_id = _next_id(home, order, period)
        orders.happened(home, delivery_id, order.order_id, order.recipient_id, "begun", period=period)
        with files.draft_folder(root / delivery_id) as draft:
            with _said(order):
                made = making.make(home, folder, order, delivery_id, draft, now, fill)
            with store.holding(home):
                if made.suppression_version == store.suppression_head(home).version:
                    with _said(order):
                        delta.write(state(home, order, delivery_id), made.digests)
                    files.commit_folder(draft, root / delivery_id)
                    _record_made(home, order, root / delivery_id, period)
                    if order.spec.destination is None:
                        _record_sent(home, order, root / delivery_id, made, None)
                    return delivery_id
    raise Refused(f"order {order.order_id}: somebody objected each of the {LOOKS} times that the file was made; try again")


@contextmanager
def _said(order: Order) -> Iterator[None]:
    """A disk that is full, or forbids to write, said in one line; other orders may still go out."""
    try:
        yield
    except (OSError, duckdb.IOException) as error:
        why = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise Refused(f"order {order.order_id}: its file cannot be written ({why}); nothing was delivered") from error


def _send(home: Path, order: Order, folder: Path) -> str | None:
    """Bring it to its destination, once. Raises Moved when it may not go out as it is."""
    sent = [row for row in orders.history(home, order.order_id, ["sent"]) if row["delivery_id"] == folder.name]
    if sent or order.spec.destination is None:
        return sent[-1]["detail"].get("to") if sent else None

    @contextmanager
    def reveal() -> Iterator[None]:
        with store.holding(home):
            if read_manifest(folder / "manifest.json").suppression_version != store.suppression_head(home).version:
                raise Moved
            yield
            _record_sent(home, order, folder, None, where)

    where = order.spec.destination.kind
    try:
        address = send(order.spec.destination, folder, reveal)
    except Refused as refused:
        orders.happened(home, folder.name, order.order_id, order.recipient_id, "failed", why=str(refused))
        raise
    if not any(row["delivery_id"] == folder.name for row in orders.history(home, order.order_id, ["sent"])):
        # An earlier try died between the far side's rename and the ledger: it is there, so it is written down.
        with store.holding(home):
            _record_sent(home, order, folder, None, where)
    return address


def _record_made(home: Path, order: Order, folder: Path, period: str) -> None:
    manifest = read_manifest(folder / "manifest.json")
    orders.happened(
        home, folder.name, order.order_id, order.recipient_id, "made", period=period, rows=manifest.rows,
        sha256=(folder / READY).read_text().strip(), suppression_version=manifest.suppression_version,
        published=manifest.versions.published, kind=manifest.kind,
    )  # fmt: skip


def _record_sent(home: Path, order: Order, folder: Path, made: Made | None, to: str | None) -> None:
    """Whose data the recipient has now, and that they have it."""
    manifest = read_manifest(folder / "manifest.json")
    rows = made.digests if made else delta.read(state(home, order, folder.name))
    rows = rows.filter(rows["is_told"])
    told = disclosures.Delivery(
        folder.name, order.recipient_id, manifest.files[0].name, (folder / READY).read_text().strip(),
        [column.code for column in manifest.columns if column.is_personal], manifest.purpose, order.order_id,
        valid_until=manifest.valid_until,
    )  # fmt: skip
    disclosures.record(home, told, zip(rows["person_id"].to_pylist(), rows["business_id"].to_pylist(), strict=True))
    orders.happened(
        home,
        folder.name,
        order.order_id,
        order.recipient_id,
        "sent",
        to=to,
        kind=manifest.kind,
        valid_until=manifest.valid_until.isoformat(),
    )


def _recover(home: Path, order: Order, root: Path) -> None:
    """A process died between a folder's rename and the ledger's commit: its rows were proven, so it is written down."""
    recorded = {row["delivery_id"] for row in orders.history(home, order.order_id, ["made"])}
    begun = {row["delivery_id"]: row["detail"]["period"] for row in orders.history(home, order.order_id, ["begun"])}
    for folder in sorted(root.iterdir()):
        if folder.is_dir() and not folder.name.startswith(".") and folder.name not in recorded:
            if folder.name not in begun or not state(home, order, folder.name).exists():
                raise Refused(f"{folder} is no delivery of ours: move it away")
            with store.holding(home):
                _record_made(home, order, folder, begun[folder.name])
                if order.spec.destination is None:
                    _record_sent(home, order, folder, None, None)


def _withdraw(home: Path, order: Order, folder: Path) -> None:
    """What was made and not sent, and may not be sent any more."""
    orders.happened(home, folder.name, order.order_id, order.recipient_id, "withdrawn", why="the ledger has moved")
    shutil.rmtree(folder)
    state(home, order, folder.name).unlink(missing_ok=True)


def proven(home: Path) -> str:
    """The state of the ledger that the version in service was proven against."""
    with published.connect(home, "marketing") as db:
        ((version,),) = db.execute("select suppression_version from about").fetchall()
    return str(version)


def prove(home: Path, republish: Republish) -> None:
    """Prove the gates anew when the ledger has moved since what is published. Raises Refused."""
    with _PROVING:
        # Whoever waited finds it done.
        if proven(home) != store.suppression_head(home).version:
            republish()


def _next_id(home: Path, order: Order, period: str) -> str:
    """<order>-<yyyymmdd>-v<NN>: a number of its own for each delivery of a day."""
    stem = f"{order.order_id}-{period[:10].replace('-', '')}"
    used = {row["delivery_id"] for row in orders.history(home, order.order_id, ["begun"])}
    return next(name for number in range(1, 1000) if (name := f"{stem}-v{number:02}") not in used)


def _base(home: Path, order: Order) -> Path | None:
    """The digests of the last delivery that the recipient has."""
    if order.spec.mode != "delta":
        return None
    sent = [row["delivery_id"] for row in orders.history(home, order.order_id, ["sent"]) if row["detail"]["kind"] != "recall"]
    path = state(home, order, sent[-1]) if sent else None
    if path is not None and not path.exists():
        raise LedgerRefused(f"{path} is missing: nobody can tell what has changed since {sent[-1]}; order a full file")
    return path


def state(home: Path, order: Order, delivery_id: str) -> Path:
    """Where the ids and digests of a delivery's rows lie."""
    return home / "delivered" / order.order_id / f"{delivery_id}.parquet"


def _told(order: Order, folder: Path, sent_to: str | None, *, is_new: bool) -> Delivered:
    manifest = read_manifest(folder / "manifest.json")
    return Delivered(
        folder.name, order.order_id, order.recipient_id, str(folder), manifest.rows, (folder / READY).read_text().strip(),
        manifest.suppression_version, manifest.valid_until, sent_to, is_new,
    )  # fmt: skip
