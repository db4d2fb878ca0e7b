"""The generator: the true format with all its traps, and a truth that agrees with what was written."""

import json
import re
import zipfile
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from stdnum.fi import ytunnus

from base.made_up import RESERVED_IDS
from ingest.synthetic import generate
from ingest.synthetic.damage import FILE_DAMAGES, RECORD_DAMAGES, damage, shrink
from ingest.synthetic.world import MOST_ORGANISATIONS, world

COMPANIES = 3000
DAYS = [date(2026, 1, 2), date(2026, 1, 3), date(2026, 1, 4)]
Company = dict[str, Any]

# The facts of PRH's OpenAPI file (v3), restated: name:kind, where kind is the longest text, `date` or `int`; ! is required.
FIELDS = {
    "businessId": "value:9! registrationDate:date source:1!",
    "euId": "value:16! source:1!",
    "names": "name:1000! type:8! registrationDate:date endDate:date version:int! source:1!",
    "mainBusinessLine": "type:5! descriptions:descriptions typeCodeSet:6 registrationDate:date source:1!",
    "website": "url:255! registrationDate:date source:1!",
    "companyForms": "type:8! descriptions:descriptions registrationDate:date endDate:date version:int! source:1!",
    "companySituations": "type:7! registrationDate:date endDate:date source:1!",
    "registeredEntries": "type:8! descriptions:descriptions registrationDate:date endDate:date register:8! authority:8!",
    "addresses": "type:int! street:50 postCode:5 postOffices:postOffices postOfficeBox:5 buildingNumber:13 entrance:13 "
    "apartmentNumber:4 apartmentIdSuffix:1 co:34 country:2 freeAddressLine:1000 registrationDate:date source:1!",
    "descriptions": "languageCode:2! description:255",
    "postOffices": "city:50! languageCode:8! municipalityCode:3",
    "company": "businessId:businessId! euId:euId names:names mainBusinessLine:mainBusinessLine website:website "
    "companyForms:companyForms companySituations:companySituations registeredEntries:registeredEntries! addresses:addresses "
    "tradeRegisterStatus:1! status:1 registrationDate:date endDate:date lastModified:19!",
}
SCHEMA = {thing: dict(field.split(":") for field in fields.split()) for thing, fields in FIELDS.items()}
OBJECTS = {"businessId", "euId", "mainBusinessLine", "website", "company"}


def breaches(value: Any, kind: str = "company", path: str = "") -> list[str]:
    """Where a record breaks the schema, by path. The keys must come in the order of the real answers, too."""
    required, kind = kind.endswith("!"), kind.rstrip("!")
    if value is None:
        return [f"{path} is null"] if required else []
    if kind == "int":
        return [] if type(value) is int else [f"{path} is no number"]
    if kind == "date":
        return [] if re.fullmatch(r"\d{4}-\d\d-\d\d", str(value)) else [f"{path} is no date"]
    if kind.isdecimal():
        return [] if isinstance(value, str) and len(value) <= int(kind) else [f"{path} is no text of {kind}"]
    if kind not in OBJECTS:
        if not isinstance(value, list):
            return [f"{path} is no list"]
        return [breach for i, item in enumerate(value) for breach in _object_breaches(item, kind, f"{path}[{i}]")]
    return _object_breaches(value, kind, path)


def _object_breaches(value: Any, kind: str, path: str) -> list[str]:
    fields = SCHEMA[kind]
    if not isinstance(value, dict):
        return [f"{path} is no object"]
    found = [f"{path}.{key} is missing" for key, inner in fields.items() if inner.endswith("!") and key not in value]
    found += [f"{path}.{key} is unknown" for key in value.keys() - fields.keys()]
    if [key for key in fields if key in value] != [key for key in value if key in fields]:
        found.append(f"{path} is out of order")
    return found + [b for key in fields.keys() & value.keys() for b in breaches(value[key], fields[key], f"{path}.{key}")]


def companies(folder: Path, day: date, file: str = "all_companies.zip") -> dict[str, Company]:
    """The records of a zip by business id."""
    with zipfile.ZipFile(folder / "ytj" / day.isoformat() / file) as archive:
        assert archive.namelist() == [f"data_{day:%Y%m%d}.json"]
        records = json.loads(archive.read(archive.namelist()[0]))
    by_id = {record["businessId"]["value"]: record for record in records}
    assert len(by_id) == len(records)
    return by_id


