"""Associations and foundations: the person in the first address line never lands, whatever else is wrong."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from ingest import yrtti
from ingest.lake import LandingRefused, Manifest
from ingest.sources.associations import loader as associations
from ingest.sources.foundations import loader as foundations

DAY = date(2026, 1, 2)
PERSON = "Aino Salainen"


def body(number: str = "195.883", **changes: Any) -> dict[str, Any]:
    address = {
        "AddressTypeCode": "YRPO",
        "FormattedAddressFI": f"{PERSON}\nKeksittytie 3 A 4\n00100 HELSINKI",
        "FormattedAddressSE": f"{PERSON}\nKeksittytie 3 A 4\n00100 HELSINGFORS",
        "AddressLine1": PERSON,
        "StreetName": "Keksittytie 3 A 4",
        "PostCode": "00100",
        "City": "HELSINKI",
    }
    told = {
        "AssociationNameInfo": [
            {"Type": "P", "Name": "Vanha Yhdistys ry", "Language": "FI", "Status": "VE", "StartDate": "1990-01-01"},
            {"Type": "P", "Name": "Keksitty Yhdistys ry", "Language": "FI", "Status": "R", "StartDate": "2001-02-03"},
        ],
        "BusinessId": "0112038-9",
        "RegistrationNumber": number,
        "Domicile": "753",
        "Address": [address | changes.pop("address", {})],
        "ContactInfo": {"Email": "Info@Yhdistys.fi", "Phone": "040-123 4567"},
        "RegistryDate": "1990-01-01",
        "AssociationStatus": "R",
        "PurposeClassMain": "3",
    }
    return {key: value for key, value in (told | changes).items() if value is not ...}


def write(folder: Path, *records: Any, name: str = "associations-1.json") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    lines = [r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in records]
    text = f"[{','.join(lines)}]" if name.endswith(".json") else "".join(f"{line}\n" for line in lines)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def rows(home: Path, zone: str = "raw", name: str = "associations") -> list[dict[str, Any]]:
    found = duckdb.sql(f"from read_parquet('{home}/{zone}/{name}/{name}/load=*/*.parquet', union_by_name=true)")
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def land(path: Path, home: Path, day: date | None = DAY, **options: Any) -> Manifest:
    (manifest,) = associations.land(path, day, home, **options)
    counts = manifest.counts
    assert counts.read == counts.landed + counts.unchanged + counts.quarantined
    return manifest


def test_an_association_lands_without_the_person(tmp_path: Path) -> None:
    home, path = tmp_path / "lake", write(tmp_path, body())
    manifest = land(path, home)
    (row,) = rows(home)
    assert (row["registration_number"], row["business_id"], row["name"]) == ("195883", "0112038-9", "Keksitty Yhdistys ry")
    assert (row["street"], row["postcode"], row["municipality_code"]) == ("Keksittytie 3 A 4", "00100", "753")
    assert (row["email"], row["email_kind"], row["phone_e164"]) == ("info@yhdistys.fi", "role", "+358401234567")
    assert "Salainen" not in repr([row, manifest]) and manifest.unknown_fields == {} and manifest.warnings == []
    again = land(path, home, date(2026, 1, 9)).counts
    assert (again.unchanged, again.landed, again.disappeared) == (1, 0, 0)


@pytest.mark.parametrize(
    "street",
    [
        PERSON,
        "c/o Aino Salainen, Keksittytie 3",
        "Aino Salainen, Keksittytie 3",
        "Aino Salainen\nKeksittytie 3",
        "Salainen Keksittytie 3",
        "AINO SALAINEN 3",
        "Keksittytie 3 / Aino",
    ],
)
def test_a_street_line_that_may_hold_the_person_is_withheld(tmp_path: Path, street: str) -> None:
    manifest = land(write(tmp_path, body(address={"StreetName": street})), tmp_path / "lake")
    (row,) = rows(tmp_path / "lake")
    assert row["street"] is None and row["postcode"] == "00100" and manifest.warnings == ["street withheld: 1 row(s)"]
    assert "ainen" not in repr([row, manifest]).replace("Keksitty", "")


@pytest.mark.parametrize("street", ["PL 12", "Keksittytie 3", "Keksitynkatu 16-18 B 21"])
def test_a_street_with_a_number_and_a_box_pass(tmp_path: Path, street: str) -> None:
    land(write(tmp_path, body(address={"StreetName": street})), tmp_path / "lake")
    assert rows(tmp_path / "lake")[0]["street"] == street


def test_no_business_id_is_no_fault_and_the_files_of_a_folder_are_one_load(tmp_path: Path) -> None:
    write(tmp_path / "2026-01-05", body(BusinessId=None), body("1.000", BusinessId=""))
    write(tmp_path / "2026-01-05", body("12.345"), name="associations-2.json")
    write(tmp_path / "2026-01-05", body("12.346"), name="more.jsonl")
    manifest = land(tmp_path / "2026-01-05", tmp_path / "lake", None)
    assert manifest.counts.landed == 4 and manifest.as_of == "2026-01-05" and len(manifest.files) == 3
    assert sorted(str(r["business_id"]) for r in rows(tmp_path / "lake")) == ["0112038-9", "0112038-9", "None", "None"]


def test_a_foundation_has_the_same_shape_in_a_register_of_its_own(tmp_path: Path) -> None:
    (manifest,) = foundations.land(write(tmp_path, body(), name="foundations-1.json"), DAY, tmp_path / "lake")
    assert (manifest.source, manifest.counts.landed) == ("foundations", 1)
    assert "Salainen" not in repr(rows(tmp_path / "lake", name="foundations"))


def test_fields_nobody_knows_are_counted_by_name_and_codes_by_value(tmp_path: Path) -> None:
    odd = body(Chair=PERSON, AssociationStatus="X", address={"AddressLine2": PERSON})
    manifest = land(write(tmp_path, odd), tmp_path / "lake")
    assert manifest.unknown_fields == {"Chair": 1, "Address[].AddressLine2": 1} and manifest.unknown_codes == {
        "status_code=X": 1
    }
    assert "Salainen" not in repr([rows(tmp_path / "lake"), manifest])


QUARANTINED: dict[str, tuple[Any, str, str]] = {
    "no number": (body(RegistrationNumber=None), "missing_required", "RegistrationNumber"),
    "no number at all": (body(RegistrationNumber=...), "missing_required", "RegistrationNumber"),
    "a number that is a number": (body(RegistrationNumber=195.883), "schema_type", "RegistrationNumber"),
    "a number of another register": (body("FI-195"), "bad_code", "RegistrationNumber"),
    "wrong check digit": (body(BusinessId="0112038-8"), "bid_checksum", "BusinessId"),
    "no name": (body(AssociationNameInfo=[]), "missing_name", "AssociationNameInfo"),
    "no such day": (body(RegistryDate="2023-02-29"), "date_invalid", "RegistryDate"),
    "a name from no such day": (
        body(AssociationNameInfo=[{"Name": "A", "Status": "R", "StartDate": "0000-00-00"}]),
        "date_invalid",
        "AssociationNameInfo[].StartDate",
    ),
    "domicile without its zero": (body(Domicile="91"), "bad_code", "Domicile"),
    "an address that is a text": (body(Address=PERSON), "schema_type", "Address"),
    "a key twice": (
        '{"RegistrationNumber": "1", "RegistrationNumber": "2", "AddressLine1": "Aino Salainen"}',
        "json_strict",
        "$",
    ),
    "an element that is no object": ('"Aino Salainen"', "schema_type", "$"),
}


@pytest.mark.parametrize("case", QUARANTINED)
def test_a_bad_record_is_quarantined_without_the_person(tmp_path: Path, case: str) -> None:
    record, reason, path = QUARANTINED[case]
    manifest = land(write(tmp_path, body("1"), record, body("2")), tmp_path / "lake")
    assert (manifest.counts.landed, manifest.counts.quarantined) == (2, 1)
    (bad,) = rows(tmp_path / "lake", "quarantine")
    assert (bad["reason"], bad["path"], bad["position"]) == (reason, path, 2)
    assert "Salainen" not in repr([bad, manifest])


def test_two_records_of_one_number(tmp_path: Path) -> None:
    home = tmp_path / "lake"
    counts = land(write(tmp_path, body("1"), body("1"), body("2"), body("2", Domicile="091")), home).counts
    assert (counts.landed, counts.duplicates, counts.quarantined) == (1, 1, 2)


REFUSED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "empty_body"),
    "a web page": (lambda _: b"<html>Huoltokatko</html>", "not_json"),
    "cut": (lambda text: text[:-30], "truncated_json"),
    "Latin-1": (lambda text: text.replace(b"Keksitty", "Kekäle".encode("latin-1")), "encoding"),
    "UTF-16": (lambda text: text.decode().encode("utf-16"), "encoding"),
    "more after the end": (lambda text: text[1:-1] + b"]", "not_json"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_file_is_refused_and_nothing_lands(tmp_path: Path, case: str) -> None:
    damage, reason = REFUSED[case]
    path = write(tmp_path, body())
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(LandingRefused) as refusal:
        land(path, tmp_path / "lake")
    assert refusal.value.reason == reason and "Salainen" not in str(refusal.value)
    assert not list((tmp_path / "lake").glob("raw/*/*/load=ass*"))


def test_half_a_register_is_kept_aside(tmp_path: Path) -> None:
    home = tmp_path / "lake"
    land(write(tmp_path, *(body(str(n)) for n in range(100, 110))), home)
    with pytest.raises(LandingRefused, match="shrink"):
        land(write(tmp_path / "b", body("100")), home, date(2026, 1, 9))


def test_streets_are_proved_and_not_assumed() -> None:
    """A line without the register's own first line beside it: only its form speaks."""
    lines = ["Aino Salainen", "Kivikatu 3", "Kivikatu", "PL 7", None]
    found = yrtti._is_street(
        pl.DataFrame({"street": lines, "person": [None] * 5}, schema={"street": pl.String, "person": pl.String})
    )
    assert found.to_list() == [False, True, False, True, False]
