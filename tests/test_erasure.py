"""Erasure proven: canaries in every kind of source are gone from every byte, stay gone, and a kill leaves before or after."""

import gzip
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import polars as pl
import pyarrow as pa
import pytest

from ingest import lake, redact, synthetic
from ingest.lake import LandingRefused, manifests
from ingest.load import land_table
from ingest.needles import Needles, Person, spellings
from ingest.source import Source
from ledger import objections, store
from ledger.subjects import Told
from orchestration import publish
from orchestration.build import build
from orchestration.state import Refused
from orchestration.subject import erase, find, report, scan
from orchestration.worlds import land_day
from tests.canaries import DAY, Canary, plant

COUNT = 50
KILLS = int(os.environ.get("KOHDE_KILLS", "3"))
"""Kills at any moment, beside the one at each step; every one takes two erasures."""
MATTI = Person(
    names=spellings("Matti", "Mäkinen"),
    business_ids=frozenset(["0112038-9"]),
    birth_dates=frozenset([date(1970, 5, 1)]),
    emails=frozenset(["matti@makinen.example"]),
    phones=frozenset(["+358401234567"]),
    registers=frozenset(["H0012"]),
)


# --- what a record is about -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "record",
    [
        {"a": "Matti+x@Makinen.example"},
        ["puh. 040 123 4567"],
        {"x": {"number": "401234567", "prefix": "+358"}},
        ["0112038-9", "MAEKINEN", "matti juhani"],
        {"y": "FI01120389", "n": "Mäkinen, Matti"},
        ["Makinen", "Matti", "1.5.1970"],
        {"_key": "0112038-9|HAL|J|H0012|2020-01-01"},
        {"_extra": json.dumps({"muu": "matti@makinen.example"})},
    ],
)
def test_a_record_is_known_in_any_spelling(record: Any) -> None:
    needles = Needles((MATTI,))
    assert needles.meets(record)
    assert needles.candidates(pl.Series([json.dumps(record, ensure_ascii=False)])) == [0]


@pytest.mark.parametrize(
    "record",
    [
        ["Matti", "Mäkinen"],  # a name alone
        ["Matti", "Mäkinen", "0201256-6"],  # at another organisation
        ["0112038-9", "Maija", "Mäkinen"],
        ["matti@makinen.example.com"],
        ["040 123 4568"],
        ["1.5.1970", "Maija", "Mäkinen"],
        [""],
    ],
)
def test_others_are_left_alone(record: Any) -> None:
    assert not Needles((MATTI,)).meets(record)


def test_an_organisation_keeps_its_record_without_the_person() -> None:
    record = {
        "id": "0112038-9", "name": "Matti Mäkinen Oy",
        "emails": [{"value": "matti@makinen.example"}, {"value": "info@makinen.example"}],
        "phone": "040 123 4567", "line": "c/o Matti Mäkinen", "street": "Mäkitie 1",
    }  # fmt: skip
    assert Needles((MATTI,)).without(record) == {
        "id": "0112038-9", "name": "Matti Mäkinen Oy", "emails": [{"value": "info@makinen.example"}],
        "phone": None, "line": None, "street": "Mäkitie 1",
    }  # fmt: skip


def test_one_word_is_no_name() -> None:
    assert spellings(None, "Mäkinen") == spellings("", "Mäkinen") == spellings(None, None, "Mäkinen") == frozenset()
    assert frozenset({"matti", "makinen"}) in spellings("Matti Juhani", "Mäkinen")


def test_a_sole_trader_is_the_organisation(tmp_path: Path) -> None:
    trader = replace(MATTI, organisations=frozenset(["0112038-9"]))
    path = tmp_path / "companies.jsonl"
    records = [{"id": "0112038-9", "name": "Kukka"}, {"id": "0201256-6", "name": "Kivi"}]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    assert redact.file(path, Needles((MATTI,)), "organisation") == 0
    assert redact.file(path, Needles((trader,)), "organisation") == 1
    assert path.read_text(encoding="utf-8") == "\n" + json.dumps(records[1]) + "\n"


