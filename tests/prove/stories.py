"""Promise: nobody who has objected is ever in what may be used for marketing, and nobody who was erased is back, whatever
happens to them or to their data.

Made-up people live through interviews, new addresses, marriages, new employers, register entries, objections and revocations,
ask to be erased, and are asked again after they have objected or gone, all at once in one lake; after every round the models
run on what has landed and the ledger, and every row of the marketing marts is held against what each person has said. So is
every row of the files that are delivered, also when somebody objects between a publication and a delivery. The oracle knows
nothing of keys: it remembers which told facts belong to whom and compares them by rules of its own.

What the evidence cannot show is not asked of the gates: a second life at another firm under another address, told before the
objection, is nobody's by evidence. One told after it is (gate REVIEW).
"""

import csv
import random
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from bench.bare import Bare
from ingest import lake, synthetic
from ingest.sources.ledger import loader as promises
from ingest.synthetic.server import RegistryServer
from ledger import notices, objections, store
from ledger.subjects import Told
from orchestration import landing
from orchestration.subject import find
from tests.prove import desk

FIRST = date(2024, 1, 2)
DAYS_A_ROUND, KNOWN_DAYS = 7, 60
MARTS = ["marketing_contacts", "marketing_organisations", "gate_audit", "maintenance_contacts", "enr_objection_closure"]
AS_THEY_WERE = {"decay_rates", "decay_rate_history", "enr_decay_intervals", "enr_decay_points", "enr_decay_rates_held_out"}
SURVEY_COLUMNS = [
    "case_id", "y_tunnus", "yhteyshenkilo_etunimi", "yhteyshenkilo_sukunimi", "titteli", "vastuualue", "sahkoposti", "puhelin",
    "kieli", "kutsu_pvm", "viim_yhteys", "tulos", "suostumus", "aikaleima", "vastaaja_itse",
]  # fmt: skip
OFFICER_COLUMNS = [
    "y_tunnus", "toimielin", "rooli", "sukunimi", "etunimet", "syntymaaika", "kansalaisuus", "asuinmaa", "alkupvm", "loppupvm",
    "henkilo_id",
]  # fmt: skip
FORENAMES = ["Päivi", "Mårten", "Aino", "Jörgen", "Sofia-Åsa", "Kaarlo", "Eeva Liisa", "Øystein", "Juhani", "Zoë"]
STEMS = ["Mäki", "Åker", "Söder", "Koski", "Väänä", "Grosse", "Saari", "Hög", "Niemi", "Wæster"]
ENDINGS = ["nen", "lä", "ström", "berg", "mäki", "salo", "holm", "la", "aho", "kvist"]
OTHER_SPELLINGS = {"ä": "ae", "ö": "oe", "å": "aa", "ø": "oe", "æ": "ae", "ü": "ue", "ß": "ss", "ë": "e"}


NAMED = ("place", "domain", "birth")
"""Evidence that tells a name."""
Shown = tuple[str, str, str, str | None, str | None]
"""What is shown of somebody: organisation, channel, value, first name, surname."""


def told_fold(text: str) -> str:
    """The oracle's own idea of a name: marks off, spellings undone, words sorted. Coarse; surnames here are made unlike."""
    plain = "".join(OTHER_SPELLINGS.get(letter, letter) for letter in unicodedata.normalize("NFC", text).lower())
    plain = "".join(c for c in unicodedata.normalize("NFD", plain) if unicodedata.category(c) != "Mn")
    for pair, one in (("ae", "a"), ("aa", "a"), ("oe", "o"), ("oo", "o"), ("ue", "u")):
        plain = plain.replace(pair, one)
    return " ".join(sorted("".join(c if c.isalnum() else " " for c in plain).split()))


def called(first: str, last: str) -> str:
    """By the oracle a person's name: the first forename and the surname."""
    return told_fold(f"{first.split()[0]} {last}")


