"""Objections: who is found by which keys, who may end one, and that nothing told twice counts twice."""

import re
from datetime import date
from pathlib import Path

import duckdb
import pytest

from ingest.sources.ledger import loader
from ledger import chain, disclosures, keys, notices, objections, recipients, store, subjects, tables
from ledger.dbt_plugin import Plugin
from ledger.subjects import Told
from tests.staging import build_staging, staged

MATTI = Told(email="Matti.Makinen+news@Firma.fi", phone="040 123 4567", name="Matti Mäkinen", business_id="0112038-9")


def add(home: Path, told: Told = MATTI, evidence: str = "letter 1", **given: object) -> int:
    return objections.add(home, told, evidence=evidence, by_whom="tester", **given)  # type: ignore[arg-type]


def test_texts_are_of_their_kind_and_in_normal_form() -> None:
    found = subjects.texts(MATTI)
    assert ("email", "matti.makinen@firma.fi") in found and ("phone", "+358401234567") in found
    assert {text for kind, text in found if kind == "name_org"} == {"makinen matti|0112038-9", "maekinen matti|0112038-9"}
    assert {text for kind, text in found if kind == "name_domain"} == {"makinen matti|firma.fi", "maekinen matti|firma.fi"}
    assert ("name", "makinen matti") in found and not [kind for kind, _ in found if kind == "name_birth"]
    born = subjects.texts(Told(name="Matti Mäkinen", birth_date=date(1970, 1, 2)))
    assert ("name_birth", "makinen matti|1970-01-02") in born
    assert ("address", "mannerheimintie 13 a 5|00100") in subjects.texts(
        Told(address="MANNERHEIMINTIE 13a as. 5", postcode=" 00100 ")
    )


def test_a_free_mail_domain_is_nobodys() -> None:
    free = subjects.texts(Told(email="matti@gmail.com", name="Matti Mäkinen", domain="gmail.com"))
    assert {kind for kind, _ in free} == {"email", "name"}


def test_an_objection_of_a_scope_has_keys_of_that_scope_only() -> None:
    assert {kind for kind, _ in subjects.keys(MATTI)} == {"email", "phone", "name_org", "name_domain", "name"}
    assert {kind for kind, _ in subjects.keys(MATTI, "organisation")} == {"organisation"}
    assert {kind for kind, _ in subjects.keys(MATTI, "domain")} == {"domain"}
    for scope in ("email", "phone"):
        assert {kind for kind, _ in subjects.keys(MATTI, scope)} == {scope}
    assert {kind for kind, _ in subjects.keys(Told(address="Mannerheimintie 13", postcode="00100"), "address")} == {"address"}
    born = Told(name="Matti Mäkinen", birth_date=date(1970, 1, 2), register_id="H1", person_id="p_1x")
    assert {kind for kind, _ in subjects.keys(born)} == {"registry", "name_birth", "name", "person"}
    assert subjects.keys(Told(person_id="p_1x")) == [("person", "p_1x")] and not subjects.keys(Told(person_id="p_1x"), "domain")


def test_what_is_told_in_part_has_the_keys_of_that_part() -> None:
    assert subjects.texts(Told(domain=" Firma.FI ")) == [("domain", "firma.fi")]
    assert subjects.own_domain("no domain") is None and subjects.own_domain("gmail.com") is None
    assert subjects.data_name_keys(None) == subjects.promised_name_keys(None) == frozenset()
    assert {subjects.own_domain(said) for said in ("@firma.fi.", " @firma.fi", "firma.fi@ ", "firma.fi")} == {"firma.fi"}
    assert not subjects.texts(Told(address="Mannerheimintie 13")) and not subjects.texts(Told(postcode="00100"))
    for name in ("Aune Maria Keskinen", "Keskinen, Aune Maria", "Keskinen,Aune Maria"):
        assert {"aune keskinen", "aune keskinen maria"} <= subjects.promised_name_keys(name)
    pattern = "etunimi.sukunimi@firma.fi"  # no address to write to, and one to forbid
    assert ("email", pattern) in subjects.texts(Told(email=pattern))
    other = keys.Key(1, b"x" * 32)
    assert subjects.keys(Told(phone="040 123 4567"), secret=other) == [
        ("phone", other.keyed(["phone|+358401234567"], "subject")[0])
    ]


def test_as_many_may_share_a_number_here_as_in_the_models() -> None:
    from orchestration import settings

    macros = (settings.DBT_PROJECT / "macros" / "gates.sql").read_text()
    found = re.search(r"macro most_holders\(\) -%}\s*(\d+)", macros)
    assert found and int(found[1]) == subjects.SHARED_BY


