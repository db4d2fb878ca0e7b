"""Take an objection and answer what it did: whom it finds in what is published, and who has received their data.

The answer counts; it names nobody but the recipients, for whoever asks may not be who is found.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from ingest import people, tabular
from ingest.lake import LandingRefused
from ingest.source import Layout
from ledger import disclosures, keys, objections, subjects
from ledger.objections import Saying
from ledger.store import LedgerRefused
from orchestration import publish
from orchestration.state import Refused

SHAREABLE = ("email", "phone")

LAYOUT = Layout(
    required=[],
    columns={
        "name": ["nimi", "henkilö", "namn", "person"],
        "first_name": ["etunimi", "förnamn"],
        "last_name": ["sukunimi", "efternamn"],
        "email": ["sähköposti", "sähköpostiosoite", "s-posti", "e-post", "e-mail"],
        "phone": ["puhelin", "puhelinnumero", "telefon", "tel", "mobile", "matkapuhelin"],
        "business_id": ["y-tunnus", "ytunnus", "fo-nummer"],
        "birth_date": ["syntymäaika", "födelsedatum", "date of birth"],
        "domain": ["verkkotunnus", "domän"],
        "address": ["osoite", "katuosoite", "adress", "street"],
        "postcode": ["postinumero", "postnummer", "zip"],
        "scope": ["laajuus", "omfattning"],
        "purpose": ["tarkoitus", "ändamål"],
        "channel": ["kanava", "kanal"],
        "received_at": ["vastaanotettu", "pvm", "päivämäärä", "mottagen", "datum", "date"],
    },
    digits=["phone", "postcode"],
)
"""What the columns of a list of objections may be called."""


@dataclass
class Answer:
    """What an objection did. hits: kind of key -> how many persons and places it found. added_keys: of those persons."""

    objection_id: int
    looked_in: str | None
    hits: dict[str, dict[str, int]] = field(default_factory=dict)
    persons: int = 0
    added_keys: int = 0
    disclosures: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class RowReceipt:
    """What became of one row of a list: taken, known (told before) or refused with its reason; never a value of it."""

    row: int
    outcome: str
    reason: str | None = None


def add(home: Path, saying: Saying) -> Answer:
    """Write an objection down with the keys of whom it finds, so that it counts wherever they turn up. Raises LedgerRefused."""
    if said := objections.fault(saying):
        raise LedgerRefused(said)
    found = find(home, saying)
    number = objections.say(home, replace(saying, extra_keys=found.keys))
    listed = disclosures.of(home, [*found.person_ids, *found.former_ids], found.business_ids)
    shown = ("recipient_id", "recipient_name", "recipient_business_id", "file", "disclosed_at", "purpose", "valid_until")
    received = {tuple(row[column] for column in shown): {column: row[column] for column in shown} for row in listed}
    return Answer(
        number, found.version, found.hits, len(found.person_ids), len(found.keys), disclosures=list(received.values())
    )


@dataclass(frozen=True)
class Found:
    """Whom keys find in the published version (its name; None when nothing is published)."""

    version: str | None
    person_ids: list[str] = field(default_factory=list)
    business_ids: list[str] = field(default_factory=list)
    keys: tuple[tuple[str, str], ...] = ()
    hits: dict[str, dict[str, int]] = field(default_factory=dict)
    former_ids: list[str] = field(default_factory=list)


def find(home: Path, saying: Saying) -> Found:
    """Look for the keys of an objection in what is published; the keys of persons found are those that tell them apart."""
    try:
        folder = publish.current(home)
    except Refused:
        return Found(None)
    secret = keys.current()
    # What is published may be of before the last rotation.
    wanted = {pair for key in secret.all() for pair in subjects.strong(subjects.keys(saying.told, saying.scope, key))}
    with publish.connect(home, "registry") as db:
        try:
            db.execute("create temp table wanted (kind varchar, key varchar)")
            db.executemany("insert into wanted values (?, ?)", sorted(wanted) or [("", "")])
            rows = db.execute(
                f"""select kind, person_id, business_id from restricted.subject_keys inner join wanted using (kind, key)
                    where holders <= {subjects.SHARED_BY} or kind not in {SHAREABLE}"""
            ).fetchall()
            hit = sorted({person for _, person, _ in rows if person}) if saying.scope == "person" else []
            theirs = db.execute(
                f"""select distinct kind, key from restricted.subject_keys
                    where person_id in (select unnest(?::varchar[])) and kind <> 'name' and kind <> 'organisation'
                        and kind <> 'domain' and (holders <= {subjects.SHARED_BY} or kind not in {SHAREABLE})""",
                [hit],
            ).fetchall()
        except duckdb.CatalogException:
            return Found(None)  # published before there were gates
        former = _former_ids(db, hit)
    persons: dict[str, set[str]] = {}
    places: dict[str, set[str]] = {}
    for kind, person, place in rows:
        persons.setdefault(kind, set()).update([person] if person else [])
        places.setdefault(kind, set()).update([place] if place else [])
    hits = {kind: {"persons": len(persons[kind]), "places": len(places[kind])} for kind in sorted(persons)}
    theirs = [*theirs, *(("person", person) for person in hit)]
    brought = secret.brought([key for _, key in theirs])
    added = tuple(sorted({(kind, key) for (kind, _), key in zip(theirs, brought, strict=True) if key}))
    of_organisations = sorted(set.union(set(), *places.values())) if saying.scope == "organisation" else []
    return Found(
        folder.name,
        [p for p in secret.brought(hit) if p],
        of_organisations,
        added,
        hits,
        [p for p in secret.brought(former) if p],
    )


def _former_ids(db: duckdb.DuckDBPyConnection, person_ids: list[str]) -> list[str]:
    """By which persons were known before two turned out to be one."""
    sql = "select former_person_id from restricted.person_redirects where person_id in (select unnest(?::varchar[]))"
    try:
        return [former for (former,) in db.execute(sql, [person_ids]).fetchall()]
    except duckdb.CatalogException:
        return []  # published before it was told


def take_list(
    home: Path, file: Path, *, origin: str, party: str | None, by_whom: str, purpose: str = "marketing"
) -> list[RowReceipt]:
    """Take a list of objections (CSV or XLSX): each row is taken, known or refused by itself; the same file adds nothing twice.

    Nothing of the file is kept but keys. Raises LandingRefused when it cannot be read as a whole, LedgerRefused.
    """
    table = tabular.read(file, LAYOUT)
    if not {"name", "last_name", "email", "phone", "business_id", "domain", "address"} & table.headers.keys():
        raise LandingRefused("header_mismatch", f"{file.name}: no column that says who objects")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    receipts = [RowReceipt(row["_position"], "refused", row["_reason"]) for row in table.refused.to_dicts()]
    rows = table.rows.with_columns(
        born=people.moment("birth_date", date.today()) if table.has("birth_date") else None,
        told_at=people.moment("received_at", date.today()) if table.has("received_at") else None,
    )
    sayings: list[tuple[int, Saying]] = []
    for row in rows.to_dicts():
        saying = _of_row(row, f"list:{digest}:{row['_position']}", origin, party, by_whom, purpose)
        if said := objections.fault(saying):
            receipts.append(RowReceipt(row["_position"], "refused", said))
        else:
            sayings.append((row["_position"], saying))
    before = {row["objection_id"] for row in objections.every(home)} if sayings else set()
    numbers = objections.add_all_numbered(home, [saying for _, saying in sayings]) if sayings else []
    receipts += [
        RowReceipt(position, "known" if number in before else "taken")
        for (position, _), number in zip(sayings, numbers, strict=True)
    ]
    return sorted(receipts, key=lambda receipt: receipt.row)


def _of_row(row: dict[str, Any], evidence: str, origin: str, party: str | None, by_whom: str, purpose: str) -> Saying:
    name = row["name"] or " ".join(filter(None, [row["first_name"], row["last_name"]])) or None
    born: datetime | None = row["born"]
    told = subjects.Told(
        email=row["email"], phone=row["phone"], name=name, business_id=row["business_id"], domain=row["domain"],
        birth_date=born.date() if born else None, address=row["address"], postcode=row["postcode"],
    )  # fmt: skip
    said = {column: (row[column] or "").strip().lower() or None for column in ("scope", "purpose", "channel")}
    told_at: datetime | None = row["told_at"]
    return Saying(
        told, evidence, by_whom, scope=said["scope"] or scope_of(told), purpose=said["purpose"] or purpose,
        channel=said["channel"], origin=origin, party=party,
        received_at=told_at.astimezone(UTC).replace(tzinfo=None) if told_at else None,
    )  # fmt: skip


def scope_of(told: subjects.Told) -> str:
    """What an objection is about when nobody says: a person if anything of one is told, else what is there."""
    if told.name or told.email or told.phone or told.birth_date or told.person_id or told.register_id:
        return "person"
    return "organisation" if told.business_id else "domain" if told.domain else "address"


def counted(receipts: list[RowReceipt]) -> dict[str, int]:
    """How many rows came to which end."""
    return dict(Counter(receipt.outcome for receipt in receipts))


def waiting(home: Path) -> list[dict[str, Any]]:
    """Who waits for a decision in the published version: objection, person, organisation, why. Raises Refused."""
    decided = {(row["objection_id"], row["person_id"]) for row in objections.reviews(home)}
    with publish.connect(home, "registry") as db:
        try:
            found = db.execute("select * from restricted.review_queue order by all")
        except duckdb.CatalogException:
            raise Refused("the published version knows no review queue: run `kohde build` and `kohde publish`") from None
        names = [column for column, *_ in found.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return [row for row in rows if (row["objection_id"], row["person_id"]) not in decided]
