"""The reference seeds and the loaders that renew them, on files in the publishers' true formats."""

import csv
import json
import re
import threading
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest import lake
from ingest.lake import LandingRefused, Manifest
from ingest.source import Source
from ingest.sources.posti import loader as posti
from ingest.sources.renew_seeds import RENEWALS, SEEDS, renew_seeds
from ingest.sources.statfi import loader as statfi

Row = dict[str, str]
DAY = date(2026, 6, 1)


def seed(name: str) -> list[Row]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# --- the seeds -----------------------------------------------------------------------------------------------------


def test_industries_have_the_official_number_of_classes_on_each_level() -> None:
    assert Counter(row["level"] for row in seed("industries")) == {"1": 22, "2": 87, "3": 287, "4": 651, "5": 777}


def test_every_industry_has_its_parent_one_level_up_and_the_section_on_top() -> None:
    rows = {row["code"]: row for row in seed("industries")}
    for row in rows.values():
        if row["level"] == "1":
            assert (row["parent_code"], row["section_code"]) == ("", row["code"])
        else:
            parent = rows[row["parent_code"]]
            assert int(parent["level"]) == int(row["level"]) - 1 and parent["section_code"] == row["section_code"]


def test_crosswalk_counts_are_those_of_the_official_table() -> None:
    rows, five_digits = seed("industry_crosswalk"), {r["code"] for r in seed("industries") if r["level"] == "5"}
    targets = Counter(row["code_2008"] for row in rows)
    assert len(targets) == 804 and {row["code_2025"] for row in rows} == five_digits
    assert {row["code_2008"] for row in rows} == {r["code"] for r in seed("industries_2008") if r["level"] == "5"} - {"00000"}
    assert sum(n == 1 for n in targets.values()) == sum(r["is_single_target"] == "true" for r in rows) == 578
    assert sum(row["is_one_to_one"] == "true" for row in rows) == 410 and targets["47990"] == 51
    assert all(int(row["target_count"]) == targets[row["code_2008"]] for row in rows)
    whole = {(r["code_2008"], r["code_2025"]) for r in rows if r["source_share_code"] == r["target_share_code"] == "0"}
    assert whole == {(r["code_2008"], r["code_2025"]) for r in rows if r["is_one_to_one"] == "true"}


def test_municipalities_are_those_of_2026() -> None:
    rows = {row["code"]: row for row in seed("municipalities")}
    assert len(rows) == 308 and "588" not in rows and rows["507"]["name_fi"] == "Mäntyharju"
    assert Counter(r["language_code"] for r in rows.values()) == {"fi": 259, "fi_sv": 18, "sv_fi": 15, "sv": 16}
    assert len({r["region_code"] for r in rows.values()}) == 19 and all(all(r.values()) for r in rows.values())
    assert (rows["091"]["name_sv"], rows["091"]["region_sv"]) == ("Helsingfors", "Nyland")


def test_postal_codes_are_those_of_the_file_by_type_and_lie_in_known_municipalities() -> None:
    rows = seed("postal_codes")
    assert Counter(row["type_code"] for row in rows) == dict(zip("1234567", (3018, 589, 146, 1, 9, 1, 15), strict=True))
    assert len({row["postcode"] for row in rows}) == len(rows) == 3779
    assert {row["municipality_code"] for row in rows} == {row["code"] for row in seed("municipalities")}
    assert all(date.fromisoformat(row["valid_from"]) > date(1960, 1, 1) for row in rows if row["valid_from"])


GROUPS = "company partnership sole_trader cooperative housing association foundation public church foreign_branch other"


def test_every_legal_form_has_one_of_our_groups_and_housing_is_no_marketing_target() -> None:
    rows = {row["code"]: row for row in seed("legal_forms")}
    assert len(rows) == 69 and {row["legal_form_group"] for row in rows.values()} == set(GROUPS.split())
    eligible = {row["legal_form_group"] for row in rows.values() if row["is_marketing_eligible"] == "true"}
    assert eligible == set(GROUPS.split()) - {"housing"}
    expected = {"16": "company", "2": "housing", "26": "sole_trader", "84": "cooperative", "19": "foreign_branch"}
    assert {code: rows[code]["legal_form_group"] for code in expected} == expected


