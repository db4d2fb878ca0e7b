"""The Finnish Service Catalogue: the true shapes of v9 and v11, every trap, damage, and the rows that staging makes of them."""

import copy
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.http import Retryable
from ingest.lake import LandingRefused, Manifest
from ingest.sources.ptv.loader import _answers, land
from ingest.synthetic import generate
from ingest.synthetic.server import RegistryServer
from tests.staging import build_staging, staged

DAY, NEXT = date(2026, 1, 2), date(2026, 1, 3)
Record = dict[str, Any]


def guid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def both(fi: str, sv: str) -> list[Record]:
    """A text in two languages, Swedish first: the order is arbitrary."""
    return [{"value": sv, "language": "sv"}, {"value": fi, "language": "fi"}]


# The structure of a real municipality in the v9 shape, with made-up values: filler in otherAddress, no type of phone, a text
# that is null, services, and an e-mail that is a pattern.
FILLER = {
    "latitude": "61.6887", "longitude": "27.2721", "postalCode": "12345",
    "postOffice": [{"value": "value", "language": "en"}], "additionalInformation": [{"value": "value", "language": "en"}],
}  # fmt: skip
V9: Record = {
    "id": guid(1), "sourceId": None, "oid": "", "parentOrganizationId": None, "organizationRootId": guid(1),
    "municipality": {"code": "999", "name": [*both("Keksilä", "Keksby"), {"value": "Keksilä", "language": "en"}]},
    "organizationType": "Municipality", "businessCode": "0112038-9", "businessName": "Keksilän kauppala",
    "organizationNames": [{"language": "fi", "value": "Keksilän kaupunki", "type": "Name"}],
    "displayNameType": [{"type": "Name", "language": "fi"}, {"type": "Name", "language": "sv"}],
    "areaType": None, "areas": None,
    "organizationDescriptions": [{"language": "fi", "value": None, "type": "Description"}],
    "emails": [
        {"description": "Kaupungin virallinen sähköpostiosoite.", "value": "kirjaamo@keksila.fi", "language": "fi"},
        {"description": "Henkilökunta.", "value": "etunimi.sukunimi@keksila.fi", "language": "fi"},
        {"description": "Yleinen palaute.", "value": "palaute@keksila.fi", "language": "fi"},
    ],
    "phoneNumbers": [{
        "additionalInformation": "Kaupungin vaihde", "serviceChargeType": "Chargeable", "chargeDescription": None,
        "prefixNumber": "+358", "isFinnishServiceNumber": False, "number": "24345000", "language": "fi",
    }],
    "webPages": [{"url": "http://www.keksila.fi/fi_FI/", "value": "Verkkosivut", "language": "fi"}],
    "addresses": [
        {"type": "Visiting", "subType": "Street", "postOfficeBoxAddress": None, "streetAddress": {
            "street": [{"value": "Keksijänkatu", "language": "fi"}], "streetNumber": "2", "postalCode": "21100",
            "postOffice": both("KEKSILÄ", "KEKSBY"), "municipality": {"code": "999", "name": both("Keksilä", "Keksby")},
            "additionalInformation": [{"value": "Matti Meikäläisen talo", "language": "fi"}],
            "latitude": "6713681.46", "longitude": "226646.468", "coordinateState": "Ok",
        }, "otherAddress": FILLER, "foreignAddress": None, "country": "FI"},
        {"type": "Postal", "subType": "PostOfficeBox", "streetAddress": None, "postOfficeBoxAddress": {
            "postOfficeBox": [{"value": "PL 43", "language": "fi"}], "postalCode": "21101",
            "postOffice": both("KEKSILÄ", "KEKSBY"), "municipality": {"code": "999", "name": both("Keksilä", "Keksby")},
            "additionalInformation": [{"value": None, "language": "fi"}],
        }, "otherAddress": FILLER, "foreignAddress": None, "country": "FI"},
    ],
    "electronicInvoicings": [], "publishingStatus": "Published",
    "services": [{"organizationId": guid(1), "roleType": "Responsible"}],
    "modified": "2017-09-11T00:00:00Z", "subOrganizations": None, "responsibleOrganizationId": guid(99),
}  # fmt: skip


