"""The chain: what was added to the ledger and in which order, so that nobody changes, drops or slips in a row unseen.

An entry tells of one append: digest of its rows, hash over itself and the entry before. Clear text is covered by a salted
digest that lies beside it (tables.Sealed): redaction takes text and salt, adds an entry of its own, and all still adds up.
A rotation of the secret changes every key: its entry covers the digests of all that was there, anew.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ledger.tables import ROWS, Entry, KeyUse, Row

GENESIS = "0" * 64
Rows = Mapping[type[Row], list[dict[str, Any]]]
"""Rows to add, by table."""

# Entries after which a row that passed the gates may not pass them any more, or the other way round.
OF_GATES = ("objection", "revocation", "review", "notice", "key", "rotation", "restored")


@dataclass(frozen=True)
class Head:
    """The last entry of a chain; seq 0 of an empty one."""

    seq: int = 0
    hash: str = GENESIS

    @property
    def version(self) -> str:
        """As manifests name it: number and the beginning of the hash."""
        return f"{self.seq}-{self.hash[:8]}"


def now() -> datetime:
    """UTC without a zone, as the tables have it."""
    return datetime.now(UTC).replace(tzinfo=None)


def head(session: Session, kinds: tuple[str, ...] | None = None) -> Head:
    """The last entry, or the last one of these kinds."""
    last = sa.select(Entry.seq, Entry.hash).order_by(Entry.seq.desc()).limit(1)
    found = session.execute(last if kinds is None else last.where(Entry.kind.in_(kinds))).one_or_none()
    return Head(*found) if found else Head()


def append(session: Session, kind: str, rows: Rows) -> Head:
    """Add rows of one or more tables as one entry. The only way into any table; the caller holds the ledger (store.connect).

    Rows without a number get the next one. What is not given is null. Rows that are sealed get a salt of their own.
    """
    seq = head(session).seq + 1
    for table, new in rows.items():
        key, number = primary(table), next_number(session, table)
        for place, row in enumerate(new):
            row |= {column: row.get(column) for column in columns(table)} | {"seq": seq}
            if row[key] is None:
                row[key] = number + place
            if table.SEALED:
                row["salt"] = row["salt"] or secrets.token_hex(16)
                row["sealed"] = seal(table, row)
    about = {table.__tablename__: len(new) for table, new in rows.items() if new}
    digests = {table.__tablename__: digest_rows(table, new) for table, new in rows.items() if new}
    added = link(session, kind, about, digest(digests))
    for table, new in rows.items():
        if new:
            session.execute(sa.insert(table), new)
    return added


def link(session: Session, kind: str, about: Mapping[str, Any], of_rows: str) -> Head:
    """Add an entry with the digest of what it tells of. Entries' times never go back, whatever the clock does."""
    last = session.execute(sa.select(Entry).order_by(Entry.seq.desc()).limit(1)).scalar_one_or_none()
    entry: dict[str, Any] = {
        "seq": (last.seq if last else 0) + 1,
        "at": max(now(), last.at) if last else now(),
        "kind": kind,
        "about": canonical(about),
        "digest": of_rows,
        "previous": last.hash if last else GENESIS,
    }
    entry["hash"] = digest(entry)
    session.execute(sa.insert(Entry), [entry])
    return Head(entry["seq"], entry["hash"])


def redact(session: Session, table: type[Row], numbers: Iterable[int]) -> None:
    """Take the clear text of rows out; the chain still holds. Rows that are redacted already stay as they are."""
    key = sa.inspect(table).primary_key[0]
    salt = table.__table__.c.salt
    found = sa.select(key).where(key.in_(list(numbers)), salt.is_not(None)).order_by(key)
    if taken := list(session.execute(found).scalars()):
        session.execute(sa.update(table).where(key.in_(taken)).values(dict.fromkeys(("salt", *table.SEALED))))
        about = {table.__tablename__: taken}
        link(session, "redaction", about, digest(about))


def reseal_all(session: Session, version: int) -> None:
    """Chain what a rotation has left: every entry's rows have new digests. The caller has changed the rows."""
    anew = digests(session)
    link(session, "rotation", {"version": version}, digest(sorted(anew.items())))


