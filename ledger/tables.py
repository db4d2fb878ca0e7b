"""The tables of the ledger. They change by migrations (ledger/migrations) only, and their rows are only ever added.

Each row belongs to an entry of the chain (`seq`, ledger/chain.py). SEALED columns are clear text that may have to be erased
one day: the chain covers a salted digest of them (`sealed`), so that value and salt can go while the chain still holds. KEYED
columns hold ids and keys made with the secret: a rotation brings them to its new version.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# SQLite numbers rows only in a column of type integer.
Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")


class Base(DeclarativeBase):
    """All tables."""

    # UTC without a zone: the same column in SQLite and PostgreSQL.
    type_annotation_map: ClassVar = {datetime: sa.DateTime(timezone=False), int: Number}


class Entry(Base):
    """One append as a link of the chain: how many rows of which tables, their digest, the hash of the entry before."""

    __tablename__ = "entry"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    kind: Mapped[str]
    about: Mapped[str]
    digest: Mapped[str]
    previous: Mapped[str]
    hash: Mapped[str]


class Row(Base):
    """What all tables of promises have."""

    __abstract__ = True
    SEALED: ClassVar[tuple[str, ...]] = ()
    KEYED: ClassVar[tuple[str, ...]] = ()
    seq: Mapped[int] = mapped_column(index=True)


class Sealed(Row):
    """A row with clear text that can be redacted: `salt` is then null, and so are the columns of SEALED."""

    __abstract__ = True
    salt: Mapped[str | None]
    sealed: Mapped[str]


class KeyUse(Row):
    """Which version of the secret all keys and ids of the ledger are of; the last row counts."""

    __tablename__ = "key_use"
    key_use_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]
    # Letters that differ when the secret does, and say nothing of it.
    letters: Mapped[str]


class Judgement(Sealed):
    """Whether two mentions are one person, as somebody has decided. The last one of a pair counts."""

    __tablename__ = "judgement"
    SEALED = ("mention_a", "mention_b", "reason")
    judgement_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    mention_a: Mapped[str | None]
    mention_b: Mapped[str | None]
    verdict: Mapped[str]
    by_whom: Mapped[str]
    judged_at: Mapped[datetime]
    reason: Mapped[str | None]


class Correction(Sealed):
    """A value that somebody knows better than the sources, of an organisation or of a person's place in one.

    It counts until the source agrees; null means that there is none. The last one of a subject and field counts.
    """

    __tablename__ = "correction"
    SEALED = ("value", "reason")
    KEYED = ("person_id",)
    correction_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    business_id: Mapped[str | None]
    person_id: Mapped[str | None]
    field: Mapped[str]
    value: Mapped[str | None]
    by_whom: Mapped[str]
    reason: Mapped[str | None]
    made_at: Mapped[datetime]


class Objection(Sealed):
    """What somebody has forbidden: about whom it is only its keys tell. It counts from effective_at until it is revoked.

    `party`: key of who said it, where that is not the person; `reference`: key of the evidence, so that it counts once.
    """

    __tablename__ = "objection"
    SEALED = ("evidence",)
    KEYED = ("party", "reference")
    objection_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    scope: Mapped[str]
    purpose: Mapped[str]
    channel: Mapped[str | None]
    recipient_id: Mapped[str | None]
    origin: Mapped[str]
    party: Mapped[str | None]
    reference: Mapped[str] = mapped_column(index=True)
    received_at: Mapped[datetime]
    effective_at: Mapped[datetime]
    evidence: Mapped[str | None]
    by_whom: Mapped[str]


class ObjectionKey(Row):
    """One key of an objection (ledger/subjects.py): as told, or `absorbed` from what a build found of the same person."""

    __tablename__ = "objection_key"
    KEYED = ("key",)
    objection_key_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    objection_id: Mapped[int] = mapped_column(index=True)
    kind: Mapped[str]
    key: Mapped[str]
    absorbed: Mapped[bool]


class Revocation(Sealed):
    """The end of an objection, said by who had made it."""

    __tablename__ = "revocation"
    SEALED = ("evidence",)
    KEYED = ("party",)
    revocation_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    objection_id: Mapped[int]
    party: Mapped[str]
    revoked_at: Mapped[datetime]
    evidence: Mapped[str | None]
    by_whom: Mapped[str]


class Review(Sealed):
    """Whether a person who looks like an objector is one. The last decision on a pair counts."""

    __tablename__ = "review"
    SEALED = ("reason",)
    KEYED = ("person_id",)
    review_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    objection_id: Mapped[int]
    person_id: Mapped[str]
    verdict: Mapped[str]
    by_whom: Mapped[str]
    reason: Mapped[str | None]
    decided_at: Mapped[datetime]


class Notice(Row):
    """That a person was told of the processing (art. 14), or why that was not needed."""

    __tablename__ = "notice"
    KEYED = ("person_id",)
    notice_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    person_id: Mapped[str]
    channel: Mapped[str | None]
    language: Mapped[str | None]
    sent_on: Mapped[date]
    exception_class: Mapped[str | None]
    by_whom: Mapped[str]


class Recipient(Sealed):
    """Who may be given data. The last row of a recipient counts."""

    __tablename__ = "recipient"
    SEALED = ("contact",)
    recipient_row_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    recipient_id: Mapped[str]
    name: Mapped[str]
    business_id: Mapped[str | None]
    contact: Mapped[str | None]
    added_at: Mapped[datetime]
    by_whom: Mapped[str]


class Disclosure(Sealed):
    """That a person or an organisation was in a file that a recipient was given."""

    __tablename__ = "disclosure"
    SEALED = ("person_id",)
    KEYED = ("person_id",)
    disclosure_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    delivery_id: Mapped[str] = mapped_column(index=True)
    recipient_id: Mapped[str]
    order_id: Mapped[str | None]
    file: Mapped[str]
    sha256: Mapped[str]
    person_id: Mapped[str | None] = mapped_column(index=True)
    business_id: Mapped[str | None] = mapped_column(index=True)
    # Names of the columns disclosed, joined by commas.
    fields: Mapped[str]
    purpose: Mapped[str]
    disclosed_at: Mapped[datetime]
    valid_until: Mapped[date | None]


class Acknowledgement(Row):
    """That a recipient has done something: fetched, recalled, destroyed."""

    __tablename__ = "acknowledgement"
    acknowledgement_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    delivery_id: Mapped[str] = mapped_column(index=True)
    recipient_id: Mapped[str]
    what: Mapped[str]
    acked_at: Mapped[datetime]


class FileOrder(Row):
    """An order of extract files, once or standing. The last row of an order counts.

    spec: JSON of delivery.orders.OrderSpec: group, file, schedule, destination. accepted_*: who on the recipient's side
    accepted which version of the terms, and when.
    """

    __tablename__ = "file_order"
    order_row_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    order_id: Mapped[str] = mapped_column(index=True)
    recipient_id: Mapped[str]
    state: Mapped[str]
    spec: Mapped[str]
    accepted_terms: Mapped[str]
    accepted_by: Mapped[str]
    accepted_at: Mapped[datetime]
    added_at: Mapped[datetime]
    by_whom: Mapped[str]


class DeliveryEvent(Row):
    """What became of a delivery: made, sent, withdrawn, failed, reminded, expired. detail: JSON of figures, nobody's data."""

    __tablename__ = "delivery_event"
    delivery_event_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    delivery_id: Mapped[str] = mapped_column(index=True)
    order_id: Mapped[str]
    recipient_id: Mapped[str]
    what: Mapped[str]
    at: Mapped[datetime]
    detail: Mapped[str | None]


