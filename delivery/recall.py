"""Recall: what a recipient was told and may no longer use, or was corrected, goes to them as rows (GDPR art. 19, DOMAIN N-03).

An order of changes tells it in its next delta. Every other order, ended ones too, gets a file of its own: POISTO with a reason
that says nothing of what a person has said, MUUTOS with what may still be told, YHDISTETTY where two rows turned out to be of
one person. Each thing is told once; who has not confirmed it is reminded.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from base.refused import Refused
from delivery import delta, published
from delivery.content import Content, Fill, reasons, rows_of
from delivery.deliver import LOOKS, Delivered, Republish, deliver, prove, state
from delivery.extract import extract, known_as
from delivery.knowing import MONTH_DAYS
from delivery.manifest import read as read_manifest
from delivery.orders import Order
from delivery.orders import every as every_order
from delivery.render import Gate
from ledger import disclosures, keys, orders, store
from ledger.tables import Correction

_SQL = Path(__file__).with_name("recall.sql")
MONTHS = 24
"""Who received somebody's data within so many months is told of changes: as long as the disclosures are kept (L-11)."""
REMIND_DAYS = 7
SILENT = ("ei_enaa_kriteereissa", "vanhentunut")
"""Reasons for which nobody is recalled: the row may be used until its licence ends."""
WITHHELD = "ei_enaa_luovutettavissa"
"""The one reason of whatever is nobody's business: objections, lists, erasure, notices."""


def recall(home: Path, *, republish: Republish, now: datetime | None = None) -> list[Delivered]:
    """Make and send what each order's recipient has to be told today; nothing where nothing has changed.

    now: with a zone. One that cannot be sent keeps no other back. Raises Refused then, in one line, or LedgerRefused.
    """
    now = now or datetime.now(UTC)
    found: list[Delivered] = []
    for look in range(LOOKS):
        prove(home, republish)
        version, failed = published.current(home), []
        period = f"{now + timedelta(microseconds=look):%Y-%m-%dT%H:%M:%S.%f}"
        for order in every_order(home):
            if order.spec.mode == "delta" and order.spec.schedule and order.state == "active":
                continue  # its next delta tells it
            try:
                held = held_rows(home, order, now)
                if held.num_rows and news(home, order, held).num_rows:
                    found.append(deliver(home, order, period, republish=republish, now=now, fill=fill_of(home)))
            except Refused as refused:
                failed.append(f"{order.order_id}: {refused}")
        if published.current(home) == version:
            break
        # Somebody objected meanwhile: those who were looked at before have not been told of it.
    if failed:
        raise Refused(f"{len(found)} recall(s) were sent, {len(failed)} were not: {'; '.join(failed)}")
    return found


def held_rows(home: Path, order: Order, now: datetime) -> pa.Table:
    """What the recipient has of an order: the last word on each row told within MONTHS, without those that were removed.

    Columns as delta.ROWS and told_at (UTC without a zone).
    """
    since = (now - timedelta(days=MONTHS * MONTH_DAYS)).astimezone(UTC).replace(tzinfo=None)
    sent = [row for row in orders.history(home, order.order_id, ["sent"]) if row["at"] >= since]
    if order.spec.mode == "delta":
        # A delta's digests are of everything that the recipient then had.
        last = max((place for place, row in enumerate(sent) if row["detail"]["kind"] != "recall"), default=0)
        sent = sent[last:]
    with duckdb.connect() as db:
        db.register("nothing", delta.ROWS.empty_table())
        db.execute("create table told as select *, null::timestamp as told_at, 0 as place from nothing")
        for place, row in enumerate(sent):
            path = state(home, order, row["delivery_id"])
            if not path.exists():
                raise Refused(f"{path} is missing: nobody can tell what {order.recipient_id} holds of it")
            db.execute("insert into told select *, ?::timestamp, ? from read_parquet(?)", [row["at"], place, str(path)])
        held = db.sql("""
            select * exclude (place) from told
            qualify row_number() over (partition by row_id order by place desc) = 1 and digest is not null
            order by row_id""").to_arrow_table()
    # Ids of before a rotation of the secret.
    brought = keys.current().brought(held["person_id"].to_pylist())
    return held.set_column(1, "person_id", pa.array(brought, pa.string()))


def news(home: Path, order: Order, held: pa.Table) -> pa.Table:
    """The rows to tell of, from the version in service: row_id, target_id, operation, merged_into, channels that may still be
    told."""
    with published.desk(home) as db:
        return _news(db, home, order, held)