# --- forms of files -------------------------------------------------------------------------------------------------------

HIS, HERS = {"n": "Matti Mäkinen", "y": "0112038-9"}, {"n": "Maija Virtanen", "y": "0112038-9"}


def _write(path: Path) -> None:
    text = f"nimi;y\n{HIS['n']};{HIS['y']}\n{HERS['n']};{HERS['y']}\n"
    lines = "".join(json.dumps(row) + "\n" for row in (HIS, HERS))
    if path.suffix == ".xlsx":
        book = openpyxl.Workbook()
        for row in (["nimi", "y"], list(HIS.values()), list(HERS.values())):
            book.active.append(row)  # type: ignore[union-attr]
        book.save(path)
    elif path.name.endswith(".gz"):
        path.write_bytes(gzip.compress(lines.encode()))
    elif path.suffix == ".zip":
        import zipfile

        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr(
                "a.json", json.dumps([{"businessId": {"value": "1"}, **HIS}, {"businessId": {"value": "2"}, **HERS}])
            )
    elif path.suffix == ".parquet":
        duckdb.sql(
            f"copy (select 'Matti Mäkinen' as n, '0112038-9' as y union all select 'Maija Virtanen', '0112038-9') to '{path}'"
        )
    else:
        content = {".csv": text, ".jsonl": lines, ".json": json.dumps({"all": [HIS, HERS], "n": 2})}[path.suffix]
        path.write_text(content, encoding="cp1252" if path.stem == "latin" else "utf-16" if path.stem == "wide" else "utf-8")


@pytest.mark.parametrize(
    "name", ["a.csv", "latin.csv", "wide.csv", "a.jsonl", "a.jsonl.gz", "a.json", "a.zip", "a.xlsx", "a.parquet"]
)
def test_one_goes_and_the_other_stays(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    _write(path)
    twin = path.with_name(f"twin-{name}") if "-" not in name and path.stem not in ("latin", "wide") else None
    if twin:
        shutil.copyfile(path, twin)
    assert redact.file(path, Needles((MATTI,)), "person", dry_run=True) == 1
    assert redact.file(path, Needles((MATTI,)), "person") == 1
    assert redact.file(path, Needles((MATTI,)), "person") == 0
    if twin:  # done again later, it is the same file
        time.sleep(1.1 if path.suffix in (".xlsx", ".gz", ".zip") else 0)
        redact.file(twin, Needles((MATTI,)), "person")
        assert twin.read_bytes() == path.read_bytes()
    her = replace(MATTI, names=spellings("Maija", "Virtanen"))
    assert redact.file(path, Needles((her,)), "person", dry_run=True) == 1
    before = path.read_bytes()
    assert redact.file(path, Needles((replace(MATTI, names=spellings("Ei", "Kukaan")),)), "person") == 0
    assert path.read_bytes() == before


def test_the_lines_of_the_others_keep_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'nimi;y\r\n"Matti\nM\xc3\xa4kinen";0112038-9\r\nMaija Virtanen;0112038-9\r\n')
    assert redact.file(path, Needles((MATTI,)), "person") == 1
    assert path.read_bytes().split(b"\n")[3] == b"Maija Virtanen;0112038-9\r"


def test_the_scanner_finds_what_is_planted_and_says_when_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(scan.calibrate()) >= 15
    monkeypatch.setattr(scan.Scanner, "_zip", lambda self, packed, name, depth=0: None)
    with pytest.raises(Refused, match=r"does not see what was planted in packed\.zip"):
        scan.calibrate()


