"""The standing gates: in a small world made by hand each withholds one row that a twin beside it passes with, and one person's
objection follows them through new addresses, spellings and employers.
"""

import csv
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.sources.associations import loader as associations
from ingest.sources.external_lists import loader as external_lists
from ingest.sources.prh_officers import loader as officers
from ingest.sources.survey import loader as survey
from ledger import notices, objections, store, subjects
from ledger.subjects import Told
from orchestration import gating, settings
from orchestration import publish as publishing
from orchestration.build import build
from orchestration.publish import connect, publish
from orchestration.state import WAREHOUSE, writer
from tests.test_marts import Lake, business_id, company
from tests.test_yrtti import body, write

LONG_AGO, FIRST, SAID, LATER = date(2023, 3, 1), date(2026, 3, 2), datetime(2026, 4, 20, 12), date(2026, 6, 1)
# The last day that is not too old on the last day of the world, and the one before.
OLDEST, TOO_OLD = LATER - timedelta(days=730), LATER - timedelta(days=731)
FIRMS = {name: business_id(100 + number) for number, name in enumerate((
    "koski", "lahti", "kielto", "konkurssi", "toiminimi", "nimi", "listattu", "vaihde", "uusi", "toinen", "domain", "katu",
    "sakset", "tila", "varjo",
))}  # fmt: skip
CLUB = business_id(150)
# Who objects in the middle of a publication: at each of its steps a person, a number, a mailbox and a whole firm.
STEPS = ("begun", "gated", "copied", "sealed", "look 1", "look 2", "look 3", "held", "committed")
SCOPES = ("person", "phone", "email", "organisation")
FIRMS |= {f"race{number}": business_id(160 + number) for number in range(2 * len(STEPS))}
CHANNELS = {"email", "phone", "post"}


@dataclass(frozen=True)
class Report:
    """A row of a survey: somebody with title, mailbox and number at a firm, told on a day."""

    name: str
    firm: str = "koski"
    email: str = ""
    phone: str = ""
    day: date = FIRST


@dataclass(frozen=True)
class Role:
    """A place in the register."""

    name: str
    firm: str = "koski"
    born: str = ""
    number: str = ""
    organ: str = "TJ"
    role: str = "TJ"
    day: date = FIRST


@dataclass(frozen=True)
class Said:
    """An objection, and what comes of it: (name, firm) -> channels that pass, as a person; None as an organisation."""

    what: str
    told: Told
    passes: dict[tuple[str | None, str], set[str]]
    gate: str = "OBJECTION_PERSON"
    options: dict[str, Any] = field(default_factory=dict)


def mail(local: str, firm: str = "koski") -> str:
    return f"{local}@{firm}.fi"


