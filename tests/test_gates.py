"""The standing gates: in a small world made by hand each withholds one row that a twin beside it passes with, and one person's
objection follows them through new addresses, spellings and employers.
"""

import csv
import json
import os
import pickle
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest
from filelock import FileLock

from ingest.lake import LandingRefused
from ingest.sources.associations import loader as associations
from ingest.sources.bounces import loader as bounces
from ingest.sources.external_lists import loader as external_lists
from ingest.sources.prh_officers import loader as officers
from ingest.sources.survey import loader as survey
from ingest.sources.ytj_extract import loader as extract
from ledger import keys, notices, objections, store, subjects
from ledger.subjects import Told
from orchestration import gating, settings
from orchestration import publish as publishing
from orchestration.build import build
from orchestration.publish import connect, publish
from orchestration.state import WAREHOUSE, writer
from tests.gate_people import (
    ASSOCIATIONS,
    BOUNCED,
    CHANNELS,
    CLUB,
    CORRECTED,
    CORRECTED_PEOPLE,
    EXTRACT,
    FIRMS,
    FIRST,
    HALF_ADDRESSES,
    LATER,
    LONG_AGO,
    NAMES,
    OLDEST,
    PEOPLE,
    REVIEWED,
    SAID,
    SAYINGS,
    SCOPES,
    STEPS,
    TOO_OLD,
    TRADE_NAMES,
    TRADES_LATER,
    TWINS,
    UNTOLD,
    WAITING,
    WITHOUT_ADDRESS,
    Report,
    Role,
    Said,
    mail,
)  # fmt: skip
from tests.test_bounces import HEADER as BOUNCES
from tests.test_marts import Lake, company
from tests.test_yrtti import body, write
from tests.test_ytj_extract import coded, contact
from tests.test_ytj_extract import company as extracted
from tests.test_ytj_extract import write as write_extract


def firms() -> list[dict[str, Any]]:
    """The register: each at an address of its own."""
    told = []
    for number, (name, identifier) in enumerate(FIRMS.items(), start=1):
        if name in ASSOCIATIONS or name == "tuntematon":
            continue
        office = {"city": "HELSINKI", "languageCode": "1", "municipalityCode": "091"}
        address = {
            "type": 2, "street": "Testikatu", "buildingNumber": str(number), "postCode": "00100", "postOffices": [office],
            "registrationDate": "2020-01-01", "source": "0",
        }  # fmt: skip
        if name == "kaima":  # of the street of katu in another town
            address |= {"buildingNumber": "12", "postCode": "00200"}
        address |= HALF_ADDRESSES.get(name, {})
        more: dict[str, Any] = {"addresses": [] if name in WITHOUT_ADDRESS else [address | {"type": 1}, address]}
        if name == "konkurssi":
            more["companySituations"] = [{"type": "KONK", "registrationDate": "2025-01-01", "source": "1"}]
        if name in ("toiminimi", "sakset", "tila", "varjo", "peite"):
            more["companyForms"] = [{"type": "26", "registrationDate": "2020-01-01", "version": 1, "source": "1"}]
        if name == "loppu":
            more |= {"tradeRegisterStatus": "4", "endDate": "2026-01-01"}
        shown = NAMES.get(name, f"{name.title()} Oy")
        record = company(identifier, shown, **more)
        if name in TRADE_NAMES:
            record["names"].append(record["names"][0] | {"name": TRADE_NAMES[name], "type": "3"})
        told.append(record)
    return told


def parted(name: str) -> list[str]:
    """Forenames and surname."""
    return name.split("/") if "/" in name else name.split(" ")


def officer_file(day: date) -> str:
    """Everybody in the register on a day."""
    lines = ["y_tunnus;toimielin;rooli;sukunimi;etunimet;syntymaaika;kansalaisuus;asuinmaa;alkupvm;loppupvm;henkilo_id"]
    for row in PEOPLE:
        if isinstance(row, Role) and row.day <= day:
            first, last = parted(row.name)
            told = f"{row.organ};{row.role};{last};{first};{row.born};FI;FI;{row.since};{row.until};{row.number}"
            lines.append(f"{FIRMS[row.firm]};{told}")
    return "\n".join(lines) + "\n"


