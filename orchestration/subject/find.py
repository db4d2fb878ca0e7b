"""Who a person is in the lake: from what they tell of themselves to their id, and from the id to all that is theirs.

Nothing told here is ever repeated in an answer: messages say how many, and what would tell them apart.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from base.normalise import business_id as normal_business_id
from base.normalise import email as normal_email
from base.normalise import name_keys
from base.normalise import phone as normal_phone
from ingest.lake import literal
from ingest.needles import Person, spellings
from ledger import subjects
from ledger.subjects import Told
from orchestration.state import WAREHOUSE, BuildState, Refused

Name = tuple[str | None, str | None, str | None]
"""First names, surname, or the whole in one."""


@dataclass(frozen=True)
class Question:
    """What somebody tells of a person, in any spelling. A name needs an organisation or a date of birth beside it."""

    email: str | None = None
    phone: str | None = None
    name: str | None = None
    business_id: str | None = None
    birth_date: date | None = None
    person_id: str | None = None


@dataclass(frozen=True)
class Subject:
    """All by which one person is known: for the files (`person`), for the ledger (`told`, `extra_keys`), for the record.

    former_ids: by which the ledger may know them from before two persons turned out to be one.
    """

    person_id: str
    person: Person
    told: list[Told] = field(default_factory=list)
    record_keys: frozenset[str] = frozenset()
    mentions: frozenset[str] = frozenset()
    former_ids: frozenset[str] = frozenset()

    @property
    def ids(self) -> list[str]:
        """The person's id and the former ones."""
        return [self.person_id, *sorted(self.former_ids)]

    def all_keys(self) -> list[tuple[str, str]]:
        """Every strong key, sorted: what stays when all else has gone."""
        found = {pair for told in self.told for pair in subjects.strong(subjects.keys(told))}
        for number in self.person.organisations:
            found |= set(subjects.keys(Told(business_id=number), "organisation"))
        return sorted(found)


