"""What is published, extracted and written is in every format what it was in the marts, row for row and value for value."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from delivery import columns, published
from delivery.extract import extract
from delivery.group import TargetGroup
from delivery.render import Profile, RenderedFile, render
from delivery.selection import select
from tests.renderings import PROFILES, SHEETS_TO_CSV, UNTIL, about, converted, parsed, shown

GROUP = {
    "version": 1, "name": "Kaikki", "unit": "person", "channels": ["email", "phone", "post"], "channel_mode": "any",
    "campaign": {"topic": "ohjelmistot", "override_reason": "a test of files"},
}  # fmt: skip
WORDS = columns.values()


@dataclass(frozen=True)
class World:
    db: duckdb.DuckDBPyConnection
    rows: pa.Table
    told: list[dict[str, Any]]


@pytest.fixture(scope="module")
def world(published_lake: Path) -> Iterator[World]:
    with published.desk(published_lake) as db:
        group = TargetGroup.model_validate(GROUP)
        select(db, group)
        rows = extract(db, group, "acme", "fi", UNTIL).rows
        yield World(db, rows, rows.to_pylist())


def text(code: str, value: Any, language: columns.Language = "fi") -> str:
    """A value as a cell of CSV, by the conventions of the page and not by the code under test."""
    column = columns.every()[code]
    if value is None:
        return ""
    if column.kind == "list":
        return shown("|".join(item.replace("\\", "\\\\").replace("|", "\\|") for item in value)) or ""
    if column.kind == "boolean":
        return WORDS["boolean"][str(value).lower()][language]
    if column.kind == "number":
        return str(value).replace(".", ",")
    if code in WORDS and column.part == "always":
        return WORDS[code][value][language]
    return shown(str(value)) or ""


def cells(world: World) -> list[dict[str, str]]:
    codes = [column.code for column in columns.of() if column.code != columns.MISSING]
    return [{columns.header(code, "fi"): text(code, line[code]) for code in codes} for line in world.told]


def without(line: dict[str, str]) -> dict[str, str]:
    return {header: cell for header, cell in line.items() if header != "puuttuvat"}


def test_there_is_something_to_write(world: World) -> None:
    assert len(world.told) > 500 and len({line["row_id"] for line in world.told}) == len(world.told)
    for code in ("email", "phone", "postal_line_3", "first_name", "area", "verified_on", "p_current", "address_source"):
        assert any(line[code] for line in world.told), code


def test_the_rows_are_those_of_the_marts(world: World) -> None:
    """A name, an address and a day of each, looked up by business id and mailbox where it is published.

    A firm that may not be told itself (a sole trader's name is a person's) has no name in the rows of its people.
    """
    firms = dict(world.db.execute("select business_id, name from marketing.organisations").fetchall())
    mailboxes = set(
        world.db.execute(
            """select business_id, value, first_name, last_name from marketing.marketing_contacts
               where channel = 'email' and person_id is not null"""
        ).fetchall()
    )
    told = {(line["business_id"], line["email"], line["first_name"], line["last_name"]) for line in world.told if line["email"]}
    assert len(told) > 100 and told <= mailboxes
    assert [line["organisation_name"] for line in world.told] == [firms.get(line["business_id"]) for line in world.told]
    assert sum(line["organisation_name"] is None for line in world.told) < 0.1 * len(world.told)


@pytest.mark.parametrize("format", ["csv", "cp1252", "raw"])
def test_csv(world: World, tmp_path: Path, format: str) -> None:
    written = render(world.rows, PROFILES[format], about(), tmp_path)
    read, expected = [without(line) for line in parsed(written[0])], cells(world)
    listed = {(int(line["row"]) - 1, line["column"]) for line in parsed(written[1])} if len(written) > 1 else set()
    differs = {
        (number, header)
        for number, (line, wanted) in enumerate(zip(read, expected, strict=True))
        for header in wanted
        if line[header] != wanted[header]
    }
    # Also the made-up Finland has names that cp1252 lacks: these, and no other cells, are in the report.
    assert differs == listed and bool(listed) == (format == "cp1252")


def test_json_lines_and_parquet(world: World, tmp_path: Path) -> None:
    lines = render(world.rows, PROFILES["jsonl"], about(), tmp_path)[0].path.read_text(encoding="utf-8").splitlines()
    table = pq.read_table(render(world.rows, PROFILES["parquet"], about(), tmp_path)[0].path).to_pylist()
    codes = [column.code for column in columns.of() if column.code != columns.MISSING]
    for line, row, given in zip(map(json.loads, lines), table, world.told, strict=True):
        for code in codes:
            header, value = columns.header(code, "fi"), given[code] or (given[code] if given[code] != [] else None)
            assert row[header] == value, code
            if isinstance(value, Decimal):
                value = float(value)
            elif columns.every()[code].kind == "date" and value:
                value = value.isoformat()
            assert line[header] == value, code
            assert (header in line["_null"]) == (value is None)


def test_xlsx_by_libreoffice_and_openpyxl(world: World, tmp_path: Path) -> None:
    file: RenderedFile = render(world.rows, Profile(), replace(about(), terms=("Ehdot",)), tmp_path)[0]
    sheet = next(path for path in converted(file.path, SHEETS_TO_CSV, tmp_path / "out") if path.stem.endswith("Kohderyhmä"))
    with sheet.open(encoding="utf-8", newline="") as opened:
        read = list(csv.DictReader(opened, delimiter=";"))
    numbers = {column.headers["fi"] for column in columns.of() if not column.is_text}
    assert [{h: c for h, c in without(line).items() if h not in numbers} for line in read] == [
        {h: c for h, c in line.items() if h not in numbers} for line in cells(world)
    ]
    book = openpyxl.load_workbook(file.path, read_only=True)
    head, *lines = book["Kohderyhmä"].iter_rows(values_only=True)
    at = head.index("tuoreus_todnak")
    assert [line[at] for line in lines] == [None if one["p_current"] is None else float(one["p_current"]) for one in world.told]