def survey_file(day: date) -> str:
    """What the survey of a day brought."""
    lines = ["case_id;y_tunnus;yritys;etunimi;sukunimi;titteli;sahkoposti;puhelin;aikaleima;suostumus;disposition"]
    for number, row in enumerate(PEOPLE):
        if isinstance(row, Report) and row.day == day:
            first, last = parted(row.name)
            told = f"{first};{last};{row.title};{row.email};{row.phone};{row.day:%d.%m.%Y} 10:00;kyllä;PRT"
            lines.append(f"c{number};{FIRMS[row.firm]};Firma Oy;{told}")
    return "\n".join(lines) + "\n"


def land_associations(home: Path) -> None:
    club = body("195.883", BusinessId=CLUB, ContactInfo={"Email": mail("mauno.mattila", "seura"), "Phone": "040 7000030"})
    more = [
        body(f"19{number}.883", BusinessId=FIRMS[name], ContactInfo={"Email": email, "Phone": phone})
        for number, (name, (email, phone)) in enumerate(ASSOCIATIONS.items())
    ]
    associations.land(write(home.parent / "clubs", club, *more), FIRST, home, accept_bounds="a test")


def land(home: Path) -> None:
    lake = Lake(home, home)
    for day in (LONG_AGO, TOO_OLD, OLDEST, FIRST, LATER):
        if day >= FIRST:
            # The register is a day older than the rest.
            lake.land_bulk(day if day == FIRST else day - timedelta(days=1), firms())
            if day == FIRST:
                land_associations(home)
            path = home.parent / f"officers-{day}.csv"
            path.write_text(officer_file(day), encoding="utf-8")
            officers.land(path, day, home, accept_bounds="a test")
        path = home.parent / f"survey-{day}.csv"
        path.write_text(survey_file(day), encoding="utf-8")
        survey.land(path, day, home, accept_bounds="a test")
    with pytest.raises(LandingRefused):
        lake.land_bulk(LATER, firms()[:3], accept_bounds=None)  # too few: kept aside
    lake.land_search(LATER, [firms()[0]])
    firm, email, phone = EXTRACT
    told = extracted(
        FIRMS[firm], LegalForm=coded("16"), Person=None, TradeName={"Name": "Ote Oy", "RegistrationDate": "2020-01-01"},
        ContactDetails={"ContactDetail": [contact("1", phone), contact("3", email)]},
    )  # fmt: skip
    extract.land(write_extract(home.parent / "extract", told), LATER, home, accept_bounds="a test")
    feedback = home.parent / "bounces.csv"
    row = f"A1;T1;{BOUNCED};;;hard bounce;5.1.1;{LATER - timedelta(days=9):%d.%m.%Y} 10:00;;;"
    feedback.write_text(f"{BOUNCES}\n{row}\n", encoding="utf-8")
    bounces.land(feedback, LATER, home, accept_bounds="a test")
    for day, name, text in (
        (FIRST, "phone_ban", "Numero\n0407000007\n0407000135\n"),  # the second is off the list by now
        (LATER, "phone_ban", "Numero\n0407000007\n0407000008\n"),
        (LATER, "email_ban", f"Sähköposti\n{mail('maili.lista')}\n"),
        (LATER, "organisation_ban", f"Y-tunnus\n{FIRMS['listattu']}\n"),
    ):
        path = home.parent / f"{name}_{day:%Y%m%d}.csv"
        path.write_text(text, encoding="utf-8")
        external_lists.land(path, day, home, accept_bounds="a test")


