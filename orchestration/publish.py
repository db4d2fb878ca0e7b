"""Publish: copy the marts into a new folder, look at the copy, then move one pointer.

`published/<version>/` is written once and never changed; `published/current` is a symbolic link that is replaced in
one step. A reader resolves the link and opens what it finds read-only: it is never blocked by a build, never broken by
a publication, and sees the new version when it resolves the link again. No path is ever used twice, because within one
process DuckDB goes on serving the old file of a path (docs/adr/0004-publish-by-pointer.md).

Nobody who objects may be in what is published, whenever they did: the pointer moves only while the ledger is held and its head
is the one that the gates were proven against (docs/explanation/gates.md).
"""

import hashlib
import json
import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from base import files
from delivery import published as reading
from ledger import store
from orchestration import gating, intake, settings
from orchestration.state import WAREHOUSE, BuildState, Refused, writer

KEPT_VERSIONS = 3
STORAGE = "v1.4.0"
"""Format of the files: what DuckDB 2 writes by itself no 1.x opens, and the drivers of other programs are 1.x for long.
1.4 is the oldest that costs neither bytes nor time."""

MODES = {"analyst.duckdb": 0o444}
OWNERS = 0o440
"""Who may read: anybody what holds no direct identifier, else the owner and the group of `published/`."""
FILES = {"registry": ("main", "reference", "restricted"), "analyst": ("main", "reference")}
"""File -> the schemas it holds: marts, the code lists that their names (and `organisations_as_of`) come from, and what no
marketing model may read. registry: every table as built. analyst: without the columns that dbt tags `personal` (names, contact
points, dates of birth).
"""

SCHEMAS = FILES["registry"]
MARKETING = {"marketing_contacts": "marketing_contacts", "marketing_organisations": "organisations"}
"""Mart -> its name in marketing.duckdb, which holds these and nothing else: who objects is physically not in the file."""

LOOKS = 3
"""How often the head of the ledger is looked at before the pointer moves; before the last look nobody else may add to it."""


class Table(NamedTuple):
    """A table of the warehouse."""

    schema: str
    name: str

    @property
    def label(self) -> str:
        """As people write it: `organisations`, `reference.industries`."""
        return self.name if self.schema == "main" else f"{self.schema}.{self.name}"

    @property
    def sql(self) -> str:
        """As DuckDB reads it, whatever the name."""
        return f"{_name(self.schema)}.{_name(self.name)}"


@dataclass(frozen=True)
class PublishedVersion:
    """What was published; also the content of the version's manifest.json."""

    version: str
    path: str
    tables: dict[str, int]
    files: list[dict[str, Any]]
    loads: dict[str, str]
    invocation_id: str
    built_at: str
    published_at: str
    suppression_version: str = ""

    @classmethod
    def read(cls, folder: Path) -> "PublishedVersion":
        """The receipt of one published version."""
        return cls(**json.loads((folder / "manifest.json").read_text()), path=str(folder))


def current(home: Path | None = None) -> Path:
    """As delivery.published.current, by default of KOHDE_HOME."""
    return reading.current(home or settings.home())


def connect(home: Path | None = None, file: str = "analyst") -> duckdb.DuckDBPyConnection:
    """As delivery.published.connect, by default of KOHDE_HOME."""
    return reading.connect(home or settings.home(), file)


def publish(home: Path | None = None) -> PublishedVersion:
    """Publish the marts of the warehouse as a new version and point `current` to it.

    Raises, with the published version untouched: Refused when the last build is not a whole, tested one or a ban list is past
    its age; store.LedgerRefused when the ledger is missing or not the one that was seen; build.BuildFailed when the gates
    cannot be proven.
    """
    home = (home or settings.home()).resolve()
    with writer(home):
        state = BuildState.read(home)
        if state.status != "built":
            why = {"absent": "there is no build yet", "building": "the last build was interrupted"}
            raise Refused(f"not published: {why.get(state.status, f'the last build failed ({state.reason})')}")
        if not (home / WAREHOUSE).exists():
            raise Refused("not published: the warehouse is missing, build it first")
        gating.check_inputs(home)
        published = home / "published"
        published.mkdir(exist_ok=True)
        _sweep_leftovers(published)
        _step("begun")
        intake.take(home)  # what interviews and customers have told since the build
        if not gating.is_current(home) or gating.lists_have_landed(home, state.loads):
            gating.regate(home)
        _step("gated")
        folder = published / _new_version(published)
        with files.draft_folder(folder) as draft:
            _shut(draft)
            tables = _copy_marts(home, draft)
            _step("copied")
            receipt = _settle(home, draft, folder, state, tables)
        _drop_old(published)
        return receipt