def verify(session: Session) -> Iterator[str]:
    """Walk the chain from its beginning; yields each fault in words: nothing means that all is as it was written."""
    anew = digests(session)
    previous, redacted, rotated = GENESIS, {name: set[int]() for name in ROWS}, 0
    entries = session.execute(sa.select(Entry).order_by(Entry.seq)).scalars().all()
    for place, entry in enumerate(entries, start=1):
        told = {c: getattr(entry, c) for c in ("seq", "at", "kind", "about", "digest", "previous")}
        if entry.seq != place or entry.previous != previous:
            yield f"entry {place} is missing or out of its place"
            return
        previous = entry.hash
        if entry.hash != digest(told):
            yield f"entry {place} was changed"
            continue
        if entry.kind == "rotation":
            rotated = place
        if entry.kind == "redaction":
            for name, numbers in json.loads(entry.about).items():
                redacted[name].update(numbers)
    yield from _rows_faults(session, entries, anew, rotated)
    for name, table in ROWS.items():
        if table.SEALED:
            yield from _seal_faults(session, table, redacted[name])


def _rows_faults(session: Session, entries: Iterable[Entry], anew: dict[int, str], rotated: int) -> Iterator[str]:
    of_rows = {entry.seq: entry for entry in entries if entry.kind not in ("rotation", "redaction")}
    for seq in sorted(anew.keys() - of_rows.keys()):
        yield f"rows name an entry {seq} that there is not"
    for seq, entry in of_rows.items():
        if seq > rotated and anew.get(seq, digest({})) != entry.digest:
            yield f"the rows of entry {seq} ({entry.kind}) are not those that were written"
    left = [entry.digest for entry in entries if entry.seq == rotated]
    if left and left[0] != digest(sorted((seq, made) for seq, made in anew.items() if seq < rotated)):
        yield f"the rows of entries before the rotation {rotated} are not those that it left"


def _seal_faults(session: Session, table: type[Row], redacted: set[int]) -> Iterator[str]:
    key = primary(table)
    for row in session.execute(sa.select(table.__table__)).mappings().all():
        if row["salt"] is not None:
            if row[key] in redacted or row["sealed"] != seal(table, row):
                yield f"{table.__tablename__} {row[key]}: its text is not what was written"
        elif row[key] not in redacted or any(row[column] is not None for column in table.SEALED):
            yield f"{table.__tablename__} {row[key]}: its text is gone, and no entry says so"


def digests(session: Session) -> dict[int, str]:
    """Of each entry that has rows the digest of these, from the rows as they lie there now."""
    found: dict[int, dict[str, str]] = {}
    for name, table in ROWS.items():
        lying = session.execute(
            sa.select(table.__table__).order_by(table.seq, sa.inspect(table).primary_key[0]).execution_options(yield_per=10_000)
        )
        for seq, rows in groupby(lying.mappings(), key=lambda row: int(row["seq"])):
            found.setdefault(seq, {})[name] = digest_rows(table, rows)
    return {seq: digest(by_table) for seq, by_table in found.items()}


def digest_rows(table: type[Row], rows: Iterable[Mapping[Any, Any]]) -> str:
    """Digest of rows in the order of their numbers; clear text counts by its seal."""
    key, covered = primary(table), [c for c in columns(table) if c not in ("salt", *table.SEALED)]
    made = hashlib.sha256()
    for row in sorted(rows, key=lambda row: int(row[key])):
        made.update(canonical({column: row[column] for column in covered}).encode() + b"\n")
    return made.hexdigest()


def seal(table: type[Row], row: Mapping[Any, Any]) -> str:
    """Digest of a row's salt and clear text."""
    return digest([row["salt"], *(row[column] for column in table.SEALED)])


def digest(value: object) -> str:
    """SHA-256, in hex, of a value's canonical JSON."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def canonical(value: object) -> str:
    """One JSON text for equal values, whichever database they come from."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in the ledger")


def columns(table: type[Row]) -> list[str]:
    """Names of a table's columns."""
    return [column.name for column in table.__table__.columns]


def primary(table: type[Row]) -> str:
    """Name of the column that numbers a table's rows."""
    return str(sa.inspect(table).primary_key[0].name)


def next_number(session: Session, table: type[Row]) -> int:
    """The number the next row of a table gets. Ours, not the database's: nobody else adds while we hold the ledger."""
    return int(session.execute(sa.select(sa.func.max(sa.inspect(table).primary_key[0]))).scalar() or 0) + 1


def key_use(session: Session) -> tuple[int, str] | None:
    """Version and letters of the secret that the ledger's keys are of; None while it has no keys."""
    last = sa.select(KeyUse.version, KeyUse.letters).order_by(KeyUse.key_use_id.desc()).limit(1)
    found = session.execute(last).one_or_none()
    return (found[0], found[1]) if found else None