def test_sql_makes_the_same_keys() -> None:
    """What the macros write, run by DuckDB with the function dbt has, against Python's."""
    from jinja2 import Environment

    from orchestration import settings

    macros = "".join((settings.DBT_PROJECT / "macros" / name).read_text() for name in ("normalise.sql", "subject_keys.sql"))
    calls = {
        "email": "subject_key_email('email')",
        "phone": "subject_key_phone('phone')",
        "registry": "subject_key_registry('register_id')",
        "name_org": "subject_key_name_org('name', 'business_id')",
        "name_birth": "subject_key_name_birth('name', 'birth_date')",
        "name_domain": "subject_key_name_domain('name', 'domain')",
        "organisation": "subject_key_organisation('business_id')",
        "domain": "subject_key_domain('domain')",
        "address": "subject_key_address('address', 'postcode')",
        "name": "subject_key_name('name')",
    }
    told = Told(
        "matti@firma.fi", "+358401234567", "matti virtanen", "0112038-9", date(1970, 1, 2), "firma.fi", "katu 1", "00100", "x1"
    )
    with duckdb.connect() as con:
        Plugin("keys", {}).configure_connection(con)
        row = ", ".join(f"'{value}' as {name}" for name, value in vars(told).items() if value and name != "birth_date")
        for kind, call in calls.items():
            made = Environment().from_string(macros + "{{ " + call + " }}").render().strip()
            (key,) = con.execute(f"select {made} from (select {row}, date '1970-01-02' as birth_date)").fetchone() or ()
            assert (kind, key) in subjects.keys(told, next(s for s, k in subjects.BY_SCOPE.items() if kind in k)), kind
        names = ["Matti Mäkinen", "Åsa Öberg-Saarinen", "Łukasz Ærø", "ÅKE", "A\u030ake Ab", "", "x"]
        macro = Environment().from_string(macros + "{{ data_name_keys('name') }}").render()
        rows = con.execute(f"select name, {macro.strip()} from (select unnest(?) as name)", [names]).fetchall()
    assert {name: frozenset(found) for name, found in rows} == {n: subjects.data_name_keys(n) for n in names}


def test_the_same_evidence_counts_once_but_for_each_person(ledger_home: Path) -> None:
    assert (
        add(ledger_home),
        add(ledger_home),
        add(ledger_home, Told(email="b@firma.fi")),
        add(ledger_home, evidence="letter 2"),
    ) == (
        1,
        1,
        2,
        3,
    )
    assert len(objections.every(ledger_home)) == 3 and store.verify(ledger_home) == []


def test_no_clear_text_of_whom_it_is_about_is_kept(tmp_path: Path) -> None:
    add(tmp_path)
    store.scrub(tmp_path)
    lying = (tmp_path / "ledger.db").read_bytes()
    assert b"letter 1" in lying and not [
        text for text in (b"kinen", b"matti", b"Matti", b"401234567", b"firma") if text in lying
    ]


@pytest.mark.parametrize(
    ("told", "given", "said"),
    [
        (Told(name="Matti Mäkinen"), {}, "nobody can be found"),
        (Told(email="not an address"), {}, "nobody can be found"),
        (Told(domain="gmail.com"), {"scope": "domain"}, "no domain"),
        (MATTI, {"scope": "world"}, "none of"),
        (MATTI, {"purpose": "fun"}, "none of"),
        (MATTI, {"evidence": "matti@firma.fi wrote"}, "a reference"),
        (MATTI, {"evidence": " "}, "by whom"),
        (MATTI, {"origin": "customer"}, "which customer"),
    ],
)
def test_an_objection_without_sense_is_refused(ledger_home: Path, told: Told, given: dict[str, str], said: str) -> None:
    with pytest.raises(store.LedgerRefused, match=said):
        add(ledger_home, told, **given)
    assert objections.every(ledger_home) == []


def test_only_who_objected_can_end_it(ledger_home: Path) -> None:
    add(ledger_home)
    objections.absorb(ledger_home, [(1, "email", keys.keyed(["email|other@firma.fi"], "subject")[0] or "")])
    ending = {"evidence": "letter 9", "by_whom": "tester"}
    for told in (Told(email="other@firma.fi"), Told(name="Matti Mäkinen"), None):
        with pytest.raises(store.LedgerRefused, match="only be revoked by who made it"):
            objections.revoke(ledger_home, 1, origin="person", told=told, **ending)
    with pytest.raises(store.LedgerRefused, match="only be revoked"):
        objections.revoke(ledger_home, 1, origin="list", party="a list", **ending)
    objections.revoke(ledger_home, 1, origin="person", told=Told(phone="+358 40 1234567"), **ending)
    with pytest.raises(store.LedgerRefused, match="already"):
        objections.revoke(ledger_home, 1, origin="person", told=MATTI, **ending)
    add(ledger_home, evidence="feedback 1", origin="customer", party="Asiakas Oy")
    with pytest.raises(store.LedgerRefused, match="only be revoked"):
        objections.revoke(ledger_home, 2, origin="customer", party="Toinen Oy", **ending)
    objections.revoke(ledger_home, 2, origin="customer", party="asiakas oy ", **ending)
    assert all(row["revoked_at"] for row in objections.every(ledger_home))