@dataclass(frozen=True)
class Fact:
    """What was told of a person once."""

    first: str
    last: str
    business_id: str
    email: str | None
    phone: str | None
    register_id: str | None
    round: int

    def evidence(self, born: date) -> set[tuple[str, ...]]:
        """By what somebody could know that two facts are of one person."""
        name = called(self.first, self.last)
        found: set[tuple[str, ...]] = {("place", name, self.business_id)}
        if self.email:
            found |= {("email", self.email), ("domain", name, self.email.split("@")[1])}
        if self.phone:
            found.add(("phone", self.phone))
        if self.register_id:
            found |= {("number", self.register_id), ("birth", name, str(born))}
        return found


@dataclass
class Person:
    """One life. `objection`: its number, the round it was told in and the evidence that it told."""

    number: int
    first: str
    last: str
    born: date
    business_id: str
    email: str | None
    phone: str | None
    register_id: str | None = None
    is_in_register: bool = False
    namesake_of: int | None = None
    facts: list[Fact] = field(default_factory=list)
    objection: int | None = None
    objected_in: int = 0
    objected_by: Told = field(default_factory=Told)
    channel: str | None = None
    known_by: set[tuple[str, ...]] = field(default_factory=set)
    revoked_in: int | None = None
    wants_to_go: bool = False
    erased: set[tuple[str, ...]] = field(default_factory=set)
    """The evidence of what the desk has erased."""
    gone: list[Fact] = field(default_factory=list)
    """What was erased, or told again afterwards."""

    def tell(self, fact: Fact) -> None:
        """What was just told of them: of who was erased nothing lands that the same evidence tells."""
        (self.gone if fact.evidence(self.born) & self.erased else self.facts).append(fact)

    def go(self) -> None:
        """What is told of them by now, as one person by evidence, is erased."""
        reached = self.facts[-1].evidence(self.born)
        while more := [fact for fact in self.facts if fact not in self.gone and fact.evidence(self.born) & reached]:
            self.gone += more
            reached |= set().union(*(fact.evidence(self.born) for fact in more))
        self.facts = [fact for fact in self.facts if fact not in self.gone]
        self.erased |= reached

    @property
    def living(self) -> set[str | None]:
        """Addresses and numbers that were told without a tie to what was erased; nothing could keep them away."""
        return {None} | {value for fact in self.facts for value in (fact.email, fact.phone)}

    def is_told_anew_at(self, gone: Fact) -> bool:
        """Whether somebody of that name, whom nothing ties to who was erased, was told of at the same place: they may be in."""
        place = (called(gone.first, gone.last), gone.business_id)
        return any((called(fact.first, fact.last), fact.business_id) == place for fact in self.facts)

    @property
    def says_no(self) -> bool:
        return self.objection is not None and self.revoked_in is None

    @property
    def no_longer_silent(self) -> bool:
        return self.objection is not None or bool(self.erased)

    def hidden(self) -> list[Fact]:
        """The facts that must not be used: tied to the objection, or told after it under the objector's name."""
        reached = set(self.known_by)
        hidden: list[Fact] = []
        changed = True
        while changed:
            changed = False
            for fact in self.facts:
                if fact not in hidden and fact.evidence(self.born) & reached:
                    hidden.append(fact)
                    reached |= fact.evidence(self.born)
                    changed = True
        # What was tied once stays tied, though the data that tied it may go.
        self.known_by |= reached
        names = {one[1] for one in reached if one[0] in NAMED}
        later = [f for f in self.facts if f.round > self.objected_in and called(f.first, f.last) in names]
        return hidden + [fact for fact in later if fact not in hidden]


@dataclass
class World:
    """One lake and the people in it."""

    home: Path
    dice: random.Random
    people: list[Person]
    companies: list[str]
    bare: Bare
    round: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    free: list[str] = field(default_factory=list)
    erase_every: int = 5
    deliver_every: int = 4

    @property
    def today(self) -> date:
        # The first to object does so when everybody has been known for a while.
        return FIRST + timedelta(days=KNOWN_DAYS * (self.round > 0) + DAYS_A_ROUND * self.round)


