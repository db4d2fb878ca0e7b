"""Registered notices: what changed and when, fetched by days, each notice once; every trap, damage, and the staged rows."""

import gzip
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.lake import LandingRefused, Manifest
from ingest.sources.prh_notices.loader import land
from ingest.synthetic import generate
from ingest.synthetic.server import RegistryServer
from tests.staging import build_staging, staged
from tests.test_marts import business_id

DAY, NEXT = date(2026, 1, 2), date(2026, 1, 3)
FAST = {"requests_per_minute": 60_000.0, "attempts": 3, "retry_seconds": 8.0}
Record = dict[str, Any]


def notice(day: str, number: str, kind: str = "M", *codes: str) -> Record:
    return {"registrationDate": day, "recordNumber": number, "typeOfRegistration": kind, "entryCodes": list(codes or ("HAL",))}


def company(identifier: str, *notices: Record, **more: Any) -> Record:
    """As a company of YTJ without line of business and website, with its notices."""
    return {
        "businessId": {"value": identifier, "registrationDate": "2020-01-01", "source": "3"},
        "euId": {"value": f"FIFPRO.{identifier}", "source": "1"},
        "names": [{"name": "Keksi Oy", "type": "1", "registrationDate": "2020-01-01", "version": 1, "source": "1"}],
        "companyForms": [{"type": "16", "registrationDate": "2020-01-01", "version": 1, "source": "1"}],
        "companySituations": [],
        "registeredEntries": [{"type": "1", "registrationDate": "2020-01-01", "register": "1", "authority": "2"}],
        "addresses": [{"type": 1, "street": "Katu", "co": "c/o Matti Meikäläinen"}],
        "tradeRegisterStatus": "1",
        "status": "2",
        "registrationDate": "2020-01-01",
        "lastModified": "2026-01-01T00:00:00",
        "publicNotices": list(notices),
        **more,
    }


def page(*companies: object, total: int | None = None) -> str:
    return json.dumps({"totalResults": len(companies) if total is None else total, "companies": companies}, ensure_ascii=False)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "lake"


def take(home: Path, content: str | bytes, day: date = DAY, name: str = "page-1.json") -> Manifest:
    file = home.parent / f"{day}-{name}"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    manifest = land(file, day, home)[0]
    counts = manifest.counts
    assert counts.read == counts.landed + counts.unchanged + counts.quarantined
    return manifest


def rows(home: Path) -> list[tuple[str, str, str, str, list[str]]]:
    """What has landed: op, key, type, codes."""
    parts = home / "raw/prh_notices/notices/load=*/*.parquet"
    return duckdb.sql(f"select _op, _key, typeOfRegistration, entryCodes from '{parts}' order by all").fetchall()


def quarantined(home: Path) -> list[tuple[str | None, str, str]]:
    parts = [str(p) for p in sorted((home / "quarantine").rglob("*.parquet"))]
    return (
        duckdb.execute("select record_key, reason, path from read_parquet($1) order by position", [parts]).fetchall()
        if parts
        else []
    )


A, B = business_id(1), business_id(2)


def test_each_notice_is_a_row_and_the_company_is_left_to_ytj(home: Path) -> None:
    change, accounts = notice("2026-01-02", "2026/1", "M", "TOIM", "HAL"), notice("2024-05-01", "2024/9", "TA", "TASE")
    manifest = take(home, page(company(A, change, accounts)))
    assert rows(home) == [
        ("I", f"{A}|2024-05-01|2024/9", "TA", ["TASE"]),
        ("I", f"{A}|2026-01-02|2026/1", "M", ["HAL", "TOIM"]),
    ]
    assert manifest.mode == "partial" and not manifest.unknown_fields
    columns = duckdb.sql(f"select * from '{home}/raw/prh_notices/notices/load=*/*.parquet'").columns
    assert "addresses" not in columns and "names" not in columns


def test_a_notice_that_comes_twice_is_one(home: Path) -> None:
    one = notice("2026-01-02", "2026/1", "M", "TOIM", "HAL")
    turned = notice("2026-01-02", "2026/1", "M", "HAL", "TOIM")
    counts = take(home, page(company(A, one, turned, one), company(B, one))).counts
    assert (counts.read, counts.landed, counts.unchanged, counts.duplicates) == (4, 2, 2, 2)


def test_a_notice_told_in_parts_has_all_its_codes(home: Path) -> None:
    take(home, page(company(A, notice("2026-01-02", "2026/1", "M", "TOIM"), notice("2026-01-02", "2026/1", "M", "HAL"))))
    assert rows(home) == [("I", f"{A}|2026-01-02|2026/1", "M", ["HAL", "TOIM"])]


