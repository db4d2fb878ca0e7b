"""What goes with every file: a manifest that cannot be made without its promises, and contracts that their own tools accept."""

import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import frictionless
import jsonschema
import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from base import files
from base.refused import Refused
from delivery import columns, contract, manifest, terms
from delivery.columns import LANGUAGES
from delivery.contract import Service
from delivery.manifest import Manifest
from delivery.render import Profile, RenderedFile, render
from tests.renderings import PROFILES, about, row, table

ROOT = Path(__file__).parents[1]
AT = datetime(2026, 1, 4, 8, 30, tzinfo=UTC)
CRITERIA = '{"region":["01"],"version":1}'
SERVICE = Service("Kohde", "kielto@kohde.example", "sftp://files.acme.example/in", frequency="30 6 * * 1")


def given(**changed: Any) -> dict[str, Any]:
    """What the deliverer knows: six rows were selected, and a decoy is among them."""
    return {
        "order_id": "o-1", "recipient": {"recipient_id": "acme", "name": "Acme Oy", "business_id": "0112038-9"}, "kind": "full",
        "created_at": AT, "rows": 6, "decoys": {"count": 1}, "suppression_version": "9-390114f3",
        "criteria": {"canonical": CRITERIA, "sha256": hashlib.sha256(CRITERIA.encode()).hexdigest()},
        "versions": {"published": "v1", "as_of": "2026-01-03", "taxonomy": "2026-1", "classifier": "3",
                     "contract": columns.CONTRACT_VERSION},
        "suppression": {"version": "9-390114f3", "proven_at": AT}, "accepted": {"by_whom": "Aino", "at": AT, "version": "1"},
        "prices": [{"what": "row", "quantity": 6, "unit_price_eur": "0.35", "total_eur": "2.10"}],
        "expected_bounce": {"email": 0.031}, "campaign": {"topic": "financial_software", "areas": ["TALOUS"]},
        **manifest.promises(["YTJ", "Kohde"], "kielto@kohde.example", "1"),
    } | changed  # fmt: skip


def rendered(folder: Path, profile: Profile) -> list[RenderedFile]:
    rows = [
        row(number, organisation_name=name) for number, name in enumerate(["=1+1", "Łódź", "a;b", 'a"b', "a\r\nb", "", "Ö"])
    ]
    return render(table(rows), profile, about(), folder)


def made(folder: Path, profile: Profile = PROFILES["csv"], **changed: Any) -> Manifest:
    return manifest.build(about(), profile, rendered(folder, profile), **given(**changed))


def schema_of_odcs() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((resources.files("open_data_contract_standard") / "schema.json").read_text())
    return loaded


def test_the_published_schema_is_current() -> None:
    """Write it anew with: python -m delivery.manifest"""
    path = ROOT / "docs" / "schemas" / f"{manifest.SCHEMA_ID}.json"
    assert path.read_text(encoding="utf-8") == manifest.schema_text()
    jsonschema.Draft202012Validator.check_schema(manifest.schema())