def test_names_are_complete_in_the_languages_the_publisher_gives() -> None:
    for name in ("industries", "municipalities", "postal_codes", "staff_bands"):
        assert all(row["name_fi"] and row["name_sv"] for row in seed(name)), name
    assert all(row["name_en"] for row in seed("industries"))
    assert all(row["name_fi"] for name in ("legal_forms", "register_codes") for row in seed(name))
    assert {r["code"]: r["name_sv"] for r in seed("industries")}["A"] == "Jordbruk, skogsbruk och fiske"


def test_staff_bands_are_seamless_and_surveyed_from_ten_persons() -> None:
    bands = [row for row in seed("staff_bands") if row["min_staff"]]
    assert all(int(b["min_staff"]) == int(a["max_staff"]) + 1 for a, b in pairwise(bands))
    assert all((row["is_surveyed"] == "true") == (int(row["min_staff"]) >= 10) for row in bands)


# --- the official formats, written from our seeds ------------------------------------------------------------------


def classification_csv(rows: list[tuple[str, str, str]]) -> bytes:
    lines = [f'"\'{code}\'";{level};"{name.replace(chr(34), chr(34) * 2)}";' for code, level, name in rows]
    return ("\ufeffcode;level;classificationName;\n" + "\n".join(lines) + "\n").encode()


def correspondence_csv(rows: Sequence[tuple[str, ...]]) -> bytes:
    header = "sourceCode;sourceName;targetCode;targetName;distributionSourceToTarget;distributionTargetToSource;"
    lines = [f'"\'{a}\'";"{b}";"\'{c}\'";"{d}";{e};{f};' for a, b, c, d, e, f in rows]
    return ("\ufeff" + "\n".join([header, *lines]) + "\n").encode()


def industry_files(rows: list[Row]) -> dict[str, bytes]:
    return {
        f"toimiala_1_20250101_{language}.csv": classification_csv(
            [(r["code"], r["level"], r[f"name_{language}"]) for r in rows]
        )
        for language in ("fi", "sv", "en")
    }


def crosswalk_files(rows: list[Row]) -> dict[str, bytes]:
    pairs = [(r["code_2008"], "vanha", r["code_2025"], "uusi", r["source_share_code"], r["target_share_code"]) for r in rows]
    mixed = [("A", "vanha", "A", "uusi", "0", "0"), ("01", "vanha", "01", "uusi", "1", "2"), *pairs]
    return {"toimiala_1_20080101#toimiala_1_20250101_fi.csv": correspondence_csv(mixed)}


LANGUAGE_STATUS = {
    "fi": "Monolingual Finnish-speaking municipality",
    "fi_sv": "Bilingual municipality with Finnish-speaking majority",
    "sv_fi": "Bilingual municipality with Swedish-speaking majority",
    "sv": "Monolingual Swedish-speaking municipality",
}


def municipality_files(rows: list[Row]) -> dict[str, bytes]:
    def areas(kind: str, language: str, code: str, name: Callable[[Row], str]) -> tuple[str, bytes]:
        cells = [(r["code"], r["name_fi"], r.get(code, "1"), name(r), "0", "2") for r in rows]
        return f"kunta_1_20260101%23{kind}_1_20260101_{language}.csv", correspondence_csv(cells)

    return {
        f"kunta_1_20260101_{language}.csv": classification_csv([(r["code"], "1", r[f"name_{language}"]) for r in rows])
        for language in ("fi", "sv")
    } | dict(
        [
            areas("maakunta", "fi", "region_code", lambda r: r["region_fi"]),
            areas("maakunta", "sv", "region_code", lambda r: r["region_sv"]),
            areas("maakunta", "en", "region_code", lambda r: r["region_en"]),
            areas("seutukunta", "fi", "subregion_code", lambda r: r["subregion_fi"]),
            areas("hyvinvointialue", "fi", "wellbeing_county_code", lambda r: r["wellbeing_county_fi"]),
            areas("kielisuhde", "en", "", lambda r: LANGUAGE_STATUS[r["language_code"]]),
        ]
    )