def test_a_notice_of_two_types_is_nobodys_truth(home: Path) -> None:
    counts = take(home, page(company(A, notice("2026-01-02", "2026/1", "M"), notice("2026-01-02", "2026/1", "U")))).counts
    assert (counts.landed, counts.quarantined) == (0, 2) and {q[1] for q in quarantined(home)} == {"conflicting_duplicate"}


def test_the_next_day_lands_only_what_is_new(home: Path) -> None:
    old = notice("2025-01-01", "2025/1", "TA", "TASE")
    take(home, page(company(A, old), company(B, old)))
    counts = take(home, page(company(A, old, notice("2026-01-03", "2026/3", "M", "TOIM"))), NEXT).counts
    assert (counts.unchanged, counts.inserted, counts.disappeared) == (1, 1, 0), "an excerpt says nothing of what it lacks"


def test_lines_and_pages_land_alike(home: Path) -> None:
    companies = [company(A, notice("2026-01-02", "2026/1")), company(B, notice("2026-01-02", "2026/2"))]
    lines = "\n".join(json.dumps(c, ensure_ascii=False) for c in companies).encode()
    take(home, page(*companies))
    for folder in ("plain", "packed"):
        (home.parent / folder).mkdir()
    take(home.parent / "plain" / "lake", b"\xef\xbb\xbf" + lines, name="c.jsonl")
    take(home.parent / "packed" / "lake", gzip.compress(lines), name="c.jsonl.gz")
    assert rows(home) == rows(home.parent / "plain" / "lake") == rows(home.parent / "packed" / "lake")
    assert len(rows(home)) == 2


@pytest.mark.parametrize("spelling", ["112038-9", "FI01120389", " 0112038-9", "0112038\u20139"])
def test_spellings_of_a_business_id(spelling: str, home: Path) -> None:
    take(home, page(company(spelling, notice("2026-01-02", "2026/1"))))
    assert rows(home)[0][1] == "0112038-9|2026-01-02|2026/1"


def test_unknown_fields_are_kept_and_counted(home: Path) -> None:
    manifest = take(home, page(company(A, notice("2026-01-02", "2026/1") | {"text": "x"}, mood="good")))
    assert manifest.unknown_fields == {"mood": 1, "publicNotices[].text": 1}


def test_a_company_without_notices_is_no_row(home: Path) -> None:
    assert take(home, page(company(A), {k: v for k, v in company(B).items() if k != "publicNotices"})).counts.read == 0


DAMAGED: list[tuple[str, Any, str, str]] = [
    ("no company", "Keksi Oy", "schema_type", "$"),
    ("no business id", company(B) | {"businessId": None}, "missing_required", "businessId"),
    ("empty business id", company("", notice("2026-01-02", "2026/2")), "bid_missing", "businessId.value"),
    ("check digit", company("0112038-8", notice("2026-01-02", "2026/2")), "bid_checksum", "businessId.value"),
    ("no business id at all", company("Keksi", notice("2026-01-02", "2026/2")), "bid_shape", "businessId.value"),
    ("business id a number", company(B) | {"businessId": 1120389}, "schema_type", "businessId"),
    ("notices an object", company(B) | {"publicNotices": notice("2026-01-02", "2")}, "schema_type", "publicNotices"),
    ("codes a text", company(B, notice("2026-01-02", "2") | {"entryCodes": "HAL"}), "schema_type",
     "publicNotices[].entryCodes"),
    ("no record number", company(B, notice("2026-01-02", " ")), "notice_number_missing", "publicNotices[].recordNumber"),
    ("number lost its quotes", company(B, notice("2026-01-02", "2") | {"recordNumber": 2}), "schema_type",
     "publicNotices[].recordNumber"),
    ("no day", company(B, notice("", "2026/2")), "date_invalid", "publicNotices[].registrationDate"),
    ("no such day", company(B, notice("2023-02-29", "2026/2")), "date_invalid", "publicNotices[].registrationDate"),
    ("Finnish day", company(B, notice("31.12.2025", "2026/2")), "date_invalid", "publicNotices[].registrationDate"),
    ("infinity", company(B, notice("infinity", "2026/2")), "date_invalid", "publicNotices[].registrationDate"),
    ("day zero", company(B, notice("0000-00-00", "2026/2")), "date_invalid", "publicNotices[].registrationDate"),
    ("NUL", company(B, notice("2026-01-02", "2026/\x00")), "control_char", "$"),
]  # fmt: skip


@pytest.mark.parametrize(("record", "reason", "path"), [case[1:] for case in DAMAGED], ids=[case[0] for case in DAMAGED])
def test_a_damaged_record_is_quarantined_and_its_neighbours_land(record: Any, reason: str, path: str, home: Path) -> None:
    manifest = take(home, page(company(A, notice("2026-01-02", "2026/1")), record))
    assert (manifest.counts.read, manifest.counts.landed, manifest.counts.quarantined) == (2, 1, 1)
    assert [(q[1], q[2]) for q in quarantined(home)] == [(reason, path)]