def opened(folder: Path, companies: int, seed: int) -> World:
    """A lake with companies of a register, and nobody in it yet."""
    home, source = folder / "lake", folder / "source"
    synthetic.generate(companies, seed, 1, source, start=FIRST, sources=["ytj"])
    with RegistryServer(source, day=FIRST) as server:
        landing.land("ytj", server.url, FIRST, home, accept_bounds="a trial")
    store.create(home)
    desk.open_order(home)
    lake.prepare(home)
    promises.land(None, None, home)
    bare = Bare(home)
    bare.run()
    open_firms = bare.db.execute(
        "select business_id from main.organisations where is_marketing_target and legal_form_group = 'company' order by 1"
    ).fetchall()
    dice = random.Random(seed)
    firms = [row[0] for row in open_firms]
    dice.shuffle(firms)
    return World(home, dice, [], firms, bare, free=list(firms))


def begin(folder: Path, people: int, seed: int) -> World:
    """A lake with companies of a register and people who work there, known from one interview each."""
    world = opened(folder, 6 * people, seed)
    dice = world.dice
    for number in range(people):
        # Every tenth has a namesake elsewhere, who never objects and must not pay for it.
        like = world.people[-1] if number % 10 == 9 else None
        first, last = (like.first, like.last) if like else name(dice, number)
        person = Person(
            number,
            first,
            last,
            date(1950 + number % 50, 1 + number % 12, 1 + number % 28),
            world.free.pop(),
            *address(number, 0),
        )
        person.namesake_of = like.number if like else None
        person.is_in_register = number % 3 == 0 and like is None
        person.register_id = f"H{900_000_000_000 + number}" if person.is_in_register else None
        world.people.append(person)
    land(world, world.people)
    return world


def name(dice: random.Random, number: int) -> tuple[str, str]:
    """A surname of nobody else: the number in letters, between a stem and an ending that may be spelled in many ways."""
    letters = "".join("bdfghklmnprstv"[int(digit)] + "aeiou"[int(digit) % 5] for digit in str(number))
    return FORENAMES[
        number % len(FORENAMES)
    ], f"{STEMS[dice.randrange(len(STEMS))]}{letters}{ENDINGS[dice.randrange(len(ENDINGS))]}"


def address(number: int, change: int) -> tuple[str, str]:
    """A mailbox and a number of nobody else."""
    return f"henkilo{number}.{change}@firma{number}x{change}.example", f"+35850{1_000_000 + number * 40 + change}"


# --- what happens to people ------------------------------------------------------------------------------------------------


def new_email(world: World, person: Person) -> None:
    """Another address, at another domain; the number stays, or what ties the two is gone."""
    if person.phone:
        person.email = address(person.number, world.round)[0]


def new_phone(world: World, person: Person) -> None:
    """Another number; the address stays."""
    if person.email:
        person.phone = address(person.number, world.round)[1]


def spelled_otherwise(world: World, person: Person) -> None:
    """The same name as a keyboard without dots writes it, or in other case."""
    swap = world.dice.choice([str.upper, str.lower, lambda text: "".join(OTHER_SPELLINGS.get(c, c) for c in text)])
    if not person.is_in_register:
        person.first, person.last = swap(person.first), swap(person.last)


def marries(world: World, person: Person) -> None:
    """A new surname at the same address: the address ties them."""
    if (person.email or person.is_in_register) and person.namesake_of is None and not _has_namesake(world, person):
        person.last = name(world.dice, 10_000 + 1_000 * world.round + person.number)[1]


def moves(world: World, person: Person) -> None:
    """Another employer, the same address and number."""
    if world.free and (person.email or person.phone):
        person.business_id = world.free.pop()


def starts_anew(world: World, person: Person) -> None:
    """Another employer, address and number: only the name is the same. Before an objection nobody could tie that."""
    if world.free and person.says_no and person.namesake_of is None and not _has_namesake(world, person):
        person.business_id = world.free.pop()
        person.email, person.phone = address(person.number, world.round)


def loses_address(world: World, person: Person) -> None:
    """Next told without an e-mail address."""
    if person.phone:
        person.email = None