def put_right(home: Path) -> None:
    """Corrections, of persons by the number that the register gives them."""
    for firm, name, value in CORRECTED:
        store.correct(home, name, value, "a test", "told by phone", business_id=FIRMS[firm])
    for number, (name, value) in CORRECTED_PEOPLE.items():
        (person,) = keys.keyed([f"register:{number}"], "person")
        store.correct(home, name, value, "a test", "told by phone", person_id=person)


def ask(home: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home / WAREHOUSE), read_only=True) as db:
        return db.execute(sql).fetchall()


def regate(home: Path) -> None:
    with writer(home):
        settings.export(home)
        gating.regate(home)


NAMED = """
    with named as (
        select p.person_id, any_value(m.first_name || ' ' || m.last_name) as name
        from enriched.enr_person_of_mention as p inner join enriched.enr_person_mentions as m using (mention_id)
        group by all)"""


def people(home: Path) -> dict[tuple[str, str], str]:
    """(name, firm) -> person_id."""
    firms = {identifier: firm for firm, identifier in FIRMS.items()}
    rows = ask(home, """
        select distinct m.first_name || ' ' || m.last_name, m.business_id, p.person_id
        from enriched.enr_person_of_mention as p
        inner join enriched.enr_person_mentions as m using (mention_id)""")  # fmt: skip
    return {(name, firms[identifier]): person for name, identifier, person in rows}


def named(told: Told, ids: dict[tuple[str, str], str]) -> Told:
    """With the person_id in place of a name."""
    return replace(told, person_id=ids[told.person_id, "koski"]) if told.person_id else told


def passed(home: Path) -> dict[tuple[str | None, str], set[str]]:
    """(name, firm) -> channels in marketing_contacts."""
    rows = ask(home, f"{NAMED} select name, business_id, channel from marketing_contacts left join named using (person_id)")
    return _by_subject(rows)


def audited(home: Path) -> dict[tuple[str | None, str], dict[str, tuple[str, int | None, str | None]]]:
    """(name, firm) -> channel -> gate, objection, what closed it."""
    found: dict[tuple[str | None, str], dict[str, tuple[str, int | None, str | None]]] = {}
    named = {identifier: firm for firm, identifier in FIRMS.items()}
    for name, identifier, channel, *why in ask(
        home,
        f"""{NAMED}
        select name, business_id, channel, gate, objection_id, closed_by from gate_audit left join named using (person_id)""",
    ):
        found.setdefault((name, named.get(identifier, identifier)), {})[channel] = tuple(why)
    return found


def _by_subject(rows: list[tuple[Any, ...]]) -> dict[tuple[str | None, str], set[str]]:
    named = {identifier: firm for firm, identifier in FIRMS.items()}
    found: dict[tuple[str | None, str], set[str]] = {}
    for name, identifier, channel in rows:
        found.setdefault((name, named.get(identifier, identifier)), set()).add(channel)
    return found


@dataclass(frozen=True)
class World:
    """The lake after all was said. `before`: what passed when nobody had said anything; `numbers`: each saying's objection."""

    home: Path
    before: dict[tuple[str | None, str], set[str]]
    numbers: dict[str, int]


