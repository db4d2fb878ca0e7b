"""The version in service: what the deliverers, the desk and the analysts read. Files of one version belong together.

`orchestration/publish.py` moves the pointer; whoever reads resolves it anew for every session.
"""

import os
from datetime import date, datetime
from pathlib import Path

import duckdb

from base.made_up import RESERVED_IDS
from base.refused import Refused
from delivery.schedule import HELSINKI

LOCKED = {"enable_external_access": "false", "lock_configuration": "true"}
"""No file, network or setting can be reached from the SQL of who reads."""


def current(home: Path) -> Path:
    """Real folder of the version in service. Resolve anew for every session: the pointer moves, the folders do not.

    Raises Refused when nothing has been published.
    """
    pointer = home / "published" / "current"
    if not pointer.exists():
        raise Refused(f"nothing is published in {pointer.parent.parent} yet: run `kohde build` and `kohde publish`")
    return pointer.resolve()


def connect(home: Path, file: str = "analyst") -> duckdb.DuckDBPyConnection:
    """Open a file of the current version read-only and locked down.

    A reader that stalls between resolving and opening for so long that its version is swept resolves once more.
    Raises Refused when nothing has been published, or the file is not there for whoever asks.
    """
    for attempt in range(3):
        path = current(home) / f"{file}.duckdb"
        try:
            return duckdb.connect(str(path), read_only=True, config=dict(LOCKED))
        except duckdb.IOException:
            if path.exists() and not os.access(path, os.R_OK, effective_ids=True):
                raise Refused(f"{path.name} is not yours to read: few may, and the file's group says who") from None
            if path.exists():
                raise
            if attempt == 2:
                raise Refused(f"{path.name} is not among what is published here: {_there(path.parent)}") from None
    raise AssertionError("unreachable")


def _there(folder: Path) -> str:
    return ", ".join(sorted(path.name for path in folder.glob("*.duckdb"))) or "nothing is"


def check_lists(home: Path, now: datetime) -> None:
    """Refuse to deliver what was proven against a ban list that is past its age by now. now: with a zone. Raises Refused."""
    with connect(home, "marketing") as db:
        about = db.execute("select * from about")
        told = dict(zip((column for column, *_ in about.description or []), about.fetchone() or (), strict=False))
    name, until = told.get("first_list_to_expire"), told.get("lists_reliable_until")
    if until is not None and (today := _today(home, now)) > until:
        raise Refused(f"ban list {name} may be relied on until {until} and it is {today}: land a newer one and publish first")


def _today(home: Path, now: datetime) -> date:
    """The day of a delivery: KOHDE_TODAY, else the clock's in Finland. Made-up companies live on the lake's last day."""
    if day := os.environ.get("KOHDE_TODAY", "").strip():
        try:
            return date.fromisoformat(day)
        except ValueError:
            raise Refused(f"KOHDE_TODAY is a day such as 2026-01-31, not {day!r}") from None
    with connect(home, "registry") as db:
        ((first, last_day),) = db.execute(
            "select (select min(business_id) from organisations), "
            "(select max(in_service_as_of) from source_health where source_name <> 'ledger')"
        ).fetchall()
    if first and int(first[:7]) in RESERVED_IDS:
        return date.fromisoformat(str(last_day))
    return now.astimezone(HELSINKI).date()


def desk(home: Path, folder: Path | None = None) -> duckdb.DuckDBPyConnection:
    """An own database in memory with the version's files attached read-only as `registry` and `marketing`, locked down.

    Temporary tables may be made. folder: of a version; by default the one in service. Raises Refused.
    """
    folder = folder or current(home)
    db = duckdb.connect(config={"preserve_insertion_order": "false"})
    for name in ("registry", "marketing"):
        path = str(folder / f"{name}.duckdb").replace("'", "''")
        db.execute(f"attach '{path}' as {name} (read_only)")
    for setting, value in LOCKED.items():
        db.execute(f"set {setting} = {value}")
    return db