def v11(number: int = 1, **more: Any) -> Record:
    """The same in the v11 shape."""
    record = copy.deepcopy(V9) | {"id": guid(number), "organizationRootId": guid(number), "availableLanguages": ["fi", "sv"]}
    for left_out in ("services", "responsibleOrganizationId"):
        del record[left_out]
    for address in record["addresses"]:
        address["otherAddress"] = None
    for phone in record["phoneNumbers"]:
        phone["type"] = "Phone"
    return record | {"areaType": "WholeCountry", "areas": [], "subOrganizations": []} | more


def phone(number: str, language: str = "fi", prefix: str | None = "+358", **more: Any) -> Record:
    return {"prefixNumber": prefix, "number": number, "language": language, "type": "Phone",
            "isFinnishServiceNumber": prefix is None, "serviceChargeType": "Chargeable", "additionalInformation": None,
            "chargeDescription": None} | more  # fmt: skip


def write(folder: Path, content: object, name: str = "organizations.json") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return folder / name


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "lake"


def take(home: Path, content: object, day: date = DAY, mode: str = "full", **options: Any) -> Manifest:
    manifest = land(write(home.parent / "in" / day.isoformat(), content), day, home, mode=mode, **options)[0]
    counts = manifest.counts
    assert counts.read == counts.landed + counts.unchanged + counts.quarantined
    return manifest


def rows(home: Path) -> dict[str, Record]:
    """The newest row of each organisation that is there."""
    query = f"select * from '{home}/raw/ptv/organisations/load=*/*.parquet' order by _load_id"
    result = duckdb.sql(query)
    found = {row[0]: dict(zip(result.columns, row, strict=True)) for row in result.fetchall()}
    return {key: row for key, row in found.items() if row["_op"] != "D"}


def quarantined(home: Path) -> list[tuple[str | None, str, str]]:
    parts = sorted((home / "quarantine").rglob("*.parquet"))
    query = "select record_key, reason, path from read_parquet($1) order by _load_id, position"
    return duckdb.execute(query, [[str(p) for p in parts]]).fetchall() if parts else []


# --- the true shapes ---------------------------------------------------------------------------------------------------


def test_one_organisation_in_the_older_shape(home: Path) -> None:
    manifest = land(write(home.parent, V9), DAY, home)[0]
    assert (manifest.mode, manifest.counts.landed) == ("partial", 1)
    assert not manifest.unknown_fields and not manifest.unknown_codes
    row = rows(home)[guid(1)]
    assert (row["businessId"], row["businessIdSource"]) == ("0112038-9", "own")
    assert [(p["e164"], p["kind"]) for p in row["phoneNumbers"]] == [("+35824345000", "fixed")]
    assert {e["value"]: (e["address"], e["kind"]) for e in row["emails"]} == {
        "kirjaamo@keksila.fi": ("kirjaamo@keksila.fi", "role"),
        "etunimi.sukunimi@keksila.fi": (None, "pattern"),
        "palaute@keksila.fi": ("palaute@keksila.fi", "role"),
    }
    landed = "".join(p.read_bytes().decode("latin-1") for p in home.glob("raw/ptv/organisations/load=ptv*/*.parquet"))
    assert "businessName" not in row and "kauppala" not in str(row) and "Meikäläi" not in str(row) and landed


def test_both_shapes_of_one_organisation_differ_in_nothing_that_matters(home: Path) -> None:
    take(home, [v11()])
    new, old = (
        rows(home)[guid(1)],
        (land(write(home.parent, V9), DAY, home.parent / "old"), rows(home.parent / "old")[guid(1)])[1],
    )
    differing = {name for name in new if new[name] != old[name]} - {"_record_hash", "_load_id"}
    assert differing == {"phoneNumbers", "availableLanguages"}


@pytest.mark.parametrize(
    ("told", "e164", "kind"),
    [
        (phone("24345000"), "+35824345000", "fixed"),
        (phone("024345000"), "+35824345000", "fixed"),
        (phone("2 434 5000"), "+35824345000", "fixed"),
        (phone("401234567"), "+358401234567", "mobile"),
        (phone("812345678", prefix="+46"), "+46812345678", "fixed"),
        (phone("0295163000", prefix=None), "+358295163000", "organisation"),
        (phone("0800123456", prefix=None), "+358800123456", "service"),
        (phone("0600123456", prefix=None), None, "premium"),
        (phone("116117", prefix=None), None, "invalid"),
        (phone("vaihde"), None, "invalid"),
    ],
)
def test_numbers(told: Record, e164: str | None, kind: str, home: Path) -> None:
    take(home, [v11(phoneNumbers=[told])])
    assert [(p["e164"], p["kind"]) for p in rows(home)[guid(1)]["phoneNumbers"]] == [(e164, kind)]


