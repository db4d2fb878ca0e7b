"""The version in service: what the deliverers, the desk and the analysts read. Files of one version belong together.

`orchestration/publish.py` moves the pointer; whoever reads resolves it anew for every session.
"""

from pathlib import Path

import duckdb

from base.refused import Refused

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
    Raises Refused when nothing has been published.
    """
    for attempt in range(3):
        path = current(home) / f"{file}.duckdb"
        try:
            return duckdb.connect(str(path), read_only=True, config=dict(LOCKED))
        except duckdb.IOException:
            if path.exists() or attempt == 2:
                raise
    raise AssertionError("unreachable")


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
