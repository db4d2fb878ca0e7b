"""Whoever received somebody's data hears when it may no longer be used or was wrong: each of their own rows, once."""

import csv
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from delivery import orders, published, recall
from delivery.deliver import Delivered, deliver
from ledger import disclosures, objections, recipients, store
from ledger import orders as ledger_orders
from ledger.subjects import Told
from ledger.tables import Disclosure
from orchestration.build import build
from orchestration.publish import publish
from orchestration.subject import change
from orchestration.subject import find as finding
from tests.test_deliver import NOW, order, rows

LATER = NOW + timedelta(days=2)
RECIPIENTS = int(os.environ.get("KOHDE_RECIPIENTS", "3"))
"""100 of them show it at length."""


@pytest.fixture(scope="module")
def lake(whole_lake: Path) -> Path:
    """Three recipients: all by e-mail, all once more as changes, one region only. Then four people say something."""
    for name in ("acme", "beta", "gamma"):
        recipients.add(whole_lake, name, f"{name.title()} Oy", by_whom="a test")
    return whole_lake


def people(home: Path) -> list[tuple[str, str, str]]:
    """person_id, mailbox and number of those who may be reached by both, in Uusimaa and elsewhere."""
    with published.connect(home, "registry") as db:
        return db.execute("""
            select e.person_id, e.value, p.value
            from marketing_contacts as e inner join marketing_contacts as p using (person_id, business_id)
            inner join organisations as o using (business_id)
            where e.channel = 'email' and p.channel = 'phone' and o.region_code = '01' and o.status = 'active'
                and e.person_id in (select person_id from decision_makers group by 1 having count(distinct business_id) = 1)
            order by 1""").fetchall()


def anew(home: Path) -> Any:
    return lambda: publish(home)


def delivered(home: Path, name: str, recipient: str, region: str | None = None, **more: Any) -> Delivered:
    group = {
        "version": 1, "name": "Päättäjät", "channels": ["email", "phone", "post"],
        "campaign": {"topic": "ohjelmistot", "override_reason": "the test asks everybody whatever their area"},
        "criteria": {"field": "region", "in": [region]} if region else None,
    }  # fmt: skip
    wanted = order(home, name, recipient, group=group, **more)
    return deliver(home, wanted, "2026-01-05T06:00", republish=anew(home), now=NOW)


def told(home: Path, found: list[Delivered]) -> dict[str, dict[str, dict[str, str]]]:
    return {one.order_id: {row["rivi_id"]: row for row in rows(one.folder)} for one in found}


