"""Taking objections: what the answer counts, whom it names, what becomes of each row of a list; notices that are due."""

import json
from datetime import date
from pathlib import Path

import duckdb
import openpyxl
import pytest

from base.files import switch_pointer
from ledger import disclosures, keys, notices, objections, recipients, rotation, store, subjects, tables
from ledger.objections import Saying
from ledger.subjects import Told
from orchestration import noticing, objecting
from orchestration.state import Refused
from tests.test_ledger import kohde

MATTI = Told(email="matti@firma.fi", name="Matti Mäkinen", business_id="0112038-9")
ELSEWHERE = Told(phone="+358401234567", name="Matti Mäkinen", business_id="0201256-6")
SWITCHBOARD = "+35891234567"


def person_id(name: str) -> str:
    return keys.keyed([name], "person")[0] or ""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A lake with a published version that knows one person at two places, and a switchboard that five persons share."""
    folder = tmp_path / "published" / "20260101T000000Z"
    folder.mkdir(parents=True)
    matti = person_id("matti")
    held = [(matti, told.business_id, kind, key, 1) for told in (MATTI, ELSEWHERE) for kind, key in subjects.keys(told)]
    shared = subjects.keys(Told(phone=SWITCHBOARD))
    held += [(person, "0112038-9", *shared[0], 5) for person in [matti, *map(person_id, "abcd")]]
    held += [(None, "0112038-9", *subjects.keys(Told(business_id="0112038-9"), "organisation")[0], 0)]
    with duckdb.connect(folder / "registry.duckdb") as db:
        db.execute("""
            create schema restricted;
            create table restricted.subject_keys (person_id text, business_id text, kind text, key text, holders int);
            create table restricted.person_redirects (former_person_id text, person_id text);
            create table restricted.review_queue (objection_id bigint, person_id varchar, business_id varchar, why varchar);
            create table decision_makers (person_id text, business_id text, email text, phone text, language text);
            create table decision_maker_history (person_id text, valid_from date, source_name text);
            create table responsible_persons (person_id varchar, business_id varchar, first_seen_on date, ended_on date);
            create table contact_points (person_id varchar, first_seen_on date);
            create table organisations (business_id varchar, postal_postcode varchar, language varchar);
            insert into decision_makers values
                ('p_late', '0112038-9', 'a@firma.fi', null, 'sv'), ('p_soon', '0112038-9', null, '+35840', null);
            insert into decision_maker_history values
                ('p_late', '2026-01-01', 'survey'), ('p_late', '2026-02-01', 'survey'), ('p_soon', '2026-02-10', 'survey'),
                ('p_board', '2015-01-01', 'prh_officers');
            insert into responsible_persons values
                ('p_board', '0112038-9', '2026-02-05', null), ('p_gone', '0112038-9', '2020-01-01', '2021-01-01');
            insert into organisations values ('0112038-9', '00100', 'fi');
        """)
        db.executemany("insert into restricted.subject_keys values (?, ?, ?, ?, ?)", held)
        db.execute("insert into restricted.review_queue values (1, ?, '0112038-9', 'name')", [matti])
    switch_pointer(tmp_path / "published" / "current", folder.name)
    store.create(tmp_path, anyway=True)
    return tmp_path


def add(home: Path, told: Told, evidence: str = "letter 1", **given: str) -> objecting.Answer:
    return objecting.add(home, Saying(told, evidence, "tester", **given))  # type: ignore[arg-type]


def test_an_objection_takes_the_keys_of_whom_it_finds(home: Path) -> None:
    recipients.add(home, "acme", "Acme Oy", business_id="0112038-9", by_whom="tester")
    delivery = disclosures.Delivery("d1", "acme", "f.csv", "00", ["name"], "marketing", valid_until=date(2026, 3, 1))
    disclosures.record(home, delivery, [(person_id("matti"), "0112038-9"), (person_id("a"), "0112038-9")])
    answer = add(home, Told(email="Matti@firma.fi"))
    assert answer.hits == {"email": {"persons": 1, "places": 1}} and answer.persons == 1
    assert [(d["recipient_name"], d["file"]) for d in answer.disclosures] == [("Acme Oy", "f.csv")]
    kept = {(row["kind"], row["key"]) for row in store.rows(home, tables.ObjectionKey)}
    theirs = {pair for told in (MATTI, ELSEWHERE) for pair in subjects.strong(subjects.keys(told))}
    assert kept == theirs | {("person", person_id("matti"))}, "not the switchboard's, nor the bare name's"


def test_a_switchboard_finds_nobody(home: Path) -> None:
    answer = add(home, Told(phone=SWITCHBOARD))
    assert (answer.persons, answer.hits, answer.added_keys) == (0, {}, 0)


def test_an_organisation_finds_the_organisation(home: Path) -> None:
    answer = add(home, Told(business_id="0112038-9"), scope="organisation")
    assert answer.hits == {"organisation": {"persons": 0, "places": 1}} and answer.added_keys == 0


def test_it_counts_where_nothing_is_published(tmp_path: Path) -> None:
    answer = add(tmp_path, MATTI)
    assert answer.looked_in is None and len(objections.every(tmp_path)) == 1


def test_what_was_published_before_a_rotation_is_found(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notices.sent(home, [person_id("matti")], channel="post", language="fi", by_whom="tester")
    secret = "5e" * 32
    monkeypatch.setenv("KOHDE_SECRET", f"1:{secret}\n2:{'ab' * 32}")
    assert rotation.rotate(home) == 2
    answer = add(home, Told(email="matti@firma.fi"))
    assert answer.persons == 1
    kept = {(row["kind"], row["key"]) for row in store.rows(home, tables.ObjectionKey)}
    assert set(subjects.strong(subjects.keys(ELSEWHERE))) <= kept


LIST = """Nimi;Sähköposti;Puhelinnumero;Y-tunnus;Laajuus;Huomautus
Matti Mäkinen;;;0112038-9;;soitti
;a@firma.fi;;;;
;;;0201256-6;;
;;;0201256-7;;
Liisa;;;;;
;b@firma.fi;;;world;
"""


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_a_list_is_taken_row_by_row(home: Path, suffix: str) -> None:
    file = home / f"kiellot.{suffix}"
    if suffix == "csv":
        file.write_text(LIST)
    else:
        book = openpyxl.Workbook()
        for line in LIST.splitlines():
            book.active.append(line.split(";"))
        book.save(file)
    receipts = objecting.take_list(home, file, origin="list", party="a list", by_whom="tester")
    assert [(one.row, one.outcome) for one in receipts] == [
        (2, "taken"), (3, "taken"), (4, "taken"), (5, "refused"), (6, "refused"), (7, "refused"),
    ]  # fmt: skip
    assert "check digit" in str(receipts[3].reason) and "none of" in str(receipts[5].reason)
    assert [row["scope"] for row in objections.every(home)] == ["person", "person", "organisation"]
    again = objecting.take_list(home, file, origin="list", party="a list", by_whom="tester")
    assert [one.outcome for one in again[:3]] == ["known"] * 3 and len(objections.every(home)) == 3


def test_a_file_that_says_of_nobody_is_refused(home: Path) -> None:
    (home / "x.csv").write_text("Laajuus;Tarkoitus\nperson;all\n")
    with pytest.raises(Exception, match="no column that says who objects"):
        objecting.take_list(home, home / "x.csv", origin="list", party="x", by_whom="tester")


def test_who_waits_for_a_decision(home: Path) -> None:
    add(home, Told(email="other@firma.fi"))
    assert [(row["objection_id"], row["why"]) for row in objecting.waiting(home)] == [(1, "name")]
    done = kohde(home, "objection", "review", "1", person_id("matti"), "--decide", "not-same", "--by", "me", "--reason", "age")
    assert done.returncode == 0, done.stderr
    assert objecting.waiting(home) == [] and objections.reviews(home)[0]["verdict"] == "not_same"


def test_notices_that_are_due(home: Path, tmp_path: Path) -> None:
    found = noticing.due(home, date(2026, 2, 15))
    assert [(row["person_id"], row["days_left"], row["channel"], row["language"]) for row in found] == [
        ("p_late", -15, "email", "sv"), ("p_board", 20, "post", "fi"), ("p_soon", 25, "post", "fi"),
    ]  # fmt: skip
    with pytest.raises(store.LedgerRefused, match="say how"):
        notices.sent(home, ["p_late"], by_whom="me")
    with pytest.raises(store.LedgerRefused, match="none of"):
        notices.sent(home, ["p_late"], exception_class="14_5_z", by_whom="me")
    with pytest.raises(store.LedgerRefused, match="not come"):
        notices.sent(home, ["p_late"], channel="post", language="fi", sent_on=date(2999, 1, 1), by_whom="me")
    assert noticing.sent(home, [], all_due=True, channel="post", language="sv", by_whom="me") == 1
    (tmp_path / "ids.txt").write_text("p_board\n\n")
    assert noticing.sent(home, ["p_soon"], tmp_path / "ids.txt", channel="email", language="fi", by_whom="me") == 2
    assert noticing.due(home) == []
    with pytest.raises(store.LedgerRefused, match="who was told"):
        noticing.sent(home, [], channel="email", language="fi", by_whom="me")


def test_commands(home: Path) -> None:
    words = ["objection", "add", "--email", "Matti@firma.fi", "--evidence", "letter 1", "--by", "me"]
    done = kohde(home, *words, "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["hits"] == {"email": {"persons": 1, "places": 1}}, done.stderr
    assert "matti" not in done.stdout.lower()
    listed = kohde(home, "objection", "list", "--json")
    assert [row["objection_id"] for row in json.loads(listed.stdout)] == [1]
    other = kohde(home, "objection", "revoke", "1", "--email", "b@firma.fi", "--evidence", "letter 2", "--by", "me")
    assert other.returncode == 1 and "only be revoked by who made it" in other.stderr and len(other.stderr.splitlines()) == 1
    assert kohde(home, "objection", "revoke", "1", "--email", "matti@firma.fi", "--evidence", "l", "--by", "me").returncode == 0
    assert json.loads(kohde(home, "objection", "list", "--json").stdout) == []
    assert kohde(home, "recipient", "add", "acme", "--name", "Acme Oy", "--by", "me").returncode == 0
    assert json.loads(kohde(home, "recipient", "list", "--json").stdout)[0]["name"] == "Acme Oy"
    assert json.loads(kohde(home, "notice", "due", "--json").stdout)[0]["person_id"] == "p_late"
    done = kohde(home, "notice", "sent", "--person-id", "p_late", "--exception", "14_5_b", "--by", "me", "--json")
    assert done.returncode == 0 and json.loads(done.stdout) == {"notices": 1}
    (home / "list.csv").write_text(LIST)
    imported = kohde(home, "objection", "import", str(home / "list.csv"), "--party", "a list", "--by", "me", "--json")
    assert imported.returncode == 1 and json.loads(imported.stdout)["counts"] == {"taken": 3, "refused": 3}


def test_a_published_version_without_gates_says_so(home: Path) -> None:
    with duckdb.connect(home / "published" / "current" / "registry.duckdb") as db:
        db.execute("drop table restricted.review_queue; drop table restricted.subject_keys")
    with pytest.raises(Refused, match="kohde build"):
        objecting.waiting(home)
    assert add(home, MATTI).looked_in is None
