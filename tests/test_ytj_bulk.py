"""Landing the bulk dump: what is taken, what is refused with which reason, and what a day costs."""

import json
import os
import resource
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path

import duckdb
import pytest

from ingest.lake import LandingRefused, Manifest, manifests
from ingest.sources.ytj import framing, parsing
from ingest.sources.ytj.loader import land
from ingest.synthetic.damage import FILE_DAMAGES, RECORD_DAMAGES, damage, shrink

# Each damage to a record: the reason and the field its quarantine row must name.
REFUSED_RECORDS = {
    "wrong-check-digit": ("bid_checksum", "businessId.value"),
    "missing-business-id": ("bid_missing", "businessId"),
    "null-business-id": ("bid_missing", "businessId"),
    "number-business-id": ("schema_type", "businessId.value"),
    "invalid-utf8": ("encoding", "$"),
    "number-for-string": ("schema_type", "addresses[].postCode"),
    "object-for-array": ("schema_type", "companyForms"),
    "type-change": ("schema_type", "tradeRegisterStatus"),
    "long-name": ("too_long", "names[].name"),
    "nan": ("schema_type", None),
    "duplicate-key": ("json_strict", "$"),
    "deep-nesting": ("json_limits", "$"),
    "nul-character": ("control_char", "$"),
    "lone-surrogate": ("json_malformed", "$"),
    "date-0000-00-00": ("date_invalid", None),
    "date-2023-02-29": ("date_invalid", None),
    "date-31.12.2024": ("date_invalid", None),
}
REFUSED_FILES = {
    "empty-array": "bounds",
    "object": "not_array",
    "ndjson": "not_array",
    "html-member": "not_array",
    "html": "not_zip",
    "empty-file": "empty_body",
    "truncated-zip": "bad_zip",
    "flipped-byte": "(bad_zip|zip_crc)",
    "no-members": "(zip_layout|not_zip)",
    "two-members": "zip_layout",
    "path-traversal": "zip_layout",
    "truncated-json": "truncated_json",
    "unclosed-array": "truncated_json",
    "trailing-garbage": "truncated_json",
}


def pack(
    path: Path, records: list[object], *, member: str = "data_20260102.json", separators: tuple[str, str] = (",", ":")
) -> Path:
    """A dump of these records (texts are taken as they are)."""
    texts = [r if isinstance(r, str) else json.dumps(r, ensure_ascii=False, separators=separators) for r in records]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, "[" + (separators[0] + "\n" if separators[0] == ", " else ",").join(texts) + "]")
    return path


def company(business_id: str, name: str = "Esimerkki Oy", **fields: object) -> dict[str, object]:
    """The smallest record of the schema."""
    return {
        "businessId": {"value": business_id, "registrationDate": "2020-01-02", "source": "3"},
        "names": [{"name": name, "type": "1", "registrationDate": "2020-01-02", "version": 1, "source": "1"}],
        "registeredEntries": [],
        "tradeRegisterStatus": "1",
        "status": "2",
        "registrationDate": "2020-01-02",
        "lastModified": "2026-01-01T10:00:00",
    } | fields


def raw(home: Path, columns: str, where: str = "true") -> list[tuple[object, ...]]:
    files = home / "raw" / "ytj" / "companies" / "load=*" / "*.parquet"
    return duckdb.sql(
        f"select {columns} from read_parquet('{files}', union_by_name=true) where {where} order by all"
    ).fetchall()


def quarantine(home: Path, columns: str = "record_key, reason, path") -> list[tuple[object, ...]]:
    files = home / "quarantine" / "ytj" / "companies" / "load=*" / "*.parquet"
    return duckdb.sql(f"select {columns} from read_parquet('{files}') order by position").fetchall()


def test_three_days_with_a_faulty_one_are_accounted_for(bulk: list[Path], tmp_path: Path) -> None:
    home = tmp_path / "lake"
    faulty = tmp_path / bulk[1].name
    damaged = damage("wrong-check-digit", bulk[1], faulty, records=5)
    for file in (bulk[0], faulty, bulk[2]):
        (manifest,) = land(file, None, home)
        counts = manifest.counts
        assert counts.read == counts.landed + counts.unchanged + counts.quarantined > 0
        assert len(raw(home, "_key", f"_load_id = '{manifest.load_id}' and _op <> 'D'")) == counts.landed
    first, second, third = manifests(home)
    assert (first.counts.quarantined, second.counts.quarantined, third.counts.quarantined) == (0, 5, 0)
    assert second.counts.disappeared == 0 and second.counts.withheld >= 5, "the five may be any that seem gone"
    assert third.counts.disappeared > 0 and not set(damaged.business_ids) & {k for (k,) in raw(home, "_key", "_op = 'D'")}
    # What the loads say, replayed, is what the third dump holds.
    with zipfile.ZipFile(bulk[2]) as archive:
        companies = json.loads(archive.read(archive.namelist()[0]))
    newest = raw(home, "_key", "true qualify _op <> 'D' and _load_id = max(_load_id) over (partition by _key)")
    assert sorted(k for (k,) in newest) == sorted(c["businessId"]["value"] for c in companies)