def objects(world: World, person: Person) -> None:
    """Says no, by whatever they like to be known by, in whatever spelling."""
    if person.says_no or person.namesake_of is not None:
        return
    told = [
        Told(email=person.email.upper() if person.email else None),
        Told(phone=person.phone),
        Told(name=f"{person.last.upper()} {person.first.split()[0]}", business_id=person.business_id),
    ]
    if person.is_in_register:
        told.append(Told(name=f"{person.first} {person.last}", birth_date=person.born))
    told = [one for one in told if one.email or one.phone or one.name]
    person.objected_by = one = world.dice.choice(told)
    person.channel = world.dice.choice([None, None, None, "email", "phone", "post"])
    person.objected_in, person.revoked_in = world.round, None
    person.objection = objections.add(
        world.home, one, evidence=f"letter {person.number}-{world.round}", by_whom="a trial", channel=person.channel,
        received_at=datetime.combine(world.today, time(9), UTC).replace(tzinfo=None),
    )  # fmt: skip
    name = told_fold(one.name) if one.name else ""
    person.known_by = {
        *([("email", person.email)] if one.email and person.email else []),
        *([("phone", person.phone)] if one.phone and person.phone else []),
        *([("place", name, one.business_id)] if one.business_id else []),
        *([("birth", name, str(one.birth_date))] if one.birth_date else []),
    }


def revokes(world: World, person: Person) -> None:
    """Takes the no back, as the one who said it."""
    if person.says_no and world.dice.random() < 0.3:
        assert person.objection is not None
        objections.revoke(
            world.home, person.objection, origin="person", told=person.objected_by, evidence="letter", by_whom="a trial"
        )
        person.revoked_in, person.known_by = world.round, set()


def told_again(world: World, person: Person) -> None:
    """Asked again, nothing new."""


def asks_to_be_erased(world: World, person: Person) -> None:
    """By what was told of them last. The desk erases all who have asked at once."""
    person.wants_to_go = bool(person.facts)


ACTIONS: dict[str, Callable[[World, Person], None]] = {
    action.__name__: action
    for action in (
        new_email, new_phone, spelled_otherwise, marries, moves, starts_anew, loses_address, objects, revokes, told_again,
        asks_to_be_erased,
    )
}  # fmt: skip


OFTEN = {"objects": 2, "starts_anew": 2, "asks_to_be_erased": 0.4}
"""How often something happens, if not once among the others."""


def _has_namesake(world: World, person: Person) -> bool:
    return any(other.namesake_of == person.number for other in world.people)


# --- a round ---------------------------------------------------------------------------------------------------------------


def play(world: World, plan: list[tuple[int, str]]) -> None:
    """One round: what is planned happens, is landed and built, and is held against what everybody has said."""
    world.round += 1
    touched = []
    for number, action in plan:
        person = world.people[number % len(world.people)]
        ACTIONS[action](world, person)
        world.steps[action] += 1
        touched.append(person)
    land(world, list({person.number: person for person in touched}.values()))
    check(world)
    if world.round % world.deliver_every == 0:
        deliver(world)
    # After a file has gone out, and never in the last round: what was erased has to be told once more.
    if (world.round + 1) % world.erase_every == 0:
        erase(world)


def land(world: World, told: list[Person]) -> None:
    """What was told of these, and the register of all, lands; the models run and the gates are proven."""
    files = world.home.parent / "files"
    files.mkdir(exist_ok=True)
    day = world.today.strftime("%Y%m%d")
    told = [person for person in told if person.email or person.phone]
    if told:
        _survey(files / f"cati_{day}.csv", world, told)
        landing.land("survey", str(files / f"cati_{day}.csv"), world.today, world.home, accept_bounds="a trial")
    _officers(files / f"{world.today.isoformat()}.csv", world)
    landing.land(
        "prh_officers", str(files / f"{world.today.isoformat()}.csv"), world.today, world.home, accept_bounds="a trial"
    )
    bare = world.bare
    # What nothing of the story can change stays as the first build made it.
    told_models = (
        bare.downstream("stg_survey__decision_makers", "stg_survey__cases", "stg_prh_officers__officers") - AS_THEY_WERE
    )
    bare.run((bare.upstream(*MARTS) & told_models) - _gates(bare))
    new = bare.db.execute(
        "select distinct person_id from enriched.enr_gate_candidates where person_id is not null "
        "and person_id not in (select person_id from staging.stg_ledger__notices)"
    ).fetchall()
    notices.sent(world.home, [row[0] for row in new], channel="post", language="fi", by_whom="a trial")
    prove(world)


