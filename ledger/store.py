"""What people have promised and decided, as rows of a transactional database: it cannot be made anew from any source.

Today judgements on who is who and corrections of facts. Rows are only ever added: who changes their mind adds another row, and
the last one counts. The lake reads a snapshot (ingest/sources/ledger) and never writes here.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

VERDICTS = ("same", "not_same", "unsure")
# What may be corrected, as the marts call it; the models know the same (dbt_project.yml, tests/test_ledger.py).
ORGANISATION_FIELDS = ("name", "phone", "email", "website", "language", "staff_band", "municipality_code")
PERSON_FIELDS = ("first_name", "last_name", "title", "email", "phone", "language")
MIGRATIONS = Path(__file__).parent / "migrations"


class LedgerRefused(Exception):
    """A row that was not written, and why, in one line."""


class Base(DeclarativeBase):
    """Tables of the ledger; they change by migrations (ledger/migrations) only."""


class Judgement(Base):
    """Whether two mentions are one person, as somebody has decided. The last one of a pair counts."""

    __tablename__ = "judgement"
    judgement_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    mention_a: Mapped[str]
    mention_b: Mapped[str]
    verdict: Mapped[str]
    by_whom: Mapped[str]
    judged_at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=False))
    reason: Mapped[str]


class Correction(Base):
    """A value that somebody knows better than the sources, of an organisation or of a person's place in one.

    It counts until the source agrees; null means that there is none. The last one of a subject and field counts.
    """

    __tablename__ = "correction"
    correction_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    business_id: Mapped[str | None]
    person_id: Mapped[str | None]
    field: Mapped[str]
    value: Mapped[str | None]
    by_whom: Mapped[str]
    reason: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=False))


def url(home: Path) -> str:
    """Where the ledger lies: KOHDE_LEDGER_URL, else a SQLite file in the lake's folder."""
    return os.environ.get("KOHDE_LEDGER_URL") or f"sqlite:///{home / 'ledger.db'}"


def exists(home: Path) -> bool:
    """Whether anything can have been written: a lake without decisions needs no database."""
    return bool(os.environ.get("KOHDE_LEDGER_URL")) or (home / "ledger.db").exists()


@contextmanager
def connect(home: Path) -> Iterator[Session]:
    """A transaction on the ledger, brought to its newest form first. Commits on leaving without an error.

    Raises LedgerRefused when the database cannot be reached.
    """
    home.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url(home))
    try:
        migrate(engine)
        with Session(engine) as session, session.begin():
            yield session
    except sa.exc.OperationalError as error:
        # Neither the address nor the statement: they may hold a password or a name.
        raise LedgerRefused(f"the ledger cannot be reached ({type(error.orig).__name__})") from None
    finally:
        engine.dispose()


def migrate(engine: sa.Engine) -> None:
    """Bring the database to the newest version of its tables, in one transaction."""
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        if (
            MigrationContext.configure(connection).get_current_revision()
            != ScriptDirectory.from_config(config).get_current_head()
        ):
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def judge(home: Path, verdict: str, first: str, second: str, by_whom: str, reason: str) -> int:
    """Write down whether two mentions are one person; returns the row's number. Raises LedgerRefused for a row without sense.

    Mentions are named as in enr_person_mentions: source:dataset:record key.
    """
    if verdict not in VERDICTS:
        raise LedgerRefused(f"{verdict!r} is no verdict; there is {', '.join(VERDICTS)}")
    if any(not re.fullmatch(r"[a-z_]+:[a-z_]+:.+", mention) for mention in (first, second)):
        raise LedgerRefused("a mention is written source:dataset:key, as restricted.person_review lists them")
    if first == second:
        raise LedgerRefused("a mention cannot be judged against itself")
    one, other = sorted([first, second])
    return _add(home, Judgement(mention_a=one, mention_b=other, verdict=verdict, judged_at=_now(), **_told(by_whom, reason)))


def correct(
    home: Path, field: str, value: str | None, by_whom: str, reason: str,
    *, business_id: str | None = None, person_id: str | None = None,
) -> int:  # fmt: skip
    """Write down a value that outranks the sources until they agree; returns the row's number.

    business_id alone: of the organisation; with person_id: of the person's place there; person_id alone: of the person.
    Raises LedgerRefused when it is about nobody, of a field that models do not let anybody correct, or when a part is missing.
    """
    if not (business_id or person_id):
        raise LedgerRefused("a correction is about an organisation, a person or both: say which")
    fields = PERSON_FIELDS if person_id else ORGANISATION_FIELDS
    if field not in fields:
        raise LedgerRefused(
            f"{field!r} cannot be corrected of {'a person' if person_id else 'an organisation'}: {', '.join(fields)}"
        )
    row = Correction(
        business_id=business_id, person_id=person_id, field=field, value=value, made_at=_now(), **_told(by_whom, reason)
    )
    return _add(home, row)


def rows(home: Path, table: type[Base]) -> list[dict[str, Any]]:
    """Every row of a table, oldest first."""
    with connect(home) as session:
        key = sa.inspect(table).primary_key[0]
        found = session.execute(sa.select(*table.__table__.columns).order_by(key)).mappings()
        return [dict(row) for row in found]


def _add(home: Path, row: Base) -> int:
    with connect(home) as session:
        session.add(row)
        session.flush()
        return int(sa.inspect(row).identity[0])  # type: ignore[index]


def _told(by_whom: str, reason: str) -> dict[str, str]:
    if not by_whom.strip() or not reason.strip():
        raise LedgerRefused("say by whom and why: a decision without them cannot be checked later")
    return {"by_whom": by_whom.strip(), "reason": reason.strip()}


def _now() -> datetime:
    """UTC without a zone: the same column in SQLite and PostgreSQL."""
    return datetime.now(UTC).replace(tzinfo=None)
