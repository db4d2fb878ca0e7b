"""The officers' contract: CSV, JSON lines and XLSX land alike, every damage has its outcome, nothing private slips through."""

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import xlsxwriter

from ingest import delimited
from ingest.lake import LandingRefused, Manifest
from ingest.load import Load
from ingest.sources.prh_officers import loader
from ingest.sources.prh_officers.loader import land

DAY = date(2026, 1, 2)
HEADER = "y_tunnus;toimielin;rooli;sukunimi;etunimet;syntymaaika;kansalaisuus;asuinmaa;alkupvm;loppupvm;henkilo_id"
ROWS = [
    "0112038-9;TJ;TJ;Esimerkki;Aino Maria;1970-02-03;FI;FI;2019-05-01;;H001",
    "0112038-9;HAL;PJ;Šnoriņš;Börje;1961-12-31;SE;FI;2015-01-01;2024-06-30;H002",
    '0112038-9;TIL;PTI;"Tilintarkastus ""Luku""; Oy";;;;FI;2020-01-01;;',
    "0201256-6;HAL;J;Nimetön;Eero;1955-05-05;FI;FI;29.2.2020;9999-12-31;",
]


def write(folder: Path, lines: Sequence[str] = ROWS, header: str = HEADER, name: str = "officers.csv", **options: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = options.pop("mark", "\ufeff") + "".join(f"{line}{options.get('end', chr(10))}" for line in (header, *lines))
    (folder / name).write_bytes(text.encode(options.get("encoding", "utf-8")))
    return folder / name


def changed(row: int = 0, **fields: str) -> str:
    values = dict(zip(HEADER.split(";"), ROWS[row].split(";"), strict=True)) | fields
    return ";".join(values.values())


def rows(home: Path, zone: str = "raw") -> list[dict[str, Any]]:
    found = duckdb.sql(f"from read_parquet('{home}/{zone}/prh_officers/officers/load=*/*.parquet', union_by_name=true)")
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def balanced(manifest: Manifest) -> Manifest:
    counts = manifest.counts
    assert counts.read == counts.landed + counts.unchanged + counts.quarantined
    return manifest


def test_the_contract_lands_and_the_second_landing_changes_nothing(tmp_path: Path) -> None:
    path, home = write(tmp_path), tmp_path / "lake"
    assert balanced(land(path, DAY, home)[0]).counts.inserted == 4
    landed = {row["last_name"]: row for row in rows(home)}
    assert landed["Šnoriņš"]["ended_on"] == date(2024, 6, 30)
    firm = landed['Tilintarkastus "Luku"; Oy']
    assert (firm["first_names"], firm["birth_date"], firm["person_id"]) == (None, None, None)
    unidentified = landed["Nimetön"]
    assert unidentified["started_on"] == date(2020, 2, 29) and unidentified["ended_on"] is None
    assert unidentified["person_key"].startswith("n-") and "Nimetön" not in unidentified["_key"]
    assert land(path, DAY, home)[0].load_id == "prh_officers-officers-20260102-001", "the same bytes are the same load"
    again = balanced(land(path, date(2026, 1, 9), home)[0]).counts
    assert (again.unchanged, again.landed, again.disappeared) == (4, 0, 0)


def test_a_place_that_ends_is_a_change_and_one_that_is_gone_disappears(tmp_path: Path) -> None:
    home = tmp_path / "lake"
    land(write(tmp_path / "a", ROWS * 1 + [changed(henkilo_id=f"H{n}") for n in range(100, 200)]), DAY, home)
    kept = [changed(loppupvm="2026-01-05"), *ROWS[1:3], *(changed(henkilo_id=f"H{n}") for n in range(100, 200))]
    counts = balanced(land(write(tmp_path / "b", kept), date(2026, 1, 9), home)[0]).counts
    assert (counts.updated, counts.unchanged, counts.disappeared) == (1, 102, 1)


def test_an_excerpt_says_nothing_of_the_rest(tmp_path: Path) -> None:
    home = tmp_path / "lake"
    land(write(tmp_path / "a"), DAY, home)
    assert land(write(tmp_path / "b", ROWS[:1]), date(2026, 1, 9), home, mode="partial")[0].counts.disappeared == 0


def test_json_lines_and_spreadsheet_land_the_same_rows(tmp_path: Path) -> None:
    names = HEADER.split(";")
    values = [[v.strip('"').replace('""', '"') for v in row.split(";")] for row in (ROWS[0], ROWS[1], ROWS[3])]
    lines = [json.dumps(dict(zip(names, v, strict=True)), ensure_ascii=False) for v in values]
    (tmp_path / "officers.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    book = xlsxwriter.Workbook(tmp_path / "officers.xlsx")
    sheet = book.add_worksheet("Vastuuhenkilöt")
    for number, row in enumerate([names, *values]):
        sheet.write_row(number, 0, row)
    book.close()
    found = []
    for path in (write(tmp_path, [ROWS[0], ROWS[1], ROWS[3]]), tmp_path / "officers.jsonl", tmp_path / "officers.xlsx"):
        home = tmp_path / path.suffix
        balanced(land(path, DAY, home)[0])
        found.append(sorted((row["_key"], row["_record_hash"]) for row in rows(home)))
    assert found[0] == found[1] == found[2] and len(found[0]) == 3


def test_codes_nobody_knows_are_kept_and_reported(tmp_path: Path) -> None:
    odd = [
        changed(toimielin="XYZ"),
        changed(rooli="Q1", henkilo_id="H9"),
        changed(toimielin="ETJÄS", rooli="LT"),
        changed(toimielin="TIL", rooli="ES"),
    ]
    manifest = balanced(land(write(tmp_path, odd), DAY, tmp_path / "lake")[0])
    assert manifest.counts.landed == 4
    # An auditor is an auditor whatever the role: that pair has a position.
    assert manifest.unknown_codes == {"organ_code=XYZ": 1, "role_code=Q1": 1, "organ_code/role_code=ETJÄS/LT": 1}


def test_columns_may_be_called_otherwise_and_come_in_any_order(tmp_path: Path) -> None:
    header = "Henkilo_ID;ALKUPVM;toimielinkoodi; roolikoodi ;Sukunimi;Y-tunnus"
    assert (
        land(write(tmp_path, ["H1;1.2.2020;TJ;TJ;Esimerkki;FI01120389"], header), DAY, tmp_path / "lake")[0].counts.landed == 1
    )
    row = rows(tmp_path / "lake")[0]
    assert (row["business_id"], row["started_on"], row["first_names"]) == ("0112038-9", date(2020, 2, 1), None)


PRIVATE = "Salaisentie 7 A 1"


@pytest.mark.parametrize("column", ["osoite", "Kotiosoite", "postinumero", "hetu", "asunto", "salaisentie"])
def test_an_address_never_passes_whatever_its_column_is_called(tmp_path: Path, column: str) -> None:
    lines = [
        f"{ROWS[0]};{PRIVATE}",
        f"{changed(alkupvm='2020-13-01', henkilo_id='H7')};{PRIVATE}",
        f"{ROWS[1]};{PRIVATE};{PRIVATE}",
    ]
    manifest = balanced(land(write(tmp_path, lines, f"{HEADER};{column}"), DAY, tmp_path / "lake")[0])
    assert (manifest.counts.landed, manifest.counts.quarantined) == (1, 2)
    assert PRIVATE not in repr(rows(tmp_path / "lake")) + repr(rows(tmp_path / "lake", "quarantine")) + json.dumps(
        manifest.to_dict()
    )
    assert manifest.unknown_fields == (
        {} if column.lower() in loader.Source.load("prh_officers").fields_refused else {column: 1}
    )


@pytest.mark.parametrize("suffix", ["jsonl", "xlsx"])
def test_an_address_never_passes_in_other_formats(tmp_path: Path, suffix: str) -> None:
    names = [*HEADER.split(";"), "osoite", "asunto"]
    values = [[*ROWS[0].split(";"), PRIVATE, PRIVATE], [*changed(y_tunnus="0112038-8").split(";"), PRIVATE, PRIVATE]]
    path = tmp_path / f"officers.{suffix}"
    if suffix == "jsonl":
        path.write_text("".join(json.dumps(dict(zip(names, v, strict=True))) + "\n" for v in values))
    else:
        book = xlsxwriter.Workbook(path)
        sheet = book.add_worksheet()
        for number, row in enumerate([names, *values]):
            sheet.write_row(number, 0, row)
        book.close()
    manifest = balanced(land(path, DAY, tmp_path / "lake")[0])
    assert (manifest.counts.landed, manifest.counts.quarantined) == (1, 1) and manifest.unknown_fields == {"asunto": 1}
    assert PRIVATE not in repr(rows(tmp_path / "lake")) + repr(rows(tmp_path / "lake", "quarantine"))


def test_a_row_the_spreadsheet_reader_refuses_leaves_no_address_behind(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(tmp_path / "officers.xlsx")
    sheet = book.add_worksheet()
    rows_told = [[*HEADER.split(";"), "asunto"], [*ROWS[1].split(";"), PRIVATE], [*ROWS[0].split(";"), PRIVATE, PRIVATE]]
    for number, row in enumerate(rows_told):
        sheet.write_row(number, 0, row)
    sheet.write_datetime(1, 8, datetime(2015, 1, 1), book.add_format({"num_format": "d.m.yyyy"}))
    book.close()
    manifest = balanced(land(tmp_path / "officers.xlsx", DAY, tmp_path / "lake")[0])
    (bad,) = rows(tmp_path / "lake", "quarantine")
    assert (bad["reason"], manifest.counts.landed) == ("ragged", 1) and PRIVATE not in repr(bad)
    assert rows(tmp_path / "lake")[0]["started_on"] == date(2015, 1, 1), "a date cell is a date"


QUARANTINED = {
    "no business id": (changed(y_tunnus=""), "bid_missing", "business_id"),
    "no such business id": (changed(y_tunnus="12345"), "bid_shape", "business_id"),
    "wrong check digit": (changed(y_tunnus="0112038-8"), "bid_checksum", "business_id"),
    "organ as a number": (changed(toimielin="7"), "bad_code", "organ_code"),
    "role in words": (changed(rooli="toimitusjohtaja"), "bad_code", "role_code"),
    "no surname": (changed(sukunimi=" "), "missing_name", "last_name"),
    "no start": (changed(alkupvm=""), "missing_required", "started_on"),
    "start is the zero date": (changed(alkupvm="0000-00-00"), "date_invalid", "started_on"),
    "no such day": (changed(alkupvm="2023-02-29"), "date_invalid", "started_on"),
    "no such month": (changed(loppupvm="2024-13-01"), "date_invalid", "ended_on"),
    "end in words": (changed(loppupvm="toistaiseksi"), "date_invalid", "ended_on"),
    "born tomorrow": (changed(syntymaaika="2026-01-03"), "date_invalid", "birth_date"),
    "born before anybody": (changed(syntymaaika="1870-01-01"), "date_invalid", "birth_date"),
    "nationality in words": (changed(kansalaisuus="suomalainen"), "bad_code", "nationality"),
    "country as a number": (changed(asuinmaa="246"), "bad_code", "country"),
    "personal identity code": (changed(henkilo_id="131052-308T"), "personal_identity_code", "person_id"),
    "code of the new century": (changed(henkilo_id="010100a123d"), "personal_identity_code", "person_id"),
    "a field too few": (ROWS[0].rsplit(";", 1)[0], "field_count", "line"),
    "a field too many": (changed(etunimet="Aino;Maria"), "field_count", "line"),
    "a comma for a semicolon": (ROWS[0].replace(";", ","), "field_count", "line"),
    "a quote that never closes": (changed(etunimet='"Aino'), "unbalanced_quote", "line"),
    "a bare quote": (changed(etunimet='Aino "Ansku" Maria'), "field_count", "line"),
    "the header again": (HEADER, "repeated_header", "line"),
    "a NUL": (changed(etunimet="Ai\0no"), "control_char", "line"),
}


@pytest.mark.parametrize("case", QUARANTINED)
def test_a_bad_row_is_quarantined_alone(tmp_path: Path, case: str) -> None:
    line, reason, field = QUARANTINED[case]
    path = write(tmp_path, [ROWS[1], line, ROWS[3]])
    manifest = balanced(land(path, DAY, tmp_path / "lake")[0])
    assert (manifest.counts.landed, manifest.counts.quarantined) == (2, 1)
    (bad,) = rows(tmp_path / "lake", "quarantine")
    assert (bad["reason"], bad["path"], bad["position"]) == (reason, f"officers.csv:3:{field}", 3)
    told = json.dumps(manifest.to_dict(), ensure_ascii=False)
    assert not any(value in told for value in ("Esimerkki", "Aino", "H001"))
    if reason == "personal_identity_code":
        assert "131052" not in repr(bad) and "010100" not in repr(bad)


def test_a_broken_text_and_a_quoted_line_break(tmp_path: Path) -> None:
    text = "\n".join([HEADER, ROWS[1], changed(etunimet='"Aino\nMaria"'), ROWS[3]]) + "\n"
    (tmp_path / "o.csv").write_bytes(text.encode().replace("Börje".encode(), "Börje".encode("latin-1")))
    manifest = balanced(land(tmp_path / "o.csv", DAY, tmp_path / "lake")[0])
    assert (manifest.counts.landed, manifest.counts.quarantined) == (2, 1)
    (bad,) = rows(tmp_path / "lake", "quarantine")
    assert bad["reason"] == "encoding" and r"B\xf6rje" in bad["original"] and "\ufffd" not in bad["original"]
    assert {row["first_names"] for row in rows(tmp_path / "lake")} == {"Aino\nMaria", "Eero"}


@pytest.mark.parametrize("damage", ["stray", "open and close"])
def test_a_stray_quote_spoils_no_other_line(tmp_path: Path, damage: str) -> None:
    """Nor does one that opens a last field and another, lines later, that closes a first one."""
    quoted = [";".join(f'"{v}"' for v in changed(henkilo_id=f"H{n}").split(";")) for n in range(30)]
    quoted[3] = quoted[3].replace('"Esimerkki"', '"Esimerkki') if damage == "stray" else quoted[3][:-1]
    quoted[9] = '"' + quoted[9] if damage == "stray" else quoted[9][1:]
    manifest = balanced(land(write(tmp_path, quoted), DAY, tmp_path / "lake")[0])
    assert (manifest.counts.landed, manifest.counts.quarantined) == (28, 2)
    assert {bad["reason"] for bad in rows(tmp_path / "lake", "quarantine")} == {"unbalanced_quote"}


def test_odd_dates_land_with_a_flag(tmp_path: Path) -> None:
    odd = [changed(loppupvm="2018-01-01"), changed(1, syntymaaika="0000-00-00"), changed(3, loppupvm="0000-00-00")]
    manifest = balanced(land(write(tmp_path, odd), DAY, tmp_path / "lake")[0])
    assert {row["flags"] for row in rows(tmp_path / "lake")} == {"interval_inverted", "date_zero"}
    assert manifest.warnings == ["date_zero: 2 row(s)", "interval_inverted: 1 row(s)"]


def test_two_rows_of_one_key(tmp_path: Path) -> None:
    """The same twice counts once; two that differ are both refused, and the previous version stays."""
    home = tmp_path / "lake"
    land(write(tmp_path / "a"), DAY, home)
    counts = land(write(tmp_path / "b", [*ROWS, ROWS[1], changed(loppupvm="2025-01-01")]), date(2026, 1, 3), home)[0].counts
    assert (counts.read, counts.landed, counts.duplicates, counts.disappeared) == (6, 0, 1, 0)
    conflicting = [*ROWS[1:], changed(loppupvm="2025-01-01"), changed(loppupvm="2025-01-02")]
    counts = balanced(land(write(tmp_path / "c", conflicting), date(2026, 1, 4), home)[0]).counts
    assert (counts.quarantined, counts.disappeared) == (2, 0)


def _utf16(folder: Path) -> Path:
    return write(folder, encoding="utf-16", mark="")


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "nothing in it": (lambda f: write(f, [], "", mark="", end=""), "empty"),
    "UTF-16": (_utf16, "encoding"),
    "Latin-1 declared as UTF-8": (
        lambda f: write(f, [changed(sukunimi="Ähtävä", henkilo_id=f"H{n}") for n in range(9)], encoding="latin-1", mark=""),
        "encoding",
    ),
    "commas": (lambda f: write(f, [r.replace(";", ",") for r in ROWS], HEADER.replace(";", ",")), "header"),
    "no header": (lambda f: write(f, ROWS[1:], ROWS[0]), "header"),
    "a required column is missing": (lambda f: write(f, ROWS, HEADER.replace("alkupvm", "pvm")), "header"),
    "one column under two names": (lambda f: write(f, [f"{r};FI" for r in ROWS], HEADER + ";y-tunnus"), "header"),
    "one column twice": (lambda f: write(f, [f"{r};FI" for r in ROWS], HEADER + ";rooli"), "header"),
    "cut in a line": (lambda f: write(f, [*ROWS[:-1], ROWS[-1][:40]], end="\n", mark=""), "quarantined"),
    "a line without end": (lambda f: write(f, [changed(etunimet="A" * (2 << 20))]), "line_limit"),
    "JSON array": (lambda f: write(f, [], "[]", "officers.jsonl", mark=""), "not_json_lines"),
    "a web page": (lambda f: write(f, ["<body>Huoltokatko</body>"], "<html>"), "header"),
    "a web page called a spreadsheet": (lambda f: write(f, ["Huoltokatko"], "<html>", "o.xlsx"), "not_tabular"),
    "no such file": (lambda f: f / "none.csv", "not_there"),
}


@pytest.mark.parametrize("case", [case for case, (_, reason) in REFUSED.items() if reason != "quarantined"])
def test_a_bad_file_is_refused_in_one_line_and_nothing_lands(tmp_path: Path, case: str) -> None:
    make, reason = REFUSED[case]
    path = make(tmp_path)
    with pytest.raises(LandingRefused) as refusal:
        land(path, DAY, tmp_path / "lake")
    assert refusal.value.reason == reason and "\n" not in str(refusal.value) and "Esimerkki" not in str(refusal.value)
    assert not list((tmp_path / "lake").glob("raw/*/*/load=prh*")) and not list((tmp_path / "lake").glob("raw/*/*/.load*"))


@pytest.mark.parametrize("back", [1, 5, 40])
def test_a_cut_file_is_refused_wherever_it_was_cut(tmp_path: Path, back: int) -> None:
    """Even where what is left of the last line looks whole: the contract ends the last line."""
    path = write(tmp_path)
    path.write_bytes(path.read_bytes()[:-back])
    with pytest.raises(LandingRefused, match="cut_off"):
        land(path, DAY, tmp_path / "lake")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"y_tunnus": "0112038-9", "y_tunnus": "0201256-6"}', "json_strict"),
        ('{"y_tunnus": "0112038-9", "y-tunnus": "0201256-6"}', "json_strict"),
        ('{"y_tunnus": NaN}', "json_strict"),
        ('{"y_tunnus": 1e999}', "json_strict"),
        ('{"y_tunnus": 1120389}', "schema_type"),
        ('["0112038-9"]', "schema_type"),
        ('{"y_tunnus": "0112038-9"', "json_malformed"),
        ('{"a": ' + "[" * 100_000 + "}", "json_limits"),
        ('{"a": ' + "9" * 5000 + "}", "json_limits"),
        (r'{"sukunimi": "\ud800"}', "control_char"),
        (r'{"sukunimi": "\u0000"}', "control_char"),
    ],
)
def test_ambiguous_json_is_refused(tmp_path: Path, line: str, reason: str) -> None:
    good = json.dumps(dict(zip(HEADER.split(";"), ROWS[0].split(";"), strict=True)))
    (tmp_path / "o.jsonl").write_text(f"{good}\n{line}\n")
    manifest = balanced(land(tmp_path / "o.jsonl", DAY, tmp_path / "lake")[0])
    assert manifest.counts.landed == 1
    (bad,) = rows(tmp_path / "lake", "quarantine")
    assert bad["reason"] == reason