def test_a_file_that_is_deleted_but_open_is_found(tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    path.write_text("to matti@makinen.example")
    with path.open("rb"):
        path.unlink()
        report = scan.Scanner(Needles((MATTI,))).folder(tmp_path)
    assert [hit.path for hit in report.hits] == ["old.duckdb (deleted, still open)"]


def test_a_damaged_file_is_searched_as_bytes_and_named(tmp_path: Path) -> None:
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04 matti@makinen.example")
    (tmp_path / "cut.gz").write_bytes(b"\x1f\x8b nothing of anybody")
    report = scan.Scanner(Needles((MATTI,))).folder(tmp_path)
    assert [hit.path for hit in report.hits] == ["cut.zip"]
    assert report.undecoded == ["cut.gz", "cut.zip"]


# --- the screen of landing ------------------------------------------------------------------------------------------------


def _officer(position: int, **values: Any) -> dict[str, Any]:
    told = {
        "business_id": "0112038-9", "organ_code": "HAL", "role_code": "J",
        "person_key": f"P{position}", "person_id": f"P{position}",
        "last_name": "Mäkinen", "first_names": "Matti Juhani", "birth_date": date(1970, 5, 1), "started_on": date(2020, 1, 1),
        "nationality": None, "country": None, "ended_on": None, "flags": None,
    }  # fmt: skip
    return told | {"_position": position} | values


def _land(home: Path, rows: list[dict[str, Any]], day: date, file: Path) -> lake.Manifest:
    schema = {
        c: pl.Date if k == "DATE" else pl.String for c, k in Source.load("prh_officers").datasets["officers"].columns.items()
    }
    table = pl.DataFrame(rows, schema={"_position": pl.Int64, **schema}).to_arrow()
    return land_table(Source.load("prh_officers"), "officers", table, day, files=[file], home=home)


def test_nobody_who_was_erased_lands_and_the_law_of_counts_holds(tmp_path: Path) -> None:
    home, file = tmp_path / "lake", tmp_path / "a.csv"
    file.write_text("nimi;y\nMatti Makinen;0112038-9\nx;y\n", encoding="utf-8")
    kept = lake.archive_file(home, "prh_officers", DAY, file)
    objections.add(
        home, Told(name="Maekinen Matti", business_id="0112038-9"), kind="erasure", purpose="all", evidence="a", by_whom="b"
    )
    others = [
        _officer(2, last_name="Virtanen", birth_date=None),
        _officer(3, business_id="0201256-6", birth_date=None),  # the same name elsewhere
    ]
    receipt = _land(home, [_officer(1), *others], DAY, kept)
    assert (receipt.counts.read, receipt.counts.landed, receipt.counts.quarantined) == (3, 2, 1)
    quarantined = home / "quarantine" / "prh_officers" / "officers" / f"load={receipt.load_id}" / "part-00000.parquet"
    told = f"select * exclude (_load_id) from read_parquet('{quarantined}', hive_partitioning = false)"
    (refused,) = duckdb.sql(told).fetchall()
    assert refused == (1, None, "erased", None, None)
    assert "Makinen" not in kept.read_text(encoding="utf-8")
    assert receipt.files[0]["was"] == [lake.sha256(file)] and receipt.erasures[0]["rows"] == 1
    # The same bytes again, on any day, are what they became.
    again = lake.archive_file(home, "prh_officers", DAY + timedelta(days=1), file)
    assert "Makinen" not in again.read_text(encoding="utf-8")


def _land_company(home: Path, day: date, mails: list[str], file: Path) -> lake.Manifest:
    source = Source.load("ytj_extract")
    contact = {"type_code": "3", "kind": "personal", "fault": None}
    told = [{**contact, "told": mail, "normal": mail} for mail in mails]
    row = {"business_id": "0112038-9", "name": "Kukka Oy", "contacts": told, "_position": 1}
    columns = dict.fromkeys(source.datasets["companies"].columns) | row
    kept = lake.archive_file(home, "ytj_extract", day, file)
    return land_table(source, "companies", pa.Table.from_pylist([columns]), day, files=[kept], home=home, mode="partial")


def test_an_organisation_lands_without_the_contact_of_somebody_erased_and_is_then_unchanged(tmp_path: Path) -> None:
    home, day = tmp_path / "lake", DAY
    objections.add(home, Told(email="matti@makinen.example"), kind="erasure", purpose="all", evidence="a", by_whom="b")
    outcomes = []
    for number, mails in enumerate((["matti@makinen.example", "info@makinen.example"],) * 2 + (["info@makinen.example"],)):
        file = tmp_path / f"{number}.jsonl"
        file.write_text(json.dumps({"id": "0112038-9", "n": number, "mails": mails}) + "\n", encoding="utf-8")
        receipt = _land_company(home, day + timedelta(days=number), mails, file)
        outcomes.append((receipt.counts.inserted, receipt.counts.updated, receipt.counts.unchanged, receipt.counts.quarantined))
    # What was told without the person at last is another record, told for the first time.
    assert outcomes == [(1, 0, 0, 0), (0, 0, 1, 0), (0, 1, 0, 0)]
    landed = duckdb.sql(f"select contacts from read_parquet('{home}/raw/ytj_extract/companies/load=ytj*/*.parquet')").fetchall()
    assert [[one["normal"] for one in contacts] for (contacts,) in landed] == [["info@makinen.example"]] * 2
    assert not _left_of(home, "matti@makinen.example")


def test_a_sole_trader_who_was_erased_does_not_land_as_an_organisation(tmp_path: Path) -> None:
    from ledger import subjects

    keys = subjects.keys(Told(business_id="0112038-9"), "organisation")
    objections.add(tmp_path, Told(person_id="p_1x"), kind="erasure", purpose="all", evidence="a", by_whom="b", extra_keys=keys)
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps({"id": "0112038-9"}) + "\n", encoding="utf-8")
    receipt = _land_company(tmp_path, DAY, ["info@kukka.example"], file)
    assert (receipt.counts.landed, receipt.counts.quarantined) == (0, 1)


