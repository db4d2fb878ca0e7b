"""Objections that land with sources are in the ledger once, in the scope in which they were said, and none is lost."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingest.load import land_table
from ingest.source import Source
from ledger import objections, store, subjects, tables
from ledger.subjects import Told
from orchestration import intake
from orchestration.build import building


def landed(home: Path, source: str, dataset: str, day: date, *records: dict[str, Any]) -> None:
    """Rows of a dataset as its loader would land them; what is not given is null."""
    sheet = Source.load(source)
    columns = sheet.datasets[dataset].columns
    rows = [{column: record.get(column) for column in columns} | {"_position": i} for i, record in enumerate(records, 1)]
    home.mkdir(exist_ok=True)
    file = home / f"{source}-{day}.csv"
    file.write_text(repr(records))
    schema = {"objected_at": pl.Datetime, "occurred_at": pl.Datetime, "returns_on": pl.Date, "says_left": pl.Boolean}
    frame = pl.DataFrame(rows, schema={c: schema.get(c, pl.String) for c in columns} | {"_position": pl.Int64})
    land_table(sheet, dataset, frame.to_arrow(), day, files=[file], home=home, mode="partial")


def said(home: Path) -> list[tuple[str, str, str]]:
    return [(row["scope"], row["purpose"], row["origin"]) for row in objections.every(home)]


def test_objections_of_interviews(tmp_path: Path) -> None:
    opt = {"objection_id": "a", "scope": "person", "purpose": "marketing", "business_id": "0112038-9", "first_name": "Matti",
           "last_name": "Mäkinen", "objected_at": datetime(2026, 1, 2, 12, 0)}  # fmt: skip
    hard = {"objection_id": "b", "scope": "person", "purpose": "survey_contact", "email": "a@firma.fi"}
    firm = {"objection_id": "c", "scope": "organisation", "purpose": "survey_contact", "business_id": "0112038-9"}
    nameless = {"objection_id": "d", "scope": "person", "purpose": "marketing", "business_id": "0112038-9"}
    nobody = {"objection_id": "e", "scope": "person", "purpose": "marketing"}
    landed(tmp_path, "survey", "objections", date(2026, 1, 3), opt, hard, firm, nameless, nobody)
    taken = intake.take(tmp_path)
    assert (taken.new, taken.unusable) == ({"survey:objections": 4}, ["survey:objections:e"])
    assert said(tmp_path) == [
        ("person", "marketing", "person"),
        ("person", "survey", "person"),
        ("organisation", "survey", "organisation"),
        ("organisation", "marketing", "organisation"),
    ]
    first = objections.every(tmp_path)[0]
    assert (first["evidence"], first["received_at"]) == ("survey:objections:a", datetime(2026, 1, 2, 10, 0)), "in UTC"
    keys = {(row["kind"], row["key"]) for row in store.rows(tmp_path, tables.ObjectionKey) if row["objection_id"] == 1}
    assert keys == set(subjects.keys(Told(name="Matti Mäkinen", business_id="0112038-9")))


def test_a_build_tells_of_an_objection_that_reaches_nobody(tmp_path: Path) -> None:
    """By the record it came with, never by what it says."""
    landed(
        tmp_path, "survey", "objections", date(2026, 1, 3),
        {"objection_id": "e", "scope": "person", "purpose": "marketing", "first_name": "Matti"},
        {"objection_id": "f", "scope": "person", "purpose": "marketing", "email": "a@firma.fi"},
    )  # fmt: skip
    with building(tmp_path) as plan:
        plan.whole = False
        (warning,) = plan.warnings
    assert warning.startswith("survey:objections:e ") and "Matti" not in warning


def test_each_counts_once_and_stays(tmp_path: Path) -> None:
    row = {"scope": "person", "purpose": "marketing", "email": "a@firma.fi"}
    landed(tmp_path, "survey", "objections", date(2026, 1, 3), {"objection_id": "a", **row})
    assert intake.take(tmp_path).new == {"survey:objections": 1}
    head = store.head(tmp_path)
    assert intake.take(tmp_path).new == {} and store.head(tmp_path) == head
    objections.revoke(tmp_path, 1, origin="person", told=Told(email="a@firma.fi"), evidence="letter", by_whom="me")
    store.redact(tmp_path, tables.Objection, [1])
    landed(tmp_path, "survey", "objections", date(2026, 1, 4), {"objection_id": "b", **row})
    assert intake.take(tmp_path).new == {"survey:objections": 1}, "what was ended is not told again, a new one is"
    assert [row["revoked_at"] is None for row in objections.every(tmp_path)] == [False, True]


def test_objections_told_to_customers(tmp_path: Path) -> None:
    told = {"customer_id": "acme", "disposition": "OPT", "occurred_at": datetime(2026, 7, 1, 12, 0)}
    landed(
        tmp_path, "bounces", "events", date(2026, 7, 2),
        {"event_id": "1", "contact_kind": "email", "contact": "matti@firma.fi", **told},
        {"event_id": "2", "contact_kind": "email", "contact": "info@firma.fi", **told},
        {"event_id": "3", "contact_kind": "phone", "contact": "+358401234567", **told},
        {"event_id": "4", "contact_kind": "organisation", "contact": "0112038-9", **told},
        {"event_id": "5", "contact_kind": "email", "contact": "x@firma.fi", **told, "disposition": "EBH"},
    )  # fmt: skip
    assert intake.take(tmp_path).new == {"bounces:events": 4}
    assert [scope for scope, _, _ in said(tmp_path)] == ["person", "email", "person", "organisation"]
    with pytest.raises(store.LedgerRefused, match="only be revoked"):
        objections.revoke(tmp_path, 1, origin="customer", party="other", evidence="x", by_whom="me")
    objections.revoke(tmp_path, 1, origin="customer", party="acme", evidence="x", by_whom="me")


def test_a_moment_to_come_counts_now(tmp_path: Path) -> None:
    row = {"objection_id": "a", "scope": "person", "purpose": "marketing", "email": "a@firma.fi"}
    landed(tmp_path, "survey", "objections", date(2026, 1, 3), row | {"objected_at": datetime(2999, 1, 1)})
    intake.take(tmp_path)
    (objection,) = objections.every(tmp_path)
    assert max(objection["effective_at"], objection["received_at"]) < datetime(2998, 1, 1)


def test_a_lake_without_them_has_nothing_to_take(tmp_path: Path) -> None:
    assert intake.take(tmp_path) == intake.Taken() and not store.exists(tmp_path)