def test_absorbed_keys_do_not_move_the_head_of_the_gates(ledger_home: Path) -> None:
    add(ledger_home)
    before = store.suppression_head(ledger_home)
    assert objections.absorb(ledger_home, [(1, "phone", "s_1x"), (1, "name", "s_1y"), (7, "phone", "s_1z")]) == 2
    assert objections.absorb(ledger_home, [(1, "phone", "s_1x")]) == 0
    assert store.suppression_head(ledger_home) == before and store.head(ledger_home).seq == before.seq + 1
    assert before.version == f"{before.seq}-{before.hash[:8]}"


def test_erased_keys_are_the_strong_ones_of_who_is_gone(ledger_home: Path) -> None:
    add(ledger_home)
    assert objections.erased_keys(ledger_home) == set()
    add(ledger_home, kind="erasure", evidence="letter 2")
    assert objections.erased_keys(ledger_home) == {key for _, key in subjects.strong(subjects.keys(MATTI))}


def test_disclosures_are_told_by_the_recipients_name(ledger_home: Path) -> None:
    with pytest.raises(store.LedgerRefused, match="no recipient"):
        disclosures.record(
            ledger_home, disclosures.Delivery("d1", "acme", "f.csv", "00", ["name"], "marketing"), [("p_1a", None)]
        )
    recipients.add(ledger_home, "acme", "Acme Oy", business_id="01120389", by_whom="tester")
    delivery = disclosures.Delivery("d1", "acme", "f.csv", "00", ["name", "email"], "marketing")
    assert disclosures.record(ledger_home, delivery, [("p_1a", "0112038-9"), ("p_1b", None), (None, "0112038-9")]) == 3
    (row,) = disclosures.of(ledger_home, ["p_1a"])
    assert (row["recipient_name"], row["recipient_business_id"], row["fields"]) == ("Acme Oy", "0112038-9", ["name", "email"])
    assert [one["person_id"] for one in disclosures.of(ledger_home, business_ids=["0112038-9"])] == [None]
    with pytest.raises(store.LedgerRefused, match="recorded already"):
        disclosures.record(ledger_home, delivery, [("p_1c", None)])
    disclosures.acknowledge(ledger_home, "d1", "acme", "destroyed")
    with pytest.raises(store.LedgerRefused, match="no delivery"):
        disclosures.acknowledge(ledger_home, "d1", "other", "destroyed")
    assert store.suppression_head(ledger_home).seq < store.head(ledger_home).seq and store.verify(ledger_home) == []


def test_staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(tmp_path)
    add(tmp_path, Told(business_id="0112038-9"), "letter 2", scope="organisation", purpose="all", channel="email")
    objections.revoke(tmp_path, 2, origin="person", told=Told(business_id="0112038-9"), evidence="letter 3", by_whom="tester")
    objections.review(tmp_path, 1, "p_1a", "not_same", by_whom="tester", reason="another age")
    notices.sent(tmp_path, ["p_1a", "p_1b"], channel="email", language="fi", by_whom="tester")
    notices.sent(tmp_path, ["p_1c"], exception_class="14_5_b", by_whom="tester")
    loader.land(None, None, tmp_path)
    # A text that is erased takes its decision out of the models; the objection stays.
    store.correct(tmp_path, "phone", "1", "a", "b", business_id="0112038-9")
    loader.land(None, None, tmp_path)
    store.redact(tmp_path, tables.Correction, [1])
    receipts = loader.land(None, None, tmp_path)
    assert {m.dataset: m.counts.landed for m in receipts if m.counts.landed and m.dataset == "heads"} == {"heads": 1}
    archived = "".join(path.read_text() for path in (tmp_path / "archive" / "ledger").rglob("*.jsonl"))
    assert "marketing" in archived and not [word for word in ("letter", "tester", "salt", "reference") if word in archived]
    build_staging(tmp_path, "ledger", monkeypatch)
    found = staged(
        tmp_path, "select scope, channel, revoked_at is null as stands from stg_ledger__objections order by objection_id"
    )
    assert found == [
        {"scope": "person", "channel": None, "stands": True},
        {"scope": "organisation", "channel": "email", "stands": False},
    ]
    told = staged(tmp_path, "select kind, key from stg_ledger__objection_keys where objection_id = 1")
    assert {(row["kind"], row["key"]) for row in told} == set(subjects.keys(MATTI))
    assert staged(tmp_path, "select verdict from stg_ledger__reviews") == [{"verdict": "not_same"}]
    assert staged(tmp_path, "select count(*) as n from stg_ledger__notices") == [{"n": 3}]
    assert staged(tmp_path, "select * from stg_ledger__corrections") == []
    (head,) = staged(tmp_path, "select seq, version, key_version from stg_ledger__head")
    assert head == {
        "seq": store.suppression_head(tmp_path).seq,
        "version": store.suppression_head(tmp_path).version,
        "key_version": 1,
    }
    assert store.verify(tmp_path) == [] and chain.OF_GATES