def _left_of(home: Path, text: str) -> list[str]:
    return [str(hit) for hit in scan.Scanner(Needles(()), extra=[text]).folder(home).hits]


def test_without_an_erasure_there_is_no_screen_and_a_lost_ledger_stops_landing(tmp_path: Path) -> None:
    from ingest.screen import Screen

    assert Screen.of(tmp_path) is None
    store.create(tmp_path)
    assert Screen.of(tmp_path) is None
    objections.add(tmp_path, Told(email="a@b.example"), kind="erasure", purpose="all", evidence="a", by_whom="b")
    assert Screen.of(tmp_path) is not None
    (tmp_path / "ledger.db").unlink()
    with pytest.raises(store.LedgerRefused):
        Screen.of(tmp_path)


def test_who_is_erased_while_a_load_runs_does_not_slip_through(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("x\n", encoding="utf-8")
    home = tmp_path / "lake"
    store.create(home)
    source = Source.load("prh_officers")
    from ingest.load import Load

    schema = {c: pl.Date if k == "DATE" else pl.String for c, k in source.datasets["officers"].columns.items()}
    table = pl.DataFrame([_officer(1)], schema={"_position": pl.Int64, **schema}).to_arrow()
    with (
        pytest.raises(LandingRefused, match="erased_meanwhile"),
        Load(source, "officers", DAY, files=[file], home=home) as load,
    ):
        load.add_rows(table)
        objections.add(home, Told(register_id="P1"), kind="erasure", purpose="all", evidence="a", by_whom="b")
    assert not list((home / "raw").glob("*/*/load=prh*"))


# --- the whole ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finland(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Canary]]:
    folder = tmp_path_factory.mktemp("canaries")
    synthetic.generate(120, 11, 1, folder, start=DAY)
    return folder, plant(folder, COUNT)


@pytest.fixture(scope="module")
def planted(finland: tuple[Path, list[Canary]], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[find.Subject]]:
    """A lake that is built and published with the canaries in it, and who they are there."""
    folder, canaries = finland
    home = tmp_path_factory.mktemp("planted") / "lake"
    store.create(home)
    land_day(folder, DAY, home)
    build(home)
    publish.publish(home)
    subjects = []
    for canary in canaries:
        asked = find.Question(name=f"{canary.first_name} {canary.last_name}", business_id=canary.business_id)
        subjects.append(find.subject(home, find.find(home, asked)))
    return home, subjects


@pytest.fixture(scope="module")
def erased(
    planted: tuple[Path, list[find.Subject]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, erase.Certificate]:
    home, subjects = planted
    copy = tmp_path_factory.mktemp("erased") / "lake"
    shutil.copytree(home, copy, symlinks=True)
    # As people who must not be found (L-26); who merely asks is erased in the trials of kills below.
    return copy, erase.erase(copy, subjects, evidence="letters 1-50", by_whom="the desk", safety=True)


def _left(home: Path, canaries: list[Canary]) -> list[str]:
    """Where something of them is, by bytes and decoded; surnames too, which nobody else bears."""
    scanner = scan.Scanner(Needles(()), extra=[text for canary in canaries for text in canary.told()])
    return [str(hit) for hit in scanner.folder(home).hits]


def test_every_canary_is_seen_before(planted: tuple[Path, list[find.Subject]], finland: tuple[Path, list[Canary]]) -> None:
    home, subjects = planted
    assert len({subject.person_id for subject in subjects}) == COUNT
    places = " ".join(_left(home, finland[1]))
    for source in ("prh_officers", "survey", "bounces", "external_lists", "ytj_extract", "associations", "ptv", "quarantine"):
        assert source in places, source
    homes = duckdb.sql(f"""
        select distinct street_address::varchar from read_parquet('{home}/raw/ytj_extract/companies/load=*/*.parquet')
        where street_address::varchar like '%Kanarikuja%'""").fetchall()
    assert len(homes) == sum(canary.is_trader for canary in finland[1]) > 0, "where traders live"


def test_whoever_asks_is_found_by_whatever_they_tell(planted: tuple[Path, list[find.Subject]], finland: Any) -> None:
    home, subjects = planted
    canary, person_id = finland[1][4], subjects[4].person_id
    born = date.fromisoformat(canary.birth_date)
    for asked in (
        find.Question(email=canary.email.upper()),
        find.Question(phone=canary.phone),
        find.Question(name=f"{canary.last_name}, {canary.first_name}", business_id=canary.business_id),
        find.Question(name=f"{canary.first_name} {canary.last_name}", birth_date=born),
        find.Question(person_id=person_id),
    ):
        assert find.find(home, asked) == person_id
    with pytest.raises(Refused, match="nobody in the lake"):
        find.find(home, find.Question(email="nobody@nowhere.example"))
    with pytest.raises(Refused, match="nobody in the lake"):
        find.find(home, find.Question(email=canary.email, phone=finland[1][6].phone))


def test_a_report_tells_what_was_told_and_no_more(planted: tuple[Path, list[find.Subject]], finland: Any) -> None:
    home, subjects = planted
    canary, person_id = finland[1][1], subjects[1].person_id
    told = report.report(home, person_id, "en", date(2026, 2, 1))
    name = f"{canary.first_name} {canary.last_name}"
    values = {(row["what"], row["value"], row["source"], str(row["told_on"])) for row in told["values"]}
    assert values == {
        ("name", name, "survey", "2026-01-02"), ("title", "Talousjohtaja", "survey", "2026-01-02"),
        ("email", canary.email, "survey", "2026-01-02"), ("phone", canary.e164, "survey", "2026-01-02"),
        ("language", "fi", "survey", "2026-01-02"),
    }  # fmt: skip
    contacts = [(row["channel"], row["value"], row["acquisition_method"], str(row["verified_on"])) for row in told["contacts"]]
    assert contacts == [
        ("email", canary.email, "confirmed_by_person", "2025-12-10"),
        ("phone", canary.e164, "confirmed_by_person", "2025-12-10"),
    ]  # fmt: skip
    (area,) = told["areas"]
    assert (area["area"], area["why"], area["confidence"]) == ("Finance", report._texts("en")["why_coded"], 1.0)
    assert [row["source"] for row in told["sources"]] == ["survey"]
    assert (told["roles"], told["corrections"], told["objections"], told["recipients"]) == ([], [], [], [])
    others = " ".join(text for other in finland[1] if other != canary for text in other.told())
    assert not any(
        word in others for word in json.dumps(told, default=str).split() if "kanari" in word.lower() or "+358" in word
    )
    for language in report.LANGUAGES:
        assert name in report.html(report.report(home, person_id, language))


def test_no_decoded_byte_of_fifty_canaries_is_left(
    erased: tuple[Path, erase.Certificate], finland: tuple[Path, list[Canary]]
) -> None:
    home, certificate = erased
    assert _left(home, finland[1]) == []
    assert certificate.persons == COUNT and len(certificate.objection_ids) == COUNT
    assert not (home / "erasures" / "pending.json").exists()
    text = (home / "erasures" / f"{certificate.erasure_id}.md").read_text(encoding="utf-8")
    assert not any(told in text for canary in finland[1] for told in canary.told())
    assert all(lake.sha256(home / one["path"]) == one["new_sha256"] for one in certificate.files)
    assert publish.versions(home / "published") == [certificate.version]


def test_receipts_still_name_the_files_that_are_there(erased: tuple[Path, erase.Certificate]) -> None:
    home, _ = erased
    there = {lake.sha256(path) for path in (home / "archive").rglob("*") if path.is_file()}
    for receipt in manifests(home):
        if receipt.source != "ledger":
            assert {file["sha256"] for file in receipt.files} <= there, receipt.load_id
        assert receipt.counts.balanced()
    assert any(receipt.erasures for receipt in manifests(home))


def test_the_organisations_are_still_there(erased: tuple[Path, erase.Certificate], planted: tuple[Path, Any]) -> None:
    query = "select business_id from organisations where name {} like '%Kanari%' order by 1"
    with publish.connect(erased[0], "registry") as after, publish.connect(planted[0], "registry") as before:
        assert after.execute(query.format("not")).fetchall() == before.execute(query.format("not")).fetchall()
        assert len(before.execute(query.format("")).fetchall()) == 5 and not after.execute(query.format("")).fetchall()
        # A canary's interview named nobody else, so others count as gone until it is erased: nobody but the canaries goes.
        others = "select distinct person_id, business_id from {} where not starts_with(last_name, 'Kanari')"
        for mart in ("decision_makers", "responsible_persons"):
            assert {*before.execute(others.format(mart)).fetchall()} <= {*after.execute(others.format(mart)).fetchall()}, mart
            assert before.execute(f"select 1 from {mart} where starts_with(last_name, 'Kanari')").fetchone()
            assert not after.execute(f"select 1 from {mart} where starts_with(last_name, 'Kanari')").fetchone()


def test_the_same_sources_again_bring_nobody_back(
    erased: tuple[Path, erase.Certificate], finland: tuple[Path, list[Canary]], tmp_path: Path
) -> None:
    home, source = tmp_path / "lake", tmp_path / "again"
    shutil.copytree(erased[0], home, symlinks=True)
    land_day(finland[0], DAY, home)  # the very same bytes
    assert _left(home, finland[1]) == []
    shutil.copytree(finland[0], source)
    tomorrow = DAY + timedelta(days=1)
    for folder in list(source.glob(f"*/{DAY}")):
        if folder.parent.name != "truth":
            folder.rename(folder.with_name(tomorrow.isoformat()))
    for path in (source / "bounces").glob("*.csv"):
        path.rename(path.with_name(f"{tomorrow}.csv"))
    for path in source.rglob("*.csv"):  # other bytes, the same people
        path.write_bytes(path.read_bytes() + (b"" if path.stat().st_size % 2 else b"\n"))
    officers = source / "prh_officers" / tomorrow.isoformat() / "officers.csv"
    officers.write_text(officers.read_text(encoding="utf-8").replace(";FI;FI;", ";FI;SE;"), encoding="utf-8")
    receipts = land_day(source, tomorrow, home)
    assert sum(receipt.erasures[0]["rows"] for receipt in receipts if receipt.erasures) > COUNT / 2
    assert all(receipt.counts.balanced() and receipt.verdict == "accepted" for receipt in receipts)
    build(home)
    publish.publish(home)
    assert _left(home, finland[1]) == []


# --- killed ---------------------------------------------------------------------------------------------------------------

CHILD = """
import os, pickle, signal, sys
from pathlib import Path
from orchestration.subject import erase
home, subjects, at = Path(sys.argv[1]), pickle.loads(Path(sys.argv[2]).read_bytes()), sys.argv[3]
def progress(step):
    print(step, flush=True)
    if step == at:
        os.kill(os.getpid(), signal.SIGKILL)
erase.erase(home, subjects, evidence="letters", by_whom="the desk", progress=progress)
"""


@pytest.fixture(scope="module")
def files_only(planted: tuple[Path, list[find.Subject]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake before its first build: rewriting files is what can be half done; a build is whole or not (test_build)."""
    home = tmp_path_factory.mktemp("files") / "lake"
    shutil.copytree(planted[0], home, ignore=shutil.ignore_patterns("published", "warehouse*", "build_state*", "dbt"))
    return home


def _state(home: Path) -> dict[str, str]:
    zones = ("archive", "raw", "quarantine", "aside")
    paths = [p for zone in zones for p in (home / zone).rglob("*") if p.is_file() and p.name != "_manifest.json"]
    return {str(p.relative_to(home)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths if ".part" not in p.name}


def _run(home: Path, pickled: Path, at: str = "") -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "KOHDE_HOME": str(home)}
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(home), str(pickled), at],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.fixture(scope="module")
def whole(
    files_only: Path, planted: tuple[Path, list[find.Subject]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """An erasure that nobody disturbs: before, after, and how long it takes."""
    import pickle

    folder = tmp_path_factory.mktemp("whole")
    pickled = folder / "subjects"
    pickled.write_bytes(pickle.dumps(planted[1][:10]))
    shutil.copytree(files_only, folder / "lake")
    before, started = _state(folder / "lake"), time.monotonic()
    child = _run(folder / "lake", pickled)
    _, errors = child.communicate(timeout=300)
    assert child.returncode == 0, errors.decode()[-2000:]
    return {"before": before, "after": _state(folder / "lake"), "seconds": time.monotonic() - started, "pickled": pickled}


def _half_done(home: Path, whole: dict[str, Any]) -> None:
    """Each file is what it was or what it will be; and where one has changed, the gates have the keys already."""
    now = _state(home)
    strangers = {p: d for p, d in now.items() if d not in (whole["before"].get(p), whole["after"].get(p))}
    assert {p for p in strangers if not p.endswith(".sha256")} == set()
    changed = [p for p in now if now[p] != whole["before"].get(p)]
    assert not changed or len(objections.erased_keys(home)) >= 10


def _ended(home: Path, whole: dict[str, Any]) -> None:
    """The next call ends what was cut off."""
    again = _run(home, whole["pickled"])
    _, errors = again.communicate(timeout=300)
    assert again.returncode == 0, errors.decode()[-2000:]
    assert _state(home) == whole["after"]
    assert not (home / "erasures" / "pending.json").exists()
    assert store.verify(home) == []


def test_killed_at_every_step_it_goes_on_with_the_next(files_only: Path, whole: dict[str, Any], tmp_path: Path) -> None:
    """One erasure that dies at each of its steps in turn."""
    home = tmp_path / "lake"
    shutil.copytree(files_only, home)
    for at, step in enumerate(erase.STEPS):
        told, _ = _run(home, whole["pickled"], step).communicate(timeout=300)
        assert told.decode().split() == [*erase.STEPS[max(0, at - 1) : at], step], "it goes on where it was cut off"
        _half_done(home, whole)
    _ended(home, whole)


@pytest.mark.parametrize("number", range(KILLS))
def test_a_kill_leaves_before_or_after(number: int, files_only: Path, whole: dict[str, Any], tmp_path: Path) -> None:
    """At any moment."""
    home = tmp_path / "lake"
    shutil.copytree(files_only, home)
    child = _run(home, whole["pickled"])
    time.sleep(1 + random.Random(number).random() * (whole["seconds"] - 1))
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=300)
    _half_done(home, whole)
    _ended(home, whole)