def test_one_bad_notice_does_not_cost_the_company_its_others(home: Path) -> None:
    notices = [notice(day, f"2026/{n}") for n, day in enumerate(("2026-01-02", "soon", "2026-01-02"))]
    manifest = take(home, page(company(A, *notices)))
    assert (manifest.counts.landed, manifest.counts.quarantined) == (2, 1)


LINES = "\n".join(json.dumps(company(i, notice("2026-01-02", "2026/1")), ensure_ascii=False) for i in (A, B)).encode()
REFUSED: list[tuple[str, str, bytes, str]] = [
    ("empty", "p.json", b"", "empty_body"),
    ("cut off", "p.json", page(company(A)).encode()[:-40], "truncated_json"),
    ("maintenance page", "p.json", b"<html>Huoltokatko</html>", "not_json"),
    ("Latin-1", "p.json", page(company(A, mood="hyvä")).encode("latin-1"), "encoding"),
    ("half a gzip", "p.jsonl.gz", gzip.compress(LINES)[:-60], "bad_gzip"),
    ("no gzip", "p.jsonl.gz", LINES, "bad_gzip"),
    ("garbage behind a gzip", "p.jsonl.gz", gzip.compress(LINES) + b"garbage", "bad_gzip"),
    ("no lines", "p.jsonl", b"", "empty_body"),
    ("a line without end", "p.jsonl", b'{"businessId":"' + b"x" * (9 << 20), "decompress_limit"),
]