@contextmanager
def at_home(home: Path) -> Iterator[None]:
    """Commands and Dagster know a lake as theirs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KOHDE_HOME", str(home))
        patch.setenv("DAGSTER_HOME", str(home / "dagster"))
        yield


def make(home: Path) -> World:
    """One build of two days; then everybody but one is noticed and, between the days, all the objections are made."""
    with at_home(home):
        land(home)
        store.create(home)
        put_right(home)
        build(home)
        ids = people(home)
        untold = {ids[subject] for subject in UNTOLD}
        told = [person for (person,) in ask(home, "select distinct person_id from enriched.enr_person_of_mention")]
        told = sorted(set(told) - untold)
        notices.sent(home, told, channel="post", language="fi", by_whom="a test")
        regate(home)
        before = passed(home)
        numbers = {}
        for number, said in enumerate(SAYINGS):
            extra = [pair for told, scope in said.extra for pair in subjects.keys(named(told, ids), scope)]
            given: dict[str, Any] = {"received_at": SAID, "extra_keys": extra} | said.options
            whom = named(said.told, ids)
            numbers[said.what] = objections.add(home, whom, evidence=f"letter {number}", by_whom="a test", **given)
        for subject, (what, verdict) in REVIEWED.items():
            objections.review(home, numbers[what], ids[subject], verdict, by_whom="a test", reason="called")
        back = Told(email=mail("sovittu.sopinen"))
        objections.revoke(home, numbers["taken back"], origin="person", told=back, evidence="letter x", by_whom="a test")
        regate(home)
        return World(home, before, numbers)


@pytest.fixture(scope="session")
def made_world(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, World]:
    """The world, for the tests here, and a copy for those of test_prove.py. Made by whichever worker comes first."""
    shared = tmp_path_factory.getbasetemp()
    folder = (shared.parent if os.environ.get("PYTEST_XDIST_WORKER") else shared) / "gates"
    folder.mkdir(exist_ok=True)
    made = folder / "made.pickle"
    with FileLock(f"{folder}.lock"):
        if not made.exists():
            world = make(folder / "lake")
            shutil.copytree(world.home, folder / "again" / "lake", symlinks=True)
            made.write_bytes(pickle.dumps(world))
    world = pickle.loads(made.read_bytes())
    return world, replace(world, home=folder / "again" / "lake")


@pytest.fixture(scope="module")
def world(made_world: tuple[World, World]) -> Iterator[World]:
    """The world of this file: some tests change it."""
    with at_home(made_world[0].home):
        yield made_world[0]


def test_without_an_objection_everybody_passes(world: World) -> None:
    """Else a gate that withholds everything would look like one that works."""
    assert world.before["Taina Tavallinen", "koski"] == CHANNELS
    for said in SAYINGS:
        for subject in said.passes:
            assert subject in world.before, subject


@pytest.mark.parametrize("said", SAYINGS, ids=[said.what for said in SAYINGS])
def test_an_objection_hits_whom_it_means_and_nobody_else(world: World, said: Said) -> None:
    after, withheld = passed(world.home), audited(world.home)
    for subject, channels in said.passes.items():
        assert after.get(subject, set()) == channels & world.before[subject], subject
        for channel in world.before[subject] - channels:
            gate, number, closed_by = withheld[subject][channel]
            assert (gate, number) == (said.gate, world.numbers[said.what]) and closed_by, (subject, channel)


def test_nobody_else_is_withheld(world: World) -> None:
    meant = {subject for said in SAYINGS for subject in said.passes} | {
        ("Irja Info", "kielto"),
        *WAITING,
        *TRADES_LATER,
        (None, "peite"),
        (None, "liitto"),
        (None, "kerho"),
    }
    after = passed(world.home)
    assert {s: c for s, c in world.before.items() if s not in meant} == {s: c for s, c in after.items() if s not in meant}
    assert ("Taina Tavallinen", "koski") in after and (None, "koski") in after


def test_a_new_namesake_of_an_objector_waits(world: World) -> None:
    after, withheld = passed(world.home), audited(world.home)
    for subject, what in WAITING.items():
        assert subject in world.before or subject in UNTOLD, subject
        assert subject not in after, subject
        assert {told[:2] for told in withheld[subject].values()} == {("REVIEW", world.numbers[what])}, subject


@pytest.mark.parametrize("gate", TWINS)
def test_a_gate_withholds_and_a_twin_passes(world: World, gate: str) -> None:
    subject, channels, twin = TWINS[gate]
    after, withheld = passed(world.home), audited(world.home)
    assert {channel for channel, (found, *_) in withheld[subject].items() if found == gate} == channels
    assert not after.get(subject, set()) & channels and channels <= after[twin]


def test_an_organisation_on_a_list_and_a_private_mailbox(world: World) -> None:
    withheld = audited(world.home)
    assert {gate for gate, *_ in withheld["Liisa Lista", "listattu"].values()} == {"EXTERNAL_LIST"}
    assert {gate for gate, *_ in withheld[None, "listattu"].values()} == {"EXTERNAL_LIST"}
    assert {channel: gate for channel, (gate, *_) in withheld["Ville Vapaa", "koski"].items()} == {
        "email": "LEGAL_FORM_CHANNEL"
    }


def test_a_mailbox_on_a_list_with_every_tag_and_a_number_off_it(world: World) -> None:
    assert audited(world.home)["Maili Lista", "koski"]["email"][0] == "EXTERNAL_LIST"
    assert passed(world.home)["Lauha Lopetettu", "koski"] == CHANNELS


def test_an_organisations_mailbox_and_number_that_are_somebodys(world: World) -> None:
    """An association's own address is mauno.mattila@, its number that of Seppo, who told his mailbox when he objected."""
    gates = {channel: gate for channel, (gate, *_) in audited(world.home)[None, CLUB].items()}
    assert gates["email"] == gates["phone"] == "OBJECTION_PERSON"


