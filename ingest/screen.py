"""The screen of landing: whoever was erased does not come back with the next file of the same source.

What erasure left are keys in the ledger (ledger/subjects.py). Before a load commits, the keys of what is new in it are compared
with them. A record about somebody erased does not land: it counts as quarantined with the reason `erased`, without its text. Of
an organisation's record the values go and the rest lands. The archived files of the load are then rewritten likewise.

Where nobody was ever erased there is no screen, and nothing is computed.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import permutations
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from base.normalise import emails, phones, sql
from ingest.needles import HAS_EMAIL, Needles, Person, business_ids, days, spellings, strings
from ingest.people import business_id_of
from ingest.redact import parsed
from ingest.source import Dataset

ERASED = "erased"
# Of a refused record nobody knows which text is whose name: pairs of so many texts are tried.
MOST_TEXTS = 12
Texts = list[tuple[int, str]]
"""(position, text that a key is made of)."""


@dataclass
class Screen:
    """The keys of everybody erased, and what a load showed of them."""

    keys: frozenset[str]
    people: list[Person] = field(default_factory=list)

    @classmethod
    def of(cls, home: Path) -> "Screen | None":
        """The screen of a lake; None when nobody was erased. Raises LedgerRefused for a ledger that is gone."""
        from ledger import objections, store

        if not store.exists(home) and not (home / store.MARK).exists():
            return None
        keys = objections.erased_keys(home)
        return cls(frozenset(keys)) if keys else None

    @property
    def needles(self) -> Needles:
        """Whom this load has shown so far."""
        return Needles(tuple(self.people))

    def rows(self, con: duckdb.DuckDBPyConnection, table: str, dataset: Dataset) -> tuple[set[int], dict[int, str]]:
        """Of a table of rows that are about to land: positions of those that go whole, and position -> the rest as JSON of
        those that somebody is taken out of."""
        texts = list(_texts(con, table, dataset))
        hits = self._hits(texts)
        if not hits:
            return set(), {}
        met: dict[int, set[str]] = {}
        for position, text in texts:
            if text in hits:
                met.setdefault(position, set()).add(text)
        con.register("met", pl.DataFrame({"_position": list(met)}, schema={"_position": pl.Int64}).to_arrow())
        columns = ", ".join(f'"{c}" := "{c}"' for c in dataset.columns)
        packed = f"to_json(struct_pack(_key := _key, _extra := _extra, {columns}))::varchar"
        told = con.execute(f"select _position, {packed} from {table} where _position in (select _position from met)").fetchall()
        con.unregister("met")
        gone, edited = set(), {}
        for position, text in told:
            record = json.loads(text)
            person = _person(record, dataset, met[position])
            self.people.append(person)
            if dataset.subject == "person" or person.organisations:
                gone.add(position)
            else:
                edited[position] = json.dumps(Needles((person,)).without(record), ensure_ascii=False)
        return gone, edited

    def originals(self, told: list[tuple[int, str | None, str | None]]) -> set[int]:
        """Of refused records (row number, key, original text): which are about somebody erased."""
        texts: Texts = []
        for number, key, original in told:
            record = [key, parsed(original)] if original else [key]
            texts += [(number, text) for text in _loose(record)]
        hits = self._hits(texts)
        found = {number for number, text in texts if text in hits}
        for number, key, original in told:
            if number in found:
                self.people.append(_of_texts({text for at, text in texts if at == number and text in hits}, [key, original]))
        return found

    def _hits(self, texts: Texts) -> set[str]:
        from ledger import keys

        distinct = sorted({text for _, text in texts})
        made = keys.keyed(distinct, "subject") if distinct else []
        return {text for text, key in zip(distinct, made, strict=True) if key in self.keys}


def _texts(con: duckdb.DuckDBPyConnection, table: str, dataset: Dataset) -> Iterator[tuple[int, str]]:
    """Every text that a row can be found by, of the columns its fact sheet calls personal."""
    sql.register(con)
    kinds = dataset.personal_columns()
    of = {kind: [c for c, k in kinds.items() if k == kind and c in dataset.columns] for kind in set(kinds.values())}
    queries = []
    for column in of.get("email", []) + of.get("contact", []):
        text = f'to_json("{column}")::varchar'
        found = f"unnest(regexp_extract_all({text}, '[^\"\\s:<>]+@[^\"\\s,<>]+'))"
        queries.append(f"select _position, 'email|' || email_key(lower(v)) from (select _position, {found} as v from {table})")
    for column in of.get("phone", []) + of.get("contact", []):
        found = f"unnest(regexp_extract_all(to_json(\"{column}\")::varchar, '\\+[0-9]{{6,15}}'))"
        queries.append(f"select _position, 'phone|' || phone_key(v) from (select _position, {found} as v from {table})")
    for column in of.get("register_id", []):
        queries.append(f"select _position, 'registry|' || \"{column}\" from {table}")
    organisation = business_id_of(dataset)
    for column in [organisation] if organisation else []:
        queries.append(f"select _position, 'organisation|' || {column} from {table}")
    for column in of.get("contact", []):
        if dataset.columns[column] == "VARCHAR":
            queries.append(f"select _position, 'organisation|' || business_id(\"{column}\") from {table}")
    for query in queries:
        yield from ((position, text) for position, text in con.execute(query).fetchall() if text)
    yield from _names(con, table, of, organisation)


def _names(
    con: duckdb.DuckDBPyConnection, table: str, of: dict[Any, list[str]], organisation: str | None
) -> Iterator[tuple[int, str]]:
    from ledger.subjects import data_name_keys

    names = of.get("name", [])
    if not names:
        return
    born = f'"{of["birth_date"][0]}"' if of.get("birth_date") else "null::date"
    first = next((c for c in names if c.startswith("first")), None)
    called = [f'"{c}"' for c in names]
    # With all forenames, and with the first alone: registers tell all, people one.
    short = [f"string_split(\"{c}\", ' ')[1]" if c == first else f'"{c}"' for c in names]
    ways = f"[concat_ws(' ', {', '.join(called)}), concat_ws(' ', {', '.join(short)})]"
    mail = f"split_part(\"{of['email'][0]}\", '@', 2)" if of.get("email") else "null"
    told = con.execute(f"""
        select _position, unnest(list_distinct({ways})) as name, {organisation or "null"}, {born}, nullif({mail}, '')
        from {table}
    """).fetchall()
    keys = {name: data_name_keys(name) for name in {row[1] for row in told}}
    for position, name, number, day, domain in told:
        for key in keys[name]:
            if number:
                yield position, f"name_org|{key}|{number}"
            if day:
                yield position, f"name_birth|{key}|{day.isoformat()}"
            if domain:
                yield position, f"name_domain|{key}|{domain}"


def _loose(record: Any) -> Iterator[str]:
    """Every text that a refused record may be found by, whatever its form: nobody knows which of its texts is which."""
    from ledger.subjects import data_name_keys

    told = [text for whole in strings(record) for text in {whole, *whole.split("|")}]
    numbers = {number for text in told for number in business_ids(text)}
    born = {day for text in told for day in days(text)}
    yield from (f"organisation|{number}" for number in numbers)
    for text in told:
        yield f"registry|{text.strip()}"
        if HAS_EMAIL.search(text):
            yield from (f"email|{mail.key}" for mail in emails(text) if mail.key)
        if sum(map(str.isdigit, text)) >= 6:
            yield from (f"phone|{number.e164}" for number in phones(text) if number.e164)
    wordy = [t for t in dict.fromkeys(told) if 1 < len(t) <= 60 and not any(map(str.isdigit, t)) and "@" not in t][:MOST_TEXTS]
    names = {*wordy, *(f"{a} {b}" for a, b in permutations(wordy, 2))} if numbers or born else set()
    for key in {key for name in names for key in data_name_keys(name)}:
        yield from (f"name_org|{key}|{number}" for number in numbers)
        yield from (f"name_birth|{key}|{day.isoformat()}" for day in born)


def _person(record: dict[str, Any], dataset: Dataset, met: set[str]) -> Person:
    """Who a row shows: only what was met by a key is theirs alone, but for the names of a row about a person."""
    names: frozenset[frozenset[str]] = frozenset()
    if dataset.subject == "person":
        told = [str(record[c]) for c, kind in dataset.personal.items() if kind == "name" and record.get(c)]
        first = next((str(record[c]) for c in dataset.personal if c.startswith("first") and record.get(c)), None)
        last = record.get("last_name")
        names = spellings(first, last, " ".join(told))
    return _of_texts(met, record, names)


def _of_texts(met: set[str], record: Any, names: frozenset[frozenset[str]] = frozenset()) -> Person:
    by_kind: dict[str, set[str]] = {}
    for text in met:
        kind, _, rest = text.partition("|")
        by_kind.setdefault(kind, set()).add(rest)
    named = set().union(*(by_kind.get(kind, ()) for kind in ("name_org", "name_birth", "name_domain")))
    names |= {frozenset(text.partition("|")[0].split()) for text in named}
    born = {date.fromisoformat(text.rpartition("|")[2]) for text in by_kind.get("name_birth", ())}
    registers = by_kind.get("registry", set())
    if isinstance(record, dict) and registers:
        # The record's key holds the number, and where a row has left the key is all there is.
        registers |= {str(record[c]) for c in ("person_key", "person_id") if record.get(c)}
    return Person(
        names=frozenset(name for name in names if len(name) > 1),
        business_ids=frozenset(number for text in strings(record) for number in business_ids(text)),
        birth_dates=frozenset(born),
        emails=frozenset(by_kind.get("email", ())),
        phones=frozenset(by_kind.get("phone", ())),
        registers=frozenset(registers),
        organisations=frozenset(by_kind.get("organisation", ())),
    )