def test_records_come_in_pieces_and_none_is_lost_where_they_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [changed(henkilo_id=f"H{n}", etunimet='"Eeva\nLiisa"' if n % 7 == 0 else "Eeva") for n in range(30)]
    path = write(tmp_path, lines, end="\r\n")
    whole = land(path, DAY, tmp_path / "whole")[0].counts
    for size in (250, 1000):
        monkeypatch.setattr(delimited, "CHUNK_BYTES", size)
        home = tmp_path / str(size)
        assert land(path, DAY, home)[0].counts == whole
        assert sorted(r["_record_hash"] for r in rows(home)) == sorted(r["_record_hash"] for r in rows(tmp_path / "whole"))
    assert whole.landed == 30


def test_a_failure_in_the_middle_lands_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "CHUNK_BYTES", 200)
    path = write(tmp_path, [changed(henkilo_id=f"H{n}") for n in range(50)])
    path.write_bytes(path.read_bytes()[:-3])
    added = []
    monkeypatch.setattr(Load, "add", (lambda add: lambda self, batch: (added.append(batch), add(self, batch))[1])(Load.add))
    with pytest.raises(LandingRefused, match="cut_off"):
        land(path, DAY, tmp_path / "lake")
    assert added and not list((tmp_path / "lake").glob("raw/*/*/load=prh*"))


def test_the_day_is_read_from_the_name_or_the_folder(tmp_path: Path) -> None:
    assert land(write(tmp_path, name="officers_20260105.csv"), None, tmp_path / "a")[0].as_of == "2026-01-05"
    assert land(write(tmp_path / "2026-01-06"), None, tmp_path / "b")[0].as_of == "2026-01-06"


def test_every_code_of_the_lists_is_in_the_seeds_and_every_position_is_of_a_known_organ() -> None:
    codes, pairs = loader.known_codes()
    assert (sum(s == "ORGAN" for s, _ in codes), sum(s == "ROLE" for s, _ in codes)) == (32, 33)
    assert {("ORGAN", organ) for organ, _ in pairs} <= codes and {("ROLE", r) for _, r in pairs if r != "*"} <= codes
