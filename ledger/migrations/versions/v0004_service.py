"""Who may use the service, the target groups they keep, and the trail of what they asked for."""

import sqlalchemy as sa
from alembic import op

from ledger import tables

revision = "0004"
down_revision = "0003"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
MOMENT = sa.DateTime(timezone=False)
ROLES = ("user", "admin", "officer", "operator")


def _texts(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String, nullable=nullable) for name in names]


def upgrade() -> None:
    """Make the three tables; the database refuses to change or delete a row of them."""
    connection = op.get_bind()
    op.create_table(
        "access",
        sa.Column("access_row_id", NUMBER, primary_key=True, autoincrement=False),
        *_texts("access_id", "role", "state", "by_whom", "sealed"),
        *_texts("recipient_id", "label", "sha256", "login", "salt", nullable=True),
        sa.Column("expires_at", MOMENT),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.CheckConstraint(f"role in {ROLES}", name="access_role"),
        sa.CheckConstraint("state in ('active', 'ended')", name="access_state"),
        sa.CheckConstraint("(recipient_id is null) = (role in ('officer', 'operator'))", name="access_tenant"),
        sa.CheckConstraint("(sha256 is null) <> (login is null)", name="access_proof"),
    )
    op.create_table(
        "saved_group",
        sa.Column("saved_group_row_id", NUMBER, primary_key=True, autoincrement=False),
        *_texts("group_id", "recipient_id", "by_whom"),
        *_texts("spec", nullable=True),
        sa.Column("saved_at", MOMENT, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
    )
    op.create_table(
        "audit_event",
        sa.Column("audit_event_id", NUMBER, primary_key=True, autoincrement=False),
        *_texts("request_id", "action"),
        *_texts("access_id", "recipient_id", "role", "about", nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("status", NUMBER, nullable=False),
        sa.Column("rows", NUMBER),
        sa.Column("seq", NUMBER, nullable=False),
    )
    indexes = {
        "access": ("seq", "access_id", "login"),
        "saved_group": ("seq", "group_id", "recipient_id"),
        "audit_event": ("seq", "access_id", "recipient_id"),
    }
    for table, indexed in indexes.items():
        for column in indexed:
            op.create_index(f"ix_{table}_{column}", table, [column])
        columns = [column["name"] for column in sa.inspect(connection).get_columns(table)]
        for statement in tables.append_only(connection.dialect.name, table, columns, tables.ROWS[table].SEALED):
            op.execute(statement)


def downgrade() -> None:
    """There is no way back: decisions are not thrown away."""
    raise NotImplementedError("the ledger is only ever moved forward")