def test_each_recipient_is_told_of_their_own_once_and_may_confirm(lake: Path) -> None:
    delivered(lake, "kaikki", "acme")
    delivered(lake, "uusimaa", "beta", "01")
    delivered(lake, "muu", "gamma", "11")
    delivered(lake, "muutokset", "gamma", mode="delta", schedule="0 6 * * *")
    assert recall.recall(lake, republish=anew(lake), now=LATER) == [], "nothing has changed"
    (person, mailbox, _), (_, second_box, _), *_ = people(lake)
    objections.add(lake, Told(email=mailbox), evidence="letter 1", by_whom="a test")
    objections.add(lake, Told(email=second_box), evidence="letter 2", by_whom="a test", channel="email")
    publish(lake)
    found = recall.recall(lake, republish=anew(lake), now=LATER)
    said = told(lake, found)
    assert set(said) == {"kaikki", "uusimaa"}, "not who never had them, nor whose next delta says so"
    for changes in said.values():
        assert sorted(row["op"] for row in changes.values()) == ["MUUTOS", "POISTO"]
        gone = next(row for row in changes.values() if row["op"] == "POISTO")
        changed = next(row for row in changes.values() if row["op"] == "MUUTOS")
        assert gone["poiston_syy"] == "ei_enaa_luovutettavissa" and not gone["sukunimi"] and not gone["sahkoposti"]
        assert not changed["sahkoposti"] and changed["puhelin"] and "sahkoposti: ei luovuteta" in changed["puuttuvat"]
    assert not set(said["kaikki"]) & set(said["uusimaa"]), "each knows people by their own ids"
    assert "kielto" not in str(said) and "vastusta" not in str(said)
    assert recall.recall(lake, republish=anew(lake), now=LATER + timedelta(days=1)) == [], "each thing once"
    waiting = recall.unconfirmed(lake, LATER + timedelta(days=1))
    assert sorted(one.order_id for one in waiting) == ["kaikki", "uusimaa"]
    disclosures.acknowledge(lake, waiting[0].delivery_id, waiting[0].recipient_id, "recalled")
    now = datetime.now(UTC)
    assert [one.order_id for one in recall.unconfirmed(lake, now)] == [waiting[1].order_id]
    assert recall.remind(lake, now + timedelta(days=6)) == []
    assert [one.order_id for one in recall.remind(lake, now + timedelta(days=8))] == [waiting[1].order_id]
    assert recall.remind(lake, now + timedelta(days=9)) == [], "each week once"
    assert [one.reminders for one in recall.remind(lake, now + timedelta(days=15))] == [1]
    # Who takes changes hears of it in the next ones.
    changes = deliver(lake, orders.one(lake, "muutokset"), "2026-01-06T06:00", republish=anew(lake), now=LATER)
    assert {row["op"] for row in rows(changes.folder)} == {"POISTO", "MUUTOS"}
    assert len(ledger_orders.history(lake, what=["sent"])) == 4 + 2 + 1
    of_recalls = {one.delivery_id for one in found}
    assert person not in {row["person_id"] for row in store.rows(lake, Disclosure) if row["delivery_id"] in of_recalls}