def test_every_field_of_a_real_record_lands_as_it_was(tmp_path: Path, bulk: list[Path]) -> None:
    land(bulk[0], None, tmp_path)
    with zipfile.ZipFile(bulk[0]) as archive:
        companies = {c["businessId"]["value"]: c for c in json.loads(archive.read(archive.namelist()[0]))}
    columns = [
        c for (c, *_) in duckdb.sql(f"describe from '{tmp_path}/raw/ytj/companies/load=schema/empty.parquet'").fetchall()
    ]
    payload = [c for c in columns if not c.startswith("_") and c != "load"]
    landed = raw(tmp_path, "_key, to_json({" + ", ".join(f'"{c}": "{c}"' for c in payload) + "})")
    assert len(landed) == len(companies)

    def plain(value: object) -> object:
        """Without what is refused by the fact sheet, nulls as absent, and lists of post offices in one order."""
        if isinstance(value, dict):
            refused = ("descriptions", "co")
            return {k: plain(v) for k, v in value.items() if k not in refused and v is not None}
        if isinstance(value, list):
            return sorted((plain(v) for v in value), key=str)
        return value

    for key, text in landed:
        assert plain(json.loads(str(text))) == plain(companies[str(key)])


@pytest.mark.parametrize("name", sorted(RECORD_DAMAGES))
def test_a_damaged_record_is_quarantined_by_name_or_kept_with_its_new_field(
    name: str, bulk: list[Path], tmp_path: Path
) -> None:
    home, file = tmp_path / "lake", tmp_path / "all_companies.zip"
    damaged = damage(name, bulk[0], file)
    (manifest,) = land(file, None, home)
    counts = manifest.counts
    assert counts.read == damaged.records == counts.landed + counts.unchanged + counts.quarantined
    if name in REFUSED_RECORDS:
        reason, path = REFUSED_RECORDS[name]
        ((key, found_reason, found_path, original),) = quarantine(home, "record_key, reason, path, original")
        assert (found_reason, counts.landed) == (reason, damaged.records - 1)
        assert found_path == path if path else str(found_path)[0].islower()
        assert original, "what was refused is kept whole"
        if "business-id" not in name and name != "wrong-check-digit":
            assert key == damaged.business_ids[0]
    else:
        assert name in ("unknown-field", "unknown-nested-field") and counts.quarantined == 0
        (((field, number),), ((extra,),)) = manifest.unknown_fields.items(), raw(home, "_extra", "_extra is not null")
        assert number == 1 and list(json.loads(str(extra))) == [field]


@pytest.mark.parametrize("name", sorted(REFUSED_FILES))
def test_a_damaged_file_is_refused_in_one_line_and_nothing_changes(name: str, bulk: list[Path], tmp_path: Path) -> None:
    home, file = tmp_path / "lake", tmp_path / "all_companies.zip"
    land(bulk[0], None, home)
    before = raw(home, "_load_id, _key, _record_hash")
    damage(name, bulk[1], file)
    with pytest.raises(LandingRefused, match=f"^{REFUSED_FILES[name]}: ") as refusal:
        land(file, date(2026, 1, 3), home)
    assert "\n" not in str(refusal.value)
    assert raw(home, "_load_id, _key, _record_hash") == before
    assert not [p for p in (tmp_path.parent / "evil", Path("/tmp/evil")) if p.exists()]
    (manifest,) = land(bulk[1], None, home)
    assert manifest.verdict == "accepted", "the next good file is taken"


def test_the_lists_of_damages_are_complete() -> None:
    assert set(REFUSED_FILES) == set(FILE_DAMAGES) - {"duplicate-same", "duplicate-different"}
    assert set(REFUSED_RECORDS) == set(RECORD_DAMAGES) - {"unknown-field", "unknown-nested-field"}


def test_the_same_record_twice_lands_once(bulk: list[Path], tmp_path: Path) -> None:
    home, file = tmp_path / "lake", tmp_path / "all_companies.zip"
    damaged = damage("duplicate-same", bulk[0], file)
    counts = land(file, None, home)[0].counts
    assert (counts.read, counts.duplicates, counts.quarantined) == (damaged.records, len(damaged.business_ids), 0)
    assert len({k for (k,) in raw(home, "_key")}) == len(raw(home, "_key")) == counts.landed