def test_a_sole_traders_own_rows_follow_the_person(world: World) -> None:
    """Told as the person, a sole trader may be written to and called, never e-mailed."""
    after = passed(world.home)
    assert after["Tarmo Toiminimi", "toiminimi"] == {"phone", "post"} and after[None, "toiminimi"] == {"post"}


def test_a_sole_trader_whom_nobody_has_told(world: World) -> None:
    """What a member of a board has been told is not told to the one who trades."""
    assert audited(world.home)[None, "tila"]["post"][0] == "NOTICE_DUE"
    assert (None, "tila") not in passed(world.home)


def test_a_sole_traders_own_rows_wait_as_the_person_does(world: World) -> None:
    number = world.numbers["and a namesake who trades later"]
    withheld = audited(world.home)
    for subject in TRADES_LATER:
        assert {(gate, objection) for gate, objection, _ in withheld[subject].values()} == {("REVIEW", number)}, subject
    assert {identifier for (identifier,) in ask(world.home, "select business_id from marketing_organisations")}.isdisjoint(
        {FIRMS["varjo"]}
    )


def test_a_day_more_is_too_old(world: World) -> None:
    assert passed(world.home)["Ikuinen Tieto", "koski"] == CHANNELS
    assert {gate for gate, *_ in audited(world.home)["Liian Vanha", "koski"].values()} == {"STALE"}


def test_of_several_objections_the_first_that_closes_the_gate_is_named(world: World) -> None:
    withheld = audited(world.home)
    assert {number for _, number, _ in withheld["Tupla Kielto", "koski"].values()} == {world.numbers["twice"]}
    gates = {channel: (gate, closed_by) for channel, (gate, _, closed_by) in withheld["Monta Kieltoa", "koski"].items()}
    assert {gate for gate, _ in gates.values()} == {"ERASED"} and "name_org" in (gates["post"][1] or "")


def test_contacts_and_audit_are_the_candidates(world: World) -> None:
    """The law of the waterfall: every candidate once, in one of the two."""
    ((candidates, contacts, audit, both),) = ask(world.home, """
        with told as (
            select person_id, business_id, channel from marketing_contacts
            union all select person_id, business_id, channel from gate_audit)
        select
            (select count(*) from enriched.enr_gate_candidates),
            (select count(*) from marketing_contacts),
            (select count(*) from gate_audit),
            (select count(*) from (select distinct * from told) as t
             inner join enriched.enr_gate_candidates as c
                 on t.person_id is not distinct from c.person_id and t.business_id = c.business_id and t.channel = c.channel)
    """)  # fmt: skip
    assert candidates == contacts + audit == both and contacts > 40 and audit > 60


