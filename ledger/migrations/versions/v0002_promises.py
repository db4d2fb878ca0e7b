"""Objections, notices, recipients, disclosures; a chain over all that is added; clear text that can be erased."""

import secrets
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.orm import Session

from ledger import chain, tables

revision = "0002"
down_revision = "0001"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
MOMENT = sa.DateTime(timezone=False)
SEALED = {
    "judgement": ("mention_a", "mention_b", "reason"),
    "correction": ("value", "reason"),
    "objection": ("evidence",),
    "revocation": ("evidence",),
    "review": ("reason",),
    "recipient": ("contact",),
    "disclosure": ("person_id",),
}


def upgrade() -> None:
    """Make the tables, chain what is there, and let the database refuse to change or delete a row."""
    connection = op.get_bind()
    dialect = connection.dialect.name
    for table in ("judgement", "correction"):
        for statement in _old_triggers(dialect, table):
            op.execute(statement)
    _make(
        "entry",
        sa.Column("seq", NUMBER, primary_key=True, autoincrement=False),
        *(_moment("at"), _text("kind"), _text("about"), _text("digest"), _text("previous"), _text("hash")),
        of_chain=False,
    )
    _make("key_use", _number("key_use_id"), _whole("version"), _text("letters"))
    _seal_old_rows(connection)
    _make(
        "objection",
        *(_number("objection_id"), _text("kind"), _text("scope"), _text("purpose"), _text("channel", True)),
        *(_text("recipient_id", True), _text("origin"), _text("party", True), _text("reference")),
        *(_moment("received_at"), _moment("effective_at"), _text("evidence", True), _text("by_whom")),
        _one_of("objection", "kind", ("objection", "erasure", "safety", "restriction")),
        _one_of("objection", "scope", ("person", "organisation", "domain", "phone", "email", "address")),
        _one_of("objection", "purpose", ("marketing", "survey", "profiling", "all")),
        _one_of("objection", "channel", ("email", "phone", "post")),
        _one_of("objection", "origin", ("person", "organisation", "customer", "registry", "list")),
        indexed=("reference",),
    )
    _make(
        "objection_key",
        *(_number("objection_key_id"), _whole("objection_id"), _text("kind"), _text("key")),
        sa.Column("absorbed", sa.Boolean, nullable=False),
        indexed=("objection_id",),
    )
    _make(
        "revocation",
        *(_number("revocation_id"), _whole("objection_id"), _text("party"), _moment("revoked_at")),
        *(_text("evidence", True), _text("by_whom")),
    )
    _make(
        "review",
        *(_number("review_id"), _whole("objection_id"), _text("person_id"), _text("verdict"), _text("by_whom")),
        *(_text("reason", True), _moment("decided_at"), _one_of("review", "verdict", ("same", "not_same"))),
    )
    _make(
        "notice",
        *(_number("notice_id"), _text("person_id"), _text("channel", True), _text("language", True)),
        *(sa.Column("sent_on", sa.Date, nullable=False), _text("exception_class", True), _text("by_whom")),
    )
    _make(
        "recipient",
        *(_number("recipient_row_id"), _text("recipient_id"), _text("name"), _text("business_id", True)),
        *(_text("contact", True), _moment("added_at"), _text("by_whom")),
    )
    _make(
        "disclosure",
        *(_number("disclosure_id"), _text("delivery_id"), _text("recipient_id"), _text("order_id", True), _text("file")),
        *(_text("sha256"), _text("person_id", True), _text("business_id", True), _text("fields"), _text("purpose")),
        *(_moment("disclosed_at"), sa.Column("valid_until", sa.Date)),
        indexed=("delivery_id", "person_id", "business_id"),
    )
    _make(
        "acknowledgement",
        *(_number("acknowledgement_id"), _text("delivery_id"), _text("recipient_id"), _text("what"), _moment("acked_at")),
        indexed=("delivery_id",),
    )
    names = sorted(set(sa.inspect(connection).get_table_names()) - {"alembic_version"})
    for table in names:
        columns = [column["name"] for column in sa.inspect(connection).get_columns(table)]
        for statement in tables.append_only(dialect, table, columns, SEALED.get(table, ())):
            op.execute(statement)


def downgrade() -> None:
    """There is no way back: decisions are not thrown away."""
    raise NotImplementedError("the ledger is only ever moved forward")


def _make(
    table: str, *columns: sa.Column[Any] | sa.CheckConstraint, of_chain: bool = True, indexed: tuple[str, ...] = ()
) -> None:
    of_all = [_whole("seq")] if of_chain else []
    of_sealed = [_text("salt", True), _text("sealed")] if table in SEALED else []
    op.create_table(table, *columns, *of_all, *of_sealed)
    for column in (*(["seq"] if of_chain else []), *indexed):
        op.create_index(f"ix_{table}_{column}", table, [column])


def _seal_old_rows(connection: sa.Connection) -> None:
    """Judgements and corrections of before join the chain; their clear text gets its seal."""
    for table, model in (("judgement", tables.Judgement), ("correction", tables.Correction)):
        with op.batch_alter_table(table) as batch:
            batch.alter_column(f"{table}_id", existing_type=sa.Integer, type_=NUMBER, existing_nullable=False)
            for column in SEALED[table]:
                batch.alter_column(column, existing_type=sa.String, nullable=True)
            for column in ("seq", "salt", "sealed"):
                batch.add_column(sa.Column(column, NUMBER if column == "seq" else sa.String))
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            rows = [dict(row) for row in session.execute(sa.select(model.__table__)).mappings()]
            seq = chain.head(session).seq + 1
            for row in rows:
                row |= {"seq": seq, "salt": secrets.token_hex(16)}
                row["sealed"] = chain.seal(model, row)
                key = model.__table__.c[f"{table}_id"]
                session.execute(sa.update(model).where(key == row[key.name]).values(row))
            if rows:
                chain.link(session, table, {table: len(rows)}, chain.digest({table: chain.digest_rows(model, rows)}))
            session.commit()
        with op.batch_alter_table(table) as batch:
            batch.alter_column("seq", existing_type=NUMBER, nullable=False)
            batch.alter_column("sealed", existing_type=sa.String, nullable=False)
        op.create_index(f"ix_{table}_seq", table, ["seq"])


def _old_triggers(dialect: str, table: str) -> list[str]:
    if dialect == "postgresql":
        return [f"drop trigger {table}_append_only on {table}"]
    return [f"drop trigger {table}_no_{change}" for change in ("update", "delete")]


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, NUMBER, primary_key=True, autoincrement=False)


def _whole(name: str) -> sa.Column[Any]:
    return sa.Column(name, NUMBER, nullable=False)


def _text(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String, nullable=nullable)


def _moment(name: str) -> sa.Column[Any]:
    return sa.Column(name, MOMENT, nullable=False)


def _one_of(table: str, column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} in ({', '.join(map(repr, values))})", name=f"{table}_{column}")
