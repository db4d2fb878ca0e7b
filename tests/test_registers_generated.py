"""The registers that come as files, as the made-up Finland writes them: everything lands, day by day, and no person leaks."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.lake import Manifest
from ingest.sources.associations import loader as associations
from ingest.sources.foundations import loader as foundations
from ingest.sources.prh_officers import loader as officers
from ingest.sources.statfi_business import loader as statfi_business
from ingest.sources.vero import loader as vero
from ingest.sources.ytj_extract import loader as ytj_extract
from ingest.synthetic import generate

DAYS = ("2026-01-02", "2026-01-03")
DAILY: dict[str, Any] = {
    "prh_officers": officers.land,
    "ytj_extract": ytj_extract.land,
    "associations": associations.land,
    "foundations": foundations.land,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("registers")
    generate(400, 20260102, 2, folder, change_share=0.2, sources=[*DAILY, "vero", "statfi_business"])
    return folder


@pytest.fixture(scope="module")
def landed(made: Path) -> tuple[Path, list[Manifest]]:
    home = made / "lake"
    manifests = [m for day in DAYS for source, land in DAILY.items() for m in land(made / source / day, None, home)]
    manifests += vero.land(made / "vero", date(2026, 1, 3), home) + statfi_business.land(made / "statfi_business", None, home)
    return home, manifests


def told(home: Path, source: str) -> str:
    found = duckdb.sql(f"from read_parquet('{home}/raw/{source}/*/load=*/*.parquet', union_by_name=true)")
    return json.dumps(found.fetchall(), ensure_ascii=False, default=str)


def test_every_record_is_accounted_for_and_none_refused(made: Path, landed: tuple[Path, list[Manifest]]) -> None:
    for manifest in landed[1]:
        counts = manifest.counts
        assert counts.read == counts.landed + counts.unchanged and counts.read > 0, manifest.load_id
        assert manifest.unknown_fields == {}, manifest.load_id
    lines = (made / "prh_officers" / DAYS[0] / "officers.csv").read_text(encoding="utf-8-sig").count("\n") - 1
    assert next(m for m in landed[1] if m.source == "prh_officers").counts.read == lines


def test_the_second_day_lands_its_changes_only(landed: tuple[Path, list[Manifest]]) -> None:
    for manifest in landed[1]:
        if manifest.as_of == DAYS[1] and manifest.source in DAILY:
            assert manifest.counts.landed < manifest.counts.read / 2, manifest.load_id
    assert any(m.counts.updated for m in landed[1] if m.source == "prh_officers")


@pytest.mark.parametrize("source", ["associations", "foundations"])
def test_no_person_of_a_first_address_line_lands(made: Path, landed: tuple[Path, list[Manifest]], source: str) -> None:
    answers = [a for file in (made / source).rglob("*.json") for a in json.loads(file.read_text(encoding="utf-8"))]
    persons = {line["AddressLine1"] for answer in answers for line in answer["Address"] if "AddressLine1" in line}
    assert persons or source == "foundations"
    text = told(landed[0], source)
    assert not [person for person in persons if person in text]


def test_neither_sole_traders_persons_nor_c_o_names_land(made: Path, landed: tuple[Path, list[Manifest]]) -> None:
    answers = [
        json.loads(line)["Company"] for f in (made / "ytj_extract").rglob("*.jsonl") for line in f.open(encoding="utf-8")
    ]
    assert any("Person" in answer for answer in answers)
    names = {a["PostalAddress"]["DomesticAddress"].get("CareOf") for a in answers if "PostalAddress" in a} - {None}
    text = told(landed[0], "ytj_extract")
    assert not [name for name in names if name in text] and '"Person"' not in text


def test_contacts_come_to_one_normal_form(landed: tuple[Path, list[Manifest]]) -> None:
    """A dozen ways to write a number, and each has its normal form."""
    found = duckdb.sql(f"""
        select c.told, c.normal, c.fault
        from (select unnest(contacts) as c
              from read_parquet('{landed[0]}/raw/ytj_extract/*/load=*/*.parquet', union_by_name=true))
        where c.type_code in ('1', '5', '3')
    """).fetchall()
    assert len(found) > 50 and not [told for told, normal, fault in found if normal is None or fault]