def _gates(bare: Bare) -> set[str]:
    return {node["name"] for node in bare.nodes.values() if "gates" in node["tags"]}


def prove(world: World) -> None:
    """The gates against the ledger as it is now."""
    bare = world.bare
    promises.land(None, None, world.home)
    bare.run(bare.upstream(*MARTS) & _gates(bare))
    # What the build has found out of objectors is written down, as after every build; it counts from the next one on.
    objections.absorb(
        world.home, bare.db.execute("select objection_id, kind, key from enriched.enr_objection_closure").fetchall()
    )


def _survey(path: Path, world: World, told: list[Person]) -> None:
    day = world.today.strftime("%-d.%-m.%Y")
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.writer(file, delimiter=";")
        out.writerow(SURVEY_COLUMNS)
        for person in told:
            out.writerow(
                [f"W{world.round}-{person.number}", person.business_id, person.first, person.last, "Markkinointijohtaja", "4",
                 person.email or "", person.phone or "", "fi", day, day, "CMP", "k", f"{day} 10:04", "k"]
            )  # fmt: skip
            person.tell(Fact(person.first, person.last, person.business_id, person.email, person.phone, None, world.round))


def _officers(path: Path, world: World) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.writer(file, delimiter=";")
        out.writerow(OFFICER_COLUMNS)
        out.writerow(
            [world.companies[0], "TJ", "TJ", "Aloittaja", "Aatu", "1960-05-05", "FI", "FI", "2020-01-01", "", "H800000000001"]
        )
        for person in world.people:
            if person.is_in_register:
                out.writerow(
                    [person.business_id, "TJ", "TJ", person.last, person.first, person.born, "FI", "FI", "2020-01-01", "",
                     person.register_id]
                )  # fmt: skip
                fact = Fact(person.first, person.last, person.business_id, None, None, person.register_id, world.round)
                if not any(_replace_round(one) == _replace_round(fact) for one in person.facts + person.gone):
                    person.tell(fact)


def _replace_round(fact: Fact) -> tuple[object, ...]:
    """A fact without the moment it was told."""
    return (fact.first, fact.last, fact.business_id, fact.email, fact.phone, fact.register_id)


def erase(world: World) -> None:
    """The desk erases all who have asked; their sources tell of them again in the rounds to come."""
    asked = [person for person in world.people if person.wants_to_go and person.facts]
    if not asked:
        return
    last = [person.facts[-1] for person in asked]
    questions = [
        find.Question(email=fact.email)
        if fact.email
        else find.Question(phone=fact.phone)
        if fact.phone
        else find.Question(name=f"{fact.first} {fact.last}", business_id=fact.business_id)
        for fact in last
    ]
    found = desk.erased(world.bare, questions)
    world.bare.run()
    for person, is_found in zip(asked, found, strict=True):
        person.wants_to_go = False
        world.steps["erased" if is_found else "not found to be erased"] += 1
        if is_found:
            person.go()
    check(world)


def deliver(world: World) -> None:
    """A file goes out; between the publication and the file some more say no."""
    desk.published(world.bare)
    for person in world.dice.sample(world.people, 3):
        objects(world, person)

    def prove_anew() -> None:
        prove(world)
        desk.published(world.bare)

    rows = desk.delivered(world.bare, datetime.combine(world.today, time(6)), prove_anew)
    nobody_in(
        world,
        [
            (row.business_id, channel, value, row.first_name, row.last_name)
            for row in rows
            for channel, value in (("email", row.email), ("phone", row.phone), ("post", row.lines))
            if value
        ],
    )
    world.steps["files delivered"] += 1
    world.steps["rows delivered"] += len(rows)


# --- the oracle ------------------------------------------------------------------------------------------------------------


