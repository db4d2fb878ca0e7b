"""A copy of the ledger as one file, from either database into either: gzipped JSON lines, a head first, then row by row.

The copy is of one moment while writers go on. It holds keys and clear text as the ledger does, so it lies where the ledger may;
without the secret nobody can be found by it, and it is of no use without it: keep a copy of the secret apart.
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from base.files import atomic_file
from ledger import chain, keys, rotation, store
from ledger.store import Head, LedgerRefused
from ledger.tables import ROWS, Entry, Objection, ObjectionKey, Revocation, Row

FORMAT = "kohde ledger 1"
AT_ONCE = 10_000
TABLES: dict[str, Any] = {"entry": Entry, **ROWS}


@dataclass(frozen=True)
class Landed:
    """What the lake's last snapshot has of objections, which a backup may not have yet: rows as the datasets call them."""

    objections: list[dict[str, Any]]
    objection_keys: list[dict[str, Any]]


def backup(home: Path, file: Path) -> Head:
    """Write the ledger into a new file, readable by its owner alone; returns the head it has. Raises LedgerRefused."""
    if file.exists():
        raise LedgerRefused(f"{file} is already there: a backup is never written over")
    with store.connect(home, write=False) as session, atomic_file(file) as temporary:
        temporary.touch(mode=0o600)
        head = chain.head(session)
        with gzip.open(temporary, "wt", encoding="utf-8") as out:
            out.write(chain.canonical({"format": FORMAT, "seq": head.seq, "hash": head.hash}) + "\n")
            number = 0
            for name, table in TABLES.items():
                for row in session.execute(sa.select(table.__table__).execution_options(yield_per=AT_ONCE)).mappings():
                    out.write(chain.canonical([name, dict(row)]) + "\n")
                    number += 1
            out.write(chain.canonical({"rows": number}) + "\n")
    return head


def restore(home: Path, file: Path, *, accept_loss: str | None = None, landed: Landed | None = None, by_whom: str = "") -> Head:
    """Fill an empty or missing ledger from a backup; returns its head. All or nothing.

    One that ends before what this lake has seen is refused unless somebody says why the loss is accepted (`accept_loss`, kept
    in the ledger). Even then no objection is lost that the lake's last snapshot has (`landed`): it is written down anew,
    without what only the ledger knew: what a customer, register or list had told, nobody can end then.
    Raises LedgerRefused.
    """
    mark = store.mark(home)
    rows = _read(file)
    head = Head(**next(rows))
    with store.emptied(home) as session:
        if chain.head(session).seq:
            raise LedgerRefused("the ledger is not empty: a backup is never mixed with what is there")
        try:
            _insert(session, rows)
        except sa.exc.IntegrityError:
            raise LedgerRefused(f"{file} is damaged: its rows contradict each other") from None
        if chain.head(session) != head or (faults := list(chain.verify(session))):
            raise LedgerRefused(f"{file} is damaged: {faults[0] if head == chain.head(session) else 'its end is missing'}")
        behind = mark.seq and session.execute(sa.select(Entry.hash).where(Entry.seq == mark.seq)).scalar() != mark.hash
        if behind:
            if not (accept_loss or "").strip():
                raise LedgerRefused(
                    f"{file} ends with entry {head.seq}, and {mark.seq} were seen here: look for a newer backup, or say "
                    "--accept-loss REASON; objections of the last snapshot are kept then"
                )
            rotation.bring(session)
            _replay(session, landed or Landed([], []), f"restored: {accept_loss}", by_whom)
        head = chain.head(session)
    store.set_mark(home, head)
    return head


def _replay(session: Session, landed: Landed, evidence: str, by_whom: str) -> None:
    """Objections, their keys and ends that the snapshot has and the ledger has not, with the numbers they had."""
    there = set(session.execute(sa.select(Objection.objection_id)).scalars())
    known = set(session.execute(sa.select(ObjectionKey.objection_id, ObjectionKey.kind, ObjectionKey.key)).tuples())
    ended = set(session.execute(sa.select(Revocation.objection_id)).scalars())
    key = keys.current() if landed.objection_keys else None
    brought = key.brought([row["key"] for row in landed.objection_keys]) if key else []
    found = [(row["objection_id"], row["kind"], made) for row, made in zip(landed.objection_keys, brought, strict=True)]
    said = {"evidence": evidence, "by_whom": by_whom or "restore"}
    again = [row for row in landed.objections if row["objection_id"] not in there]
    references = keys.keyed([f"restored|{row['objection_id']}" for row in again], "subject") if again else []
    store.add(
        session,
        "restored",
        {
            Objection: [
                {name: row[name] for name in _TOLD} | said | {"reference": reference, "party": _party(row, reference)}
                for row, reference in zip(again, references, strict=True)
            ],
            ObjectionKey: [
                {"objection_id": number, "kind": kind, "key": made, "absorbed": False}
                for number, kind, made in found
                if (number, kind, made) not in known
            ],
            Revocation: [
                said | {"objection_id": row["objection_id"], "party": "restored", "revoked_at": row["revoked_at"]}
                for row in landed.objections
                if row["revoked_at"] and row["objection_id"] not in ended
            ],
        },
    )


def _party(row: Mapping[str, Any], nobody: str | None) -> str | None:
    return None if row["origin"] in ("person", "organisation") else nobody


_TOLD = ("objection_id", "kind", "scope", "purpose", "channel", "recipient_id", "origin", "received_at", "effective_at")


def _insert(session: Session, rows: Iterable[tuple[str, dict[str, Any]]]) -> None:
    waiting: list[dict[str, Any]] = []
    of = ""
    for name, row in rows:
        if waiting and (name != of or len(waiting) == AT_ONCE):
            session.execute(sa.insert(TABLES[of]), waiting)
            waiting = []
        of = name
        waiting.append(row)
    if waiting:
        session.execute(sa.insert(TABLES[of]), waiting)


def _read(file: Path) -> Iterator[Any]:
    """Head, then (table, row); the types are those of the tables. Raises LedgerRefused when it is no backup or not whole."""
    number: int | None = None
    seen = 0
    try:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            first = json.loads(next(lines))
            if first.pop("format", None) != FORMAT:
                raise LedgerRefused(f"{file} is no backup of a ledger")
            yield first
            for line in lines:
                told = json.loads(line)
                if isinstance(told, dict):
                    number = told["rows"]
                    continue
                seen += 1
                yield told[0], _typed(TABLES[told[0]], told[1])
    except (OSError, EOFError, StopIteration, ValueError, KeyError, AttributeError, UnicodeDecodeError) as error:
        raise LedgerRefused(f"{file} cannot be read as a backup of a ledger ({type(error).__name__})") from None
    if number != seen:
        raise LedgerRefused(f"{file} is damaged: its end is missing")


def _typed(table: type[Row], row: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {column.name: column.type.python_type for column in table.__table__.columns}
    return {
        name: kinds[name].fromisoformat(value) if value is not None and issubclass(kinds[name], date) else value
        for name, value in row.items()
    }