def _news(db: duckdb.DuckDBPyConnection, home: Path, order: Order, held: pa.Table) -> pa.Table:
    is_maintenance = order.spec.group.purpose == "maintenance"
    made = [row for row in store.rows(home, Correction) if row["value"] is not None or row["salt"] is not None]
    wanted = pa.schema([("person_id", pa.string()), ("business_id", pa.string()), ("made_at", pa.timestamp("us"))])
    db.register("held", delta.as_known_now(db, held))
    db.register("corrected", pa.Table.from_pylist([{name: row[name] for name in wanted.names} for row in made], wanted))
    sql = _SQL.read_text(encoding="utf-8").format(
        contacts="registry.maintenance_contacts" if is_maintenance else "registry.marketing_contacts",
        # A customer's register keeps who objects, as `kielto`; a target group does not.
        keeps_closed=str(is_maintenance).lower(),
    )
    db.execute(f"create or replace temp table told_now as {sql}")
    db.execute(f"create or replace temp table why_gone as {reasons(db, 'told_now')}")
    db.execute(f"delete from told_now where row_id in (select row_id from why_gone where removal_reason in {SILENT})")
    db.execute("""
        create or replace temp table selected as
        select
            target_id, person_id, business_id, list_contains(channels, 'email') as email_ok,
            list_contains(channels, 'phone') as phone_ok, list_contains(channels, 'post') as post_ok, null::varchar as cell,
            []::varchar[] as why
        from told_now where operation = 'MUUTOS'""")
    return db.sql("from told_now order by row_id").to_arrow_table()


def is_withdrawn(home: Path, order: Order, delivery_id: str, *, republish: Republish) -> bool:
    """Whether a delivery tells of somebody who may not be told of any more, or by a channel that is closed, at this moment.

    For a file that waits to be fetched. Nobody who has merely left a job withdraws it: of that the next file or a recall tells.
    Raises Refused.
    """
    prove(home, republish)
    manifest = read_manifest(home / "deliveries" / order.recipient_id / order.order_id / delivery_id / "manifest.json")
    if manifest.versions.published == published.current(home).name:
        return False  # made from what was proven just now
    told = delta.read(state(home, order, delivery_id))
    told = told.filter(told["is_told"])
    (at,) = {row["at"] for row in orders.history(home, order.order_id, ["sent"]) if row["delivery_id"] == delivery_id}
    told = told.append_column("told_at", pa.array([at] * told.num_rows, pa.timestamp("us")))
    with published.desk(home) as db:
        _news(db, home, order, told)
        ((found,),) = db.execute(
            """
            select count(*) from told_now
            inner join held using (row_id)
            left join why_gone using (row_id)
            where
                why_gone.removal_reason = $1
                or (told_now.operation = 'MUUTOS'
                    and len(list_filter(held.channels, lambda one: not list_contains(told_now.channels, one))) > 0)""",
            [WITHHELD],
        ).fetchall()
    return bool(found)


def fill_of(home: Path) -> Fill:
    """The content of a recall file."""

    def fill(db: duckdb.DuckDBPyConnection, order: Order, until: date, now: datetime) -> Content:
        held = held_rows(home, order, now)
        steps = _news(db, home, order, held)
        told = extract(db, order.spec.group, order.recipient_id, order.spec.file.value_language, until)
        changed = steps.filter(pc.equal(steps["operation"], "MUUTOS"))
        whole = known_as(told, changed)
        rows = rows_of(db, whole, steps)
        gone = [
            {**{name: row[name] for name in ("row_id", "person_id", "business_id")}, "channels": [], "is_told": False}
            for row in steps.to_pylist()
            if row["operation"] != "MUUTOS"
        ]
        digests = pa.concat_tables([delta.digests(whole.rows, whole.subjects), pa.Table.from_pylist(gone, delta.ROWS)])
        ends = (Gate("POPULATION", rows.num_rows), Gate("RESULT", rows.num_rows))
        return Content("recall", rows, digests, whole.sources, ends)

    return fill


@dataclass(frozen=True)
class Open:
    """A recall that its recipient has not confirmed. days: since it was sent."""

    delivery_id: str
    order_id: str
    recipient_id: str
    sent_at: datetime
    rows: int
    days: int
    reminders: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {**asdict(self), "sent_at": self.sent_at.isoformat()}


def unconfirmed(home: Path, now: datetime | None = None) -> list[Open]:
    """Recalls that were sent and not confirmed, oldest first."""
    return list(_unconfirmed(home, (now or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None)))


def _unconfirmed(home: Path, now: datetime) -> Iterator[Open]:
    done = {row["delivery_id"] for row in disclosures.acknowledgements(home) if row["what"] == "recalled"}
    history = orders.history(home, what=["made", "sent", "reminded"])
    rows = {row["delivery_id"]: row["detail"]["rows"] for row in history if row["what"] == "made"}
    for row in history:
        if row["what"] == "sent" and row["detail"]["kind"] == "recall" and row["delivery_id"] not in done:
            reminders = sum(one["what"] == "reminded" and one["delivery_id"] == row["delivery_id"] for one in history)
            identified = (row["delivery_id"], row["order_id"], row["recipient_id"])
            yield Open(*identified, row["at"], rows[row["delivery_id"]], (now - row["at"]).days, reminders)


def remind(home: Path, now: datetime | None = None) -> list[Open]:
    """Recalls whose recipients are to be reminded today, each REMIND_DAYS once; that they are is written down."""
    due = [one for one in unconfirmed(home, now) if one.days >= REMIND_DAYS * (one.reminders + 1)]
    for one in due:
        orders.happened(home, one.delivery_id, one.order_id, one.recipient_id, "reminded", days=one.days)
    return due