def _settle(home: Path, draft: Path, folder: Path, state: BuildState, tables: dict[str, int]) -> PublishedVersion:
    """Look at the ledger once more and, while nobody can add to it, put the draft in its place and move the pointer.

    What was said meanwhile is taken in first: the gates are proven anew, and what they hold is copied anew.
    """
    for look in range(1, LOOKS + 1):
        sealed = _sealed(home, draft, folder, state, tables)
        _step("sealed")
        with store.holding(home):
            _step("held")
            if look == LOOKS and not gating.is_current(home):
                tables |= _gate_again(home, draft)
                sealed = _sealed(home, draft, folder, state, tables)
            if gating.is_current(home):
                shutil.copymode(folder.parent, draft)
                files.commit_folder(draft, folder)
                _step("committed")
                # One step: a reader finds the old version or the new one, never none.
                files.switch_pointer(folder.parent / "current", folder.name)
                return sealed
        tables |= _gate_again(home, draft)
    raise AssertionError("unreachable: nobody adds to a ledger that is held")


def _gate_again(home: Path, draft: Path) -> dict[str, int]:
    gating.regate(home)
    _step("gated again")
    return _copy_marts(home, draft, only=_gated_tables(settings.dbt_target(home) / "manifest.json"))


def _shut(draft: Path) -> None:
    """Nobody else looks in until each file has the mode that says who may."""
    draft.chmod(draft.stat().st_mode & ~0o077)


def _sealed(home: Path, draft: Path, folder: Path, state: BuildState, tables: dict[str, int]) -> PublishedVersion:
    """Make the files of the draft unwritable and write their receipt."""
    receipt = PublishedVersion(
        version=folder.name,
        path=str(folder),
        tables=tables,
        files=[_seal(draft / f"{name}.duckdb") for name in [*FILES, "marketing"]],
        loads=state.loads,
        invocation_id=state.invocation_id,
        built_at=state.built_at,
        published_at=datetime.now(UTC).isoformat(timespec="seconds"),
        suppression_version=gating.proven(home) or "",
    )
    content = {key: value for key, value in asdict(receipt).items() if key != "path"}
    files.write_text(draft / "manifest.json", json.dumps(content, indent=2) + "\n")
    for path in draft.iterdir():
        files.fsync(path)
    return receipt


def _step(name: str) -> None:
    """Nothing. Where tests let somebody object in the middle of a publication."""


def versions(published: Path) -> list[str]:
    """Published versions, oldest first."""
    names = [path.name for path in published.iterdir() if re.fullmatch(r"\d{8}T\d{6}Z(-\d+)?", path.name)]
    return sorted(names, key=_order)


def _order(version: str) -> tuple[str, int]:
    stamp, _, number = version.partition("-")
    return stamp, int(number or 0)