def pcf_line(row: Row, municipality: str = "Kunta") -> bytes:
    valid_from = row["valid_from"].replace("-", "") or "18991231"
    line = (
        f"PONOT20260526{row['postcode']}{row['name_fi']:30}{row['name_sv']:30}{row['name_fi'][:12]:12}{row['name_sv'][:12]:12}"
        f"{valid_from}{row['type_code']}{'01':5}{'Alue':30}{'Region':30}{row['municipality_code']}{municipality:20}{municipality:20}1"
    )
    assert len(line) == 220
    return line.encode("iso-8859-1")


def pcf(rows: list[Row]) -> bytes:
    return b"".join(pcf_line(row) + b"\r\n" for row in rows)


def save(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def edit(data: bytes, number: int, change: Callable[[bytes], bytes]) -> bytes:
    """The file with line `number` (from 1) changed."""
    lines = data.split(b"\n")
    lines[number - 1] = change(lines[number - 1])
    return b"\n".join(lines)


def quarantine(home: Path) -> list[tuple[Any, ...]]:
    files = str(home / "quarantine" / "*" / "*" / "load=*" / "*.parquet")
    query = "select record_key, reason, path, original from read_parquet(?) order by _load_id, path"
    return duckdb.execute(query, [files]).fetchall()


def balanced(manifest: Manifest) -> tuple[int, int, int, int]:
    c = manifest.counts
    assert c.read == c.landed + c.unchanged + c.quarantined
    return c.read, c.landed, c.unchanged, c.quarantined


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def few_industries() -> list[Row]:
    """Sections A and B whole, with every class below them."""
    return [row for row in seed("industries") if row["section_code"] in "AB"]


# --- round trip ----------------------------------------------------------------------------------------------------


def test_round_trip_seed_to_official_export_to_landing_to_seed(tmp_path: Path, home: Path) -> None:
    exports = industry_files(seed("industries")) | crosswalk_files(seed("industry_crosswalk"))
    manifests = statfi.land(save(tmp_path / "statfi", exports | municipality_files(seed("municipalities"))), DAY, home)
    manifests += posti.land(save(tmp_path / "posti", {"PCF_20260526.dat": pcf(seed("postal_codes"))}), None, home)
    assert [balanced(m)[1] for m in manifests] == [3 * 1824, 1285 + 2, 2 * 308, 6 * 308, 3779]
    assert manifests[-1].as_of == "2026-05-26"

    said: list[str] = []
    written = renew_seeds(home, tmp_path / "seeds", said.append)
    assert {path.stem for path in written} == set(RENEWALS) and len(said) == len(RENEWALS)
    for path in written:
        assert path.read_bytes() == (SEEDS / path.name).read_bytes(), path.name
    assert renew_seeds(home, tmp_path / "seeds", said.append) == []


def test_renewing_refuses_a_row_without_a_required_name(tmp_path: Path, home: Path) -> None:
    rows = seed("municipalities")
    files = municipality_files(rows)
    name = "kunta_1_20260101%23seutukunta_1_20260101_fi.csv"
    files[name] = edit(files[name], 5, lambda line: line.replace(b"'", b"x"))
    statfi.land(save(tmp_path / "in", files), DAY, home)
    with pytest.raises(LandingRefused, match=f"1 rows without subregion_code, first {rows[3]['code']}"):
        renew_seeds(home, tmp_path / "seeds", print)
    assert not (tmp_path / "seeds").exists()


def test_renewing_tells_what_was_added_removed_and_renamed(tmp_path: Path, home: Path) -> None:
    rows = seed("postal_codes")
    posti.land(save(tmp_path / "before", {"PCF_20260526.dat": pcf(rows)}), date(2026, 5, 26), home)
    seeds = save(tmp_path / "seeds", {"postal_codes.csv": (SEEDS / "postal_codes.csv").read_bytes()})
    rows[1]["name_fi"], rows[2]["type_code"] = "UUSINIMI", "8"
    posti.land(save(tmp_path / "in", {"PCF_20260601.dat": pcf([{**rows[0], "postcode": "99998"}, *rows[1:]])}), DAY, home)
    said: list[str] = []
    assert [path.name for path in renew_seeds(home, seeds, said.append)] == ["postal_codes.csv"]
    expected = f"1 added (99998), 1 removed ({rows[0]['postcode']}), 1 renamed ({rows[1]['postcode']}), 1 otherwise changed"
    assert f"postal_codes: {expected} ({rows[2]['postcode']})" in said


def test_renewing_refuses_a_loss_that_looks_like_a_cut_file(tmp_path: Path, home: Path) -> None:
    seeds = save(tmp_path / "seeds", {"postal_codes.csv": (before := (SEEDS / "postal_codes.csv").read_bytes())})
    posti.land(save(tmp_path / "in", {"PCF_20260526.dat": pcf(seed("postal_codes")[:3000])}), None, home)
    with pytest.raises(LandingRefused, match="would lose 779 codes"):
        renew_seeds(home, seeds, print)
    assert (seeds / "postal_codes.csv").read_bytes() == before
    assert renew_seeds(home, seeds, print, accept_removals=True)


def test_renewing_refuses_to_lose_a_code_that_may_lie_in_quarantine(tmp_path: Path, home: Path) -> None:
    seeds = save(tmp_path / "seeds", {"postal_codes.csv": (SEEDS / "postal_codes.csv").read_bytes()})
    damaged = edit(pcf(seed("postal_codes")), 7, lambda line: line.replace(b"PONOT", b"PONO "))
    posti.land(save(tmp_path / "in", {"PCF_20260526.dat": damaged}), None, home)
    with pytest.raises(LandingRefused, match="1 lines of posti-postal_codes-20260526-001 lie in quarantine"):
        renew_seeds(home, seeds, print)


# --- Posti ---------------------------------------------------------------------------------------------------------


def test_postal_codes_from_a_zip_and_a_second_landing_finds_nothing_new(tmp_path: Path, home: Path) -> None:
    rows = seed("postal_codes")[:50]
    with zipfile.ZipFile(tmp_path / "PCF_20260526.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("PCF_20260526.dat", pcf(rows))
    assert balanced(posti.land(tmp_path / "PCF_20260526.zip", None, home)[0]) == (50, 50, 0, 0)
    later = save(tmp_path / "later", {"PCF_20260602.dat": pcf([*rows[:-1], {**rows[-1], "name_fi": "ÅÄÖ\x85"}])})
    again = posti.land(later, date(2026, 6, 2), home)[0]
    assert balanced(again) == (50, 1, 49, 0) and (again.counts.updated, again.counts.disappeared) == (1, 0)


@pytest.mark.parametrize(
    ("reason", "field", "change"),
    [
        ("line_length", "line", lambda line: line[:180]),
        ("line_length", "line", lambda line: line.rstrip(b"\r") + b"9\r"),
        ("record_type", "record_type", lambda line: b"KATUN" + line[5:]),
        ("bad_postcode", "postcode", lambda line: line[:13] + b"2   1" + line[18:]),
        ("bad_date", "valid_from", lambda line: line[:102] + b"20260230" + line[110:]),
        ("missing_name", "name_fi", lambda line: line[:18] + b" " * 30 + line[48:]),
        ("bad_code", "type_code", lambda line: line[:110] + b"x" + line[111:]),
        ("bad_code", "municipality_code", lambda line: line[:176] + b"91 " + line[179:]),
        ("bad_code", "language_code", lambda line: line[:219] + b"f\r"),
    ],
)
def test_a_damaged_postal_line_is_quarantined_with_its_place_and_the_rest_lands(
    tmp_path: Path, home: Path, reason: str, field: str, change: Callable[[bytes], bytes]
) -> None:
    rows = seed("postal_codes")[:50]
    damaged = edit(pcf(rows), 3, change)
    assert balanced(posti.land(save(tmp_path / "in", {"PCF_20260526.dat": damaged}), None, home)[0]) == (50, 49, 0, 1)
    [(key, told, path, original)] = quarantine(home)
    assert (told, path) == (reason, f"PCF_20260526.dat:3:{field}")
    assert key == (None if field in ("line", "record_type", "postcode") else rows[2]["postcode"])
    assert original.encode("iso-8859-1") == damaged.split(b"\n")[2].rstrip(b"\r")


def test_a_damaged_line_does_not_make_its_code_disappear(tmp_path: Path, home: Path) -> None:
    rows = seed("postal_codes")[:50]
    posti.land(save(tmp_path / "in", {"PCF_20260526.dat": pcf(rows)}), None, home)
    for day, change in enumerate((lambda line: b"PONO" + line, lambda line: line[:110] + b"x" + line[111:]), start=1):
        damaged = save(tmp_path / f"in{day}", {"PCF_20260526.dat": edit(pcf(rows), 3, change)})
        manifest = posti.land(damaged, date(2026, 6, day), home)[0]
        assert balanced(manifest) == (50, 0, 49, 1) and manifest.counts.disappeared == 0


@pytest.mark.parametrize(
    ("reason", "name", "data"),
    [
        ("encoding", "PCF_20260526.dat", lambda ok: ok.decode("iso-8859-1").encode()),
        ("cut_off", "PCF_20260526.dat", lambda ok: ok[:-100]),
        ("not_a_pcf", "PCF_20260526.dat", lambda ok: b"<!doctype html><html><body>Huoltokatko</body></html>\n"),
        ("not_a_pcf", "PCF_20260526.dat", lambda ok: b""),
        ("not_a_pcf", "PCF_20260526.dat", lambda ok: b"PONOT20260526\n" * 3),
        ("bad_zip", "PCF_20260526.zip", lambda ok: b"PK\x03\x04" + ok[:400]),
    ],
)
def test_a_file_that_is_no_postal_code_file_is_refused_as_a_whole(
    tmp_path: Path, home: Path, reason: str, name: str, data: Callable[[bytes], bytes]
) -> None:
    rows = [row for row in seed("postal_codes") if "Ä" in row["name_fi"]][:50]
    with pytest.raises(LandingRefused) as refusal:
        posti.land(save(tmp_path / "in", {name: data(pcf(rows))}), None, home)
    assert refusal.value.reason == reason and "\n" not in str(refusal.value) and name in str(refusal.value)
    assert lake.manifests(home) == []


# --- Statistics Finland --------------------------------------------------------------------------------------------


def test_the_second_landing_of_the_same_classification_finds_nothing_new(
    tmp_path: Path, home: Path, few_industries: list[Row]
) -> None:
    folder, n = save(tmp_path / "in", industry_files(few_industries)), 3 * len(few_industries)
    assert balanced(statfi.land(folder, DAY, home)[0]) == (n, n, 0, 0)
    few_industries[5]["name_sv"] = 'Odling av ris; "annan"'
    folder = save(tmp_path / "in", industry_files(few_industries))
    manifest = statfi.land(folder, date(2026, 6, 2), home)[0]
    assert balanced(manifest) == (n, 1, n - 1, 0)
    rows = duckdb.execute(
        "select name, parent_code from read_parquet(?) where _op = 'U'",
        [str(home / "raw/statfi/industries/*/part*.parquet")],
    ).fetchall()
    assert rows == [('Odling av ris; "annan"', few_industries[5]["parent_code"])]


@pytest.mark.parametrize(
    ("reason", "field", "change"),
    [
        ("field_count", "line", lambda line: line.split(b";5;")[0]),
        ("bad_level", "level", lambda line: line.replace(b";5;", b";")),
        ("field_count", "line", lambda line: line[:-4]),
        ("encoding", "line", lambda line: line.replace(b"'01131'", "'ä'".encode("iso-8859-1"))),
        ("bad_code", "code", lambda line: line.replace(b"\"'01131'\"", b"1131x")),
        ("bad_level", "level", lambda line: line.replace(b"\"'01131'\"", b"1131")),
        ("bad_level", "level", lambda line: line.replace(b";5;", b";4;")),
        ("missing_name", "name", lambda line: line.split(b";5;")[0] + b';5;"";'),
    ],
)
def test_a_damaged_classification_line_is_quarantined_with_its_place_and_the_rest_lands(
    tmp_path: Path, home: Path, few_industries: list[Row], reason: str, field: str, change: Callable[[bytes], bytes]
) -> None:
    files, n = industry_files(few_industries), 3 * len(few_industries)
    number = 2 + next(i for i, row in enumerate(few_industries) if row["code"] == "01131")
    name = "toimiala_1_20250101_sv.csv"
    files[name] = edit(files[name], number, change)
    assert balanced(statfi.land(save(tmp_path / "in", files), DAY, home)[0]) == (n, n - 1, 0, 1)
    [(key, told, path, _)] = quarantine(home)
    assert (told, path) == (reason, f"{name}:{number}:{field}")
    assert key == ("01131|sv" if field == "name" else None)


def test_a_damaged_section_line_does_not_move_its_divisions_to_the_section_before(
    tmp_path: Path, home: Path, few_industries: list[Row]
) -> None:
    files = industry_files(few_industries)
    number = 2 + next(i for i, row in enumerate(few_industries) if row["code"] == "B")
    spoil = lambda line: line.replace(b";1;", b";")  # noqa: E731
    files["toimiala_1_20250101_fi.csv"] = edit(files["toimiala_1_20250101_fi.csv"], number, spoil)
    statfi.land(save(tmp_path / "in", files), DAY, home)
    query = "select distinct parent_code from read_parquet(?) where code = '05'"
    assert duckdb.execute(query, [str(home / "raw/statfi/industries/*/part*.parquet")]).fetchall() == [("B",)]

    everywhere = {name: edit(data, number, spoil) for name, data in industry_files(few_industries).items()}
    with pytest.raises(LandingRefused, match="sections"):
        statfi.land(save(tmp_path / "in", everywhere), date(2026, 6, 2), home)


def cut_in_line(files: dict[str, bytes]) -> dict[str, bytes]:
    return files | {"toimiala_1_20250101_en.csv": files["toimiala_1_20250101_en.csv"][:-20]}


def cut_at_line_end(files: dict[str, bytes]) -> dict[str, bytes]:
    lines = files["toimiala_1_20250101_en.csv"].splitlines(keepends=True)
    return files | {"toimiala_1_20250101_en.csv": b"".join(lines[:-3])}


def every(change: Callable[[bytes], bytes]) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    return lambda files: {name: change(data) for name, data in files.items()}


@pytest.mark.parametrize(
    ("reason", "damage"),
    [
        ("cut_off", cut_in_line),
        ("unequal_files", cut_at_line_end),
        ("header", every(lambda data: data.replace(b"classificationName", b"title"))),
        ("header", every(lambda data: b"<!doctype html><html>Huoltokatko</html>")),
        ("header", every(lambda data: b"")),
        ("header", every(lambda data: data.decode("utf-8-sig").encode("utf-16"))),
        ("encoding", every(lambda data: data.decode("utf-8-sig").encode("cp1252"))),
        (
            "wrong_file",
            every(lambda data: b"Windows-1252;;toimiala_1_20080101\n" + data.decode("utf-8-sig").encode("cp1252")),
        ),
        ("files_missing", lambda files: {name: data for name, data in files.items() if "_sv" not in name}),
        ("not_there", lambda files: {f"copy of {name}": data for name, data in files.items()}),
        ("sections", every(lambda data: b"\n".join([(lines := data.split(b"\n"))[0], *sorted(lines[1:])]))),
    ],
)
def test_a_damaged_classification_file_is_refused_as_a_whole(
    tmp_path: Path,
    home: Path,
    few_industries: list[Row],
    reason: str,
    damage: Callable[[dict[str, bytes]], dict[str, bytes]],
) -> None:
    with pytest.raises(LandingRefused) as refusal:
        statfi.land(save(tmp_path / "in", damage(industry_files(few_industries))), DAY, home)
    assert refusal.value.reason == reason and "\n" not in str(refusal.value)
    assert lake.manifests(home) == []


def test_the_older_export_in_windows_1252_lands_the_same_rows(tmp_path: Path, home: Path, few_industries: list[Row]) -> None:
    files = industry_files(few_industries)
    older = every(
        lambda data: b"Windows-1252;;toimiala_1_20250101\r\n" + data.decode("utf-8-sig").replace("\n", "\r\n").encode("cp1252")
    )
    statfi.land(save(tmp_path / "in", files), DAY, home)
    manifest = statfi.land(save(tmp_path / "older", older(files)), date(2026, 6, 2), home)[0]
    assert manifest.counts.unchanged == manifest.counts.read == 3 * len(few_industries)


def test_an_unknown_column_is_kept_beside_the_row(few_industries: list[Row]) -> None:
    data = industry_files(few_industries)["toimiala_1_20250101_fi.csv"].replace(b"\n", b'"new; thing";\n')
    data = data.replace(b'classificationName;"new; thing";', b"classificationName;note;")
    rows, refused = statfi.parse_classification(data, "toimiala_1_20250101_fi.csv")
    assert refused.is_empty() and rows["name"].to_list() == [row["name_fi"] for row in few_industries]
    assert set(rows["_extra"]) == {'{"note":"new; thing"}'}


def items(rows: list[Row], language: str) -> list[dict[str, Any]]:
    """As the Classification API v2 answers for one language."""
    return [
        {
            "classification": {"localId": "toimiala_1_20250101"},
            "localId": f"toimiala_1_20250101/{row['code']}",
            "level": "0.0" if row["level"] == "1" else int(row["level"]) - 1,
            "code": row["code"],
            "order": n,
            "modifiedDate": "2025-01-01T00:00:00.000Z",
            "parentItemLocalId": f"toimiala_1_20250101/{row['parent_code']}",
            "parentCode": row["parent_code"],
            "classificationItemNames": [{"langName": "x", "lang": language, "name": row[f"name_{language}"]}],
            "explanatoryNotes": [],
            "classificationIndexEntry": [],
        }
        for n, row in enumerate(rows)
    ]


def test_api_answers_land_the_same_rows_as_the_export(tmp_path: Path, home: Path, few_industries: list[Row]) -> None:
    statfi.land(save(tmp_path / "csv", industry_files(few_industries)), DAY, home)
    answers = {
        f"toimiala_1_20250101_{language}.json": json.dumps(items(few_industries[::-1], language)).encode()
        for language in ("fi", "sv", "en")  # in any order, since the API names the parents
    }
    manifest = statfi.land(save(tmp_path / "json", answers), date(2026, 6, 2), home)[0]
    assert manifest.counts.unchanged == manifest.counts.read == 3 * len(few_industries)


@pytest.mark.parametrize(
    ("reason", "spoil"),
    [
        ("bad_code", lambda item: item | {"code": 1131}),
        ("missing_name", lambda item: item | {"classificationItemNames": {"lang": "fi", "name": "Riisi"}}),
        ("missing_name", lambda item: item | {"classificationItemNames": [{"lang": "fi", "name": 7}]}),
        ("missing_name", lambda item: item | {"classificationItemNames": 7}),
        ("missing_name", lambda item: item | {"classificationItemNames": [{"lang": "sv", "name": "Ris"}]}),
        ("not_an_object", lambda item: [item]),
    ],
)
def test_a_damaged_api_item_is_quarantined(
    few_industries: list[Row], reason: str, spoil: Callable[[dict[str, Any]], Any]
) -> None:
    answer: list[Any] = items(few_industries, "fi")
    answer[8] = spoil(answer[8])
    rows, refused = statfi.parse_classification(json.dumps(answer).encode(), "toimiala_1_20250101_fi.json")
    assert rows.height == len(few_industries) - 1
    assert refused["_reason"].to_list() == [reason] and refused["_position"].to_list() == [9]


@pytest.mark.parametrize("data", [b"[]", b"{}", b"", b'[{"code": "A"}', b"<html></html>"])
def test_an_answer_that_is_no_whole_array_is_refused(data: bytes) -> None:
    with pytest.raises(LandingRefused, match="bad_json"):
        statfi.parse_classification(data, "toimiala_1_20250101_fi.json")


def test_api_correspondence_gives_the_pairs_without_the_shares() -> None:
    def side(code: str, name: str) -> dict[str, Any]:
        return {"level": 1, "code": code, "classificationItemNames": [{"lang": "fi", "name": name}]}

    answer = [{"sourceLocalId": "x/01110", "sourceItem": side("01110", "a"), "targetItem": side("01120", "b")}]
    name = "toimiala_1_20080101__toimiala_1_20250101_fi.json"
    rows, refused = statfi.parse_correspondence(json.dumps(answer).encode(), name)
    assert refused.is_empty() and rows.select("source_code", "target_code", "target_name").row(0) == (
        "01110",
        "01120",
        "b",
    )
    assert rows["distribution_source_to_target"].to_list() == [None]


def test_a_spreadsheet_that_ate_the_zeros_of_a_crosswalk_is_noticed(tmp_path: Path, home: Path) -> None:
    rows = seed("industry_crosswalk")[:30]
    files = crosswalk_files(rows)
    [name] = files
    files[name] = re.sub(rb"\"'0?(\w+)'\"", rb"\1", files[name])
    with pytest.raises(LandingRefused, match="zeros_lost"):
        statfi.land(save(tmp_path / "in", files), DAY, home, dataset="industry_crosswalk")


# --- over HTTP -----------------------------------------------------------------------------------------------------


class Answers(BaseHTTPRequestHandler):
    """Answers from a dict; a path not in it is a 404, the first request of all gets a 503."""

    bodies: dict[str, bytes]
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = self.bodies.get(self.path)
        self.send_response(503 if len(self.asked) == 1 else 404 if body is None else 200)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def server() -> Iterator[tuple[str, type[Answers]]]:
    handler = type("Handler", (Answers,), {"bodies": {}, "asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_address[1]}", handler
        http.shutdown()


def test_industries_over_http_survive_a_503(home: Path, few_industries: list[Row], server: Any) -> None:
    base, handler = server
    for language in ("fi", "sv", "en"):
        path = f"/v2/classifications/toimiala_1_20250101/classificationItems?content=data&meta=max&lang={language}"
        handler.bodies[path] = json.dumps(items(few_industries, language)).encode()
    manifest = statfi.land(f"{base}/v2", DAY, home, dataset="industries")[0]
    assert manifest.counts.landed == 3 * len(few_industries) and len(handler.asked) == 4
    with pytest.raises(LandingRefused, match="not_there"):
        statfi.land(f"{base}/v2", DAY, home, dataset="municipalities")


def test_the_newest_postal_code_file_is_found_by_its_date(home: Path, server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    base, handler = server
    handler.bodies["/PCF_20260526.dat"] = pcf(seed("postal_codes"))
    sheet = Source.load("posti").model_copy(update={"url": f"{base}/PCF_{{date}}.dat"})
    monkeypatch.setattr(Source, "load", lambda name: sheet)
    manifest = posti.land(None, date(2026, 5, 29), home)[0]
    assert manifest.counts.landed == 3779 and (home / "archive/posti/2026-05-29/PCF_20260526.dat.sha256").exists()
    with pytest.raises(LandingRefused, match="no postal code file was published in the 14 days"):
        posti.land(None, date(2026, 7, 1), home)
