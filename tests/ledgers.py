"""Fixtures of ledger tests: each runs on SQLite and on a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ledger import store
from tests.servers import new_database, postgres

ENGINES = ["sqlite", "postgresql"]


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for all tests of this process; its URL lacks the database's name."""
    with postgres(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture(params=ENGINES)
def ledger_home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lake whose ledger lies in SQLite or in a database of its own on PostgreSQL."""
    if request.param == "postgresql":
        monkeypatch.setenv("KOHDE_LEDGER_URL", new_database(request.getfixturevalue("postgres_server")))
    else:
        monkeypatch.delenv("KOHDE_LEDGER_URL", raising=False)
    return tmp_path / "lake"


def tamper(home: Path, *statements: str) -> None:
    """Change the database behind the ledger's back, as somebody could who has its file or its password."""
    engine = sa.create_engine(store.url(home))
    with engine.begin() as connection:
        tables = [name for name in sa.inspect(connection).get_table_names() if name != "alembic_version"]
        for table in tables:
            for trigger in ("no_update", "no_delete"):
                on = f" on {table}" if engine.dialect.name == "postgresql" else ""
                connection.execute(sa.text(f"drop trigger if exists {table}_{trigger}{on}"))
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


def lose(home: Path, url: str | None = None) -> None:
    """Make the ledger as it never was; the lake's own files stay."""
    if store.url(home).startswith("sqlite"):
        for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
            (home / name).unlink(missing_ok=True)
        return
    engine = sa.create_engine(store.url(home))
    with engine.begin() as connection:
        connection.execute(sa.text("drop schema public cascade"))
        connection.execute(sa.text("create schema public"))
    engine.dispose()