@pytest.mark.parametrize("format", PROFILES)
def test_a_manifest_is_valid_and_reads_back(tmp_path: Path, format: str) -> None:
    built = made(tmp_path, PROFILES[format])
    path = manifest.write(built, tmp_path)
    jsonschema.validate(json.loads(path.read_text(encoding="utf-8")), manifest.schema())
    assert manifest.read(path) == built and manifest.text(built) == path.read_text(encoding="utf-8")
    for file in built.files:
        data = (tmp_path / file.name).read_bytes()
        assert (file.bytes, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert [column.code for column in built.columns] == [column.code for column in columns.of()]
    assert built.address_source.sv == "Adresskälla: YTJ, Kohde." and "kielto@kohde.example" in built.objections.how_to_object.fi


FIELDS = ["licence", "legitimate_interest", "suppression_version", "suppression", "accepted", "objections", "address_source",
          "criteria", "decoys", "versions", "order_id", "recipient"]  # fmt: skip


@pytest.mark.parametrize("field", FIELDS)
def test_nothing_is_delivered_without(tmp_path: Path, field: str) -> None:
    told = given()
    for faulty in ({name: value for name, value in told.items() if name != field}, told | {field: None}, told | {field: ""}):
        with pytest.raises(Refused, match=field):
            manifest.build(about(), PROFILES["csv"], rendered(tmp_path, PROFILES["csv"]), **faulty)


def test_no_licence_no_promises() -> None:
    for version in (None, ""):
        with pytest.raises(Refused, match="licence"):
            manifest.promises(["YTJ"], "a@b.example", version)
    for unknown in ("2", "../1", "x"):
        with pytest.raises(Refused, match="version"):
            manifest.promises(["YTJ"], "a@b.example", unknown)


def short(told: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return copy.deepcopy(told) | changed


WRONG: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "rows": lambda told: short(told, rows=7, decoys={"count": 0}),
    "decoys": lambda told: short(told, decoys={"count": 0}),
    "sha256": lambda told: short(told, criteria={"canonical": CRITERIA + " ", "sha256": told["criteria"]["sha256"]}),
    "total_eur": lambda told: short(told, prices=[{**told["prices"][0], "total_eur": "2.11"}]),
    "suppression_version": lambda told: short(told, suppression_version="8-1"),
    "accepted": lambda told: short(told, accepted={**told["accepted"], "version": "0"}),
    "valid_until": lambda told: short(told, created_at=datetime(2026, 3, 4, tzinfo=UTC)),
    "waterfall": lambda told: short(told, waterfall=[{"gate": "POPULATION", "count": 9}, {"gate": "RESULT", "count": 6}]),
    "POPULATION": lambda told: short(told, waterfall=[{"gate": "STALE", "count": 6}, {"gate": "RESULT", "count": 6}]),
    "kind": lambda told: short(told, kind="all"),
    "expected_bounce": lambda told: short(told, expected_bounce={"email": 1.1}),
    "created_at": lambda told: short(told, created_at=datetime(2026, 1, 4)),
    "price": lambda told: short(told, price=1),
}


@pytest.mark.parametrize("says", WRONG)
def test_a_manifest_that_does_not_add_up_is_refused(tmp_path: Path, says: str) -> None:
    with pytest.raises(Refused, match=says):
        manifest.build(about(), PROFILES["csv"], rendered(tmp_path, PROFILES["csv"]), **WRONG[says](given()))


def test_another_file_is_no_manifest(tmp_path: Path) -> None:
    for text in ("{}", "", "[]"):
        path = tmp_path / "manifest.json"
        path.write_text(text)
        with pytest.raises(Refused, match="no manifest"):
            manifest.read(path)


@pytest.mark.parametrize("location", ["sftp://files.acme.example/in", "s3://bucket/in", "deliveries/acme"])
@pytest.mark.parametrize("format", PROFILES)
def test_the_contract_is_one_by_the_standard_s_own_schema(tmp_path: Path, format: str, location: str) -> None:
    built = made(tmp_path, PROFILES[format])
    text = contract.contract_text(built, Service("Kohde", "kielto@kohde.example", location))
    loaded = yaml.safe_load(text)
    jsonschema.Draft201909Validator(schema_of_odcs()).validate(loaded)
    read = OpenDataContractStandard.from_string(text)
    assert read.apiVersion == "v3.1.0" and read.schema_ and read.schema_[0].properties
    assert [one.name for one in read.schema_[0].properties] == [column.code for column in built.columns]
    sections = ("description", "schema", "support", "price", "team", "roles", "slaProperties", "servers")
    assert all(loaded[section] for section in sections) and loaded["schema"][0]["quality"]
    promised = {one["property"]: one["value"] for one in loaded["slaProperties"]}
    assert promised["retention"] == (built.valid_until - AT.date()).days == 58 and promised["frequency"] == "once"


def test_the_schema_of_contracts_sees_a_wrong_one(tmp_path: Path) -> None:
    loaded = contract.contract(made(tmp_path), SERVICE)
    for change in ({"kind": "Contract"}, {"servers": [{"server": "a", "type": "fax"}]}, {"colour": "red"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft201909Validator(schema_of_odcs()).validate(loaded | change)


PACKAGED = {
    **{name: PROFILES[name] for name in ("csv", "cp1252", "raw", "xlsx")},
    "en": Profile(format="csv", header_language="sv", value_language="en"),
    "sv": Profile(format="xlsx", header_language="en", value_language="sv"),
}


def packaged(folder: Path, profile: Profile) -> Path:
    built = made(folder, profile)
    path = folder / contract.PACKAGE
    files.write_text(path, contract.data_package_text(built, profile.header_language, profile.value_language))
    return path


@pytest.mark.parametrize("name", PACKAGED)
def test_frictionless_reads_every_row_of_the_package(tmp_path: Path, name: str) -> None:
    path = packaged(tmp_path, PACKAGED[name])
    report = frictionless.validate(str(path))
    assert report.valid, report.flatten(["title", "message"])
    assert report.tasks[0].stats["rows"] == 7 and report.tasks[0].stats["fields"] == len(columns.of())
    (first, *_) = frictionless.Package(str(path)).resources[0].read_rows()
    language = PACKAGED[name].header_language
    assert first[columns.header("registered_on", language)] == date(1999, 12, 31)
    assert first[columns.header("is_employer", language)] is True
    assert float(first[columns.header("taxed_income_eur", language)]) == -1234.5
    assert first[columns.header("visiting_postcode", language)] == "00100"


def test_frictionless_sees_a_file_that_is_not_the_one_described(tmp_path: Path) -> None:
    path = packaged(tmp_path, PROFILES["csv"])
    data = next(tmp_path.glob("*.csv"))
    data.write_bytes(data.read_bytes().replace(b"Firma", b"Forma").replace("Öhman".encode(), "Ähman".encode()))
    kinds = {kind for (kind,) in frictionless.validate(str(path)).flatten(["type"])}
    assert kinds == {"hash-count"}


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_packages_of_the_other_formats_describe_their_file(tmp_path: Path, format: str) -> None:
    """frictionless reads neither without more packages; it checks the descriptor, and the hash is ours to check."""
    path = packaged(tmp_path, PROFILES[format])
    package = frictionless.Package.from_descriptor(json.loads(path.read_text(encoding="utf-8")))
    (resource,) = package.resources
    assert resource.hash == f"sha256:{hashlib.sha256((tmp_path / str(resource.path)).read_bytes()).hexdigest()}"
    assert resource.bytes == (tmp_path / str(resource.path)).stat().st_size


def test_a_package_of_locked_files_promises_no_table(tmp_path: Path) -> None:
    (clear,) = rendered(tmp_path, PROFILES["csv"])
    locked = replace(clear, name=f"{clear.name}.age", path=clear.path.rename(f"{clear.path}.age"))
    built = manifest.build(about(), PROFILES["csv"], [locked], **given())
    files.write_text(tmp_path / contract.PACKAGE, contract.data_package_text(built, "fi", "fi"))
    (resource,) = json.loads((tmp_path / contract.PACKAGE).read_text(encoding="utf-8"))["resources"]
    assert resource["hash"] == f"sha256:{locked.sha256}" and not {"schema", "dialect", "type"} & set(resource)


def test_terms_say_the_same_in_three_languages() -> None:
    text = terms.terms()
    numbered = {language: [line.split(".")[0] for line in text.lines(language) if line[0].isdigit()] for language in LANGUAGES}
    assert numbered["fi"] == numbered["sv"] == numbered["en"] == [str(number) for number in range(1, 19)]
    assert len({len(text.lines(language)) for language in LANGUAGES}) == 1
    for rule in terms.rules().values():
        assert set(rule) == set(LANGUAGES) and len(set(rule.values())) == 3


PINNED = {
    "1/*.md": "ae014b4026b1eab2a6e1902ef638ac2ea279dac7698e69423985834b66e34b54",
    "lia-1.md": "7a48c0e0b67b7c1f05240840e1faff5804aed041aa1d78d23442b0885e589b6a",
    "b2b_rules-1.yml": "58a2cbb414bbeb2b3bbf1d2f4df2cae7d0e8afa50bf9435011ae5507c862cde5",
}


def test_what_somebody_may_have_accepted_is_not_edited() -> None:
    """A change of words is a new version beside the old one, and a line here."""
    texts = {
        f"{folder.name}/*.md": "".join((folder / f"{language}.md").read_text(encoding="utf-8") for language in LANGUAGES)
        for folder in terms.HERE.iterdir()
        if folder.name.isdigit()
    }
    texts |= {path.name: path.read_text(encoding="utf-8") for path in terms.HERE.iterdir() if "-" in path.name}
    assert {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()} == PINNED
    assert terms.terms().sha256 == PINNED["1/*.md"] and terms.assessment()[1] == PINNED["lia-1.md"]