@pytest.mark.parametrize(("name", "content", "reason"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_damaged_file_is_refused(name: str, content: bytes, reason: str, home: Path) -> None:
    take(home, page(company(A, notice("2026-01-02", "2026/1"))))
    before = rows(home)
    with pytest.raises(LandingRefused, match=f"^{reason}: ") as refusal:
        take(home, content, NEXT, name)
    assert "\n" not in str(refusal.value) and rows(home) == before


def test_a_line_in_another_encoding_is_quarantined(home: Path) -> None:
    bad = json.dumps(company(business_id(3), mood="hyvä"), ensure_ascii=False).encode("latin-1")
    manifest = take(home, LINES + b"\n" + bad + b"\n{\n", name="c.jsonl")
    assert (manifest.counts.landed, manifest.counts.quarantined) == (2, 2)
    assert [q[1] for q in quarantined(home)] == ["encoding", "json_malformed"]


# --- from the service --------------------------------------------------------------------------------------------------


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RegistryServer]:
    """300 companies with a notice in 2020 each; 120 of them have one of 2 January too, and the next day number 5 has one."""
    folder = tmp_path / "register" / "prh_notices"
    old = {n: [notice("2020-06-01", f"2020/{n}", "TA", "TASE")] for n in range(300)}
    fresh = {n: [*old[n], notice("2026-01-02", f"2026/{n}", "M", "TOIM")] for n in range(120)}
    first = [company(business_id(n), *(old | fresh)[n]) for n in old]
    second = [company(business_id(5), *fresh[5], notice("2026-01-03", "2026/900", "M", "HAL", "XYZ"))]
    for day, companies in ((DAY, first), (NEXT, second)):
        (folder / day.isoformat()).mkdir(parents=True)
        lines = "".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) + "\n" for c in companies)
        (folder / day.isoformat() / "companies.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (folder / "description").mkdir()
    codes = "\n".join(f"{code}\tSelite {code}" for code in ("TASE", "HAL", "TOIM", "TMI", "KOTI", "PERUS", "TAL", "OPO"))
    (folder / "description" / "EC.FI.txt").write_text(codes + "\n", encoding="utf-8")
    (folder / "description" / "NRT.FI.txt").write_text("U\tUusi\nM\tMuutos\nTA\tTilinpäätös\n", encoding="utf-8")
    with RegistryServer(tmp_path / "register", day=DAY) as server:
        yield server


def fetch(server: RegistryServer, home: Path, day: date = DAY, **options: Any) -> Manifest:
    return land(server.notices_url, day, home, limits=FAST, **{"datasets": ["notices"], **options})[0]


def searches(server: RegistryServer) -> list[dict[str, str]]:
    return [r.query for r in server.requests if "page" in r.query]


def test_a_day_costs_a_day(service: RegistryServer, home: Path) -> None:
    first = fetch(service, home)
    assert [q["page"] for q in searches(service)] == ["1", "2", "3"]
    assert searches(service)[0]["noticeRegistrationDateStart"] == "2025-12-26"
    assert searches(service)[0]["noticeRegistrationDateEnd"] == "2026-01-02"
    # A company that has a notice in the range comes with all its notices.
    assert first.counts.landed == 240
    service.day = NEXT
    second = fetch(service, home, NEXT)
    assert searches(service)[-1]["noticeRegistrationDateStart"] == "2025-12-26"
    assert (second.counts.inserted, second.counts.updated, second.counts.unchanged) == (1, 0, 240)
    assert second.warnings == ["no code list has landed: entry codes were not checked"]


def test_the_years_behind_in_a_range(service: RegistryServer, home: Path) -> None:
    assert fetch(service, home, since=date(2020, 1, 1), until=date(2020, 12, 31)).counts.landed == 420
    assert len(searches(service)) == 6


def test_codes_no_list_knows_are_kept_and_counted(service: RegistryServer, home: Path) -> None:
    service.day = NEXT
    codes, notices = land(service.notices_url, NEXT, home, limits=FAST)
    assert (codes.dataset, codes.counts.landed) == ("code_lists", 11)
    assert notices.unknown_codes == {"entryCodes[]=XYZ": 1} and not notices.warnings
    assert any("XYZ" in row[3] for row in rows(home))


def test_one_company_by_path(service: RegistryServer, home: Path) -> None:
    manifest = fetch(service, home, business_ids=[business_id(7).replace("-", ""), business_id(200)])
    assert manifest.counts.landed == 3
    assert [r.path.rpartition("/")[2] for r in service.requests] == [business_id(7), business_id(200)]
    with pytest.raises(LandingRefused, match="bid_checksum"):
        fetch(service, home, NEXT, business_ids=["0112038-8"])


@pytest.mark.parametrize("fault", ["503", "half", "html", "gzip-cut"])
def test_a_passing_fault_costs_one_more_request(fault: str, service: RegistryServer, home: Path) -> None:
    service.faults.add("/opendata-registerednotices-api/v3/", fault, times=1, after=1)
    assert fetch(service, home).counts.landed == 240 and len(service.requests) == 4


def test_an_interrupted_reading_asks_only_for_the_pages_it_lacks(service: RegistryServer, home: Path) -> None:
    service.faults.add("/opendata-registerednotices-api/v3/", "status", times=None, after=2, status=400)
    with pytest.raises(LandingRefused, match="status_400"):
        fetch(service, home)
    service.faults.clear()
    service.requests.clear()
    assert fetch(service, home).counts.landed == 240 and [q["page"] for q in searches(service)] == ["3"]


@pytest.mark.parametrize("fault", ["same-page", "moving-total"])
def test_data_that_moves_while_paging_is_read_again(fault: str, service: RegistryServer, home: Path) -> None:
    service.faults.add("/opendata-registerednotices-api/v3/", fault, times=1, after=2)
    assert fetch(service, home).counts.landed == 240 and len(searches(service)) == 6


def test_a_search_that_never_holds_still_is_refused(service: RegistryServer, home: Path) -> None:
    service.faults.add("/opendata-registerednotices-api/v3/", "same-page", times=None)
    with pytest.raises(LandingRefused, match="paging_unstable"):
        fetch(service, home)
    assert not list(home.glob("raw/prh_notices/notices/load=prh*"))


def test_no_dataset(service: RegistryServer, home: Path) -> None:
    with pytest.raises(LandingRefused, match="no_such_dataset"):
        fetch(service, home, datasets=["officers"])


def test_the_generated_finland(home: Path) -> None:
    generate(1000, 20260102, 2, home.parent / "finland", sources=["prh_notices"])
    days = sorted(path.parent for path in home.parent.glob("finland/prh_notices/*/companies.jsonl.gz"))
    first, second = (land(folder, date.fromisoformat(folder.name), home)[0] for folder in days[:2])
    assert first.counts.landed > 1000 and 0 < second.counts.landed < first.counts.landed / 20
    assert not first.unknown_fields and not first.counts.quarantined and not second.counts.quarantined


# --- staging -----------------------------------------------------------------------------------------------------------


def test_staging(service: RegistryServer, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service.day = NEXT
    land(service.notices_url, NEXT, home, limits=FAST, since=date(2026, 1, 3))
    build_staging(home, "prh_notices", monkeypatch)
    query = "select * exclude (load_id, as_of, op, unknown_fields) from stg_prh_notices__notices order by registered_on"
    assert [tuple(row.values()) for row in staged(home, query)] == [
        (business_id(5), date(2020, 6, 1), "2020/5", "TA", ["TASE"], False, False),
        (business_id(5), date(2026, 1, 2), "2026/5", "M", ["TOIM"], True, False),
        (business_id(5), date(2026, 1, 3), "2026/900", "M", ["HAL", "XYZ"], False, True),
    ]
    codes = staged(home, "select name, language_code from stg_prh_notices__code_lists where code_set = 'EC' and code = 'HAL'")
    assert codes == [{"name": "Selite HAL", "language_code": "fi"}]