def _new_version(published: Path) -> str:
    """A name after every version there is, also when two are made in one second or the clock has gone back."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    last = versions(published)[-1:]
    if not last or _order(stamp) > _order(last[0]):
        return stamp
    stamp, number = _order(last[0])
    return f"{stamp}-{number + 1}"


def _copy_marts(home: Path, draft: Path, only: Collection[Table] | None = None) -> dict[str, int]:
    """Write the files and look at them again; returns rows per table. only: the tables that are to be written anew."""
    personal = _personal_columns(settings.dbt_target(home) / "manifest.json")
    rows: dict[str, int] = {}
    for name in FILES:
        path = draft / f"{name}.duckdb"
        with _filled(home, path) as db:
            tables = {table: columns for table, columns in _tables(db, personal).items() if table.schema in FILES[name]}
            if name == "analyst":
                tables = {
                    table: [column for column in columns if column.lower() not in personal[table]]
                    for table, columns in tables.items()
                }
            if only is not None:
                tables = {table: columns for table, columns in tables.items() if table in only}
                for table in tables:
                    db.execute(f"DROP TABLE {table.sql}")
            for table, columns in tables.items():
                rows[table.label] = _copy_table(db, table, columns)
            macros = _copy_table_macros(db) if only is None else {}
        _verify(path, {table: rows[table.label] for table in tables}, macros)
    return rows | _copy_marketing(home, draft / "marketing.duckdb")


def _copy_marketing(home: Path, path: Path) -> dict[str, int]:
    """Write marketing.duckdb as a new file, always: in one that was written before, what was deleted can still be read."""
    path.unlink(missing_ok=True)
    with _filled(home, path) as db:
        tables = {
            Table("main", name): _copy_table(db, Table("main", mart), _columns(db, Table("main", mart)), Table("main", name))
            for mart, name in MARKETING.items()
        }
        db.execute(
            "CREATE TABLE about AS SELECT version AS suppression_version, CAST(? AS TIMESTAMP) AS built_at, "
            "CAST(? AS VARCHAR) AS first_list_to_expire, CAST(? AS DATE) AS lists_reliable_until "
            "FROM warehouse.enriched.enr_gate_head",
            [datetime.now(UTC).replace(tzinfo=None), *gating.first_to_expire(home)],
        )
    _verify(path, tables, {})
    return {f"marketing.{table.name}": rows for table, rows in tables.items()}


@contextmanager
def _filled(home: Path, path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A file to be filled from `warehouse`; on leaving it is whole."""
    if path.exists():
        path.chmod(0o640)
    with duckdb.connect(str(path), config={"storage_compatibility_version": STORAGE}) as db:
        db.execute(f"ATTACH {_text(str(home / WAREHOUSE))} AS warehouse (READ_ONLY)")
        yield db
        db.execute("DETACH warehouse")
        db.execute("CHECKPOINT")
    if path.with_name(path.name + ".wal").exists():
        raise Refused(f"not published: {path.name} was not closed whole (a .wal lies beside it)")


def _gated_tables(manifest: Path) -> set[Table]:
    """Tables that are other ones after the gates were proven anew."""
    nodes = json.loads(manifest.read_text())["nodes"].values()
    return {
        Table(node["schema"], node.get("alias") or node["name"])
        for node in nodes
        if node["resource_type"] == "model" and node["schema"] in SCHEMAS and "gates" in node.get("tags", [])
    }


def _columns(db: duckdb.DuckDBPyConnection, table: Table) -> list[str]:
    """Columns of a table of the warehouse. Raises Refused when it is not there."""
    found = db.execute(
        "SELECT column_name FROM duckdb_columns() WHERE database_name = 'warehouse' AND schema_name = ? AND table_name = ? "
        "ORDER BY column_index",
        table,
    ).fetchall()
    if not found:
        raise Refused(f"not published: the warehouse holds no {table.label}, build it first")
    return [column for (column,) in found]


def _personal_columns(manifest: Path) -> dict[Table, set[str]]:
    """Table -> columns tagged `personal` in dbt (`true`, or the kind, such as `direct`).

    Without the manifest nobody can tell, so nothing is published.
    """
    try:
        nodes: Iterable[dict[str, Any]] = json.loads(manifest.read_text())["nodes"].values()
    except (FileNotFoundError, ValueError, KeyError):
        raise Refused(f"not published: {manifest} cannot be read, so nobody knows which columns are personal") from None

    def is_personal(column: dict[str, Any]) -> bool:
        return bool({**column.get("meta", {}), **column.get("config", {}).get("meta", {})}.get("personal"))

    return {
        Table(node["schema"], node.get("alias") or node["name"]): {
            name.lower() for name, column in node["columns"].items() if is_personal(column)
        }
        for node in nodes
        if node["resource_type"] in ("model", "seed") and node["schema"] in SCHEMAS
    }


def _tables(db: duckdb.DuckDBPyConnection, declared: Collection[Table]) -> dict[Table, list[str]]:
    """What is to be published, with columns. A table that dbt does not declare is a stranger and does not leave the house."""
    found: dict[Table, list[str]] = {}
    for schema, table, column in db.execute(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() "
        "JOIN duckdb_tables() USING (database_name, schema_name, table_name) "
        "WHERE database_name = 'warehouse' AND list_contains(?, schema_name) ORDER BY schema_name, table_name, column_index",
        [list(SCHEMAS)],
    ).fetchall():
        found.setdefault(Table(schema, table), []).append(column)
    if strangers := sorted(table.label for table in found.keys() - set(declared)):
        raise Refused(f"not published: {', '.join(strangers)} in the warehouse is no mart that dbt declares")
    if not any(table.schema == "main" for table in found):
        raise Refused("not published: the warehouse holds no mart")
    return found