def truth(folder: Path, day: date, query: str) -> list[Any]:
    """Rows of an SQL query over the truth of a day, FROM left out."""
    path = folder / "truth" / "organisations" / f"{day}.parquet"
    return duckdb.execute(query.replace("FROM truth", f"FROM '{path}'")).fetchall()


def ordered(value: Any) -> Any:
    """The record without the order of its descriptions and post offices."""
    if isinstance(value, dict):
        return {
            k: sorted(map(ordered, v), key=str) if k in ("descriptions", "postOffices") else ordered(v)
            for k, v in value.items()
        }
    return [ordered(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="session")
def finland(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finland")
    generate(COMPANIES, 7, 3, folder, change_share=0.05)
    return folder


@pytest.fixture(scope="session")
def base(finland: Path) -> dict[str, Company]:
    return companies(finland, DAYS[0])


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path: Path) -> None:
    for folder, seed in [("a", 1), ("b", 1), ("c", 2)]:
        generate(300, seed, 2, tmp_path / folder)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(files) > 40
    assert all((tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes() for path in files)
    bulk = Path("ytj/2026-01-02/all_companies.zip")
    assert (tmp_path / "a" / bulk).read_bytes() != (tmp_path / "c" / bulk).read_bytes()


def test_business_ids_are_valid_reserved_and_a_bijection() -> None:
    with world(1, 1, DAYS[0], 0.01) as made_up:
        ids = made_up.connection.execute("SELECT business_id(number) FROM range(20000) AS t(number)").fetchall()
        distinct = made_up.connection.execute(
            f"SELECT count(DISTINCT business_id(number)) FROM range({MOST_ORGANISATIONS}) AS t(number)"
        ).fetchone()
    assert all(ytunnus.is_valid(value) for (value,) in ids)
    assert all(int(value[:7]) in RESERVED_IDS for (value,) in ids)
    assert distinct == (MOST_ORGANISATIONS,)


def test_more_organisations_than_reserved_ids_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="reserved business ids"):
        generate(MOST_ORGANISATIONS + 1, 1, 1, tmp_path)
    with pytest.raises(ValueError, match="at least 1"):
        generate(0, 1, 1, tmp_path)


def test_every_record_keeps_to_the_schema(finland: Path) -> None:
    for day in DAYS:
        for file in ("all_companies.zip", "search_only.zip"):
            found = {key: breaches(record) for key, record in companies(finland, day, file).items()}
            assert {key: list_ for key, list_ in found.items() if list_} == {}


def test_the_schema_check_can_fail(base: dict[str, Company]) -> None:
    record = next(record for record in base.values() if record["addresses"])
    record = json.loads(json.dumps(record))
    record["addresses"][0]["type"] = "1"
    record["surprise"] = 1
    del record["lastModified"]
    assert len(breaches(record)) == 3


def test_the_file_is_compact_and_of_the_real_size(finland: Path) -> None:
    with zipfile.ZipFile(finland / "ytj" / "2026-01-02" / "all_companies.zip") as archive:
        text = archive.read("data_20260102.json").decode()
    assert text.startswith('[{"businessId":{"value":"') and text.endswith('"}]')
    assert 2400 * COMPANIES < len(text.encode()) < 2950 * COMPANIES
    ids = re.findall(r'\{"businessId":\{"value":"(\d{7}-\d)","reg', text)
    assert ids != sorted(ids)


def test_forms_and_traps_come_at_realistic_rates(base: dict[str, Company]) -> None:
    records = list(base.values())
    assert len(records) == COMPANIES

    def share(condition: Any) -> float:
        return sum(bool(condition(record)) for record in records) / len(records)

    forms = Counter(record["companyForms"][0]["type"] for record in records)
    assert forms["16"] / COMPANIES == pytest.approx(0.687, abs=0.03)
    assert forms["2"] / COMPANIES == pytest.approx(0.20, abs=0.025)
    assert {"13", "10", "5", "14"} <= forms.keys()

    def entries(record: Company, register: str) -> list[Company]:
        return [
            e for e in record["registeredEntries"] if e["register"] == register and not e.get("endDate") and e["type"] != "99"
        ]

    def addresses(record: Company, kind: int) -> list[Company]:
        return [a for a in record["addresses"] if a["type"] == kind]

    def blank(record: Company) -> Company:
        return record["addresses"][0] if record["addresses"] else {}

    def situations(record: Company) -> set[str]:
        return {s["type"] for s in record["companySituations"] if not s.get("endDate")}

    def houses(record: Company) -> list[str]:
        return [a.get("buildingNumber") or "" for a in record["addresses"]]

    traps = {
        "employer": (0.206, 0.03, lambda r: entries(r, "7")),
        "website": (0.06, 0.02, lambda r: r.get("website")),
        "visiting address": (0.955, 0.02, lambda r: addresses(r, 1)),
        "postal only": (0.04, 0.02, lambda r: addresses(r, 2) and not addresses(r, 1)),
        "no address": (0.004, 0.004, lambda r: not r["addresses"]),
        "bankrupt or in liquidation": (0.024, 0.012, lambda r: {"KONK", "SELTILA"} & situations(r)),
        "situation over": (0.008, 0.006, lambda r: any(s.get("endDate") for s in r["companySituations"])),
        "TOL 2008": (0.015, 0.01, lambda r: (r.get("mainBusinessLine") or {}).get("typeCodeSet") == "TOIMI3"),
        "coarse industry": (0.003, 0.0028, lambda r: len((r.get("mainBusinessLine") or {}).get("type", "12345")) < 5),
        "no EUID": (0.14, 0.04, lambda r: not r.get("euId")),
        "explicit null": (0.02, 0.012, lambda r: "website" in r and r["website"] is None),
        "empty texts": (0.82, 0.04, lambda r: blank(r).get("entrance") == "" or blank(r).get("co") == ""),
        "omitted parts": (0.15, 0.04, lambda r: blank(r) and "co" not in blank(r)),
        "care of": (0.12, 0.04, lambda r: any(a.get("co") for a in r["addresses"])),
        "care of, with c/o": (0.07, 0.03, lambda r: any((a.get("co") or "").lower().startswith("c/o") for a in r["addresses"])),
        "PO box": (0.08, 0.03, lambda r: any(a.get("postOfficeBox") for a in r["addresses"])),
        "house number with letter": (0.07, 0.05, lambda r: any(re.match(r"\d+[ab]", house) for house in houses(r))),
        "house number range": (0.05, 0.03, lambda r: any("-" in house for house in houses(r))),
        "abroad": (0.007, 0.005, lambda r: any("_" in (a.get("freeAddressLine") or "") for a in r["addresses"])),
        "older lastModified": (0.4, 0.6, lambda r: r["lastModified"][10] == " "),
        "industry older than company": (0.0, 0.05, lambda r: (r.get("registrationDate") or "") > "2026-01-01"),
        "former name": (0.12, 0.03, lambda r: any(n["type"] == "1" and n.get("endDate") for n in r["names"])),
        "auxiliary name": (0.07, 0.025, lambda r: any(n["type"] == "3" for n in r["names"])),
        "parallel name": (0.04, 0.02, lambda r: any(n["type"] == "2" for n in r["names"])),
        "two company forms": (0.014, 0.01, lambda r: len(r["companyForms"]) == 2),
        "entry that ended": (0.1, 0.09, lambda r: any(e.get("endDate") for e in r["registeredEntries"])),
        "pending": (0.004, 0.0038, lambda r: r["tradeRegisterStatus"] == "0"),
        "every name ended": (0.001, 0.001, lambda r: all(n.get("endDate") for n in r["names"])),
    }  # fmt: skip
    found = {name: share(condition) for name, (_, _, condition) in traps.items()}
    assert {n: found[n] for n, (rate, within, _) in traps.items() if not abs(found[n] - rate) <= within} == {}
    # What must be there at all, whatever its rate.
    assert found["every name ended"] > 0 and 0 < found["older lastModified"] < 1


def test_languages_come_in_any_order_and_some_are_missing(base: dict[str, Company]) -> None:
    lines = [r["mainBusinessLine"] for r in base.values() if r.get("mainBusinessLine")]
    orders = Counter(
        "".join(d["languageCode"] for d in line["descriptions"]) for line in lines if line["typeCodeSet"] == "TOIMI4"
    )
    assert {"123", "132", "213", "231", "312", "321", "12", "21"} == orders.keys()
    finnish_only = [
        f for r in base.values() for f in r["companyForms"] if f["type"] in ("56", "55", "63", "38", "39", "71", "21")
    ]
    assert finnish_only and all([d["languageCode"] for d in f["descriptions"]] == ["1"] for f in finnish_only)
    offices = [a["postOffices"] for r in base.values() for a in r["addresses"] if len(a["postOffices"]) == 2]
    bilingual = {tuple(o["city"] for o in pair) for pair in offices}
    assert {("HELSINKI", "HELSINGFORS"), ("HELSINGFORS", "HELSINKI")} <= bilingual


def test_awkward_names_are_among_them(tmp_path: Path) -> None:
    with world(60_000, 3, DAYS[0], 0.01) as made_up:
        rows = made_up.connection.execute("SELECT name FROM organisation").fetchall()
    names = [name for (name,) in rows]
    starts = {name[0] for name in names}
    assert set('+-=@"[ }') <= starts
    for piece in ("\\", "},{", '"', "😀", "NULL "):
        assert any(piece in name for name in names), piece
    assert sum(not name[0].isalpha() for name in names) / len(names) < 0.01


def test_the_bulk_agrees_with_the_truth(finland: Path) -> None:
    for day in DAYS:
        bulk = companies(finland, day)
        rest = companies(finland, day, "search_only.zip")
        rows = truth(
            finland,
            day,
            """SELECT business_id, name, legal_form_code, status, written_industry_code, is_employer, in_bulk,
            visiting.postcode, postal.co, municipality_code, is_synthetic FROM truth""",
        )
        assert {row[0] for row in rows if row[6]} == bulk.keys()
        assert {row[0] for row in rows if not row[6]} == rest.keys()
        for business_id, name, form, status, industry, employer, in_bulk, postcode, co, municipality, synthetic in rows:
            record = bulk[business_id] if in_bulk else rest[business_id]
            assert synthetic
            assert record["names"][0]["name"] == name
            assert record["companyForms"][0]["type"] == form
            assert (record.get("mainBusinessLine") or {}).get("type") == industry
            expected = {"pending": "0", "ceased": "4"}.get(status, "1")
            assert record["tradeRegisterStatus"] == expected
            current = {s["type"] for s in record["companySituations"] if not s.get("endDate")}
            assert current == {
                "bankruptcy": {"KONK"}, "liquidation": {"SELTILA"}, "restructuring": {"SANE"}
            }.get(status, set())  # fmt: skip
            in_force = [
                e
                for e in record["registeredEntries"]
                if e["register"] == "7" and e["type"] in ("41", "42") and not e.get("endDate")
            ]
            assert bool(in_force) == employer
            by_type = {a["type"]: a for a in record["addresses"]}
            assert (by_type.get(1, {}).get("postCode") or None) == postcode
            assert (by_type.get(2, {}).get("co") or None) == co
            coded = [o.get("municipalityCode") for a in record["addresses"] for o in a["postOffices"]][:1]
            assert coded == [municipality] or coded == [None] or (not coded and municipality is None)


@pytest.mark.parametrize(("before", "after"), [(DAYS[0], DAYS[1]), (DAYS[1], DAYS[2])])
def test_a_day_changes_what_the_truth_says_and_nothing_else(finland: Path, before: date, after: date) -> None:
    old, new = companies(finland, before), companies(finland, after)
    events = {
        row[0]: row[1:] for row in truth(finland, after, "SELECT business_id, event, changed_field, is_reshuffled FROM truth")
    }

    def having(*kinds: str) -> set[str]:
        return {business_id for business_id, (event, _, _) in events.items() if event in kinds}

    assert old.keys() - new.keys() == having("ceased", "disappeared")
    assert new.keys() - old.keys() == having("new", "reappeared")
    stayed = old.keys() & new.keys()
    changed = {key for key in stayed if ordered(old[key]) != ordered(new[key])}
    assert changed == having("changed", "moved", "renamed", "bankrupt", "liquidation", "restructuring")
    reshuffled = {key for key in stayed if old[key] != new[key]} - changed
    assert reshuffled and reshuffled <= {key for key, (_, _, shuffled) in events.items() if shuffled}
    assert 0.035 < (len(events) - len(having("none"))) / len(old) < 0.06
    fields = {
        "moved": "addresses", "renamed": "names", "industry": "mainBusinessLine", "website": "website",
        "employer": "registeredEntries", "bankrupt": "companySituations", "liquidation": "companySituations",
        "restructuring": "companySituations",
    }  # fmt: skip
    for key in changed:
        event, field, _ = events[key]
        differing = {k for k in old[key].keys() | new[key].keys() if ordered(old[key].get(k)) != ordered(new[key].get(k))}
        assert differing == {fields[field or event], "lastModified"}, key


def test_days_hold_every_kind_of_event(finland: Path) -> None:
    kinds = {row for day in DAYS[1:] for row in truth(finland, day, "SELECT DISTINCT event FROM truth")}
    assert {"none", "new", "changed", "moved", "renamed", "bankrupt", "liquidation", "ceased", "disappeared", "reappeared"} <= {
        event for (event,) in kinds
    }


def test_no_date_lies_in_the_future_and_no_interval_is_inverted(finland: Path) -> None:
    for day in DAYS:
        for record in companies(finland, day).values():
            text = json.dumps(record)
            assert max(re.findall(r'"(\d{4}-\d\d-\d\d)"', text)) <= day.isoformat()
            for part in record["names"] + record["registeredEntries"] + record["companySituations"] + record["companyForms"]:
                assert (part.get("registrationDate") or "") <= (part.get("endDate") or "9999"), (record["businessId"], part)


def test_code_lists(finland: Path) -> None:
    folder = finland / "ytj" / "description"
    entries = dict(line.split("\t") for line in (folder / "REK_KDI.fi.txt").read_text().splitlines())
    assert entries["1_0"] == "Rekisteröimätön" and "7_41" in entries and "1_41" not in entries
    assert "16\tAktiebolag" in (folder / "YRMU.sv.txt").read_text()
    assert "62100\t" in (folder / "TOIMI4.fi.txt").read_text()
    assert (folder / "SELTILA,SANE,KONK.en.txt").read_text().count("\n") == 3
    for code in ("TLAJI", "SELTILA", "REK", "VIRANOM", "TLAHDE", "KIELI", "TOIMI3", "KONK", "SANE", "STATUS3"):
        for language in ("fi", "sv", "en"):
            assert (folder / f"{code}.{language}.txt").read_text().strip(), (code, language)
    codes = {entry["postCode"]: entry for entry in json.loads((finland / "ytj" / "post_codes.sv.json").read_text())}
    assert codes["00100"] == {
        "postCode": "00100", "city": "HELSINGFORS", "active": True, "languageCode": "2", "municipalityCode": "091"
    }  # fmt: skip


def test_a_folder_with_another_finland_is_refused(tmp_path: Path) -> None:
    generate(10, 1, 2, tmp_path)
    generate(10, 1, 2, tmp_path)
    with pytest.raises(ValueError, match="another made-up Finland"):
        generate(10, 1, 1, tmp_path)


def test_about_tells_that_it_is_made_up(finland: Path) -> None:
    about = json.loads((finland / "truth" / "about.json").read_text())
    assert about["synthetic"] is True and about["seed"] == 7 and about["organisations"] == COMPANIES and about["days"] == 3


@pytest.fixture(scope="session")
def small_bulk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    generate(300, 5, 1, folder)
    return folder / "ytj" / "2026-01-02" / "all_companies.zip"


def member_of(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(archive.namelist()[0])


@pytest.mark.parametrize("name", sorted(RECORD_DAMAGES))
def test_record_damages_hit_the_named_records_only(small_bulk: Path, tmp_path: Path, name: str) -> None:
    damaged = damage(name, small_bulk, tmp_path / "damaged.zip", records=2)
    text, sound = member_of(tmp_path / "damaged.zip"), member_of(small_bulk)
    assert len(set(damaged.business_ids)) == 2 and damaged.records == 300 and text != sound
    # Every other record is there, byte for byte.
    for record in json.loads(sound):
        raw = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
        assert (raw in text) != (record["businessId"]["value"] in damaged.business_ids) or name == "duplicate-key"


@pytest.mark.parametrize("name", sorted(FILE_DAMAGES))
def test_file_damages_leave_no_sound_bulk(small_bulk: Path, tmp_path: Path, name: str) -> None:
    damaged = damage(name, small_bulk, tmp_path / "damaged.zip")
    assert damaged.business_ids
    sound = True
    try:
        with zipfile.ZipFile(tmp_path / "damaged.zip") as archive:
            records = json.loads(archive.read(archive.namelist()[0]))
            sound = archive.namelist() == ["data_20260102.json"] and isinstance(records, list)
            sound = sound and len({record["businessId"]["value"] for record in records}) == len(records) == 300
    except (zipfile.BadZipFile, ValueError, IndexError, EOFError, OSError, __import__("zlib").error):
        sound = False
    assert not sound


def test_shrink_tells_who_is_missing(small_bulk: Path, tmp_path: Path) -> None:
    damaged = shrink(small_bulk, tmp_path / "half.zip", 0.5)
    kept = {record["businessId"]["value"] for record in json.loads(member_of(tmp_path / "half.zip"))}
    assert len(kept) == damaged.records == 150 and not kept & set(damaged.business_ids)