def test_what_passes_says_so_and_of_which_ledger(world: World) -> None:
    with (settings.DBT_PROJECT / "seeds" / "gates.csv").open(encoding="utf-8") as file:
        gates = [row["gate"] for row in sorted(csv.DictReader(file), key=lambda row: int(row["rank"]))]
    rows = ask(world.home, "select distinct passed_gates, suppression_version from marketing_contacts")
    assert rows == [(gates, store.suppression_head(world.home).version)]
    assert ask(world.home, "select distinct suppression_version from gate_audit") == [(rows[0][1],)]
    with duckdb.connect(str(world.home / WAREHOUSE)) as db, pytest.raises(duckdb.ConstraintException):
        db.execute("update marketing_contacts set passed_gates = passed_gates[2:]")


def test_maintenance_tells_of_objectors_without_their_contacts(world: World) -> None:
    rows = ask(
        world.home, f"{NAMED} select name, restriction, value from maintenance_contacts left join named using (person_id)"
    )
    told: dict[str, set[tuple[str | None, bool]]] = {}
    for name, restriction, value in rows:
        told.setdefault(name, set()).add((restriction, value is None))
    assert told["Pia Posti"] == {("kielto", True)} and told["Taina Tavallinen"] == {(None, False)}
    assert told["Kaisa Kanava"] == {("kielto", True), (None, False)}
    assert told["Konsta Konkurssi"] == {(None, False)}, "bankrupt, and still to be kept right"
    gone = {"Rauno Rajoitettu", "Saara Suoja", "Eero Entinen", "Hannu Hallitus", "Vanha Tieto"}
    assert not (gone | {"Nina Notifioimaton", "Tiina Tilallinen", "Aapo Apulainen", "Nelli Numero"}) & told.keys()


def test_a_recipients_objection_is_left_to_the_delivery(world: World) -> None:
    rows = ask(world.home, f"""{NAMED}
        select recipient_id, name, channel
        from restricted.recipient_objections inner join named using (person_id)""")  # fmt: skip
    assert set(rows) == {
        (recipient, name, channel)
        for recipient, name in (("r1", "Vesa Vastaanottaja"), ("r2", "Kaima Kahdesti"))
        for channel in CHANNELS
    }


def test_organisations_for_marketing_bear_no_objector(world: World) -> None:
    there = {identifier for (identifier,) in ask(world.home, "select business_id from marketing_organisations")}
    gone = {FIRMS[name] for name in ("kielto", "konkurssi", "nimi", "listattu")} | {CLUB}
    gone |= {FIRMS[name] for name in ("vaiti", "liitto", "peite", "kaksi")}
    assert not there & gone and {FIRMS[name] for name in ("koski", "lahti", "toiminimi", "hiljaa", "kaima")} <= there


def test_an_objection_learns_the_keys_of_whom_it_hit(world: World) -> None:
    """So that it still knows them when the data has gone: the new mailbox, and the name at the organisation."""
    number = world.numbers["a new mailbox and number"]
    with store.connect(world.home, write=False):
        known = {(row["kind"], row["key"]) for row in store.rows(world.home, store_keys()) if row["objection_id"] == number}
    later = Told(email=mail("uuno.u"), phone="040 7000015", name="Uuno Uusi", business_id=FIRMS["koski"])
    assert set(subjects.keys(later)) <= known, "its name as well, which a new employer's Uuno has to wait for"
    switchboard = subjects.keys(Told(phone="09 5656 100"))
    number = world.numbers["a number of two"]
    with store.connect(world.home, write=False):
        rows = [row for row in store.rows(world.home, store_keys()) if row["absorbed"]]
    assert number in {row["objection_id"] for row in rows}
    assert not {(row["kind"], row["key"]) for row in rows} & set(switchboard), "what many share is never learnt"


def store_keys() -> Any:
    from ledger.tables import ObjectionKey

    return ObjectionKey