PEOPLE: list[Report | Role] = [
    Report("Taina Tavallinen", email=mail("taina.tavallinen"), phone="040 7000001"),
    Report("Saara Suoja", email=mail("saara.suoja"), phone="040 7000002"),
    Report("Eero Entinen", email=mail("eero.entinen"), phone="040 7000003"),
    Report("Rauno Rajoitettu", email=mail("rauno.rajoitettu")),
    Report("Pia Posti", email=mail("pia.posti"), phone="040 7000004"),
    Report("Kaisa Kanava", email=mail("kaisa.kanava"), phone="040 7000005"),
    Report("Olli Orga", "kielto", mail("olli.orga", "kielto"), "040 7000006"),
    Report("Irja Info", "kielto", mail("info", "kielto")),
    Report("Lasse Lista", "lahti", mail("lasse.lista", "lahti"), "040 7000007"),
    Report("Liisa Lista", "listattu", mail("liisa.lista", "listattu"), "040 7000008"),
    Role("Hannu Hallitus", organ="HAL", role="J", born="1960-01-01", number="H1"),
    Report("Konsta Konkurssi", "konkurssi", mail("konsta.konkurssi", "konkurssi"), "040 7000009"),
    Report("Nina Notifioimaton", email=mail("nina.notifioimaton"), phone="040 7000010"),
    Role("Tarmo Toiminimi", "toiminimi", "1961-01-01", "H2", "ELI", "ELI"),
    Role("Tuija Toimija", "sakset", "1962-01-01", "H3", "ELI", "ELI"),
    Report("Tarmo Toiminimi", "toiminimi", mail("tarmo.toiminimi", "toiminimi"), "040 7000011"),
    Report("Ville Vapaa", email="ville.vapaa@gmail.com", phone="040 7000012"),
    Report("Vanha Tieto", email=mail("vanha.tieto"), phone="040 7000013", day=LONG_AGO),
    # One person's ways: new mailbox, spellings, new employers.
    Report("Uuno Uusi", email=mail("uuno.uusi"), phone="040 7000014"),
    Report("Uuno Uusi", email=mail("uuno.u"), phone="040 7000015", day=LATER),
    Report("Aino Mäkinen", email=mail("aino.makinen"), phone="040 7000016"),
    Report("Åke Åberg", email=mail("ake"), phone="040 7000017"),
    Report("Åke Åberg", "uusi", mail("ake.a"), day=LATER),
    Role("Birger Syntynyt", born="1970-05-05"),
    Role("Birger Syntynyt", "uusi", born="1970-05-05", day=LATER),
    Role("Birger Syntynyt", "toinen", born="1981-05-05", day=LATER),
    Report("Reijo Rivitalo", email=mail("reijo.rivitalo"), phone="040 7000018"),
    Report("Reijo Rivitalo", "uusi", mail("reijo", "uusi"), "040 7000019", LATER),
    Report("Reijo Rivitalo", "toinen", mail("rivitalo", "toinen"), "040 7000020"),
    Report("Peruutta Puheensa", email=mail("peruutta.puheensa"), phone="040 7000021"),
    *(Report(f"{name} Vaihde", "vaihde", mail(f"{name.lower()}.vaihde", "vaihde"), "09 5656 100")
      for name in ("Anna", "Beata", "Celia", "Diana", "Elsa")),
    Report("Jaana Jaettu", "lahti", mail("jaana", "lahti"), "040 7000022"),
    Report("Joni Jaettu", "lahti", mail("joni", "lahti"), "040 7000022"),
    Report("Matti Virtanen", "nimi", mail("matti", "nimi"), "040 7000023"),
    Report("Muu Mukana", "nimi", mail("muu.mukana", "nimi"), "040 7000024"),
    Report("Vesa Vastaanottaja", email=mail("vesa.vastaanottaja"), phone="040 7000025"),
    Report("Kysy Kysymatta", email=mail("kysy.kysymatta"), phone="040 7000026"),
    Report("Daavid Domain", "domain", mail("daavid.domain", "domain"), "040 7000027"),
    Report("Katri Katu", "katu", mail("katri.katu", "katu"), "040 7000028"),
    Report("Seppo Seura", email=mail("seppo.seura"), phone="040 7000030"),
    Report("Ikuinen Tieto", email=mail("ikuinen.tieto"), phone="040 7000061", day=OLDEST),
    Report("Liian Vanha", email=mail("liian.vanha"), phone="040 7000062", day=TOO_OLD),
    Report("Tupla Kielto", email=mail("tupla.kielto"), phone="040 7000063"),
    Report("Monta Kieltoa", email=mail("monta.kieltoa"), phone="040 7000064"),
    Report("Aune Keskinen", email=mail("aune.keskinen"), phone="040 7000065"),
    # Nobody has told the trader; a member of some board of the firm they have.
    Role("Tiina Tilallinen", "tila", "1963-01-01", "H4", "ELI", "ELI"),
    Role("Paavo Prokura", "tila", "1964-01-01", "H5", "HAL", "J"),
    # A namesake who begins to trade after somebody has objected.
    Report("Toivo Toiminta", email=mail("toivo.toiminta"), phone="040 7000066"),
    Role("Toivo Toiminta", "varjo", "1965-01-01", "H6", "ELI", "ELI", LATER),
    # Named by a list, and in an interview, that come after the build.
    Report("Lauri Listalle", email=mail("lauri.listalle"), phone="040 7000067"),
    Report("Hilkka Haastateltu", email=mail("hilkka.haastateltu"), phone="040 7000068"),
    Report("Numero Yksi", "lahti", mail("numero.yksi", "lahti"), "040 7000029"),
]  # fmt: skip
PEOPLE += [
    Report(
        f"Kilpa S{step}{scope}",
        f"race{2 * step + (scope == 'organisation')}",
        mail(f"kilpa.{step}.{scope}"),
        f"041 700{step}{place}00",
    )
    for step, _ in enumerate(STEPS)
    for place, scope in enumerate(SCOPES)
]
ALL = set(CHANNELS)
SAYINGS = [
    Said("safety", Told(name="Saara Suoja", business_id=FIRMS["koski"]), {("Saara Suoja", "koski"): set()}, "SAFETY",
         {"kind": "safety", "channel": "email"}),
    Said("erased", Told(email=mail("eero.entinen")), {("Eero Entinen", "koski"): set()}, "ERASED",
         {"kind": "erasure", "purpose": "survey"}),
    Said("restricted", Told(email=mail("rauno.rajoitettu")), {("Rauno Rajoitettu", "koski"): set()},
         options={"kind": "restriction"}),
    Said("by e-mail, with a tag and in capitals", Told(email="PIA.Posti+uutiset@koski.fi"), {("Pia Posti", "koski"): set()}),
    Said("one channel", Told(email=mail("kaisa.kanava")), {("Kaisa Kanava", "koski"): {"email", "post"}},
         "OBJECTION_CHANNEL", {"channel": "phone"}),
    Said("an organisation", Told(business_id=FIRMS["kielto"]), {("Olli Orga", "kielto"): set(), (None, "kielto"): set()},
         "OBJECTION_ORGANISATION", {"scope": "organisation"}),
    Said("a new mailbox and number", Told(email=mail("uuno.uusi")), {("Uuno Uusi", "koski"): set()}),
    Said("another spelling", Told(name="MAEKINEN, AINO", business_id=FIRMS["koski"]), {("Aino Mäkinen", "koski"): set()}),
    Said("a rare spelling, and the domain kept elsewhere", Told(name="Ake Oberg", business_id=FIRMS["koski"]),
         {("Åke Åberg", "koski"): set(), ("Åke Åberg", "uusi"): set()}),
    Said("a new employer, born the same day", Told(name="Birger Syntynyt", birth_date=date(1970, 5, 5)),
         {("Birger Syntynyt", "koski"): set(), ("Birger Syntynyt", "uusi"): set(), ("Birger Syntynyt", "toinen"): {"post"}}),
    Said("a new employer, and who was elsewhere before", Told(name="Reijo Rivitalo", email=mail("reijo.rivitalo")),
         {("Reijo Rivitalo", "koski"): set(), ("Reijo Rivitalo", "toinen"): ALL}),
    Said("a shared switchboard", Told(email=mail("anna.vaihde", "vaihde"), phone="09 5656 100"),
         {("Anna Vaihde", "vaihde"): set(), ("Beata Vaihde", "vaihde"): ALL, ("Elsa Vaihde", "vaihde"): ALL}),
    Said("a number of two", Told(email=mail("jaana", "lahti")),
         {("Jaana Jaettu", "lahti"): set(), ("Joni Jaettu", "lahti"): set()}),
    Said("a firm of that name", Told(email=mail("matti", "nimi")),
         {("Matti Virtanen", "nimi"): set(), (None, "nimi"): set(), ("Muu Mukana", "nimi"): ALL}),
    Said("a sole trader under another name", Told(register_id="H3"),
         {("Tuija Toimija", "sakset"): set(), (None, "sakset"): set()}),
    Said("one recipient", Told(email=mail("vesa.vastaanottaja")), {("Vesa Vastaanottaja", "koski"): ALL},
         options={"recipient": "r1"}),
    Said("surveys only", Told(email=mail("kysy.kysymatta")), {("Kysy Kysymatta", "koski"): ALL}, options={"purpose": "survey"}),
    Said("a domain", Told(domain="domain.fi"), {("Daavid Domain", "domain"): {"phone", "post"}}, "OBJECTION_ORGANISATION",
         {"scope": "domain"}),
    Said("an address", Told(address="Testikatu 12", postcode="00100"),
         {("Katri Katu", "katu"): {"email", "phone"}, (None, "katu"): set()}, "OBJECTION_CHANNEL", {"scope": "address"}),
    Said("a number, whoever has it", Told(phone="0407000029"), {("Numero Yksi", "lahti"): {"email", "post"}},
         "OBJECTION_CHANNEL", {"scope": "phone"}),
    Said("whose own number an association has", Told(email=mail("seppo.seura")), {("Seppo Seura", "koski"): set()}),
    Said("twice", Told(phone="040 7000063"), {("Tupla Kielto", "koski"): set()}),
    Said("twice, the second time", Told(email=mail("tupla.kielto")), {}),
    Said("several things, first a channel", Told(phone="040 7000064"), {}, "OBJECTION_CHANNEL", {"channel": "phone"}),
    Said("several things, then all", Told(name="Monta Kieltoa", business_id=FIRMS["koski"]),
         {("Monta Kieltoa", "koski"): set()}, "ERASED", {"kind": "erasure"}),
    Said("with all forenames", Told(name="Aune Maria Keskinen", business_id=FIRMS["koski"]),
         {("Aune Keskinen", "koski"): set()}),
    Said("and a namesake who trades later", Told(email=mail("toivo.toiminta")), {("Toivo Toiminta", "koski"): set()}),
    Said("the mailbox of an association", Told(name="Mauno Mattila", email=mail("mauno.mattila", "seura")), {}),
]  # fmt: skip
TRADES_LATER = {("Toivo Toiminta", "varjo"), (None, "varjo")}
UNTOLD = {"Nina Notifioimaton", "Tiina Tilallinen"}
TWINS = {  # gate -> who does not pass it, on which channels, and a twin of theirs who passes on the same
    "EXTERNAL_LIST": (("Lasse Lista", "lahti"), {"phone"}, ("Taina Tavallinen", "koski")),
    "ROLE_EXCLUDED": (("Hannu Hallitus", "koski"), {"post"}, ("Taina Tavallinen", "koski")),
    "ORGANISATION_STATUS": (("Konsta Konkurssi", "konkurssi"), CHANNELS, ("Taina Tavallinen", "koski")),
    "NOTICE_DUE": (("Nina Notifioimaton", "koski"), CHANNELS, ("Taina Tavallinen", "koski")),
    "LEGAL_FORM_CHANNEL": (("Tarmo Toiminimi", "toiminimi"), {"email"}, ("Taina Tavallinen", "koski")),
    "STALE": (("Vanha Tieto", "koski"), CHANNELS, ("Taina Tavallinen", "koski")),
    "REVIEW": (("Reijo Rivitalo", "uusi"), CHANNELS, ("Reijo Rivitalo", "toinen")),
}