def _copy_table(db: duckdb.DuckDBPyConnection, table: Table, columns: list[str], into: Table | None = None) -> int:
    """Create the table (called `into`) with its contract (NOT NULL, CHECK) and comments, fill it; returns its number of rows in
    the warehouse.

    `CREATE TABLE AS` would lose the contract, and the contract is what holds when no dbt test is near.
    """
    where = "database_name = 'warehouse' AND schema_name = ? AND table_name = ?"
    described = db.execute(f"SELECT column_name, data_type, is_nullable, comment FROM duckdb_columns() WHERE {where}", table)
    facts = {name: (kind, nullable, comment) for name, kind, nullable, comment in described.fetchall()}
    lines = [f"{_name(c)} {facts[c][0]}{'' if facts[c][1] else ' NOT NULL'}" for c in columns]
    checks = db.execute(
        "SELECT constraint_text, constraint_column_names FROM duckdb_constraints() "
        f"WHERE {where} AND constraint_type = 'CHECK'",
        table,
    ).fetchall()
    # A rule that looks at a column which stays behind cannot go along.
    lines += [text for text, used in checks if set(used) <= set(columns)]
    into = into or table
    db.execute(f"CREATE SCHEMA IF NOT EXISTS {_name(into.schema)}")
    db.execute(f"CREATE TABLE {into.sql} ({', '.join(lines)})")
    db.execute(f"INSERT INTO {into.sql} SELECT {', '.join(map(_name, columns))} FROM warehouse.{table.sql}")
    about = _one(db, f"SELECT comment FROM duckdb_tables() WHERE {where}", table)
    if about is not None:
        db.execute(f"COMMENT ON TABLE {into.sql} IS {_text(about)}")
    for column in columns:
        if facts[column][2] is not None:
            db.execute(f"COMMENT ON COLUMN {into.sql}.{_name(column)} IS {_text(facts[column][2])}")
    return int(_one(db, f"SELECT count(*) FROM warehouse.{table.sql}"))


def _copy_table_macros(db: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Copy the warehouse's table macros; returns name -> number of parameters. DuckDB's catalogue knows no defaults."""
    macros = db.execute(
        "SELECT function_name, parameters, macro_definition FROM duckdb_functions() "
        "WHERE database_name = 'warehouse' AND schema_name = 'main' AND function_type = 'table_macro' ORDER BY 1"
    ).fetchall()
    for name, parameters, body in macros:
        # dbt writes full names; in the copy the database is called otherwise.
        body = re.sub(rf"\bwarehouse\.(?=({'|'.join(SCHEMAS)})\.)", "", body)
        db.execute(f"CREATE MACRO {_name(name)}({', '.join(map(_name, parameters))}) AS TABLE {body}")
    return {name: len(parameters) for name, parameters, _ in macros}


def _verify(path: Path, tables: dict[Table, int], macros: dict[str, int]) -> None:
    """Open the finished file as a reader would: same rows, and every macro answers without the warehouse."""
    with duckdb.connect(str(path), read_only=True, config={"enable_external_access": "false"}) as db:
        for table, rows in tables.items():
            if (found := _one(db, f"SELECT count(*) FROM {table.sql}")) != rows:
                raise Refused(f"not published: {path.name} has {found} rows in {table.label}, the warehouse {rows}")
        for name, parameters in macros.items():
            db.execute(f"SELECT * FROM {_name(name)}({', '.join(['NULL'] * parameters)}) LIMIT 0")


def _seal(path: Path) -> dict[str, Any]:
    """Take the write permission away and note size and checksum."""
    path.chmod(MODES.get(path.name, OWNERS))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest}


def _sweep_leftovers(published: Path) -> None:
    """Remove what a killed publication left: hidden drafts, and whole versions that `current` never pointed to."""
    files.sweep(published)
    if (published / "current").exists():
        pointed = _order((published / "current").resolve().name)
        for version in versions(published):
            if _order(version) > pointed:
                shutil.rmtree(published / version)


def _drop_old(published: Path) -> None:
    """Keep the last versions, for readers that are still at work and for a look back."""
    for version in versions(published)[:-KEPT_VERSIONS]:
        shutil.rmtree(published / version)


def _one(db: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[Any] = ()) -> Any:
    row = db.execute(sql, parameters).fetchone()
    return row[0] if row else None


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
