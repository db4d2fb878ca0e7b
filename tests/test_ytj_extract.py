"""GetCompany answers: contacts in normal form, persons left behind, and what an XML gateway does to JSON."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest import delimited
from ingest.lake import LandingRefused, Manifest
from ingest.sources.ytj_extract.loader import land

DAY = date(2026, 1, 2)
PRIVATE = "Salainen"


def coded(code: str) -> dict[str, Any]:
    described = [{"Language": "fi", "Type": "1", "Description": "kuvaus"}]
    return {"PrimaryCode": code, "SecondaryCode": None, "Descriptions": {"CodeDescription": described}}


def contact(code: str, value: str) -> dict[str, Any]:
    return {"Value": value, "Validity": "1", "Type": coded(code)}


def company(business_id: str = "0112038-9", **changes: Any) -> dict[str, Any]:
    address = {
        "CareOf": PRIVATE,
        "Street": "Keksittytie",
        "BuildingNumber": "3",
        "ApartmentNumber": "4",
        "ApartmentIDSuffix": "a",
    }
    told = {
        "BusinessId": business_id,
        "Person": {"FirstNames": "Aino", "Surname": PRIVATE},
        "TradeName": {"Name": "Tmi Keksitty", "RegistrationDate": "2015-03-04"},
        "AuxiliaryTradeNames": [],
        "Bankruptcy": False,
        "LegalForm": coded("26"),
        "Municipality": coded("091"),
        "BusinessLine": coded("62100"),
        "Language": coded("2"),
        "CompanyStatus": {"BusinessIdStatus": coded("2"), "Status": coded("1")},
        "PostalAddress": {"DomesticAddress": {**address, "PostalCode": "00100", "City": "HELSINKI"}},
        "StreetAddress": {"ForeignAddress": {"Line": PRIVATE}},
        "ContactDetails": {
            "ContactDetail": [
                contact("1", "09 565 6110"),
                contact("5", "+358(0)40 1234567"),
                contact("3", "INFO@Keksitty.FI"),
                contact("4", "www.keksitty.fi"),
            ]
        },
        "RegistrationsInForce": {"RegistryEntry": [{"Registry": coded("4"), "RegistrationDate": "2015-03-04"}]},
        "RegisteredInPrepaymentRegister": True,
        "InDebtAdjustment": True,
    }
    return {"Company": {key: value for key, value in (told | changes).items() if value is not None}}


def write(folder: Path, *records: Any, name: str = "companies.jsonl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    lines = [r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in records]
    (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder / name


def rows(home: Path, zone: str = "raw") -> list[dict[str, Any]]:
    found = duckdb.sql(f"from read_parquet('{home}/{zone}/ytj_extract/companies/load=*/*.parquet', union_by_name=true)")
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def balanced(manifest: Manifest) -> Manifest:
    counts = manifest.counts
    assert counts.read == counts.landed + counts.unchanged + counts.quarantined
    return manifest


def test_a_sole_trader_lands_with_contacts_in_normal_form(tmp_path: Path) -> None:
    home, path = tmp_path / "lake", write(tmp_path, company())
    assert balanced(land(path, DAY, home)[0]).counts.landed == 1
    (row,) = rows(home)
    assert (row["municipality_code"], row["language_code"], row["legal_form_code"]) == ("091", "2", "26")
    assert row["name_since"] == date(2015, 3, 4) and row["postal_address"]["apartment"] == "4a"
    found = {c["type_code"]: (c["normal"], c["kind"]) for c in row["contacts"]}
    assert found["1"][0] == "+35895656110" and found["5"] == ("+358401234567", "mobile")
    assert found["3"] == ("info@keksitty.fi", "role") and found["4"] == (None, None)
    again = balanced(land(path, date(2026, 1, 3), home)[0]).counts
    assert (again.unchanged, again.landed, again.disappeared) == (1, 0, 0)


def test_an_extract_says_nothing_of_the_rest(tmp_path: Path) -> None:
    land(write(tmp_path / "a", company(), company("0201256-6")), DAY, tmp_path / "lake")
    manifest = balanced(land(write(tmp_path / "b", company()), date(2026, 1, 3), tmp_path / "lake")[0])
    assert (manifest.mode, manifest.counts.unchanged, manifest.counts.disappeared) == ("partial", 1, 0)


def test_neither_person_nor_debt_nor_care_of_lands(tmp_path: Path) -> None:
    odd = company("0201256-6", Surprise={"Name": PRIVATE}, TradeName={"Name": ""})
    manifest = balanced(land(write(tmp_path, company(Surprise=PRIVATE), odd), DAY, tmp_path / "lake")[0])
    assert PRIVATE not in repr([rows(tmp_path / "lake"), rows(tmp_path / "lake", "quarantine"), manifest])
    assert manifest.unknown_fields == {"Company.Surprise": 1}
    assert not any("debt" in c.lower() or "person" in c.lower() for c in rows(tmp_path / "lake")[0])


def test_a_list_of_one_may_be_bare_and_the_order_of_contacts_means_nothing(tmp_path: Path) -> None:
    home, one = tmp_path / "lake", contact("3", "info@keksitty.fi")
    bare = company(ContactDetails={"ContactDetail": one}, RegistrationsInForce={"RegistryEntry": {"Registry": coded("4")}})
    land(write(tmp_path, bare, company("0201256-6")), DAY, home)
    listed = company(
        ContactDetails={"ContactDetail": [one]}, RegistrationsInForce={"RegistryEntry": [{"Registry": coded("4")}]}
    )
    contacts = company()["Company"]["ContactDetails"]["ContactDetail"]
    turned = company("0201256-6", ContactDetails={"ContactDetail": contacts[::-1]})
    assert balanced(land(write(tmp_path / "b", listed, turned), date(2026, 1, 3), home)[0]).counts.unchanged == 2


def test_a_bad_contact_is_kept_with_its_reason_and_the_company_lands(tmp_path: Path) -> None:
    bad = company(ContactDetails={"ContactDetail": [contact("1", "ei puhelinta"), contact("3", "a@@b.fi"), contact("9", "x")]})
    manifest = balanced(land(write(tmp_path, bad), DAY, tmp_path / "lake")[0])
    (row,) = rows(tmp_path / "lake")
    assert all(c["normal"] is None for c in row["contacts"])
    assert [bool(c["fault"]) for c in row["contacts"]] == [True, True, False] and manifest.unknown_codes == {
        "contact_type=9": 1
    }


def test_a_company_without_contacts_and_address(tmp_path: Path) -> None:
    land(write(tmp_path, company(ContactDetails=None, PostalAddress=None, BusinessLine=None)), DAY, tmp_path / "lake")
    (row,) = rows(tmp_path / "lake")
    assert row["contacts"] is None and row["postal_address"] is None and row["industry_code"] is None


QUARANTINED: dict[str, tuple[Any, str, str]] = {
    "no id": (company(BusinessId=None), "bid_missing", "Company.BusinessId"),
    "wrong check digit": (company("0112038-8"), "bid_checksum", "Company.BusinessId"),
    "an id that is a number": (company(BusinessId=1120389), "schema_type", "Company.BusinessId"),
    "no name": (company(TradeName=None), "missing_name", "Company.TradeName.Name"),
    "a code that is no object": (company(LegalForm="26"), "schema_type", "Company.LegalForm"),
    "a code that is a number": (company(Municipality={"PrimaryCode": 91}), "schema_type", "Company.Municipality.PrimaryCode"),
    "a municipality that lost its zero": (company(Municipality=coded("91")), "bad_code", "Company.Municipality.PrimaryCode"),
    "no such day": (
        company(TradeName={"Name": "T", "RegistrationDate": "2023-02-29"}),
        "date_invalid",
        "Company.TradeName.RegistrationDate",
    ),
    "a day the Finnish way": (
        company(RegistrationsInForce={"RegistryEntry": [{"RegistrationDate": "1.2.2020"}]}),
        "date_invalid",
        "Company.RegistrationsInForce.RegistryEntry[].RegistrationDate",
    ),
    "a truth value in words": (company(Bankruptcy="ei"), "schema_type", "Company.Bankruptcy"),
    "no company": ({"Fault": "x"}, "missing_required", "Company"),
    "no JSON": ('{"Company": {"BusinessId"', "json_malformed", "$"),
    "a key twice": ('{"Company": {"BusinessId": "0112038-9", "BusinessId": "0201256-6"}}', "json_strict", "$"),
    "not a number": ('{"Company": {"BusinessId": NaN}}', "json_strict", "$"),
    "no end of brackets": ('{"Company": ' + "[" * 50_000, "json_limits", "$"),
    "half a character": (r'{"Company": {"BusinessId": "\ud800"}}', "control_char", "$"),
}


@pytest.mark.parametrize("case", QUARANTINED)
def test_a_bad_record_is_quarantined_alone(tmp_path: Path, case: str) -> None:
    record, reason, path = QUARANTINED[case]
    manifest = balanced(land(write(tmp_path, company("0201256-6"), record, company("0135457-2")), DAY, tmp_path / "lake")[0])
    assert (manifest.counts.landed, manifest.counts.quarantined) == (2, 1)
    (bad,) = rows(tmp_path / "lake", "quarantine")
    assert (bad["reason"], bad["path"], bad["position"]) == (reason, path, 2) and PRIVATE not in bad["original"]


def test_several_files_and_pieces_are_one_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "CHUNK_BYTES", 500)
    write(tmp_path / "in", company(), "no JSON", company("0201256-6"))
    write(tmp_path / "in", company("0135457-2"), name="more.jsonl")
    manifest = balanced(land(tmp_path / "in", DAY, tmp_path / "lake")[0])
    assert (manifest.counts.landed, manifest.counts.quarantined) == (3, 1)
    assert len({row["_position"] for row in rows(tmp_path / "lake")}) == 3


def test_two_answers_of_one_company(tmp_path: Path) -> None:
    records = [company(), company(), company("0201256-6"), company("0201256-6", Language=coded("1"))]
    counts = balanced(land(write(tmp_path, *records), DAY, tmp_path / "lake")[0]).counts
    assert (counts.landed, counts.duplicates, counts.quarantined) == (1, 1, 2)


REFUSED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "empty"),
    "UTF-16": (lambda body: body.decode().encode("utf-16"), "encoding"),
    "Latin-1": (lambda body: b"".join(b'{"a": "\xe4"}\n' for _ in range(5)), "encoding"),
    "a web page": (lambda _: b"<html>\nHuoltokatko\n</html>\n", "not_json_lines"),
    "cut": (lambda body: body[:-20], "cut_off"),
    "one line too long": (lambda body: body + b'{"a": "' + b"x" * (2 << 20) + b'"}\n', "line_limit"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_file_is_refused(tmp_path: Path, case: str) -> None:
    damage, reason = REFUSED[case]
    path = write(tmp_path, company(), company("0201256-6"))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(LandingRefused) as refusal:
        land(path, DAY, tmp_path / "lake")
    assert refusal.value.reason == reason and not list((tmp_path / "lake").glob("raw/*/*/load=ytj*"))