@pytest.mark.timeout(600 + 20 * RECIPIENTS)
def test_of_many_recipients_each_is_told_of_their_own_and_once(lake: Path) -> None:
    """Whoever no longer passes, objecting or looking like an objector, is told to exactly those who had them."""

    def reached() -> set[tuple[str, str, str]]:
        with published.connect(lake, "marketing") as db:
            return set(db.execute("select person_id, business_id, channel from marketing_contacts").fetchall())

    with published.connect(lake, "registry") as db:
        elsewhere = db.execute("select distinct region_code from organisations where region_code <> '01'").fetchall()
        boxes = db.execute("""
            select person_id, value from marketing_contacts inner join organisations using (business_id)
            where channel = 'email' and person_id is not null and region_code <> '01' order by value""").fetchall()
    for number in range(RECIPIENTS):
        recipients.add(lake, f"asiakas{number}", f"Asiakas {number} Oy", by_whom="a test")
        delivered(lake, f"monta{number}", f"asiakas{number}", sorted(elsewhere)[number % len(elsewhere)][0])
    before, objectors = reached(), boxes[:: len(boxes) // 20]
    for person, box in objectors:
        objections.add(lake, Told(email=box), evidence=f"letter of {person}", by_whom="a test")
    publish(lake)
    lost = {(person, firm) for person, firm, _ in before - reached()}
    assert {person for person, _ in objectors} <= {person for person, _ in lost} and len(lost) < 100
    held = {}
    for number in range(RECIPIENTS):
        (state,) = (lake / "delivered" / f"monta{number}").glob("*.parquet")
        rows_held = duckdb.execute(f"select row_id, person_id, business_id from '{state}'").fetchall()
        held[f"monta{number}"] = {row for row, person, firm in rows_held if (person, firm) in lost}
    found = recall.recall(lake, republish=anew(lake), now=LATER + timedelta(days=2))
    said = {order_id: set(changes) for order_id, changes in told(lake, found).items() if order_id.startswith("monta")}
    assert said == {order_id: ids for order_id, ids in held.items() if ids} and len(said) > min(RECIPIENTS, 15) / 2
    assert recall.recall(lake, republish=anew(lake), now=LATER + timedelta(days=3)) == [], "each thing once"


def test_two_who_turn_out_to_be_one_are_merged_and_found_by_either_id(lake: Path) -> None:
    """Whoever had both is told which row stays; who asks whom their data went to, hears of both."""
    with duckdb.connect(str(lake / "warehouse.duckdb"), read_only=True) as db:
        ((kept, gone, kept_mention, gone_mention), *_) = db.execute("""
            with passing as (
                select person_id, business_id, min(mention_id) as mention_id
                from main.marketing_contacts
                inner join enriched.enr_person_of_mention using (person_id)
                where channel = 'phone' and person_mentions = 1
                group by all
            )
            select a.person_id, b.person_id, a.mention_id, b.mention_id
            from passing as a inner join passing as b on a.business_id = b.business_id and a.mention_id < b.mention_id
            order by a.business_id, a.mention_id, b.mention_id""").fetchall()
    changes, full = delivered(lake, "yhdet", "gamma", mode="delta"), delivered(lake, "kaksi", "acme")
    store.judge(lake, "same", kept_mention, gone_mention, "a test", "asked them")
    for person in (kept, gone):
        store.correct(lake, "phone", "+358401112299", "a test", "said so", person_id=person)
    build(lake)
    publish(lake)
    with published.connect(lake, "registry") as db:
        ((kept, gone),) = db.execute(
            "select person_id, former_person_id from restricted.person_redirects where former_person_id in (?, ?)", [kept, gone]
        ).fetchall()
    ((left, stays),) = told_apart(lake, changes, gone, kept)
    later = deliver(lake, orders.one(lake, "yhdet"), "2026-01-07T06:00", republish=anew(lake), now=LATER)
    (merged,) = [row for row in rows(later.folder) if row["op"] == "YHDISTETTY"]
    assert (merged["rivi_id"], merged["yhdistetty_riviin"], merged["poiston_syy"]) == (left, stays, "")
    assert all(row["op"] != "POISTO" or row["rivi_id"] != left for row in rows(later.folder))
    known = finding.subject(lake, kept)
    assert gone in known.ids and {row["delivery_id"] for row in change.told_within_term(lake, known.ids, NOW.date())} >= {
        changes.delivery_id, full.delivery_id,
    }  # fmt: skip
    (found,) = [one for one in recall.recall(lake, republish=anew(lake), now=datetime.now(UTC)) if one.order_id == "kaksi"]
    said = {row["op"]: row for row in rows(found.folder)}
    assert sorted(said) == ["MUUTOS", "YHDISTETTY"] and said["MUUTOS"]["puhelin"] == "+358401112299"
    assert said["YHDISTETTY"]["yhdistetty_riviin"] == said["MUUTOS"]["rivi_id"]


def told_apart(home: Path, one: Delivered, gone: str, kept: str) -> list[tuple[str, str]]:
    """The rows by which a recipient knows two persons of one organisation."""
    state = home / "delivered" / one.order_id / f"{one.delivery_id}.parquet"
    return duckdb.execute(
        f"""select g.row_id, k.row_id from '{state}' as g inner join '{state}' as k using (business_id)
            where g.person_id = ? and k.person_id = ?""",
        [gone, kept],
    ).fetchall()


def test_a_correction_reaches_who_had_the_wrong_value(lake: Path) -> None:
    *_, (person, _, number) = people(lake)
    delivered(lake, "oikaisu", "acme", "01")
    store.correct(lake, "phone", "+358401112223", "a test", "said so", person_id=person)
    build(lake)
    publish(lake)
    found = recall.recall(lake, republish=anew(lake), now=datetime.now(UTC))
    changed = {row["puhelin"] for one in found if one.order_id == "oikaisu" for row in rows(one.folder)}
    assert changed == {"+358401112223"} and number not in changed
    with (Path(next(one.folder for one in found)) / "checksums.sha256").open() as file:
        assert list(csv.reader(file))