def test_two_records_claiming_one_id_are_both_refused_and_the_last_version_stays(bulk: list[Path], tmp_path: Path) -> None:
    home, file = tmp_path / "lake", tmp_path / "all_companies.zip"
    land(bulk[0], None, home)
    (key,) = damage("duplicate-different", bulk[0], file).business_ids
    counts = land(file, date(2026, 1, 3), home)[0].counts
    assert counts.read == counts.landed + counts.unchanged + counts.quarantined
    assert {(k, r) for k, r, _ in quarantine(home)} == {(key, "conflicting_duplicate")}
    assert len(raw(home, "_op", f"_key = '{key}'")) == 1 and counts.disappeared == 0


@pytest.mark.parametrize("share", [0.95, 0.5])
def test_a_shrunken_dump_is_kept_aside(share: float, bulk: list[Path], tmp_path: Path) -> None:
    home, file = tmp_path / "lake", tmp_path / "all_companies.zip"
    land(bulk[0], None, home)
    shrink(bulk[1], file, share)
    with pytest.raises(LandingRefused, match="shrink"):
        land(file, None, home)
    assert [m.verdict for m in manifests(home)] == ["accepted", "rejected"]


def test_a_dump_older_than_the_last_is_refused(bulk: list[Path], tmp_path: Path) -> None:
    land(bulk[1], None, tmp_path)
    with pytest.raises(LandingRefused, match="older_than_last"):
        land(bulk[0], None, tmp_path)


def test_another_order_of_descriptions_and_post_offices_is_no_change(tmp_path: Path) -> None:
    offices = [{"city": "ESPOO", "languageCode": "1", "municipalityCode": "049"}, {"city": "ESBO", "languageCode": "2"}]
    forms = [{"type": "16", "version": 1, "source": "1", "descriptions": [{"languageCode": "1"}, {"languageCode": "2"}]}]
    address = {"type": 1, "street": "Karakaari", "postOffices": offices, "source": "0"}
    one = company("0112038-9", addresses=[address], companyForms=forms)
    other = company(
        "0112038-9",
        addresses=[{**address, "postOffices": offices[::-1]}],
        companyForms=[{**forms[0], "descriptions": [{"languageCode": "2"}, {"languageCode": "1"}]}],
    )
    land(pack(tmp_path / "1.zip", [one]), None, tmp_path)
    counts = land(pack(tmp_path / "2.zip", [other]), date(2026, 1, 3), tmp_path)[0].counts
    assert (counts.unchanged, counts.landed) == (1, 0)


@pytest.mark.parametrize(
    ("told", "key"),
    [
        ("0112038-9", "0112038-9"),
        ("112038-9", "0112038-9"),
        ("FI01120389", "0112038-9"),
        (" 0112038-9", "0112038-9"),
        ("0112038–9", "0112038-9"),
        ("0112038-8", None),
        ("1120389", "0112038-9"),
        ("", None),
        ("12038-9", None),
        ("Nokia", None),
    ],
)
def test_business_ids_are_repaired_by_rule_or_refused(told: str, key: str | None, tmp_path: Path) -> None:
    land(pack(tmp_path / "1.zip", [company(told), company("1927400-1")]), None, tmp_path)
    assert {k for (k,) in raw(tmp_path, "_key")} == {"1927400-1"} | ({key} if key else set())


def test_white_space_a_bom_and_other_key_orders_do_not_matter(tmp_path: Path) -> None:
    records = [company("0112038-9"), company("1927400-1"), company("0116297-6")]
    pretty = pack(tmp_path / "1.zip", records, separators=(", ", " : "))  # type: ignore[arg-type]
    assert land(pretty, None, tmp_path / "a")[0].counts.landed == 3
    turned = [dict(reversed(r.items())) for r in records]
    assert land(pack(tmp_path / "2.zip", turned), None, tmp_path / "b")[0].counts.landed == 3  # type: ignore[arg-type]
    with zipfile.ZipFile(tmp_path / "3.zip", "w") as archive:
        archive.writestr("data_20260102.json", b"\xef\xbb\xbf" + json.dumps(records).encode())
    assert land(tmp_path / "3.zip", None, tmp_path / "c")[0].counts.landed == 3


def test_a_name_that_looks_like_a_record_boundary(tmp_path: Path) -> None:
    nasty = company("0112038-9", name='Oy },{"businessId":{"value":"1927400-1"}} Ab')
    assert land(pack(tmp_path / "1.zip", [nasty, company("0116297-6")]), None, tmp_path)[0].counts.landed == 2


