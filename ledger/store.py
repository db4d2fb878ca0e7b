"""Where the ledger lies and how it is opened: one writer at a time, durable when told, refused when it is not what it was.

What people have promised and decided cannot be made anew from any source, so it lies in a transactional database. Rows are only
ever added (ledger/chain.py). The lake reads a snapshot of it (ingest/sources/ledger) and never writes here.

The lake keeps the last head it has seen (`ledger_head.json`): a ledger that is missing, shorter or another than that is refused
everywhere, because a list of objections that has lost some looks just like one that never had them.
"""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from filelock import FileLock
from sqlalchemy.orm import Session

from base.files import write_text
from ledger import chain, keys
from ledger.chain import Head, now
from ledger.tables import Base, Correction, Entry, Judgement, KeyUse, Row

__all__ = [
    "Base",
    "Correction",
    "Head",
    "Judgement",
    "LedgerClosed",
    "LedgerRefused",
    "connect",
    "correct",
    "create",
    "exists",
    "head",
    "holding",
]

VERDICTS = ("same", "not_same", "unsure")
# What may be corrected, as the marts call it; the models know the same (dbt_project.yml, tests/test_ledger.py).
ORGANISATION_FIELDS = ("name", "phone", "email", "website", "language", "staff_band", "municipality_code")
PERSON_FIELDS = ("first_name", "last_name", "title", "email", "phone", "language")
MIGRATIONS = Path(__file__).parent / "migrations"
NEWEST = "0004"
MARK = "ledger_head.json"
BUSY_SECONDS = 30
# Any number, the same in every process: the advisory lock of the one writer.
ADVISORY_LOCK = 5_601_733

VERSION = sa.text("select version_num from alembic_version")

_ready: set[str] = set()
_held: ContextVar[tuple[Path, Session] | None] = ContextVar("held", default=None)


class LedgerRefused(Exception):
    """A row that was not written, or a ledger that is not to be relied on, and why, in one line."""


class LedgerClosed(LedgerRefused):
    """A ledger that cannot be reached or is not to be relied on: nothing may leave, whoever asks."""


def url(home: Path) -> str:
    """Where the ledger lies: KOHDE_LEDGER_URL, else a SQLite file in the lake's folder."""
    return os.environ.get("KOHDE_LEDGER_URL") or f"sqlite:///{home / 'ledger.db'}"


def exists(home: Path) -> bool:
    """Whether there is a ledger: its database has tables. Raises LedgerRefused when the database cannot be reached."""
    if not os.environ.get("KOHDE_LEDGER_URL") and not (home / "ledger.db").exists():
        return False
    with _reached(), _engine(url(home)).connect() as connection:
        return _version(connection) is not None


def create(home: Path, *, anyway: bool = False) -> None:
    """Make an empty ledger where there is none, in a lake where nothing can have been decided yet.

    anyway: also in a lake that was built or published before there were ledgers, because a person says so; never in one that
    has seen a ledger. Raises LedgerRefused.
    """
    if exists(home):
        return
    seen = mark(home)
    used = any((home / name).exists() for name in ("build_state.json", "published"))
    if (home / MARK).exists() or (used and not anyway):
        has = f"had {seen.seq} entries" if (home / MARK).exists() else "may have had one"
        way = "`kohde ledger restore FILE`" if (home / MARK).exists() else "`kohde ledger create` if there never was one"
        raise LedgerClosed(f"the ledger is missing, and this lake {has}: nothing may be built or leave without it; {way}")
    home.mkdir(parents=True, exist_ok=True)
    with _reached():
        _migrate(_engine(url(home)))
    _see(home, Head())


@contextmanager
def connect(home: Path, *, write: bool = True) -> Iterator[Session]:
    """A transaction on the ledger, brought to its newest form first. Commits on leaving without an error.

    write: nobody else can add anything meanwhile. Within `holding` it is the transaction that is held.
    Raises LedgerRefused when the database cannot be reached, is missing, or is not the one that this lake has seen.
    """
    held = _held.get()
    if held and held[0] == home:
        yield held[1]
        held[1].flush()
        return
    # Before the transaction: what others add meanwhile must not make this one's view look shrunk.
    seen = mark(home)
    engine = _engine(url(home), write)
    if not _is_ready(home):
        create(home)
        with _reached():
            _migrate(engine)
        _ready.add(url(home))
    with _reached(), Session(engine, expire_on_commit=False) as session, session.begin():
        _check(home, session, seen)
        yield session
        last = chain.head(session)
    if last.seq > seen.seq or not (home / MARK).exists():
        _see(home, last)