def firms() -> list[dict[str, Any]]:
    """The register: each at an address of its own."""
    told = []
    for number, (name, identifier) in enumerate(FIRMS.items(), start=1):
        office = {"city": "HELSINKI", "languageCode": "1", "municipalityCode": "091"}
        address = {
            "type": 2, "street": "Testikatu", "buildingNumber": str(number), "postCode": "00100", "postOffices": [office],
            "registrationDate": "2020-01-01", "source": "0",
        }  # fmt: skip
        more: dict[str, Any] = {"addresses": [address | {"type": 1}, address]}
        if name == "konkurssi":
            more["companySituations"] = [{"type": "KONK", "registrationDate": "2025-01-01", "source": "1"}]
        if name in ("toiminimi", "sakset", "tila", "varjo"):
            more["companyForms"] = [{"type": "26", "registrationDate": "2020-01-01", "version": 1, "source": "1"}]
        shown = {"toiminimi": "Tmi Tarmo Toiminimi", "nimi": "Rakennus Matti Virtanen Oy"}.get(name, f"{name.title()} Oy")
        told.append(company(identifier, shown, **more))
    return told


def officer_file(day: date) -> str:
    """Everybody in the register on a day."""
    lines = ["y_tunnus;toimielin;rooli;sukunimi;etunimet;syntymaaika;kansalaisuus;asuinmaa;alkupvm;loppupvm;henkilo_id"]
    for row in PEOPLE:
        if isinstance(row, Role) and row.day <= day:
            first, last = row.name.split(" ")
            lines.append(f"{FIRMS[row.firm]};{row.organ};{row.role};{last};{first};{row.born};FI;FI;2020-01-01;;{row.number}")
    return "\n".join(lines) + "\n"


