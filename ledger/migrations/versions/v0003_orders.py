"""Orders, and what became of each delivery."""

import sqlalchemy as sa
from alembic import op

from ledger import tables

revision = "0003"
down_revision = "0002"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
MOMENT = sa.DateTime(timezone=False)


def upgrade() -> None:
    """Make the two tables; the database refuses to change or delete a row of them."""
    connection = op.get_bind()
    op.create_table(
        "file_order",
        sa.Column("order_row_id", NUMBER, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.String, nullable=False) for name in ("order_id", "recipient_id", "state", "spec")),
        *(sa.Column(name, sa.String, nullable=False) for name in ("accepted_terms", "accepted_by")),
        *(sa.Column(name, MOMENT, nullable=False) for name in ("accepted_at", "added_at")),
        sa.Column("by_whom", sa.String, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.CheckConstraint("state in ('active', 'paused', 'ended')", name="file_order_state"),
    )
    op.create_table(
        "delivery_event",
        sa.Column("delivery_event_id", NUMBER, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.String, nullable=False) for name in ("delivery_id", "order_id", "recipient_id", "what")),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("detail", sa.String),
        sa.Column("seq", NUMBER, nullable=False),
    )
    for table, indexed in (("file_order", ("seq", "order_id")), ("delivery_event", ("seq", "delivery_id"))):
        for column in indexed:
            op.create_index(f"ix_{table}_{column}", table, [column])
        columns = [column["name"] for column in sa.inspect(connection).get_columns(table)]
        for statement in tables.append_only(connection.dialect.name, table, columns, ()):
            op.execute(statement)


def downgrade() -> None:
    """There is no way back: decisions are not thrown away."""
    raise NotImplementedError("the ledger is only ever moved forward")