def test_sql_and_python_make_the_same_keys(world: World) -> None:
    """Every kind, from what the models made of the landed rows and what ledger.subjects makes of the same words."""
    held = {(kind, key) for kind, key in ask(world.home, "select distinct kind, key from restricted.subject_keys")}
    told = Told(
        email=mail("aino.makinen"), phone="040 7000016", name="Aino Mäkinen", business_id=FIRMS["koski"], domain="koski.fi"
    )
    made = subjects.keys(told)
    assert {kind for kind, key in made if (kind, key) in held} == {"email", "phone", "name_org", "name_domain", "name"}
    trader = subjects.keys(Told(name="Tarmo Toiminimi", birth_date=date(1961, 1, 1), register_id="H2"))
    assert {kind for kind, key in trader if (kind, key) in held} == {"registry", "name_birth", "name"}
    assert set(subjects.keys(Told(business_id=FIRMS["koski"]), "organisation")) <= held


def test_the_review_is_listed_and_a_person_decides(world: World) -> None:
    """Same: as the objector. Not the same: passes. Revoked by who made it: passes again. The world is another one then."""
    queue = ask(world.home, f"""{NAMED}
        select objection_id, person_id, name, business_id, why
        from restricted.review_queue inner join named using (person_id)""")  # fmt: skip
    number = world.numbers["a new employer, and who was elsewhere before"]
    assert {(row[0], *row[2:]) for row in queue} == {
        (world.numbers[what], name, FIRMS[firm], "new_namesake")
        for (name, firm), what in (*WAITING.items(), (("Kaima Kahdesti", "uusi"), "the second time"))
    }
    (person,) = {row[1] for row in queue if row[0] == number}
    objections.review(world.home, number, person, "same", by_whom="a test", reason="called")
    revoked = objections.add(world.home, Told(email=mail("peruutta.puheensa")), evidence="letter x", by_whom="a test")
    regate(world.home)
    withheld = audited(world.home)
    assert {gate for gate, *_ in withheld["Reijo Rivitalo", "uusi"].values()} == {"OBJECTION_PERSON"}
    assert {gate for gate, *_ in withheld["Peruutta Puheensa", "koski"].values()} == {"OBJECTION_PERSON"}
    objections.review(world.home, number, person, "not_same", by_whom="a test", reason="was wrong")
    objections.revoke(
        world.home, revoked, origin="person", told=Told(email=mail("peruutta.puheensa")), evidence="letter y", by_whom="a test"
    )
    regate(world.home)
    after = passed(world.home)
    assert after["Peruutta Puheensa", "koski"] == CHANNELS
    assert ask(world.home, "select count(*) from restricted.review_queue") == [(len(queue) - 1,)]


def object_at(home: Path, step: str) -> None:
    """All four scopes, of the step's own people."""
    number = STEPS.index(step)
    firm = FIRMS[f"race{2 * number + 1}"]
    told = {
        "person": Told(email=mail(f"kilpa.{number}.person")),
        "phone": Told(phone=f"041 700{number}100"),
        "email": Told(email=mail(f"kilpa.{number}.email")),
        "organisation": Told(business_id=firm),
    }
    for scope in SCOPES:
        objections.add(home, told[scope], scope=scope, evidence=f"{step}, {scope}", by_whom="a test")


def reached(home: Path, step: str) -> set[str]:
    """The scopes whose people the published marketing.duckdb still lets be reached as they have forbidden."""
    number = STEPS.index(step)
    with connect(home, "marketing") as db:
        rows = db.execute("select value, business_id, last_name, channel from marketing_contacts").fetchall()
    firm = FIRMS[f"race{2 * number + 1}"]
    found = {"person" for _, _, name, _ in rows if name == f"S{number}person"}
    found |= {"phone" for value, *_ in rows if value == f"+35841700{number}100"}
    found |= {"email" for value, *_ in rows if value == mail(f"kilpa.{number}.email")}
    return found | {"organisation" for _, identifier, *_ in rows if identifier == firm}


def at_step(wanted: dict[str, Callable[[], None]]) -> Callable[[str], None]:
    """A hook of publish that does something the first time that a step is reached."""
    return lambda step: wanted.pop(step, lambda: None)()