@contextmanager
def warehouse(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The last build, read-only. Raises Refused when there is none, or one is running."""
    if not (home / WAREHOUSE).exists():
        raise Refused("nothing is built yet, so nobody can be found: run `kohde build` first")
    if (status := BuildState.read(home).status) != "built":
        raise Refused(f"the last build is {status}: run `kohde build` first")
    try:
        db = duckdb.connect(str(home / WAREHOUSE), read_only=True)
    except duckdb.IOException:
        raise Refused("a build is running: ask again when it is done") from None
    with db:
        yield db


def find(home: Path, asked: Question) -> str:
    """The id of the one person meant. Raises Refused, in one line without anything of a person, for none or several."""
    with warehouse(home) as db:
        found = _matching(db, asked)
    if not found:
        raise Refused("nobody in the lake is known by that; another spelling, address or organisation may be")
    if len(found) > 1:
        given = {field for field, value in vars(asked).items() if value}
        more = [
            way
            for way in ("--email", "--phone", "--birth-date", "--business-id")
            if way.strip("-").replace("-", "_") not in given
        ]
        raise Refused(f"{len(found)} persons are known by that: add {' or '.join(more) or 'nothing more'}, or give --person-id")
    return found[0]


def _matching(db: duckdb.DuckDBPyConnection, asked: Question) -> list[str]:
    conditions: list[str] = []
    values: list[Any] = []
    if asked.person_id:
        conditions, values = ["person_id = ?"], [asked.person_id]
    if asked.email:
        address = normal_email(asked.email)
        if not address.key:
            raise Refused("that is no e-mail address")
        conditions.append("regexp_replace(email, '\\+[^@]*@', '@') = ?")
        values.append(address.key)
    if asked.phone:
        number = normal_phone(asked.phone).e164
        if not number:
            raise Refused("that is no telephone number")
        conditions.append("phone = ?")
        values.append(number)
    if asked.name:
        if not (asked.business_id or asked.birth_date or asked.email or asked.phone):
            raise Refused("a name alone is nobody: add --business-id, --birth-date, --email or --phone")
        # Whoever tells one forename of three is the same person; the words of a name are compared folded.
        same = "list_has_all(string_split(name_fold, ' '), string_split(way, ' '))"
        conditions.append(f"list_bool_or(list_transform(?::varchar[], lambda way: {same}))")
        values.append(sorted(name_keys(asked.name)))
    if asked.business_id:
        number = normal_business_id(asked.business_id)
        if not number:
            raise Refused("that is no business id")
        if not (asked.name or asked.email or asked.phone or asked.birth_date):
            raise Refused("an organisation alone is nobody: add --name")
        conditions.append("business_id = ?")
        values.append(number)
    if asked.birth_date:
        if not asked.name and not asked.business_id:
            raise Refused("a date of birth alone is nobody: add --name")
        conditions.append("birth_date = ?")
        values.append(asked.birth_date)
    if not conditions:
        raise Refused("say who: --email, --phone, --name with --business-id or --birth-date, or --person-id")
    # Each part may be told in another mention: a person is who has them all.
    sets = [
        {row[0] for row in db.execute(f"""
            select distinct p.person_id from enriched.enr_person_of_mention p
            inner join enriched.enr_person_mentions m on p.mention_id = m.mention_id where {condition}
        """, [value]).fetchall()}
        for condition, value in zip(conditions, values, strict=True)
    ]  # fmt: skip
    return sorted(set.intersection(*sets))


def subject(home: Path, person_id: str) -> Subject:
    """All that is known of a person. Raises Refused when the last build knows nobody of that id."""
    with warehouse(home) as db:
        mentions = db.execute(
            """
            select m.mention_id, m.source_name, m.business_id, m.names, m.birth_date, m.register_person_id, m.email, m.phone
            from enriched.enr_person_of_mention p inner join enriched.enr_person_mentions m on p.mention_id = m.mention_id
            where p.person_id = ? order by m.mention_id
            """,
            [person_id],
        ).fetchall()
        if not mentions:
            raise Refused("the last build knows nobody of that id")
        former = db.execute(
            "select former_person_id from restricted.person_redirects where person_id = ?", [person_id]
        ).fetchall()
        keys = {source: [m[0].split(":", 2)[2] for m in mentions if m[1] == source] for source in {m[1] for m in mentions}}
        reports = _raw(db, home, "survey", "decision_makers", keys.get("survey", []))
        places = _raw(db, home, "prh_officers", "officers", keys.get("prh_officers", []))
        contacts = {
            "email": {str(m[6]) for m in mentions if m[6]}
            | {a for r in reports for a in [r["email"], *(r["email_more"] or [])] if a},
            "phone": {str(m[7]) for m in mentions if m[7]} | {str(r["phone_e164"]) for r in reports if r["phone_e164"]},
        }
        contacts = {
            channel: values | {str(v) for (v,) in db.execute(
                "select value from main.contact_points where person_id = ? and channel = ?", [person_id, channel]).fetchall()}
            for channel, values in contacts.items()
        }  # fmt: skip
        own = {channel: _own(db, person_id, channel, values) for channel, values in contacts.items()}
        traders = {
            number for (number,) in db.execute(
                "select distinct business_id from main.responsible_persons where person_id = ? and role_code = 'SOLE_TRADER'",
                [person_id],
            ).fetchall()
        }  # fmt: skip
    names: set[Name] = {(n.get("first_name"), n.get("last_name"), n.get("full_name")) for m in mentions for n in m[3]}
    names |= {(r["first_name"], r["last_name"], r["name"]) for r in reports}
    names |= {(p["first_names"], p["last_name"], None) for p in places}
    births = {m[4] for m in mentions if m[4]} | {p["birth_date"] for p in places if p["birth_date"]}
    numbers = {str(m[2]) for m in mentions if m[2]}
    registers = {str(m[5]) for m in mentions if m[5]} | {
        str(p[column]) for p in places for column in ("person_id", "person_key") if p[column]
    }
    person = Person(
        names=frozenset().union(*(spellings(*name) for name in names)),
        business_ids=frozenset(numbers),
        birth_dates=frozenset(births),
        emails=frozenset(own["email"]),
        phones=frozenset(own["phone"]),
        registers=frozenset(registers),
        organisations=frozenset(traders),
    )
    told = _told(person_id, names, numbers, births, own, registers)
    record_keys = frozenset(key for found in keys.values() for key in found)
    return Subject(person_id, person, told, record_keys, frozenset(m[0] for m in mentions), frozenset(i for (i,) in former))


def _raw(db: duckdb.DuckDBPyConnection, home: Path, source: str, dataset: str, keys: list[str]) -> list[dict[str, Any]]:
    """Every state in which records were told, also those that have been corrected since."""
    files = home / "raw" / source / dataset / "load=*" / "*.parquet"
    told = db.execute(
        f"select * from read_parquet({literal(files)}, union_by_name = true, hive_partitioning = false) "
        "where _op <> 'D' and list_contains(?::varchar[], _key)",
        [keys],
    )
    columns = [column[0] for column in told.description or []]
    return [dict(zip(columns, row, strict=True)) for row in told.fetchall()]


def _own(db: duckdb.DuckDBPyConnection, person_id: str, channel: str, values: set[str]) -> set[str]:
    """Of the addresses or numbers told of a person those that are theirs alone: not a desk's, not a colleague's."""
    found = set()
    for value in values:
        others, of_organisations = db.execute(
            """
            select count(*) filter (person_id is distinct from ? and person_id is not null), count(*) filter (person_id is null)
            from main.contact_points where channel = ? and value = ?
            """,
            [person_id, channel, value],
        ).fetchone() or (0, 0)
        others += (db.execute(
            f"""
            select count(*) from enriched.enr_person_mentions m
            inner join enriched.enr_person_of_mention p on m.mention_id = p.mention_id
            where m.{channel} = ? and p.person_id <> ?
            """,
            [value, person_id],
        ).fetchone() or (0,))[0]  # fmt: skip
        if others:
            continue
        if channel == "email":
            address = normal_email(value)
            if address.key and address.kind in ("personal", "free_mail"):
                found.add(address.key)
        elif (number := normal_phone(value)).e164 and (number.kind == "mobile" or not of_organisations):
            found.add(number.e164)
    return found


def _told(
    person_id: str, names: set[Name], numbers: set[str], births: set[date], own: dict[str, set[str]],
    registers: set[str],
) -> list[Told]:  # fmt: skip
    called = set()
    for first, last, full in names:
        called |= {" ".join(filter(None, (first, last, full)))}
        if first and last:
            called |= {f"{first} {last}", f"{first.split()[0]} {last}"}
    called = {name for name in called if len(name.split()) > 1}
    told = [Told(person_id=person_id)]
    told += [Told(email=address) for address in sorted(own["email"])]
    told += [Told(phone=number) for number in sorted(own["phone"])]
    told += [Told(register_id=number) for number in sorted(registers)]
    told += [Told(name=name, business_id=number) for name in sorted(called) for number in sorted(numbers)]
    told += [Told(name=name, birth_date=day) for name in sorted(called) for day in sorted(births)]
    told += [Told(name=name, email=address) for name in sorted(called) for address in sorted(own["email"])]
    return told