@contextmanager
def holding(home: Path) -> Iterator[Session]:
    """Nobody but this thread can add to the ledger meanwhile: what is added here, is so on leaving.

    For the last look before something is published or delivered. Raises LedgerRefused as `connect`.
    """
    with connect(home) as session:
        token = _held.set((home, session))
        try:
            yield session
        finally:
            _held.reset(token)


@contextmanager
def emptied(home: Path) -> Iterator[Session]:
    """A transaction on a ledger that a backup is brought into: made where there is none, whatever this lake has seen."""
    home.mkdir(parents=True, exist_ok=True)
    engine = _engine(url(home), write=True)
    with _reached():
        _migrate(engine)
        with Session(engine) as session, session.begin():
            yield session


def head(home: Path) -> Head:
    """The last entry. Raises LedgerRefused for a ledger that is missing or not the one that was seen."""
    with _reading(home) as session:
        return chain.head(session)


def suppression_head(home: Path) -> Head:
    """The last entry that can change what may leave (objections, notices, reviews ...); disclosures do not count."""
    with _reading(home) as session:
        return chain.head(session, chain.OF_GATES)


def verify(home: Path) -> list[str]:
    """Every fault of the chain in words; nothing when all is as it was written."""
    with _reading(home) as session:
        return list(chain.verify(session))


def add(session: Session, kind: str, rows: chain.Rows) -> Head:
    """Append rows as one entry (chain.append), and note which secret the ledger's keys are of when it gets its first."""
    if any(row.get(column) for table, new in rows.items() for column in table.KEYED for row in new):
        check_key(session, first=True)
    return chain.append(session, kind, rows)


def check_key(session: Session, *, first: bool = False) -> None:
    """Refuse a secret that is not the one the ledger's keys are of: with another, no objection would be found.

    first: note it when the ledger has no keys yet. Raises LedgerRefused, keys.SecretMissing.
    """
    used = chain.key_use(session)
    if used is None and not first:
        return
    key = keys.current()
    if used is None:
        chain.append(session, "key", {KeyUse: [{"version": key.version, "letters": key.check()}]})
    elif used[0] < key.version:
        raise LedgerClosed(
            f"keys of version {used[0]} in the ledger, while the secret is of version {key.version}: run `kohde key rotate`"
        )
    elif used != (key.version, key.check()):
        raise LedgerClosed("the ledger's keys were made with another secret: nobody's objection would be found with this one")


def rows(home: Path, table: type[Row]) -> list[dict[str, Any]]:
    """Every row of a table, oldest first."""
    with _reading(home) as session:
        key = sa.inspect(table).primary_key[0]
        found = session.execute(sa.select(*table.__table__.columns).order_by(key)).mappings()
        return [dict(row) for row in found]


def last_told(home: Path, *tables: type[Row]) -> datetime | None:
    """When one of these tables last got a row, lost a text or was keyed anew (UTC)."""
    names = {table.__tablename__ for table in tables}
    with _reading(home) as session:
        entries = session.execute(sa.select(Entry.at, Entry.kind, Entry.about).order_by(Entry.seq.desc()))
        return next((at for at, kind, about in entries if kind == "rotation" or names & json.loads(about).keys()), None)


def redact(home: Path, table: type[Row], numbers: list[int]) -> None:
    """Erase the clear text of rows (tables.SEALED); the chain holds, and an entry says that it was done."""
    with connect(home) as session:
        chain.redact(session, table, numbers)
    if not _held.get():
        scrub(home)


def scrub(home: Path) -> None:
    """Let nothing of erased text be left in SQLite's write-ahead log. PostgreSQL: a matter of its own vacuum and backups."""
    with _reached(), _engine(url(home)).connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("commit")
            connection.exec_driver_sql("pragma wal_checkpoint(truncate)")
            connection.exec_driver_sql("begin")


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
    row = {"mention_a": one, "mention_b": other, "verdict": verdict, "judged_at": now(), **told(by_whom, reason)}
    return _add_one(home, Judgement, row)


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
    row = {"business_id": business_id, "person_id": person_id, "field": field, "value": value, "made_at": now()}
    return _add_one(home, Correction, row | told(by_whom, reason))


def told(by_whom: str, reason: str) -> dict[str, str]:
    """By whom and why, which no decision may lack. Raises LedgerRefused."""
    if not by_whom.strip() or not reason.strip():
        raise LedgerRefused("say by whom and why: a decision without them cannot be checked later")
    return {"by_whom": by_whom.strip(), "reason": reason.strip()}


def migrate(engine: sa.Engine) -> None:
    """Bring the database to the newest version of its tables, in one transaction."""
    _migrate(engine)


