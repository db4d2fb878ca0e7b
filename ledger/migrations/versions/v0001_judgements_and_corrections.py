"""Judgements on who is who, corrections of facts; both append-only, kept so by the database itself."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
TABLES = ("judgement", "correction")


def upgrade() -> None:
    """Make the tables, and let the database refuse to change or delete a row."""
    op.create_table(
        "judgement",
        sa.Column("judgement_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("mention_a", sa.String, nullable=False),
        sa.Column("mention_b", sa.String, nullable=False),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("by_whom", sa.String, nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=False), nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.CheckConstraint("verdict in ('same', 'not_same', 'unsure')", name="judgement_verdict"),
        sa.CheckConstraint("mention_a < mention_b", name="judgement_pair"),
        sa.CheckConstraint("by_whom <> '' and reason <> ''", name="judgement_told"),
    )
    op.create_table(
        "correction",
        sa.Column("correction_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("business_id", sa.String),
        sa.Column("person_id", sa.String),
        sa.Column("field", sa.String, nullable=False),
        sa.Column("value", sa.String),
        sa.Column("by_whom", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=False), nullable=False),
        sa.CheckConstraint("business_id is not null or person_id is not null", name="correction_subject"),
        sa.CheckConstraint("by_whom <> '' and reason <> ''", name="correction_told"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "create function ledger_append_only() returns trigger language plpgsql as "
            "$$ begin raise exception 'the ledger is append-only'; end $$"
        )
        for table in TABLES:
            op.execute(
                f"create trigger {table}_append_only before update or delete or truncate on {table} "
                "for each statement execute function ledger_append_only()"
            )
    else:
        for table in TABLES:
            for change in ("update", "delete"):
                op.execute(
                    f"create trigger {table}_no_{change} before {change} on {table} "
                    "begin select raise(abort, 'the ledger is append-only'); end"
                )


def downgrade() -> None:
    """There is no way back: decisions are not thrown away."""
    raise NotImplementedError("the ledger is only ever moved forward")
