"""The registry of personal data: it knows every column that holds any, and says when somebody's are where it knows of none."""

import json
from datetime import date
from pathlib import Path

import duckdb
import pytest

from base.normalise import name_fold
from ingest.source import Source
from ledger.tables import ROWS
from orchestration import build as building
from orchestration.subject import personal_data, ropa


@pytest.fixture(scope="module")
def people(published_lake: Path) -> tuple[set[str], set[date]]:
    """Folded names, and dates of birth, of everybody in the lake."""
    with duckdb.connect(str(published_lake / "warehouse.duckdb"), read_only=True) as db:
        names = db.execute("select distinct name_fold from enriched.enr_person_mentions where name_fold like '% %'").fetchall()
        births = db.execute(
            "select distinct birth_date from enriched.enr_person_mentions where birth_date is not null"
        ).fetchall()
    return {name for (name,) in names}, {day for (day,) in births}


def test_nothing_of_anybody_stands_where_it_is_not_registered(published_lake: Path, people: tuple[set[str], set[date]]) -> None:
    names, births = people
    assert len(names) > 100 and len(births) > 100
    assert list(map(str, personal_data.unregistered(published_lake, names, births))) == []


@pytest.mark.parametrize("column", ["email", "phone", "name", "birth_date"])
def test_what_is_planted_where_it_is_not_registered_is_found(
    people: tuple[set[str], set[date]], column: str, tmp_path: Path
) -> None:
    """A column under a name that nobody registered, in a raw dataset that is about nobody."""
    names, births = people
    values = {"email": ["a@b.example"], "phone": ["+358401234567"], "name": ["Äijälä, Väinö"], "birth_date": sorted(births)}[
        column
    ]
    folder = tmp_path / "raw" / "posti" / "postal_codes" / "load=posti-postal_codes-20260102-001"
    folder.mkdir(parents=True)
    with duckdb.connect() as con:
        con.execute("create table t as select unnest(?) as note", [values])
        con.execute(f"copy t to '{folder / 'part-00000.parquet'}' (format parquet)")
    (found,) = personal_data.unregistered(tmp_path, {*names, str(name_fold("Väinö Äijälä"))}, births)
    assert (found.what, found.column, found.place) == (column, "note", "raw/posti/postal_codes")


def test_a_list_or_a_struct_hides_nothing(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as db:
        db.execute("create schema enriched; create table enriched.enr_x as select [{'deep': ['x', 'a@b.example']}] as note")
    assert [found.what for found in personal_data.unregistered(tmp_path)] == ["email"]


def test_what_dbt_tags_and_what_is_kept_back_are_registered(tmp_path: Path) -> None:
    """A column that analysts may not see is personal; so the registry has to know it."""
    building.parse(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    unknown = [
        f"{node['schema']}.{node['name']}.{column}"
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] in ("main", "restricted")
        for column, about in node["columns"].items()
        if ropa._tagged(about) and personal_data.kind_of(node["schema"], node["name"], column) is None
    ]
    assert unknown == []
    assert ropa.PAGE.read_text(encoding="utf-8") == ropa.page(manifest), "run python -m orchestration.subject.ropa"


def test_every_key_and_clear_text_of_the_ledger_is_registered() -> None:
    unknown = [
        f"{name}.{column}"
        for name, table in ROWS.items()
        for column in (*getattr(table, "SEALED", ()), *getattr(table, "KEYED", ()))
        if personal_data.kind_of("ledger", name, column) is None
    ]
    assert unknown == []


def test_a_fact_sheet_cannot_call_a_column_personal_that_it_has_not() -> None:
    dataset = Source.load("survey").datasets["objections"].model_dump()
    with pytest.raises(ValueError, match="no column nobody"):
        type(Source.load("survey").datasets["objections"])(**{**dataset, "personal": {"nobody": "name"}})