def test_who_objects_while_it_is_published_is_not_in_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever step they come at, and at each look: the last one is taken while nobody else can add to the ledger."""
    publish(world.home)
    everybody = {step: reached(world.home, step) for step in STEPS}
    assert all(scopes == set(SCOPES) for scopes in everybody.values()), "or nothing is proven"
    for step in ("begun", "gated", "copied"):
        monkeypatch.setattr(publishing, "_step", at_step({step: partial(object_at, world.home, step)}))
        publish(world.home)
        assert reached(world.home, step) == set(), step
    looks = iter(("look 1", "look 2", "look 3"))
    seen: list[str] = []

    def at_each_look(step: str) -> None:
        seen.append(step)
        if step == "sealed" and (look := next(looks, None)):
            object_at(world.home, look)

    monkeypatch.setattr(publishing, "_step", at_each_look)
    receipt = publish(world.home)
    assert [reached(world.home, look) for look in ("look 1", "look 2", "look 3")] == [set()] * 3
    assert seen.count("gated again") == 3 and seen[-3:] == ["held", "gated again", "committed"]
    assert receipt.suppression_version == store.suppression_head(world.home).version


def test_who_objects_at_the_last_moment_waits_for_it_and_is_in_no_later_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger is held while the pointer moves: such an objection is received after it, and counts for the next file."""
    for step in ("held", "committed"):
        late = threading.Thread(target=object_at, args=(world.home, step))
        monkeypatch.setattr(publishing, "_step", at_step({step: late.start}))
        before = store.suppression_head(world.home)
        receipt = publish(world.home)
        late.join()
        assert receipt.suppression_version == before.version, "it was not written before the pointer had moved"
        monkeypatch.setattr(publishing, "_step", lambda _: None)
        publish(world.home)
        assert reached(world.home, step) == set()


def test_the_marketing_file_holds_what_passed_and_nothing_else(world: World) -> None:
    receipt = publish(world.home)
    assert receipt.suppression_version == store.suppression_head(world.home).version
    with connect(world.home, "marketing") as db:
        tables = {name for (name,) in db.execute("select table_name from duckdb_tables()").fetchall()}
        assert tables == {"marketing_contacts", "organisations", "about"}
        text = json.dumps(
            db.execute("from marketing_contacts").fetchall() + db.execute("from organisations").fetchall(), default=str
        )
        assert db.execute("select suppression_version from about").fetchall() == [(receipt.suppression_version,)]
    assert "taina.tavallinen@koski.fi" in text
    for objector in ("Posti", "pia.posti", "Mäkinen", "eero.entinen", "Matti Virtanen", "mauno.mattila", "+358407000002"):
        assert objector not in text


def test_what_lands_after_the_build_counts_in_the_next_publication(world: World) -> None:
    """A list of others, and what somebody said in an interview: nobody has to build first."""

    def told() -> set[str]:
        with connect(world.home, "marketing") as db:
            return {
                name for (name,) in db.execute("select last_name from marketing_contacts where channel = 'phone'").fetchall()
            }

    publish(world.home)
    assert {"Listalle", "Haastateltu"} <= told()
    day = LATER + timedelta(days=1)
    path = world.home.parent / f"phone_ban_{day:%Y%m%d}.csv"
    path.write_text("Numero\n0407000007\n0407000067\n", encoding="utf-8")
    external_lists.land(path, day, world.home, accept_bounds="a test")
    publish(world.home)
    assert "Listalle" not in told() and "Haastateltu" in told()
    header = survey_file(LATER).split("\n", 1)[0].replace("suostumus", "kielto")
    row = f"c900;{FIRMS['koski']};Firma Oy;Hilkka;Haastateltu;Talousjohtaja;{mail('hilkka.haastateltu')};040 7000068"
    path = world.home.parent / f"survey-{day}.csv"
    path.write_text(f"{header}\n{row};{day:%d.%m.%Y} 10:00;kyllä;PRT\n", encoding="utf-8")
    survey.land(path, day, world.home, accept_bounds="a test")
    publish(world.home)
    assert "Haastateltu" not in told()