def test_an_unknown_code_is_kept_and_reported(tmp_path: Path) -> None:
    odd = company("0112038-9", companyForms=[{"type": "999", "version": 1, "source": "1"}])
    (manifest,) = land(pack(tmp_path / "1.zip", [odd]), None, tmp_path)
    assert manifest.unknown_codes == {"companyForms[].type=999": 1} and manifest.counts.landed == 1


def test_records_cut_in_any_piece_size_are_the_same(monkeypatch: pytest.MonkeyPatch, bulk: list[Path]) -> None:
    with zipfile.ZipFile(bulk[0]) as archive:
        text = archive.read(archive.namelist()[0])[:200_000]
    text = text[: text.rindex(b'},{"businessId"') + 1] + b"]"
    whole = [json.dumps(r) for r in json.loads(text)]
    for size in (997, 8_192, 50_000, len(text)):
        monkeypatch.setattr(framing, "CHUNK_BYTES", size)
        pieces = (text[i : i + size] for i in range(0, len(text), size))
        assert [json.dumps(json.loads(r)) for found in framing.records(pieces) for r in found] == whole


def test_a_zip_bomb_is_refused_before_it_is_inflated(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("data_20260102.json", "w") as member,
    ):
        for _ in range(500):
            member.write(b" " * 1_000_000)
    assert bomb.stat().st_size < 1_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(LandingRefused, match="decompress_limit"):
        land(bomb, None, tmp_path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000, "kB"


def test_a_dump_without_a_day_needs_one(tmp_path: Path) -> None:
    dump = pack(tmp_path / "1.zip", [company("0112038-9")], member="data.json")
    with pytest.raises(LandingRefused, match="no_date"):
        land(dump, None, tmp_path)
    assert land(dump, date(2026, 1, 2), tmp_path)[0].as_of == "2026-01-02"


def test_the_archive_keeps_the_bytes_as_received(bulk: list[Path], tmp_path: Path) -> None:
    (manifest,) = land(bulk[0], None, tmp_path)
    kept = tmp_path / "archive" / "ytj" / "2026-01-02" / "all_companies.zip"
    assert kept.read_bytes() == bulk[0].read_bytes()
    assert kept.with_name("all_companies.zip.sha256").read_text().split()[0] == manifest.sha256


LANDING = """
import sys; from pathlib import Path; from ingest.sources.ytj.loader import land
land(sys.argv[1], None, Path(sys.argv[2]))
"""


def landings(home: Path, file: Path, number: int) -> list[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", LANDING, str(file), str(home)]
    return [subprocess.Popen(command, env=os.environ.copy(), stderr=subprocess.DEVNULL) for _ in range(number)]


def test_two_landings_of_the_same_dump_at_once(bulk: list[Path], tmp_path: Path) -> None:
    for process in landings(tmp_path, bulk[0], 2):
        process.wait()
    (manifest,) = manifests(tmp_path)
    assert isinstance(manifest, Manifest) and len(raw(tmp_path, "_key")) == manifest.counts.landed


def test_a_record_without_its_first_key_does_not_take_its_neighbours_along(tmp_path: Path) -> None:
    nameless = {k: v for k, v in company("0116297-6").items() if k != "businessId"}
    for number, records in enumerate([[nameless, company("0112038-9")], [company("0112038-9"), nameless, nameless]]):
        home = tmp_path / str(number)
        counts = land(pack(tmp_path / "1.zip", [*records, company("1927400-1")]), None, home)[0].counts
        assert (counts.landed, counts.quarantined) == (2, len(records) - 1)


def test_other_bytes_of_the_same_record_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record in another order is compared once; from then on its new bytes are known. New rules make all be read again."""
    offices = [{"city": "ESPOO", "languageCode": "1"}, {"city": "ESBO", "languageCode": "2"}]
    first = company("0112038-9", addresses=[{"type": 1, "street": "Karakaari", "postOffices": offices, "source": "0"}])
    second = company("0112038-9", addresses=[{"type": 1, "street": "Karakaari", "postOffices": offices[::-1], "source": "0"}])
    parsed: list[int] = []
    judge = parsing.RecordParser._write_batch

    def counting(self: parsing.RecordParser, *arguments: object) -> None:
        parsed.append(len(self.load.con.execute("from shaped").fetchall()))
        judge(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(parsing.RecordParser, "_write_batch", counting)
    for day, record in enumerate([first, second, second, second], start=2):
        if day == 5:
            monkeypatch.setattr(parsing, "RULES", parsing.RULES + 1)
        land(pack(tmp_path / f"{day}.zip", [record]), date(2026, 1, day), tmp_path)
    assert parsed == [1, 1, 1], "the third day's bytes are the second's; the fourth day has new rules"
    assert [m.counts.landed for m in manifests(tmp_path)] == [1, 0, 0, 0]
