"""A new version of the secret: every key and id in the ledger is wrapped by it, in one transaction (docs/adr/0009).

The line in the secret file comes first. Killed in between, nothing is lost: builds refuse, since the ledger's keys are of the
version before, and the same command goes on from there.
"""

import os
import secrets
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from base.files import atomic_file
from ledger import chain, keys, store
from ledger.store import LedgerRefused
from ledger.tables import ROWS, KeyUse, Row, append_only, changeable

AT_ONCE = 10_000
NEWEST_VERSION = 9  # One digit in an id.


def rotate(home: Path) -> int:
    """Add a version to the secret file, unless one is there that the ledger has not been brought to; returns the version.

    Raises LedgerRefused when the secret is in the environment and has no new version there, keys.SecretMissing.
    """
    key = keys.current()
    with store.connect(home) as session:
        used = chain.key_use(session)
    if used is None or used[0] >= key.version:
        if os.environ.get("KOHDE_SECRET"):
            raise LedgerRefused(
                f"the secret is in KOHDE_SECRET: add a line `{key.version + 1}:` with 32 random bytes in hex below what it has "
                "(the lines that are there stay), and run this again"
            )
        add_version(keys.file(), key)
    with store.connect(home) as session:
        bring(session)
    store.scrub(home)
    return keys.current().version


def add_version(path: Path, key: keys.Key) -> None:
    """Add a random secret of the next version to the file; the lines that are there stay, or no older id could be wrapped."""
    if key.version >= NEWEST_VERSION:
        raise LedgerRefused(f"there are {NEWEST_VERSION} versions of the secret already: an id has one digit for it")
    told = path.read_text(encoding="ascii").strip()
    with atomic_file(path) as temporary:
        temporary.touch(mode=0o600)
        temporary.write_text(f"{told}\n{key.version + 1}:{secrets.token_hex(keys.LEAST_BYTES)}\n", encoding="ascii")


def bring(session: Session) -> None:
    """Bring every key and id of the ledger to the current version, and chain that. Nothing when they are of it."""
    used, key = chain.key_use(session), keys.current()
    if used is None or used[0] == key.version:
        store.check_key(session)
        return
    earlier = next((one for one in key.all() if one.version == used[0]), None)
    if earlier is None or earlier.check() != used[1]:
        raise LedgerRefused("the ledger's keys are of no earlier version of this secret: nothing was changed")
    dialect = session.connection().dialect.name
    for name, table in ROWS.items():
        if not table.KEYED:
            continue
        for statement in changeable(dialect, name):
            session.execute(sa.text(statement))
        _wrap(session, table, key)
        for statement in append_only(dialect, name, chain.columns(table), table.SEALED):
            session.execute(sa.text(statement))
    chain.append(session, "key", {KeyUse: [{"version": key.version, "letters": key.check()}]})
    chain.reseal_all(session, key.version)


def _wrap(session: Session, table: type[Row], key: keys.Key) -> None:
    number = sa.inspect(table).primary_key[0]
    last = 0
    while rows := [
        dict(row)
        for row in session.execute(sa.select(table.__table__).where(number > last).order_by(number).limit(AT_ONCE)).mappings()
    ]:
        for column in table.KEYED:
            for row, made in zip(rows, key.brought([_id(row[column]) for row in rows]), strict=True):
                row[column] = made if made else row[column]
        # A sealed id has another seal; one that was redacted stays without.
        for row in rows:
            if set(table.KEYED) & set(table.SEALED) and row["salt"]:
                row["sealed"] = chain.seal(table, row)
        session.execute(sa.update(table), rows)
        last = rows[-1][number.name]


def _id(value: str | None) -> str | None:
    """An id of ours; a text that is none (a party of before a restore) stays as it is."""
    return value if value and value[1:2] == "_" else None
