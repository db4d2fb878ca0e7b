"""Retention with a frozen clock: what goes, what stays, and that landing the same again starts no clock anew."""

import os
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import duckdb
import polars as pl
import pytest

from ingest import lake
from ingest.load import land_table
from ingest.source import Personal, Source
from orchestration.subject import retention

TODAY = date(2026, 6, 1)


def _land(
    home: Path, dataset: str, rows: list[dict[str, Any]], day: date, source: str = "survey", mode: str = "partial"
) -> None:
    sheet = Source.load(source)
    kinds = {"DATE": pl.Date, "TIMESTAMP": pl.Datetime, "BOOLEAN": pl.Boolean, "VARCHAR[]": pl.List(pl.String)}
    schema = {c: kinds.get(k, pl.String) for c, k in sheet.datasets[dataset].columns.items()}
    moment = {c: datetime(1, 1, 1).time() for c, k in schema.items() if k == pl.Datetime}
    told = [{**dict.fromkeys(schema), **row, "_position": n} for n, row in enumerate(rows, start=1)]
    told = [{c: datetime.combine(v, moment[c]) if c in moment and v else v for c, v in row.items()} for row in told]
    file = home / "in" / f"{dataset}-{day}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{dataset} {day} {len(rows)}", encoding="utf-8")
    kept = lake.archive_file(home, source, day, file)
    table = pl.DataFrame(told, schema={**schema, "_position": pl.Int64}).to_arrow()
    land_table(sheet, dataset, table, day, files=[kept], home=home, mode=mode, accept_bounds="a test")


def _reports(home: Path) -> set[str]:
    found = duckdb.sql(f"""
        select report_id from read_parquet('{home}/raw/survey/decision_makers/load=*/*.parquet', union_by_name = true)
        where report_id is not null""").fetchall()
    return {row[0] for row in found}


def test_the_clock_is_the_interviews_and_not_the_loads(tmp_path: Path) -> None:
    limit = TODAY - timedelta(days=Source.load("survey").retention_days)
    old = {"report_id": "old", "business_id": "0112038-9", "reported_at": limit - timedelta(days=1)}
    new = {"report_id": "new", "business_id": "0112038-9", "reported_at": limit}
    undated = {"report_id": "undated", "business_id": "0112038-9"}
    # Landed a month ago, some of it told again since with another title: the interview is as old as it was.
    _land(tmp_path, "decision_makers", [old, new, undated], TODAY - timedelta(days=30))
    _land(tmp_path, "decision_makers", [{**old, "title": "Johtaja"}], TODAY - timedelta(days=1))
    listed = retention.run(tmp_path, TODAY, dry_run=True)
    assert sorted(one.rows for one in listed if one.rows) == [1, 1]
    assert _reports(tmp_path) == {"old", "new", "undated"}
    assert retention.run(tmp_path, TODAY) == listed
    assert _reports(tmp_path) == {"new", "undated"}
    assert retention.run(tmp_path, TODAY) == []
    assert [one.rows for one in retention.run(tmp_path, TODAY + timedelta(days=1))] == [1]


def test_a_place_stays_as_long_as_the_register_tells_it(tmp_path: Path) -> None:
    days = Source.load("prh_officers").retention_days
    gone, first = TODAY - timedelta(days=days + 1), TODAY - timedelta(days=days + 30)
    place = {"business_id": "0112038-9", "organ_code": "HAL", "role_code": "J", "started_on": date(2000, 1, 1)}
    places = [place | {"person_key": key, "person_id": key} for key in ("left", "stays")]
    _land(tmp_path, "officers", places, first, "prh_officers", "full")
    _land(tmp_path, "officers", places[1:], gone, "prh_officers", "full")
    removed = retention.run(tmp_path, TODAY)
    assert {one.rows for one in removed if one.rows} == {1}
    left = duckdb.sql(
        f"select _key from read_parquet('{tmp_path}/raw/prh_officers/officers/load=*/*.parquet', union_by_name = true)"
    )
    assert {key.split("|")[3] for (key,) in left.fetchall()} == {"stays"}


def test_some_fields_go_before_their_record(tmp_path: Path) -> None:
    """By the clock of their record, which has no other."""
    limit = retention.kinds()["birth_date"]
    gone = {"left": limit + 1, "lately": limit - 1}
    place = {"business_id": "0112038-9", "organ_code": "HAL", "role_code": "J", "started_on": date(2000, 1, 1)}
    places = {
        key: place | {"person_key": key, "person_id": key, "last_name": "Virtanen", "birth_date": date(1970, 1, 1)}
        for key in ("left", "lately", "stays")
    }
    _land(tmp_path, "officers", [*places.values()], TODAY - timedelta(days=limit + 30), "prh_officers", "full")
    for key, days in gone.items():
        del places[key]
        _land(tmp_path, "officers", [*places.values()], TODAY - timedelta(days=days), "prh_officers", "full")
    listed = retention.run(tmp_path, TODAY, dry_run=True)
    assert [(one.rule, one.rows) for one in listed if one.rows] == [(f"birth_date, {limit} days after the last look", 1)]
    assert [one for one in retention.run(tmp_path, TODAY) if one.rows] == [one for one in listed if one.rows]
    told = duckdb.sql(f"""
        select _key, last_name, birth_date
        from read_parquet('{tmp_path}/raw/prh_officers/officers/load=*/*.parquet', union_by_name = true)
        where last_name is not null""").fetchall()
    born = {key.split("|")[3]: (name, day is not None) for key, name, day in told}
    assert born == {"left": ("Virtanen", False), "lately": ("Virtanen", True), "stays": ("Virtanen", True)}
    assert [one for one in retention.run(tmp_path, TODAY) if one.rows] == []


def test_every_kind_that_goes_earlier_is_a_kind() -> None:
    assert retention.kinds().keys() <= {*get_args(Personal)}


@pytest.mark.parametrize(
    ("path", "days"),
    [
        ("archive/survey/{day}/a.csv", 90),
        ("archive/ytj/{day}/a.zip", 730),
        ("aside/survey/cases/load=survey-cases-{compact}-001/part-00000.parquet", 90),
        ("quarantine/survey/cases/load=survey-cases-{compact}-001/part-00000.parquet", 90),
        ("dbt/dbt.log", 90),
        ("inbox/survey/done/a.csv", 90),
        ("deliveries/r/o/d/file.csv", 30),
    ],
)
def test_files_go_when_their_time_is_over_and_not_before(tmp_path: Path, path: str, days: int) -> None:
    for age, goes in ((days, False), (days + 1, True)):
        day = TODAY - timedelta(days=age)
        file = tmp_path / str(age) / path.format(day=day, compact=f"{day:%Y%m%d}")
        file.parent.mkdir(parents=True)
        file.write_text("x")
        moment = (day - date(1970, 1, 1)).total_seconds() + 3600
        for one in (file, file.parent):
            os.utime(one, (moment, moment))
        assert bool(retention.run(tmp_path / str(age), TODAY, dry_run=True)) is goes
        retention.run(tmp_path / str(age), TODAY)
        assert file.exists() is not goes