def test_two_addresses_in_one_field_become_two(home: Path) -> None:
    emails = [{"value": "a@keksila.fi; b@keksila.fi", "language": "fi", "description": None}]
    take(home, [v11(emails=emails, phoneNumbers=[phone("24345000 / 040 1234567")])])
    row = rows(home)[guid(1)]
    assert {e["address"] for e in row["emails"]} == {"a@keksila.fi", "b@keksila.fi"}
    assert {p["e164"] for p in row["phoneNumbers"]} == {"+35824345000", "+358401234567"}


@pytest.mark.parametrize("spelling", ["0112038-9", "112038-9", "FI01120389", " 0112038-9 ", "0112038\u20139"])
def test_spellings_of_a_business_id(spelling: str, home: Path) -> None:
    take(home, [v11(businessCode=spelling)])
    assert rows(home)[guid(1)]["businessId"] == "0112038-9"


def unit(number: int, parent: int, **more: Any) -> Record:
    return v11(number, businessCode=None, parentOrganizationId=guid(parent), organizationRootId=guid(1),
               organizationType="Organization") | more  # fmt: skip


def test_units_share_the_business_id_of_their_nearest_ancestor(home: Path) -> None:
    take(home, [unit(4, 3), unit(3, 2), unit(2, 1), v11(), unit(5, 4, businessCode="0245437-2"), unit(6, 5)])
    found = {key[-1]: (row["businessId"], row["businessIdSource"]) for key, row in rows(home).items()}
    assert found == {
        "1": ("0112038-9", "own"), "2": ("0112038-9", "inherited"), "3": ("0112038-9", "inherited"),
        "4": ("0112038-9", "inherited"), "5": ("0245437-2", "own"), "6": ("0245437-2", "inherited"),
    }  # fmt: skip


def test_units_without_an_ancestor_and_in_a_circle(home: Path) -> None:
    take(home, [unit(2, 3), unit(3, 2), unit(4, 77, organizationRootId=guid(77))])
    assert {row["businessId"] for row in rows(home).values()} == {None}


def test_a_unit_keeps_its_business_id_when_the_parent_is_refused_or_not_in_the_file(home: Path) -> None:
    take(home, [v11(), unit(2, 1)])
    manifest = take(home, [v11(emails="kirjaamo@keksila.fi"), unit(2, 1)], NEXT)
    assert (manifest.counts.quarantined, manifest.counts.unchanged, manifest.counts.landed) == (1, 1, 0)
    excerpt = take(home, [unit(2, 1, modified="2026-01-03T10:00:00Z")], date(2026, 1, 4), mode="partial")
    assert excerpt.counts.updated == 1 and rows(home)[guid(2)]["businessId"] == "0112038-9"


def test_a_unit_follows_its_parent_to_another_business_id(home: Path) -> None:
    take(home, [v11(), unit(2, 1)])
    assert take(home, [v11(businessCode="0245437-2"), unit(2, 1)], NEXT).counts.updated == 2


# --- days --------------------------------------------------------------------------------------------------------------


def test_the_second_day_lands_changes_only(home: Path) -> None:
    first = take(home, [v11(n) for n in range(1, 6)])
    assert first.counts.inserted == 5
    changed = v11(3, emails=[])
    second = take(home, [v11(1), v11(2), changed, v11(4), v11(6)], NEXT)
    counts = second.counts
    assert (counts.unchanged, counts.updated, counts.inserted, counts.disappeared) == (3, 1, 1, 1)
    assert sorted(rows(home)) == [guid(n) for n in (1, 2, 3, 4, 6)]


def test_another_order_of_the_lists_is_no_change(home: Path) -> None:
    phones = [phone("24345000", "fi"), phone("24345000", "sv"), phone("401234567", "fi")]
    record = v11(phoneNumbers=phones)
    take(home, [record])
    turned = copy.deepcopy(record)
    for name in ("phoneNumbers", "emails", "addresses", "organizationNames", "displayNameType", "availableLanguages"):
        turned[name].reverse()
    for address in turned["addresses"]:
        for place in filter(None, (address["streetAddress"], address["postOfficeBoxAddress"])):
            place["postOffice"].reverse()
    assert take(home, [turned], NEXT).counts.unchanged == 1