class Access(Sealed):
    """Somebody or something that may use the service: by a key (`sha256` of it) or by signing in (`login`, keyed).

    recipient_id: whose it is; null for our own people. The last row of an access counts.
    """

    __tablename__ = "access"
    SEALED = ("label",)
    KEYED = ("login",)
    access_row_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    access_id: Mapped[str] = mapped_column(index=True)
    recipient_id: Mapped[str | None]
    role: Mapped[str]
    state: Mapped[str]
    label: Mapped[str | None]
    sha256: Mapped[str | None]
    login: Mapped[str | None] = mapped_column(index=True)
    expires_at: Mapped[datetime | None]
    added_at: Mapped[datetime]
    by_whom: Mapped[str]


class SavedGroup(Row):
    """A target group that a recipient keeps. spec: its JSON, null when it was removed. The last row of a group counts."""

    __tablename__ = "saved_group"
    saved_group_row_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    group_id: Mapped[str] = mapped_column(index=True)
    recipient_id: Mapped[str] = mapped_column(index=True)
    spec: Mapped[str | None]
    saved_at: Mapped[datetime]
    by_whom: Mapped[str]


class AuditEvent(Row):
    """That somebody asked the service for something, and what came of it. about: an id or a hash, nobody's data."""

    __tablename__ = "audit_event"
    audit_event_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    request_id: Mapped[str]
    at: Mapped[datetime]
    access_id: Mapped[str | None] = mapped_column(index=True)
    recipient_id: Mapped[str | None] = mapped_column(index=True)
    role: Mapped[str | None]
    action: Mapped[str]
    about: Mapped[str | None]
    status: Mapped[int]
    rows: Mapped[int | None]


ROWS: dict[str, type[Row]] = {
    table.__tablename__: table
    for table in (
        KeyUse, Judgement, Correction, Objection, ObjectionKey, Revocation, Review, Notice, Recipient, Disclosure,
        Acknowledgement, FileOrder, DeliveryEvent, Access, SavedGroup, AuditEvent,
    )
}  # fmt: skip


def append_only(dialect: str, table: str, columns: list[str], sealed: tuple[str, ...]) -> Iterator[str]:
    """SQL by which the database itself refuses to change or delete a row, but for taking its clear text and salt out."""
    erased = ("salt", *sealed) if sealed else ()
    same, null = ("is not distinct from", "is null") if dialect == "postgresql" else ("is", "is null")
    taken_out = " and ".join(
        [*(f"new.{column} {null}" for column in erased)]
        + [f"new.{column} {same} old.{column}" for column in columns if column not in erased]
    )
    when = f"when (not ({taken_out}))" if sealed else ""
    if dialect == "postgresql":
        refuse = "execute function ledger_append_only()"
        yield f"create trigger {table}_no_update before update on {table} for each row {when} {refuse}"
        yield f"create trigger {table}_no_delete before delete or truncate on {table} for each statement {refuse}"
    else:
        refuse = "begin select raise(abort, 'the ledger is append-only'); end"
        yield f"create trigger {table}_no_update before update on {table} {when} {refuse}"
        yield f"create trigger {table}_no_delete before delete on {table} {refuse}"


def changeable(dialect: str, table: str) -> Iterator[str]:
    """SQL that takes append_only off again: a rotation of the secret does, within its transaction."""
    for name in ("no_update", "no_delete"):
        yield f"drop trigger if exists {table}_{name}" + (f" on {table}" if dialect == "postgresql" else "")