def survey_file(day: date) -> str:
    """What the survey of a day brought."""
    lines = ["case_id;y_tunnus;yritys;etunimi;sukunimi;titteli;sahkoposti;puhelin;aikaleima;suostumus;disposition"]
    for number, row in enumerate(PEOPLE):
        if isinstance(row, Report) and row.day == day:
            first, last = row.name.split(" ")
            told = f"{first};{last};Talousjohtaja;{row.email};{row.phone};{row.day:%d.%m.%Y} 10:00;kyllä;PRT"
            lines.append(f"c{number};{FIRMS[row.firm]};Firma Oy;{told}")
    return "\n".join(lines) + "\n"


def land(home: Path) -> None:
    lake = Lake(home, home)
    for day in (LONG_AGO, TOO_OLD, OLDEST, FIRST, LATER):
        if day >= FIRST:
            lake.land_bulk(day, firms())
            path = home.parent / f"officers-{day}.csv"
            path.write_text(officer_file(day), encoding="utf-8")
            officers.land(path, day, home, accept_bounds="a test")
        path = home.parent / f"survey-{day}.csv"
        path.write_text(survey_file(day), encoding="utf-8")
        survey.land(path, day, home, accept_bounds="a test")
    club = body("195.883", BusinessId=CLUB, ContactInfo={"Email": mail("mauno.mattila", "seura"), "Phone": "040 7000030"})
    associations.land(write(home.parent / "clubs", club), LATER, home, accept_bounds="a test")
    for name, text in (("phone_ban", "Numero\n0407000007\n"), ("organisation_ban", f"Y-tunnus\n{FIRMS['listattu']}\n")):
        path = home.parent / f"{name}_{LATER:%Y%m%d}.csv"
        path.write_text(text, encoding="utf-8")
        external_lists.land(path, LATER, home, accept_bounds="a test")


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


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One build of two days; then everybody but one is noticed and, between the days, all the objections are made."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("gates") / "lake"
        patch.setenv("KOHDE_HOME", str(home))
        patch.setenv("DAGSTER_HOME", str(home / "dagster"))
        land(home)
        build(home)
        people = ask(home, f"{NAMED} select person_id, name from named")
        notices.sent(home, [p for p, name in people if name not in UNTOLD], channel="post", language="fi", by_whom="a test")
        regate(home)
        before = passed(home)
        numbers = {
            said.what: objections.add(
                home, said.told, evidence=f"letter {number}", by_whom="a test", received_at=SAID, **said.options
            )
            for number, said in enumerate(SAYINGS)
        }
        regate(home)
        yield World(home, before, numbers)


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
        TWINS["REVIEW"][0],
        *TRADES_LATER,
    }
    after = passed(world.home)
    assert {s: c for s, c in world.before.items() if s not in meant} == {s: c for s, c in after.items() if s not in meant}
    assert ("Taina Tavallinen", "koski") in after and (None, "koski") in after


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
    assert not {"Rauno Rajoitettu", "Saara Suoja", "Eero Entinen", "Hannu Hallitus", "Vanha Tieto", *UNTOLD} & told.keys()


def test_a_recipients_objection_is_left_to_the_delivery(world: World) -> None:
    rows = ask(world.home, f"""{NAMED}
        select recipient_id, name, channel
        from restricted.recipient_objections inner join named using (person_id)""")  # fmt: skip
    assert set(rows) == {("r1", "Vesa Vastaanottaja", channel) for channel in CHANNELS}


def test_organisations_for_marketing_bear_no_objector(world: World) -> None:
    there = {identifier for (identifier,) in ask(world.home, "select business_id from marketing_organisations")}
    gone = {FIRMS[name] for name in ("kielto", "konkurssi", "nimi", "listattu")} | {CLUB}
    assert not there & gone and {FIRMS["koski"], FIRMS["lahti"], FIRMS["toiminimi"]} <= there


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
        (number, "Reijo Rivitalo", FIRMS["uusi"], "new_namesake"),
        (world.numbers["and a namesake who trades later"], "Toivo Toiminta", FIRMS["varjo"], "new_namesake"),
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
    assert ask(world.home, "select count(*) from restricted.review_queue") == [(1,)]


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