def test_the_same_file_again_is_the_same_load(home: Path) -> None:
    assert take(home, [v11()]).load_id == take(home, [v11()]).load_id


def test_an_organisation_twice(home: Path) -> None:
    manifest = take(home, [v11(1), v11(1), v11(2), v11(2, emails=[])])
    assert (manifest.counts.landed, manifest.counts.unchanged, manifest.counts.quarantined) == (1, 1, 2)
    assert manifest.counts.duplicates == 1 and {r[1] for r in quarantined(home)} == {"conflicting_duplicate"}


def test_unknown_fields_and_codes_are_kept_and_counted(home: Path) -> None:
    record = v11(organizationType="Planet", hologram={"url": "x"})
    record["phoneNumbers"][0]["carrier"] = "pigeon"
    manifest = take(home, [record])
    assert manifest.unknown_fields == {"hologram": 1, "phoneNumbers[].carrier": 1}
    assert manifest.unknown_codes == {"organizationType=Planet": 1}
    assert json.loads(rows(home)[guid(1)]["_extra"]) == {"hologram": {"url": "x"}, "phoneNumbers[].carrier": ["pigeon"]}


def test_a_change_in_an_unknown_field_is_a_change(home: Path) -> None:
    take(home, [v11(hologram="a")])
    assert take(home, [v11(hologram="b")], NEXT).counts.updated == 1


# --- damage ------------------------------------------------------------------------------------------------------------

DAMAGED: list[tuple[str, Any, str, str]] = [
    ("no object", "Keksilä", "schema_type", "$"),
    ("no id", v11(2, id=None), "missing_required", "id"),
    ("an id that is none", v11(2, id="kunta-2"), "id_shape", "id"),
    ("no names", v11(2, organizationNames=[]), "name_missing", "organizationNames[].value"),
    ("empty name", v11(2, organizationNames=[{"language": "fi", "value": " ", "type": "Name"}]), "name_missing",
     "organizationNames[].value"),
    ("names gone", {k: v for k, v in v11(2).items() if k != "organizationNames"}, "missing_required", "organizationNames"),
    ("check digit", v11(2, businessCode="0112038-8"), "bid_checksum", "businessCode"),
    ("no business id", v11(2, businessCode="kunta"), "bid_shape", "businessCode"),
    ("business id a number", v11(2, businessCode=1120389), "schema_type", "businessCode"),
    ("one phone instead of a list", v11(2, phoneNumbers=phone("1")), "schema_type", "phoneNumbers"),
    ("postcode a number", v11(2, addresses=[V9["addresses"][0] | {"streetAddress": {"postalCode": 180}}]), "schema_type",
     "addresses[].streetAddress.postalCode"),
    ("no such day", v11(2, modified="2023-02-29T00:00:00Z"), "date_invalid", "modified"),
    ("NUL", v11(2, oid="1.2\x00"), "control_char", "$"),
]  # fmt: skip


@pytest.mark.parametrize(("record", "reason", "path"), [case[1:] for case in DAMAGED], ids=[case[0] for case in DAMAGED])
def test_a_damaged_record_is_quarantined_and_its_neighbours_land(record: Any, reason: str, path: str, home: Path) -> None:
    manifest = take(home, [v11(1), record, v11(3)])
    assert (manifest.counts.read, manifest.counts.landed, manifest.counts.quarantined) == (3, 2, 1)
    assert [(r[1], r[2]) for r in quarantined(home)] == [(reason, path)]
    assert sorted(rows(home)) == [guid(1), guid(3)]


TEXTS: list[tuple[str, str, str]] = [
    ("a key twice", '"oid": "a", "oid": "b"', "json_strict"),
    ("not a number", '"oid": NaN', "schema_type"),
    ("half a character", '"oid": "\\ud800"', "json_malformed"),
    ("5,000 digits", '"oid": ' + "9" * 5000, "schema_type"),
]


@pytest.mark.parametrize(("text", "reason"), [case[1:] for case in TEXTS], ids=[case[0] for case in TEXTS])
def test_what_only_some_parsers_take(text: str, reason: str, home: Path) -> None:
    spoilt = json.dumps({k: v for k, v in v11(2).items() if k != "oid"})[:-1] + ", " + text + "}"
    manifest = take(home, f"[{json.dumps(v11(1))}, {spoilt}]")
    assert (manifest.counts.landed, manifest.counts.quarantined) == (1, 1)
    assert quarantined(home)[0][1] == reason


