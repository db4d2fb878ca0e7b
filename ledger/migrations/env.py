"""What Alembic runs: the migrations on the connection that ledger/store.py has opened."""

from alembic import context

from ledger.store import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
