"""The Tax Administration's file: bare quotes, decimal commas, bilingual headers, and everything it can be damaged by."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest import delimited
from ingest.lake import LandingRefused
from ingest.source import Source
from ingest.sources.vero.loader import land

DAY = date(2025, 11, 11)
HEADER = (
    "Verovuosi | Skatteår;Y-tunnus | FO-nummer;Verovelvollisen nimi | Den skattskyldiges namn;"
    "Verotuskunta | Beskattningskommun;Verotettava tulo | Beskattningsbar inkomst;"
    "Maksuunpannut verot yhteensä | Debiterade skatter ;Veronpalautus | Skatteåterbäring;Jäännösvero | Kvarskatt"
)
ROWS = [
    '2024;0112038-9;UAB "Tokajus";200 Ulkomaat;125000,00;31652,50;0,00;31652,50',
    "2024;0201256-6;Keksitty Yhdistys ry;091 Helsinki;-15,05;0,00;0,00;0,00",
    '2024;0135457-2;"Ähtävän Öljy;Ei kotikuntaa;0,00;0,00;1,10;0,00',
]


def write(
    folder: Path,
    lines: Sequence[str] = ROWS,
    header: str = HEADER,
    name: str = "2024.csv",
    encoding: str = "latin-1",
    end: str = "\r\n",
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes("".join(f"{line}{end}" for line in (header, *lines)).encode(encoding))
    return folder / name


def rows(home: Path, zone: str = "raw") -> list[dict[str, Any]]:
    found = duckdb.sql(f"from read_parquet('{home}/{zone}/vero/corporate_tax/load=*/*.parquet', union_by_name=true)")
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def test_the_true_format_lands_and_the_second_landing_changes_nothing(tmp_path: Path) -> None:
    home, path = tmp_path / "lake", write(tmp_path)
    (manifest,) = land(path, DAY, home)
    assert manifest.counts.read == manifest.counts.landed == 3
    landed = {row["business_id"]: row for row in rows(home)}
    first = landed["0112038-9"]
    assert (first["name"], first["taxable_income_eur"], first["back_tax_eur"]) == (
        'UAB "Tokajus"',
        Decimal("125000.00"),
        Decimal("31652.50"),
    )
    assert landed["0135457-2"]["name"] == '"Ähtävän Öljy' and first["prepayments_eur"] is None
    assert landed["0201256-6"]["taxable_income_eur"] == Decimal("-15.05")
    again = land(path, date(2025, 11, 12), home)[0].counts
    assert (again.unchanged, again.landed) == (3, 0)


def test_ids_that_no_other_source_knows_are_taken(tmp_path: Path) -> None:
    """The loader asks nobody whether an id is known: two in five of the file are not in the open company data."""
    assert land(write(tmp_path, [ROWS[0].replace("0112038-9", "3126326-8")]), DAY, tmp_path / "lake")[0].counts.landed == 1


@pytest.mark.parametrize(
    "header",
    [
        HEADER.replace("Debiterade skatter ", "Debiterad skatt sammanlagt"),
        HEADER.upper(),
        ";".join(part.split("|")[0] for part in HEADER.split(";")),
        HEADER + ";",
    ],
)
def test_the_wording_of_headers_may_vary(tmp_path: Path, header: str) -> None:
    assert land(write(tmp_path, header=header), DAY, tmp_path / "lake")[0].counts.landed == 3


def test_earlier_years_have_prepayments_in_the_middle(tmp_path: Path) -> None:
    header = HEADER.replace(";Veronpalautus", ";Ennakot yhteensä | Förskott sammanlagt;Veronpalautus")
    line = "2021;0112038-9;Oy;091 Helsinki;100,00;20,00;15,00;0,00;5,00"
    land(write(tmp_path, [line], header, "2021.csv"), DAY, tmp_path / "lake")
    assert [row["prepayments_eur"] for row in rows(tmp_path / "lake")] == [Decimal("15.00")]


def test_it_is_never_called_turnover() -> None:
    source = Source.load("vero")
    assert not any("turnover" in c or "revenue" in c or "liikevaihto" in c for c in source.datasets["corporate_tax"].columns)


def test_years_land_one_by_one_and_leave_each_other_alone(tmp_path: Path) -> None:
    home = tmp_path / "lake"
    for year in ("2023", "2024"):
        write(tmp_path / "in", [row.replace("2024;", f"{year};", 1) for row in ROWS], name=f"{year}.csv")
    write(tmp_path / "in", ROWS[:1], name="2024_muutos.csv")
    assert [m.counts.landed for m in land(tmp_path / "in", DAY, home)] == [3, 3]
    assert sorted({row["tax_year"] for row in rows(home)}) == [2023, 2024] and {row["_op"] for row in rows(home)} == {"I"}


def test_a_year_that_lost_rows_is_a_cut_file(tmp_path: Path) -> None:
    home = tmp_path / "lake"
    land(write(tmp_path / "a"), DAY, home)
    with pytest.raises(LandingRefused, match="shrink"):
        land(write(tmp_path / "b", ROWS[:2]), date(2025, 12, 1), home)
    assert len(rows(home)) == 3
    assert land(write(tmp_path / "b", ROWS[:2]), date(2025, 12, 1), home, accept_bounds="corrected")[0].counts.unchanged == 2


QUARANTINED = {
    "decimal point": (ROWS[0].replace("125000,00", "125000.00"), "bad_amount", "taxable_income_eur"),
    "thousands": (ROWS[0].replace("125000,00", "125 000,00"), "bad_amount", "taxable_income_eur"),
    "one decimal": (ROWS[0].replace("31652,50;0", "31652,5;0"), "bad_amount", "taxes_eur"),
    "scientific": (ROWS[0].replace("125000,00", "1,25E+05"), "bad_amount", "taxable_income_eur"),
    "another year": (ROWS[0].replace("2024;", "2023;"), "wrong_year", "tax_year"),
    "wrong check digit": (ROWS[0].replace("0112038-9", "0112038-8"), "bid_checksum", "business_id"),
    "no id": (ROWS[0].replace("0112038-9", ""), "bid_missing", "business_id"),
    "an id in scientific form": (ROWS[0].replace("0112038-9", "1,12E+06"), "bid_shape", "business_id"),
    "no name": (ROWS[0].replace('UAB "Tokajus"', " "), "missing_name", "name"),
    "municipality without zeros": (ROWS[0].replace("200 Ulkomaat", "91 Helsinki"), "bad_code", "municipality"),
    "a semicolon in a name": (ROWS[0].replace("Tokajus", "Toka;jus"), "field_count", "line"),
    "a field too few": (ROWS[0].rsplit(";", 1)[0], "field_count", "line"),
    "the header again": (HEADER, "repeated_header", "line"),
    "UTF-8 in between": (ROWS[2].replace("Ähtävän", "Ã„htÃ¤vÃ¤n"), "encoding", "line"),
    "a control character": (ROWS[0].replace("Tokajus", "Toka\x1ejus"), "control_char", "line"),
}


@pytest.mark.parametrize("case", QUARANTINED)
def test_a_bad_line_is_quarantined_alone(tmp_path: Path, case: str) -> None:
    line, reason, field = QUARANTINED[case]
    (manifest,) = land(
        write(tmp_path, [ROWS[1], line, ROWS[1].replace("0201256-6", "0135457-2")], encoding="cp1252"), DAY, tmp_path / "lake"
    )
    assert (manifest.counts.read, manifest.counts.landed, manifest.counts.quarantined) == (3, 2, 1)
    (bad,) = rows(tmp_path / "lake", "quarantine")
    assert (bad["reason"], bad["path"], bad["position"]) == (reason, f"2024.csv:3:{field}", 3)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "UTF-8 with a mark": ({"encoding": "utf-8-sig"}, "encoding"),
    "UTF-8 without a mark": ({"encoding": "utf-8"}, "encoding"),
    "UTF-16": ({"encoding": "utf-16"}, "encoding"),
    "commas": ({"header": HEADER.replace(";", ",")}, "header"),
    "no header": ({"header": ROWS[0]}, "header"),
    "a column renamed": ({"header": HEADER.replace("Verotettava tulo", "Tulo")}, "header"),
    "a column twice": ({"header": HEADER.replace("Jäännösvero", "Veronpalautus")}, "header"),
    "amendments": ({"name": "yhteisö_tuloverotus_julk_2024_Muutos.csv"}, "amendment_file"),
    "another year's file": ({"name": "julk_2023.csv"}, "wrong_file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_file_is_refused(tmp_path: Path, case: str) -> None:
    options, reason = REFUSED[case]
    with pytest.raises(LandingRefused) as refusal:
        land(write(tmp_path, **options), DAY, tmp_path / "lake")
    assert refusal.value.reason == reason and "\n" not in str(refusal.value)


@pytest.mark.parametrize("back", [3, 10, 30])
def test_a_cut_line_refuses_the_file(tmp_path: Path, back: int) -> None:
    path = write(tmp_path)
    path.write_bytes(path.read_bytes()[:-back])
    with pytest.raises(LandingRefused, match="cut_off"):
        land(path, DAY, tmp_path / "lake")


def test_line_ends_may_be_either_and_the_last_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "CHUNK_BYTES", 64)
    path = write(tmp_path, end="\n")
    path.write_bytes(path.read_bytes()[:-1])
    assert land(path, DAY, tmp_path / "lake")[0].counts.landed == 3


def test_two_lines_of_one_id(tmp_path: Path) -> None:
    lines = [*ROWS, ROWS[0], ROWS[1].replace("-15,05", "15,05")]
    counts = land(write(tmp_path, lines), DAY, tmp_path / "lake")[0].counts
    assert (counts.read, counts.landed, counts.unchanged, counts.quarantined) == (5, 2, 1, 2)
