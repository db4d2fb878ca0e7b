"""Size classes and staff bands of single businesses, in both their shapes and all their damages."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.lake import LandingRefused, Manifest
from ingest.sources.statfi_business.loader import bands, land

DAY = date(2026, 1, 2)
SIZES = "ytunnus;nimi;toimiala;sektori;yritystoiminnan tyyppi"
BANDS = "ytunnus;henkilöstöluokka;tilastovuosi"
ROWS = ["0112038-9;Keksitty Oyj;01;S.11101;4", "0201256-6;Helsinki;84;S.131311;0", '0135457-2;"Luku; Oy";62;S11102;1']
STAFF = ["0112038-9;1 000–;2024", "0201256-6;10-19;2024", "0135457-2;ei vielä tiedossa;2024"]


def write(
    folder: Path, lines: Sequence[str], header: str = SIZES, name: str = "luokitus.csv", encoding: str = "utf-8-sig"
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes("".join(f"{line}\r\n" for line in (header, *lines)).encode(encoding))
    return folder / name


def rows(home: Path, dataset: str = "size_classes", zone: str = "raw") -> list[dict[str, Any]]:
    found = duckdb.sql(f"from read_parquet('{home}/{zone}/statfi_business/{dataset}/load=*/*.parquet', union_by_name=true)")
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def balanced(manifest: Manifest) -> Manifest:
    counts = manifest.counts
    assert counts.read == counts.landed + counts.unchanged + counts.quarantined
    return manifest


def test_the_three_files_land_as_one_and_again_change_nothing(tmp_path: Path) -> None:
    for number, row in enumerate(ROWS, start=1):
        write(tmp_path / "in", [row], name=f"luokitus_{number}.csv")
    home = tmp_path / "lake"
    (manifest,) = land(tmp_path / "in", DAY, home)
    assert balanced(manifest).counts.landed == 3 and len(manifest.files) == 3
    assert {row["industry_code"] for row in rows(home)} == {"01", "84", "62"}
    assert len({row["_position"] for row in rows(home)}) == 3
    again = balanced(land(tmp_path / "in", date(2026, 2, 1), home)[0]).counts
    assert (again.unchanged, again.landed, again.disappeared) == (3, 0, 0)


def test_staff_bands_are_understood_however_their_dashes_are_written(tmp_path: Path) -> None:
    write(tmp_path / "in", STAFF, BANDS, "henkilosto_2024.csv")
    land(tmp_path / "in", DAY, tmp_path / "lake")
    found = {row["business_id"]: row["band_code"] for row in rows(tmp_path / "lake", "staff_bands")}
    assert found == {"0112038-9": "1000+", "0201256-6": "10-19", "0135457-2": "unknown"}
    assert len(set(bands().values())) == 10


def test_of_several_months_the_last_one_lands_under_its_first_day(tmp_path: Path) -> None:
    for month in ("2025-12", "2026-01"):
        write(tmp_path / "in", ROWS, name=f"{month}.csv")
        write(tmp_path / "in", [r.replace("2024", month) for r in STAFF], BANDS, f"{month}-staff.csv")
    manifests = land(tmp_path / "in", None, tmp_path / "lake")
    assert [(m.dataset, m.as_of, m.counts.read) for m in manifests] == [
        ("size_classes", "2026-01-01", 3),
        ("staff_bands", "2026-01-01", 3),
    ]


def test_both_kinds_in_one_folder(tmp_path: Path) -> None:
    write(tmp_path / "in", ROWS)
    write(tmp_path / "in", STAFF, BANDS, "henkilöstö.csv")
    assert [m.dataset for m in land(tmp_path / "in", DAY, tmp_path / "lake")] == ["size_classes", "staff_bands"]


def test_codes_nobody_knows_are_kept_and_reported(tmp_path: Path) -> None:
    (manifest,) = land(write(tmp_path, [ROWS[0], ROWS[1][:-1] + "7"]), DAY, tmp_path / "lake")
    assert balanced(manifest).counts.landed == 2 and manifest.unknown_codes == {"size_code=7": 1}
    path = write(tmp_path, [STAFF[0], STAFF[1].replace("10-19", "19.loka")], BANDS, "henkilosto.csv")
    (manifest,) = land(path, DAY, tmp_path / "lake")
    assert manifest.counts.landed == 2 and manifest.unknown_codes == {"band_told=19.loka": 1}


QUARANTINED = {
    "industry lost its zero": (ROWS[0].replace(";01;", ";1;"), "bad_code", "industry_code"),
    "sector in words": (ROWS[0].replace("S.11101", "Yritykset"), "bad_code", "sector_code"),
    "size in words": (ROWS[0][:-1] + "suuri", "bad_code", "size_code"),
    "no size": (ROWS[0][:-1], "bad_code", "size_code"),
    "wrong check digit": (ROWS[0].replace("8-9", "8-8"), "bid_checksum", "business_id"),
    "no id": (ROWS[0].replace("0112038-9", ""), "bid_missing", "business_id"),
    "a field too many": (ROWS[0] + ";x", "field_count", "line"),
    "a quote that never closes": (ROWS[0].replace("Keksitty", '"Keksitty'), "unbalanced_quote", "line"),
    "the header again": (SIZES, "repeated_header", "line"),
}


@pytest.mark.parametrize("case", QUARANTINED)
def test_a_bad_line_is_quarantined_alone(tmp_path: Path, case: str) -> None:
    line, reason, field = QUARANTINED[case]
    (manifest,) = land(write(tmp_path, [ROWS[1], line, ROWS[2]]), DAY, tmp_path / "lake")
    assert (balanced(manifest).counts.landed, manifest.counts.quarantined) == (2, 1)
    (bad,) = rows(tmp_path / "lake", zone="quarantine")
    assert (bad["reason"], bad["path"]) == (reason, f"luokitus.csv:3:{field}")


def test_a_bad_year_of_a_band(tmp_path: Path) -> None:
    path = write(tmp_path, [*STAFF[:2], STAFF[2].replace("2024", "24")], BANDS, "henkilosto.csv")
    assert land(path, DAY, tmp_path / "lake")[0].counts.quarantined == 1


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "Latin-1 that says nothing": (
        {"lines": [r.replace("Keksitty", "Ääkkönen") for r in ROWS] * 2, "encoding": "latin-1"},
        "encoding",
    ),
    "UTF-16": ({"encoding": "utf-16"}, "encoding"),
    "tabs": ({"lines": [r.replace(";", "\t") for r in ROWS], "header": SIZES.replace(";", "\t")}, "header"),
    "no size column": ({"header": SIZES.replace("tyyppi", "laji")}, "header"),
    "header synonyms that are one": ({"header": SIZES.replace("nimi", "y-tunnus")}, "header"),
    "no CSV": ({"name": "luokitus.txt"}, "not_there"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_file_is_refused(tmp_path: Path, case: str) -> None:
    options, reason = REFUSED[case]
    path = write(**{"folder": tmp_path / "in", "lines": ROWS, **options})
    with pytest.raises(LandingRefused) as refusal:
        land(path.parent, DAY, tmp_path / "lake")
    assert refusal.value.reason == reason and "\n" not in str(refusal.value)


def test_an_encoding_that_is_told_is_believed_and_held_to(tmp_path: Path) -> None:
    path = write(tmp_path, [ROWS[0].replace("Keksitty", "Žäkkönen"), *ROWS[1:]], encoding="cp1252")
    land(path, DAY, tmp_path / "lake", encoding="cp1252")
    assert "Žäkkönen Oyj" in {row["name"] for row in rows(tmp_path / "lake")}
    with pytest.raises(LandingRefused, match="encoding"):
        land(write(tmp_path / "b", ROWS), DAY, tmp_path / "lake2", encoding="cp1252")


def test_half_a_register_is_kept_aside(tmp_path: Path) -> None:
    home = tmp_path / "lake"
    land(write(tmp_path / "a", ROWS), DAY, home)
    with pytest.raises(LandingRefused, match="shrink"):
        land(write(tmp_path / "b", ROWS[:1]), date(2026, 2, 1), home)
    assert {row["_op"] for row in rows(home)} == {"I"}