def check(world: World) -> None:
    """Raise AssertionError when anybody who says no could be marketed to, when somebody erased is back, or when rows are
    neither let through nor withheld."""
    db = world.bare.db
    rows: list[Shown] = db.execute(
        "select business_id, channel, value, first_name, last_name from main.marketing_contacts"
    ).fetchall()
    organisations = db.execute("select to_json(o)::varchar from main.marketing_organisations as o").fetchall()
    nobody_in(world, rows, "\n".join(text for (text,) in organisations))
    nobody_is_back(world)
    (population,) = db.execute("select count(*) from enriched.enr_gate_candidates").fetchone()
    (withheld,) = db.execute("select count(*) from main.gate_audit").fetchone()
    assert population == withheld + len(rows), "a candidate is neither let through nor withheld"
    # Whoever never said no is there, or the trial would prove nothing.
    kept = {(called(first, last), business_id) for business_id, _, _, first, last in rows if last}
    silent = [p for p in world.people if p.objection is None and not p.erased and p.facts]
    shown = [p for p in silent if (called(p.first, p.last), p.business_id) in kept]
    world.steps["silent people asked for"] += len(silent)
    world.steps["silent people shown"] += len(shown)
    likes = [p for p in silent if p.namesake_of is not None and world.people[p.namesake_of].no_longer_silent]
    world.steps["namesakes of objectors"] += len(likes)
    world.steps["namesakes shown"] += len([p for p in likes if p in shown])


def nobody_in(world: World, rows: list[Shown], texts: str = "") -> None:
    """Raise AssertionError when a row, or a text, shows anybody who says no to it, or who was erased."""
    values = {(value, channel) for _, channel, value, _, _ in rows}
    places = {(called(first, last), business_id, channel) for business_id, channel, _, first, last in rows if first and last}
    for person in world.people:
        said = [(fact, person.channel) for fact in (person.hidden() if person.says_no else [])]
        hidden = [fact for fact, _ in said]
        for fact, only in said + [(fact, None) for fact in person.gone]:
            for channel, value in (("email", fact.email), ("phone", fact.phone)):
                if only in (None, channel) and (fact in hidden or value not in person.living):
                    assert (value, channel) not in values, _leak(world, person, fact, f"their {channel}")
                    assert not value or value not in texts, _leak(world, person, fact, f"their {channel} as a firm's")
            for channel in ("email", "phone", "post"):
                if only in (None, channel) and (fact in hidden or not person.is_told_anew_at(fact)):
                    place = (called(fact.first, fact.last), fact.business_id, channel)
                    assert place not in places, _leak(world, person, fact, f"their place by {channel}")


def nobody_is_back(world: World) -> None:
    """Raise AssertionError when the lake tells anything of who was erased."""
    told = world.bare.db.execute(
        "select email, phone, business_id, names from enriched.enr_person_mentions "
        "union all select value, value, business_id, [] from main.contact_points"
    ).fetchall()
    values = {value for email, phone, _, _ in told for value in (email, phone)}
    places = {
        (called(name["first_name"], name["last_name"]), business_id)
        for _, _, business_id, names in told
        for name in names
        if name["first_name"] and name["last_name"]
    }
    for person in world.people:
        for fact in person.gone:
            assert not ({fact.email, fact.phone} - person.living) & values, _leak(world, person, fact, "what was erased and")
            if not person.is_told_anew_at(fact):
                place = (called(fact.first, fact.last), fact.business_id)
                assert place not in places, _leak(world, person, fact, "who was erased and")


def _leak(world: World, person: Person, fact: Fact, what: str) -> str:
    return (
        f"round {world.round}: person {person.number} said no in round {person.objected_in} (channel {person.channel}, by "
        f"{[name for name, value in vars(person.objected_by).items() if value]}), and {what} told in round {fact.round} is in"
    )


def trial(
    folder: Path, people: int, rounds: int, seed: int, plans: list[list[tuple[int, str]]] | None = None, *,
    erase_every: int = 5, deliver_every: int = 4,
) -> Counter[str]:  # fmt: skip
    """One world from its beginning through its rounds; returns how often what was done. Raises AssertionError at a leak.

    deliver_every: every so many rounds a file goes out. erase_every: likewise, and a round earlier, the desk erases.
    """
    world = replace(begin(folder, people, seed), erase_every=erase_every, deliver_every=deliver_every)
    names = list(ACTIONS)
    weights = [OFTEN.get(name, 1) for name in names]
    try:
        for number in range(rounds):
            plan = plans[number] if plans else [(n, world.dice.choices(names, weights)[0]) for n in range(people)]
            play(world, plan)
        return world.steps
    finally:
        world.bare.close()