def _add_one(home: Path, table: type[Row], row: dict[str, Any]) -> int:
    with connect(home) as session:
        add(session, table.__tablename__, {table: [row]})
    return int(row[chain.primary(table)])


# --- the database ----------------------------------------------------------------------------------------------------


@cache
def _engine(address: str, write: bool = False) -> sa.Engine:
    """Keeps what it has compiled, and no connection. write: transactions begin by keeping other writers out."""
    try:
        engine = sa.create_engine(address, poolclass=sa.pool.NullPool)
    except sa.exc.ArgumentError:
        raise LedgerClosed("KOHDE_LEDGER_URL is no address of a database") from None
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _sqlite)
    sa.event.listen(engine, "begin", _begin_writing if write else _begin)
    return engine


def _sqlite(connection: Any, _: object) -> None:
    # We say ourselves where a transaction begins: the driver would begin it at the first change, after the reads.
    connection.isolation_level = None
    connection.execute(f"pragma busy_timeout = {BUSY_SECONDS * 1000}")
    deadline = time.monotonic() + BUSY_SECONDS
    while connection.execute("pragma journal_mode").fetchone()[0] != "wal":
        # The switch, once in a ledger's life, does not wait for others by itself.
        try:
            connection.execute("pragma journal_mode = wal")
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    # Durable when told; and what is overwritten is overwritten with zeros.
    connection.execute("pragma synchronous = full")
    connection.execute("pragma secure_delete = on")


def _begin(connection: sa.Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("begin")


def _begin_writing(connection: sa.Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("begin immediate")
    else:
        connection.exec_driver_sql(f"select pg_advisory_xact_lock({ADVISORY_LOCK})")


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.DatabaseError) as error:
        if isinstance(error, sa.exc.IntegrityError | sa.exc.ProgrammingError):
            raise
        # Neither the address nor the statement: they may hold a password or a name.
        raise LedgerClosed(f"the ledger cannot be reached ({type(error.orig).__name__})") from None


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(VERSION).scalar()
    return str(found) if found else None


def _is_ready(home: Path) -> bool:
    """Whether this process has seen the database there in its newest form: looking takes longer than most questions to it."""
    return url(home) in _ready and (bool(os.environ.get("KOHDE_LEDGER_URL")) or (home / "ledger.db").exists())


def _migrate(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        version = _version(connection)
    if version == NEWEST:
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as connection:
        # Another process may be doing the same: who comes second finds it done.
        if not connection.in_transaction():
            connection.begin()
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("commit")
            connection.exec_driver_sql("begin immediate")
        else:
            connection.exec_driver_sql(f"select pg_advisory_xact_lock({ADVISORY_LOCK})")
        if _version(connection) != NEWEST:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        connection.commit()


# --- what the lake has seen -------------------------------------------------------------------------------------------


@contextmanager
def _reading(home: Path) -> Iterator[Session]:
    with connect(home, write=False) as session:
        yield session


def mark(home: Path) -> Head:
    """The farthest head this lake has seen; entry 0 when it has seen none. Raises LedgerRefused when that cannot be read."""
    try:
        return Head(**json.loads((home / MARK).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Head()
    except (ValueError, TypeError):
        raise LedgerClosed(f"{home / MARK} cannot be read: it says what the ledger must hold at least") from None


def _see(home: Path, last: Head) -> None:
    """Keep the farthest head ever seen."""
    with FileLock(home / ".ledger_head.lock"):
        if last.seq > mark(home).seq or not (home / MARK).exists():
            set_mark(home, last)


def set_mark(home: Path, head: Head) -> None:
    """Take a head for the farthest seen: after a restore, which a person answers for."""
    write_text(home / MARK, json.dumps({"seq": head.seq, "hash": head.hash}) + "\n")


def _check(home: Path, session: Session, seen: Head) -> None:
    try:
        version = session.execute(VERSION).scalar()
    except (sa.exc.OperationalError, sa.exc.ProgrammingError):
        version = None
    if version != NEWEST:
        session.rollback()
        _ready.discard(url(home))
        create(home)
        raise LedgerClosed("the ledger was replaced meanwhile: try again")
    last = chain.head(session)
    if last.seq < seen.seq:
        raise LedgerClosed(
            f"the ledger has {last.seq} entries, and {seen.seq} were seen here: it was set back or replaced; "
            "bring the newest backup back with `kohde ledger restore FILE`"
        )
    if seen.seq and session.execute(sa.select(Entry.hash).where(Entry.seq == seen.seq)).scalar() != seen.hash:
        raise LedgerClosed(f"the ledger is another one than was seen here: entry {seen.seq} is not the same")
