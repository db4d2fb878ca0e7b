"""The registry of personal data: every column that may hold something of a person, in every layer of the lake.

`kind_of` answers for one column; `unregistered` searches what is really there for look-alikes in columns that are not
registered: e-mail addresses, telephone numbers, names and dates of birth that somebody has put where nobody looks for them.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import get_args

import duckdb
import yaml

from base.normalise import sql
from ingest.lake import literal
from ingest.source import Personal, Source

RULES = Path(__file__).with_name("personal.yml")
LAYERS = ("staging", "enriched", "main", "restricted", "ledger")
"""Schemas that may hold people. `reference` holds code lists, the same in every lake."""
QUARANTINE: dict[str, Personal] = {"original": "free_text", "record_key": "register_id"}
HASHES: dict[str, Personal] = {"_key": "register_id"}

EMAIL = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"
PHONE = r"\+358[0-9]{5,12}"


@dataclass(frozen=True)
class Found:
    """Something that looks like a person's, in a column that is not registered. `what`: email, phone, name, birth_date."""

    place: str
    column: str
    what: str
    rows: int

    def __str__(self) -> str:
        return f"{self.place}.{self.column}: {self.rows} values look like {self.what}"


@cache
def _rules() -> tuple[dict[str, Personal], dict[str, set[str]]]:
    told = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    if unknown := set(told["columns"]) - set(get_args(Personal)):
        raise ValueError(f"{RULES.name}: no kind {', '.join(sorted(unknown))}")
    kinds: dict[str, Personal] = {column: kind for kind, columns in told["columns"].items() for column in columns}
    return kinds, {table: set(columns) for table, columns in told["except"].items()}


def kind_of(schema: str, table: str, column: str) -> Personal | None:
    """What of a person a column of the warehouse or the ledger may hold; None for one that is not registered."""
    kinds, exceptions = _rules()
    if schema not in LAYERS or column in exceptions.get(f"{schema}.{table}", ()):
        return None
    return kinds.get(column.lower())


def raw_columns() -> dict[tuple[str, str], dict[str, Personal]]:
    """(source, dataset) -> the raw columns that may hold something of a person."""
    return {
        (source.name, name): columns
        for source in map(Source.load, Source.names())
        for name, dataset in source.datasets.items()
        if (columns := dataset.personal_columns())
    }


def sources_of_people() -> list[str]:
    """Sources of which any dataset holds something of a person."""
    return sorted({source for source, _ in raw_columns()})


# --- looking for what nobody registered ------------------------------------------------------------------------------------


def unregistered(home: Path, names: Collection[str] = (), births: Collection[object] = ()) -> list[Found]:
    """Look-alikes in columns that are not registered, in raw, aside, quarantine, the warehouse, every version and the ledger.

    names: folded full names (base.normalise.name_fold) of people who are in the lake; births: their dates of birth.
    """
    with duckdb.connect() as con:
        sql.register(con)
        con.execute("create temp table known_names (fold varchar); create temp table known_births (day date)")
        con.executemany("insert into known_names values (?)", [[name] for name in names] or [[None]])
        con.executemany("insert into known_births values (?)", [[day] for day in births] or [[None]])
        found: list[Found] = []
        for place, relation, is_registered in _relations(con, home):
            found += _look(con, place, relation, is_registered)
        return found


Registered = Callable[[str], bool]


def _relations(con: duckdb.DuckDBPyConnection, home: Path) -> Iterator[tuple[str, str, Registered]]:
    raw = raw_columns()
    for zone in ("raw", "aside"):
        for folder in sorted((home / zone).glob("*/*")):
            if any(folder.glob("load=*/*.parquet")):
                files = literal(folder / "load=*" / "*.parquet")
                known = set(raw.get((folder.parent.name, folder.name), ()))
                relation = f"read_parquet({files}, union_by_name = true, hive_partitioning = false)"
                yield f"{zone}/{folder.parent.name}/{folder.name}", relation, known.__contains__
    if any((home / "quarantine").glob("*/*/load=*/*.parquet")):
        files = literal(home / "quarantine" / "*" / "*" / "load=*" / "*.parquet")
        yield "quarantine", f"read_parquet({files}, union_by_name = true)", QUARANTINE.__contains__
    databases = [home / "warehouse.duckdb", *sorted((home / "published").glob("[0-9]*/*.duckdb"))]
    for number, path in enumerate(path for path in databases if path.exists()):
        yield from _tables(con, f"d{number}", f"attach {literal(path)} as d{number} (read_only)", path.name)


def _tables(con: duckdb.DuckDBPyConnection, alias: str, attach: str, place: str) -> Iterator[tuple[str, str, Registered]]:
    con.execute(attach)
    tables = con.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = ? and schema_name <> 'reference'", [alias]
    ).fetchall()
    for schema, table in sorted(tables):

        def is_registered(column: str, schema: str = schema, table: str = table) -> bool:
            return kind_of(schema, table, column) is not None

        yield f"{place}:{schema}.{table}", f'{alias}."{schema}"."{table}"', is_registered


def _look(con: duckdb.DuckDBPyConnection, place: str, relation: str, is_registered: Registered) -> Iterator[Found]:
    for column, kind, *_ in con.execute(f"describe select * from {relation}").fetchall():
        if is_registered(column):
            continue
        name = '"' + column.replace('"', '""') + '"'
        if "VARCHAR" in kind:
            text = name if kind == "VARCHAR" else f"to_json({name})::varchar"
            row = con.execute(f"""
                select count(*) filter (regexp_matches(v, '{EMAIL}')), count(*) filter (regexp_matches(v, '{PHONE}')),
                       count(*) filter (name_fold(v) in (select fold from known_names))
                from (select distinct {text} as v from {relation})
            """).fetchone() or (0, 0, 0)
            yield from (Found(place, column, what, n) for what, n in zip(("email", "phone", "name"), row, strict=True) if n)
        elif kind == "DATE":
            # A day alone is no birth: a column of which nearly every day is somebody's, is.
            days, births = con.execute(f"""
                select count(distinct {name}), count(distinct {name}) filter (day is not null)
                from {relation} left join known_births on {name} = day
            """).fetchone() or (0, 0)
            if days >= 20 and births > 0.9 * days:
                yield Found(place, column, "birth_date", births)
