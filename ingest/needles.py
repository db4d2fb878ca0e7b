"""Who is to be taken out of files, and how a record is known to be about them.

Belongs here: what people are recognised by, whatever the file. Does not belong here: reading and rewriting files
(ingest/redact.py), the keys that outlive them (ledger/subjects.py).

A record is about somebody when it holds their own e-mail address, telephone number or register number in any spelling, or their
name (a forename and the surname, in any order and spelling) together with one of their organisations or their date of birth. A
name alone is nobody.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import polars as pl

from base.normalise import business_id, emails, name_keys, phones
from base.normalise.name import SPELLINGS, name_fold

MIN_DIGITS = 6
BUSINESS_ID = re.compile(r"(?<!\d)\d{6,7}\s?[-–]?\s?\d(?!\d)")
DAYS = (
    re.compile(r"(?<!\d)(?P<y>(?:19|20)\d\d)-?(?P<m>[01]\d)-?(?P<d>[0-3]\d)(?!\d)"),
    re.compile(r"(?<!\d)(?P<d>[0-3]?\d)\.(?P<m>[01]?\d)\.(?P<y>(?:19|20)\d\d)(?!\d)"),
)
HAS_EMAIL = re.compile(r"@|[(\[{](?:at|a|ät)[)\]}]", re.IGNORECASE)
# Fields that hold what something is called: a firm that bears somebody's name goes on bearing it.
CALLED = re.compile(r"^(.*name|.*names|nimi|nimet|names|value)$", re.IGNORECASE)
_NO_DIGIT = re.compile(r"\D")

Words = frozenset[str]


@dataclass(frozen=True)
class Person:
    """What one person is recognised by, in normal form (base.normalise). Only what is theirs alone stands in emails and phones.

    names: each a set of folded words that must all stand in a record. organisations: those that are the person (a sole
    trader's), whose records go whole.
    """

    names: frozenset[Words] = frozenset()
    business_ids: frozenset[str] = frozenset()
    birth_dates: frozenset[date] = frozenset()
    emails: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()
    registers: frozenset[str] = frozenset()
    organisations: frozenset[str] = frozenset()


def spellings(first: str | None, last: str | None, full: str | None = None) -> frozenset[Words]:
    """The names a person goes by, of what one record told: the surname with the first forename, or the whole in one."""
    text = f"{first.split()[0]} {last}" if first and first.split() and last else full
    keys = name_keys(text)
    return frozenset(words for key in keys if len(words := frozenset(key.split())) > 1)


def words_of(text: str) -> Words:
    """The folded words of a text; of letters that are written in several ways, all of them."""
    fold = name_fold(text)
    found = set(fold.split()) if fold else set()
    if any(letter in text.lower() for letter in SPELLINGS):
        found.update(word for key in name_keys(text) for word in key.split())
    return frozenset(found)


@dataclass(frozen=True)
class Needles:
    """People to be found, all at once. `keys`: record keys (raw `_key`) that are known to be theirs."""

    people: tuple[Person, ...]
    keys: frozenset[str] = field(default=frozenset())

    @cached_property
    def emails(self) -> frozenset[str]:
        return frozenset().union(*(person.emails for person in self.people))

    @cached_property
    def phones(self) -> frozenset[str]:
        return frozenset().union(*(person.phones for person in self.people))

    @cached_property
    def registers(self) -> frozenset[str]:
        return frozenset(number.lower() for person in self.people for number in person.registers)

    @cached_property
    def organisations(self) -> frozenset[str]:
        return frozenset().union(*(person.organisations for person in self.people))

    @cached_property
    def _by_business(self) -> dict[str, list[Person]]:
        found: dict[str, list[Person]] = {}
        for person in self.people:
            for number in person.business_ids:
                found.setdefault(number, []).append(person)
        return found

    @cached_property
    def _by_birth(self) -> dict[date, list[Person]]:
        found: dict[date, list[Person]] = {}
        for person in self.people:
            for day in person.birth_dates:
                found.setdefault(day, []).append(person)
        return found

    @cached_property
    def _texts(self) -> list[str]:
        # Before the plus tag and the domain: what stands between is not known.
        return sorted(
            {*(key.split("@")[0] for key in self.emails), *self.registers, *(key.lower() for key in self.keys)} - {""}
        )

    @cached_property
    def _digits(self) -> list[str]:
        days = [day for person in self.people for day in person.birth_dates]
        return sorted(
            {
                *(number[-7:] for number in self.phones),
                *(_NO_DIGIT.sub("", number).lstrip("0") for number in {*self._by_business, *self.organisations}),
                *(f"{day:%Y%m%d}" for day in days),
                *(f"{day:%d%m%Y}" for day in days),
                *(f"{day.day}{day.month}{day.year}" for day in days),
            }
        )

    def candidates(self, texts: pl.Series) -> list[int]:
        """Which of these records are worth a closer look: one pass over all needles, never missing one that `meets`."""
        hit = pl.lit(False)
        if self._texts:
            hit |= pl.col("text").str.contains_any(self._texts, ascii_case_insensitive=True)
        if self._digits:
            hit |= pl.col("text").str.replace_all(r"[^0-9]", "").str.contains_any(self._digits)
        frame = pl.DataFrame({"text": texts}).with_row_index("row")
        return frame.filter(hit).get_column("row").to_list()

    def meets(self, record: Any) -> bool:
        """Whether a record (a JSON value, a list of cells) is about one of these people."""
        texts = list(strings(record))
        numbers = {number for text in texts for number in business_ids(text)}
        return (
            bool(numbers & self.organisations)
            or any(self.holds(text) for text in texts)
            or self._named(texts, numbers)
        )  # fmt: skip

    def is_theirs(self, record: Any) -> bool:
        """Whether an organisation's record is wholly one of these people's: that of a sole trader."""
        return bool(self.organisations) and any(
            not self.organisations.isdisjoint(business_ids(text)) for text in strings(record)
        )

    def holds(self, text: str) -> bool:
        """Whether a text has an e-mail address, telephone number or register number of theirs."""
        if text in self.keys:
            return True
        if self.registers and not self.registers.isdisjoint(part.strip() for part in re.split(r"[|:]", text.lower())):
            return True
        if self.emails and HAS_EMAIL.search(text) and any(mail.key in self.emails for mail in emails(text)):
            return True
        digits = _NO_DIGIT.sub("", text)
        if len(digits) < MIN_DIGITS or not any(number[-7:] in digits for number in self.phones):
            return False
        return any(number.e164 in self.phones for number in phones(text)) or self._prefixed(digits)

    def _prefixed(self, digits: str) -> bool:
        # A country code in a field of its own, or none at all: what is left is the number after it.
        return any(number.endswith(digits.lstrip("0")) and len(digits) >= len(number) - 5 for number in self.phones)

    def _named(self, texts: list[str], numbers: set[str]) -> bool:
        people = [person for number in numbers for person in self._by_business.get(number, ())]
        people += [person for text in texts for day in days(text) for person in self._by_birth.get(day, ())]
        if not people:
            return False
        words = frozenset().union(*map(words_of, texts))
        return any(name <= words for person in people for name in person.names)

    def without(self, record: Any) -> Any:
        """An organisation's record without what is theirs: contacts go as a whole, a text that names them becomes null."""
        texts = list(strings(record))
        numbers = {number for text in texts for number in business_ids(text)}
        names = {name for number in numbers for person in self._by_business.get(number, ()) for name in person.names}
        return self._without(record, "", names)

    def _without(self, value: Any, called: str, names: set[Words]) -> Any:
        if isinstance(value, dict):
            return {key: self._without(inner, key, names) for key, inner in value.items()}
        if isinstance(value, list):
            kept = [one for one in value if not (self._is_contact(one) if isinstance(one, dict) else self._is_hit(one))]
            return [self._without(one, called, names) for one in kept]
        if self._is_hit(value):
            return None
        if names and isinstance(value, str) and not CALLED.match(called):
            words = words_of(value)
            return None if any(name <= words for name in names) else value
        return value

    def _is_contact(self, entry: dict[str, Any]) -> bool:
        return any(self._is_hit(value) for value in entry.values())

    def _is_hit(self, value: Any) -> bool:
        return isinstance(value, str) and self.holds(value)


def strings(record: Any) -> Iterator[str]:
    """Every text of a record, numbers as texts, also those of JSON within a text."""
    if isinstance(record, dict):
        for value in record.values():
            yield from strings(value)
    elif isinstance(record, list | tuple):
        for value in record:
            yield from strings(value)
    elif isinstance(record, str):
        inner = _json(record) if record[:1] in "{[" and record else None
        if isinstance(inner, dict | list):
            yield from strings(inner)
        elif record:
            yield record
    elif isinstance(record, int | float) and not isinstance(record, bool):
        yield str(record)
    elif isinstance(record, date):
        yield record.isoformat()


def business_ids(text: str) -> Iterator[str]:
    """Every business id in a text, in normal form."""
    if any(map(str.isdigit, text)):
        for match in BUSINESS_ID.finditer(text):
            if number := business_id(match[0]):
                yield number


def days(text: str) -> Iterator[date]:
    """Every day in a text, as Finns or machines write it."""
    for pattern in DAYS:
        for match in pattern.finditer(text):
            try:
                yield date(int(match["y"]), int(match["m"]), int(match["d"]))
            except ValueError:
                continue


def merged(people: Iterable[Person]) -> Needles:
    """Needles of several people."""
    return Needles(tuple(people))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