WHOLE = json.dumps([v11(1), v11(2)], ensure_ascii=False)
REFUSED: list[tuple[str, bytes, str]] = [
    ("empty", b"", "empty_body"),
    ("cut off", WHOLE.encode()[:-300], "truncated_json"),
    ("cut off after a record", WHOLE.encode()[:-1], "truncated_json"),
    ("maintenance page", b"<!DOCTYPE html><html>Huoltokatko</html>", "not_json"),
    ("Latin-1", WHOLE.encode("latin-1"), "encoding"),
    ("UTF-16", WHOLE.encode("utf-16"), "encoding"),
    ("100,000 brackets", b"[" * 100_000, "json_limits"),
    ("two objects", (json.dumps(v11(1)) + json.dumps(v11(2))).encode(), "not_json"),
]


@pytest.mark.parametrize(("content", "reason"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_damaged_file_is_refused_and_the_last_load_stays(content: bytes, reason: str, home: Path) -> None:
    take(home, [v11(1)])
    before = rows(home)
    (home.parent / "bad.json").write_bytes(content)
    with pytest.raises(LandingRefused, match=f"^{reason}: ") as refusal:
        land(home.parent / "bad.json", NEXT, home)
    assert "\n" not in str(refusal.value) and rows(home) == before


def test_a_byte_order_mark_is_no_damage(home: Path) -> None:
    assert take(home, "\ufeff" + WHOLE).counts.landed == 2


def test_a_catalogue_that_shrank_is_kept_aside(home: Path) -> None:
    take(home, [v11(n) for n in range(1, 101)])
    with pytest.raises(LandingRefused, match="shrink"):
        take(home, [v11(n) for n in range(1, 51)], NEXT)
    assert len(rows(home)) == 100


def test_no_file(home: Path) -> None:
    with pytest.raises(LandingRefused, match="no_such_file"):
        land(home.parent / "nowhere", DAY, home)


# --- from the service --------------------------------------------------------------------------------------------------

FAST = {"requests_per_minute": 60_000.0, "attempts": 3, "retry_seconds": 8.0}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RegistryServer]:
    """A catalogue of 1,150 bodies, two pages of the listing; the next day number 7 is gone and number 9 has changed."""
    records = [v11(n) for n in range(1, 1151)]
    later = [v11(9, emails=[]) if n == 9 else v11(n) for n in range(1, 1151) if n != 7]
    for day, content in ((DAY, records), (NEXT, later)):
        lines = "".join(json.dumps(r, ensure_ascii=False, separators=(",", ":")) + "\n" for r in content)
        write(tmp_path / "catalogue" / "ptv" / day.isoformat(), lines, "organizations.jsonl")
    with RegistryServer(tmp_path / "catalogue", day=DAY) as server:
        yield server


def fetch(server: RegistryServer, home: Path, day: date = DAY, **options: Any) -> Manifest:
    return land(server.ptv_url, day, home, limits=FAST, **options)[0]


def asked(server: RegistryServer, path: str) -> int:
    return sum(r.path == f"/api/v11/{path}" for r in server.requests)


def test_two_days_of_the_service(service: RegistryServer, home: Path) -> None:
    first = fetch(service, home)
    assert (first.mode, first.counts.read, first.counts.landed) == ("full", 1150, 1150) and not first.warnings
    assert (asked(service, "Organization"), asked(service, "Organization/list")) == (4, 12)
    assert all(len(r.query["guids"].split(",")) <= 100 for r in service.requests if r.path.endswith("list"))
    service.day = NEXT
    second = fetch(service, home, NEXT).counts
    assert (second.unchanged, second.updated, second.inserted, second.disappeared) == (1148, 1, 0, 1)
    requests = len(service.requests)
    assert fetch(service, home, NEXT).counts == second and len(service.requests) == requests, "the archive is read, not the net"


@pytest.mark.parametrize("fault", ["503", "half", "html", "gzip-cut"])
@pytest.mark.parametrize("path", ["Organization", "Organization/list"])
def test_a_passing_fault_costs_one_more_request(path: str, fault: str, service: RegistryServer, home: Path) -> None:
    service.faults.add(f"/api/v11/{path}", fault, times=1, after=1)
    assert fetch(service, home).counts.landed == 1150 and len(service.requests) == 17


def test_an_interrupted_landing_asks_only_for_what_it_lacks(service: RegistryServer, home: Path) -> None:
    service.faults.add("/api/v11/Organization/list", "status", times=None, after=5, status=400)
    with pytest.raises(LandingRefused, match="status_400"):
        fetch(service, home)
    service.faults.clear()
    service.requests.clear()
    assert fetch(service, home).counts.landed == 1150
    assert (asked(service, "Organization"), asked(service, "Organization/list")) == (0, 7)


def test_a_repeated_page_is_read_again(service: RegistryServer, home: Path) -> None:
    service.faults.add("/api/v11/Organization", "same-page", times=1, after=1)
    assert fetch(service, home).counts.landed == 1150 and asked(service, "Organization") == 6


def test_a_listing_that_never_holds_still_is_refused(service: RegistryServer, home: Path) -> None:
    service.faults.add("/api/v11/Organization", "same-page", times=None)
    with pytest.raises(LandingRefused, match="paging_unstable"):
        fetch(service, home)
    assert not list(home.glob("archive/ptv/*/*/*.json")), "what is not believed is asked anew"


def test_a_body_withdrawn_while_listing_makes_a_third_reading(service: RegistryServer, home: Path) -> None:
    def withdraw(what: str, done: int, total: int | None) -> None:
        service.day = NEXT

    manifest = fetch(service, home, progress=withdraw)
    assert manifest.counts.landed == 1149 and asked(service, "Organization") == 6 and not manifest.warnings


def test_a_body_withdrawn_before_its_turn_is_told(service: RegistryServer, home: Path) -> None:
    def withdraw(what: str, done: int, total: int | None) -> None:
        if asked(service, "Organization") == 4:
            service.day = NEXT

    manifest = fetch(service, home, progress=withdraw)
    assert manifest.counts.landed == 1149
    assert manifest.warnings == ["1 listed organisations were not answered: withdrawn meanwhile"]


def test_an_answer_with_holes_is_refused(service: RegistryServer, home: Path) -> None:
    write(service.folder.parent / "ptv" / NEXT.isoformat(), json.dumps(v11(1), separators=(",", ":")), "organizations.jsonl")

    def withdraw(what: str, done: int, total: int | None) -> None:
        if asked(service, "Organization") == 4:
            service.day = NEXT

    with pytest.raises(LandingRefused, match="ids_missing"):
        fetch(service, home, progress=withdraw)
    assert not list(home.glob("raw/ptv/organisations/load=ptv-*"))


@pytest.mark.parametrize(
    ("content", "fault"),
    [([v11(1), v11(3)], "1 organisations that were not asked for"), ({"message": "Not found"}, "not_json"), ("[", "not_json")],
)
def test_an_answer_to_another_question_is_asked_again(content: object, fault: str) -> None:
    with pytest.raises(Retryable, match=fault):
        _answers(json.dumps(content).encode(), [guid(1), guid(2)])


def test_the_generated_finland(home: Path) -> None:
    generate(1000, 20260102, 2, home.parent / "finland", sources=["ptv"])
    days = sorted(path.parent for path in home.parent.glob("finland/ptv/*/organizations.jsonl"))
    first, second = (land(folder, date.fromisoformat(folder.name), home)[0] for folder in days[:2])
    for manifest in (first, second):
        assert manifest.mode == "full" and manifest.counts.read > 20 and not manifest.counts.quarantined
        assert not manifest.unknown_fields and not manifest.unknown_codes
    assert second.counts.landed < first.counts.landed
    older = [land(file, DAY, home.parent / "v9")[0] for file in sorted((days[0] / "v9").iterdir())[:1]]
    assert older[0].counts.landed == 1 and not older[0].unknown_fields


# --- staging -----------------------------------------------------------------------------------------------------------


def test_staging(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    switchboard = [phone("24345000", language, additionalInformation=text)
                   for language, text in (("en", "Switchboard"), ("sv", "Växel"), ("fi", "Vaihde"))]  # fmt: skip
    fax = phone("24345000", "fi") | {"type": "Fax"}
    names = [
        {"language": "fi", "value": "Keksilän vesi", "type": "Name"},
        {"language": "sv", "value": "Keksby vatten", "type": "Name"},
        {"language": "fi", "value": "KVE", "type": "AlternativeName"},
    ]  # fmt: skip
    shown = [{"language": "fi", "type": "AlternativeName"}, {"language": "sv", "type": "Name"}]
    abroad = {"type": "Postal", "subType": "Foreign", "country": "SE", "streetAddress": None, "postOfficeBoxAddress": None,
              "otherAddress": None,
              "foreignAddress": [{"value": "Storgatan 1, c/o Matti Meikäläinen", "language": "sv"}]}  # fmt: skip
    take(home, [
        v11(1, phoneNumbers=[*switchboard, fax, phone("vaihde")]),
        unit(2, 1, organizationNames=names, displayNameType=shown, addresses=[abroad], phoneNumbers=[], emails=[]),
        unit(3, 1, organizationNames=[{"language": "fi", "value": "BRC", "type": "AlternativeName"}], addresses=[]),
    ])  # fmt: skip
    land(write(home.parent, V9 | {"id": guid(9)}), DAY, home)
    build_staging(home, "ptv", monkeypatch)

    bodies = {r["organisation_id"][-1]: r for r in staged(home, "select * from stg_ptv__organisations")}
    assert {k: (r["name"], r["name_sv"], r["alternative_names"]) for k, r in bodies.items()} == {
        "1": ("Keksilän kaupunki", None, []),
        "2": ("KVE", "Keksby vatten", ["KVE"]),
        "3": ("BRC", None, ["BRC"]),
        "9": ("Keksilän kaupunki", None, []),
    }
    assert {r["business_id"] for r in bodies.values()} == {"0112038-9"}
    assert bodies["2"]["business_id_source"] == "inherited" and bodies["1"]["websites"] == ["http://www.keksila.fi/fi_FI/"]
    assert bodies["9"]["modified_at"].isoformat().startswith("2017-09-11")

    phones = staged(home, f"select * from stg_ptv__phones where organisation_id = '{guid(1)}' order by service_type, phone")
    assert [(p["phone"], p["service_type"], p["label"], p["language_codes"]) for p in phones] == [
        ("+35824345000", "Fax", None, ["fi"]),
        ("+35824345000", "Phone", "Vaihde", ["en", "fi", "sv"]),
        (None, "Phone", None, ["fi"]),
    ]
    assert staged(home, f"select service_type from stg_ptv__phones where organisation_id = '{guid(9)}'") == [
        {"service_type": "Phone"}
    ]

    emails = staged(home, f"select email, is_pattern from stg_ptv__emails where organisation_id = '{guid(9)}' order by email")
    assert [tuple(e.values()) for e in emails] == [("kirjaamo@keksila.fi", False), ("palaute@keksila.fi", False), (None, True)]
    assert not staged(home, "select 1 from stg_ptv__emails where email like 'etunimi%'")

    for identifier in (guid(1), guid(9)):
        query = f"select * from stg_ptv__addresses where organisation_id = '{identifier}' order by address_kind"
        postal, visiting = staged(home, query)
        assert (postal["box_fi"], postal["postcode"]) == ("PL 43", "21101")
        assert (postal["town_fi"], postal["town_sv"]) == ("KEKSILÄ", "KEKSBY")
        assert (visiting["street_fi"], visiting["building_number"], visiting["postcode"]) == ("Keksijänkatu", "2", "21100")
        assert (visiting["northing_m"], visiting["easting_m"]) == (6713681.46, 226646.468)
        assert (visiting["municipality_code"], visiting["street_sv"], postal["northing_m"]) == ("999", None, None)
    (foreign,) = staged(home, f"select * from stg_ptv__addresses where organisation_id = '{guid(2)}'")
    assert (foreign["foreign_lines"], foreign["country_code"], foreign["postcode"]) == (["Storgatan 1"], "SE", None)
    everything = "".join(
        str(staged(home, f"select * from stg_ptv__{t}")) for t in ("organisations", "phones", "emails", "addresses")
    )
    assert "Meikäläi" not in everything and "12345" not in everything and "kauppala" not in everything


def test_staging_of_a_disappeared_organisation(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take(home, [v11(n) for n in range(1, 4)])
    take(home, [v11(1), v11(2)], NEXT, accept_bounds="a test")
    build_staging(home, "ptv", monkeypatch)
    gone = staged(home, "select organisation_id, name from stg_ptv__organisations where op = 'D'")
    assert gone == [{"organisation_id": guid(3), "name": None}]
    assert not staged(home, "select 1 from stg_ptv__phones where load_id like '%20260103%'")
