"""The sources beside the company register: true formats, their traps, and agreement with the truth of who is who."""

import csv
import gzip
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import httpx2
import openpyxl
import phonenumbers
import pytest
from stdnum.fi import ytunnus

from ingest.synthetic import generate
from ingest.synthetic.generator import SOURCES
from ingest.synthetic.server import RegistryServer
from ingest.synthetic.services import NOTICES_BASE, PTV_BASE
from ingest.synthetic.world import world

COMPANIES = 3000
DAYS = ["2026-01-02", "2026-01-03"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    generate(COMPANIES, 11, 2, folder, change_share=0.05)
    return folder


def truth(made: Path, name: str, query: str, day: str = DAYS[0]) -> list[tuple[Any, ...]]:
    """Rows of an SQL query over one truth file, FROM truth standing for it."""
    return duckdb.execute(query.replace("FROM truth", f"FROM '{made / 'truth' / name / f'{day}.parquet'}'")).fetchall()


def table(text: str) -> list[dict[str, str]]:
    """The rows of a CSV with semicolons; every row must have the header's fields."""
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
    assert {len(row) for row in rows} == {len(rows[0])}
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def officers(made: Path, day: str) -> list[dict[str, str]]:
    raw = (made / "prh_officers" / day / "officers.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf") and b"\r" not in raw
    return table(raw.decode("utf-8-sig"))


def noticed(made: Path, day: str) -> dict[str, Any]:
    with gzip.open(made / "prh_notices" / day / "companies.jsonl.gz", "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    return {record["businessId"]["value"]: record for record in records}


def companies(made: Path) -> set[str]:
    """Those of the register of companies: the notices service knows no others."""
    return {business_id for (business_id,) in truth(made, "organisations", "SELECT business_id FROM truth")}


def bodies(made: Path, day: str = DAYS[0]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (made / "ptv" / day / "organizations.jsonl").read_text().splitlines()]


def surveyed(made: Path) -> Iterator[dict[str, str]]:
    folder = made / "survey" / DAYS[0]
    yield from table((folder / "cati_20260102.csv").read_bytes().decode("utf-8-sig"))
    yield from table((folder / "panel_20260102.csv").read_bytes().decode("latin-1"))


def every_phone(made: Path) -> Iterator[str]:
    yield from (phone for row in truth(made, "contacts", "SELECT phone FROM truth WHERE phone IS NOT NULL") for phone in row)
    yield from (phone for row in truth(made, "roles", "SELECT DISTINCT mobile FROM truth") for phone in row)


def test_worlds_of_any_size_are_founded() -> None:
    """DuckDB 2.0.0 died at 299 and 300 ("dict-surviving join: narrowed column 10 received a non-dictionary chunk")."""
    with world(300, 7, date(2026, 1, 2), 0.05) as made_up:
        for size in [1, 63, 250, 299, 301, 1023, 2049]:
            made_up.connection.execute(
                "CREATE OR REPLACE TABLE trial AS FROM founded(0, ?::BIGINT, DATE '2026-01-02', 'base', 1) ORDER BY number",
                [size],
            )
            assert made_up.connection.execute("SELECT count(*) FROM trial").fetchone() == (size,)
        for day in (3, 4):
            made_up.next_day(date(2026, 1, day))


def test_same_seed_same_bytes_in_every_source(tmp_path: Path) -> None:
    for name in ("a", "b"):
        generate(60, 3, 2, tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert {path.parts[0] for path in files} == {*SOURCES, "truth"}
    assert [path for path in files if (tmp_path / "a" / path).read_bytes() != (tmp_path / "b" / path).read_bytes()] == []


def test_a_choice_of_sources_changes_none_of_them(made: Path, tmp_path: Path) -> None:
    generate(COMPANIES, 11, 2, tmp_path, change_share=0.05, sources=["ytj", "bounces"])
    assert {path.name for path in tmp_path.iterdir()} >= {"ytj", "bounces"}
    assert {path.name for path in tmp_path.iterdir()} <= {"ytj", "bounces", "truth"}
    for file in ("ytj/2026-01-03/all_companies.zip", "bounces/2026-01-03.csv"):
        assert (tmp_path / file).read_bytes() == (made / file).read_bytes()
    with pytest.raises(ValueError, match="unknown source oracle"):
        generate(10, 1, 1, tmp_path / "x", sources=["oracle"])


def test_ids_are_reserved_and_belong_to_one_organisation(made: Path) -> None:
    ids = [row[0] for row in truth(made, "entities", "SELECT business_id FROM truth")]
    assert len(set(ids)) == len(ids) and all(ytunnus.is_valid(i) and i[0] in "89" for i in ids)
    kinds = dict(truth(made, "entities", "SELECT kind, count(*) FROM truth GROUP BY kind"))
    assert kinds["association"] > 600 and kinds["sole_trader"] == 900 and kinds["foundation"] > 15
    assert kinds.keys() >= {"municipality", "county", "joint_authority", "state", "company", "housing"}


def test_phones_are_valid_and_in_ranges_that_reach_nobody(made: Path) -> None:
    for phone in set(every_phone(made)):
        assert phonenumbers.is_valid_number(phonenumbers.parse(phone, None)), phone
        assert re.match(r"\+358(48|(29|10)00|(9|2|3|5|6|8|1[3-9])10)", phone), phone


def test_addresses_lie_under_example(made: Path) -> None:
    for path in made.rglob("*"):
        if path.suffix in (".csv", ".json", ".jsonl") and "ytj" not in path.parts:
            text = path.read_bytes().decode("latin-1")
            found = re.findall(r"[\w.+-]+@[\w.-]+", text)
            assert [a for a in found if not a.lower().endswith(".example")] == [], path


def test_officers_are_the_truth(made: Path) -> None:
    rows = officers(made, DAYS[0])
    written = {(r["y_tunnus"], r["toimielin"], r["alkupvm"], r["loppupvm"]) for r in rows}
    true = truth(
        made,
        "roles",
        "SELECT business_id, organ, started_on::VARCHAR, coalesce(ended_on::VARCHAR, '') FROM truth WHERE is_told",
    )
    assert written == set(true)
    roles = Counter((r["toimielin"], r["rooli"]) for r in rows)
    for role in [
        ("HAL", "PJ"),
        ("HAL", "J"),
        ("HAL", "VJ"),
        ("TJ", "TJ"),
        ("TIL", "PTI"),
        ("YHM", "YHMÄ"),
        ("ELI", "ELI"),
        ("IS", "IS"),
    ]:
        assert roles[role] > 5, role
    assert {r["rooli"] for r in rows} & {"LT", "USM", "Q1", "ES"}
    firms = [r for r in rows if not r["etunimet"]]
    assert firms and {r["toimielin"] for r in firms} == {"TIL"} and not any(r["syntymaaika"] or r["henkilo_id"] for r in firms)
    assert all(not r["loppupvm"] or r["alkupvm"] <= r["loppupvm"] <= DAYS[0] for r in rows)


def test_a_new_officer_shows_as_a_notice(made: Path) -> None:
    old, new = ({tuple(r.items()) for r in officers(made, day)} for day in DAYS)
    codes = {"TJ": "TOIM", "TJS": "TOIM", "HAL": "HAL"}
    rows = [dict(r) for r in new - old if dict(r)["alkupvm"] == DAYS[1]]
    began = {(r["y_tunnus"], codes[r["toimielin"]]) for r in rows if r["toimielin"] in codes}
    notices = noticed(made, DAYS[1])
    began = {(business_id, code) for business_id, code in began if business_id in companies(made)}
    assert began and {business_id for business_id, _ in began} <= notices.keys()
    for business_id, code in began:
        of_today = [n for n in notices[business_id]["publicNotices"] if n["registrationDate"] == DAYS[1]]
        assert any(code in n["entryCodes"] for n in of_today)


def test_notices_keep_to_their_shape(made: Path) -> None:
    first = noticed(made, DAYS[0])
    assert len(first) == COMPANIES + COMPANIES // 20
    assert all("mainBusinessLine" not in record and "website" not in record for record in first.values())
    notices = [n for record in first.values() for n in record["publicNotices"]]
    assert all(n.keys() == {"registrationDate", "recordNumber", "typeOfRegistration", "entryCodes"} for n in notices)
    assert all("2014-11-07" <= n["registrationDate"] <= DAYS[0] and n["entryCodes"] for n in notices)
    assert {c for n in notices for c in n["entryCodes"]} >= {"HAL", "TOIM", "TASE", "PERUS", "TILTAR", "KOTI", "TMI"}
    twice = [r for r in first.values() if len({n["recordNumber"] for n in r["publicNotices"]}) < len(r["publicNotices"])]
    assert 0 < len(twice) < len(first) / 10
    # A later day holds what has a notice since; nothing older is forgotten.
    later = noticed(made, DAYS[1])
    assert 0 < len(later) < 400
    assert all(max(n["registrationDate"] for n in r["publicNotices"]) >= DAYS[0] for r in later.values())


def test_tax_is_latin_1_with_commas_and_bare_quotes(made: Path) -> None:
    raw = (made / "vero" / "2024.csv").read_bytes()
    lines = raw.decode("latin-1").split("\r\n")
    assert lines.pop() == "" and b"Skatte\xe5r" in raw
    assert lines[0].startswith("Verovuosi | Skatteår;Y-tunnus | FO-nummer;Verovelvollisen nimi |")
    rows = [line.split(";") for line in lines[1:]]
    assert {len(row) for row in rows} == {8} and {row[0] for row in rows} == {"2024"}
    assert all(re.fullmatch(r"\d+,\d\d", amount) for row in rows for amount in row[4:])
    assert any('"' in row[2] for row in rows)
    assert {"200 Ulkomaat", "Ei kotikuntaa", "091 Helsinki"} <= {row[3] for row in rows}
    assert len({row[1] for row in rows}) == len(rows)
    in_ytj = {row[0] for row in truth(made, "organisations", "SELECT business_id FROM truth")}
    assert 0.05 < sum(row[1] not in in_ytj for row in rows) / len(rows) < 0.6
    assert (made / "vero" / "2023.csv").exists() and not (made / "vero" / "2025.csv").exists()


def test_public_bodies_have_their_traps(made: Path) -> None:
    all_bodies = bodies(made)
    by_id = {b["id"]: b for b in all_bodies}
    assert len(by_id) == len(all_bodies)
    roots = [b for b in all_bodies if b["parentOrganizationId"] is None]
    units = [b for b in all_bodies if b["parentOrganizationId"]]
    assert units and all(u["businessCode"] is None and by_id[u["parentOrganizationId"]]["businessCode"] for u in units)
    assert {b["organizationType"] for b in roots} == {"Municipality", "Region", "RegionalOrganization", "State"}
    phones = [[(p["prefixNumber"], p["number"]) for p in b["phoneNumbers"]] for b in roots]
    assert any(len(set(numbers)) < len(numbers) for numbers in phones), "a switchboard once per language"
    assert all(b["phoneNumbers"] for b in roots) and any(not b["emails"] for b in roots)
    assert any(e["value"].startswith("etunimi.sukunimi@") for b in roots for e in b["emails"])
    assert any(n["type"] == "AlternativeName" for b in roots for n in b["organizationNames"])
    pages = sorted((made / "ptv" / DAYS[0]).glob("organization-page-*.json"))
    listed = [item["id"] for page in pages for item in json.loads(page.read_text())["itemList"]]
    assert listed == list(by_id)
    old = [json.loads(path.read_text()) for path in (made / "ptv" / DAYS[0] / "v9").glob("*.json")]
    assert old and all("availableLanguages" not in o and "services" in o and o["id"] in by_id for o in old)
    assert bodies(made, DAYS[1]) != all_bodies and [b["id"] for b in bodies(made, DAYS[1])] == list(by_id)


def test_the_extract_has_sole_traders_and_contacts(made: Path) -> None:
    lines = (made / "ytj_extract" / DAYS[0] / "companies.jsonl").read_text().splitlines()
    companies = [json.loads(line)["Company"] for line in lines]
    traders = [c for c in companies if "Person" in c]
    assert len(traders) > 0.9 * 900 and all(c["LegalForm"]["PrimaryCode"] == "26" and c["Person"]["Surname"] for c in traders)
    details = [c["ContactDetails"]["ContactDetail"] for c in companies if "ContactDetails" in c]
    assert any(isinstance(d, dict) for d in details), "a single contact is not always in a list"
    contacts = [c for d in details for c in (d if isinstance(d, list) else [d])]
    assert {c["Type"]["PrimaryCode"] for c in contacts} == {"1", "2", "3", "4", "5"}
    assert {c["Language"]["PrimaryCode"] for c in companies} == {"1", "2"}


@pytest.mark.parametrize("kind", ["associations", "foundations"])
def test_registered_bodies(made: Path, kind: str) -> None:
    found = [r for path in (made / kind / DAYS[0]).glob("*.json") for r in json.loads(path.read_text())]
    true = truth(made, "entities", f"SELECT count(*) FROM truth WHERE kind = '{kind[:-1]}' AND number > 1000000")
    assert [(len(found),)] == true
    assert all(r["AssociationNameInfo"][0]["Status"] == "R" and r["Address"][0]["AddressTypeCode"] == "YRPO" for r in found)
    if kind == "associations":
        people = [r["Address"][0] for r in found if "AddressLine1" in r["Address"][0]]
        assert 0.3 < len(people) / len(found) < 0.8
        assert all(a["FormattedAddressFI"].split("\n")[0] == a["AddressLine1"] for a in people)
        assert all(re.fullmatch(r"\d{1,3}\.\d{3}", r["RegistrationNumber"]) for r in found)
        assert any(r["BusinessId"] is None for r in found)


def test_size_classes(made: Path) -> None:
    sizes = table((made / "statfi_business" / "2026-01.csv").read_bytes().decode("utf-8-sig"))
    assert list(sizes[0]) == ["ytunnus", "nimi", "toimiala", "sektori", "yritystoiminnan tyyppi"]
    assert {r["yritystoiminnan tyyppi"] for r in sizes} == {"0", "1", "2", "3", "4"}
    staff = table((made / "statfi_business" / "2026-01-staff.csv").read_bytes().decode("utf-8-sig"))
    assert {"0–4", "5–9", "10–19", "ei vielä tiedossa"} <= {r["henkiloston suuruusluokka"] for r in staff}
    assert {r["kuukausi"] for r in staff} == {"2026-01"}
    assert len(list((made / "statfi_business").iterdir())) == 2, "once a month"


def test_surveys_tell_who_was_there_that_day(made: Path) -> None:
    true = {
        (number, slot, generation): (first, birth, last)
        for number, slot, generation, first, birth, last in truth(
            made, "roles", "SELECT number, slot, generation, first_name, birth_surname, last_name FROM truth"
        )
    }
    told = truth(made, "survey", "SELECT number, slot, generation, etunimi, sukunimi, tulos FROM truth WHERE slot IS NOT NULL")
    assert len(told) > 50
    exact = sum(
        first == true[number, slot, generation][0] and last in true[number, slot, generation][1:]
        for number, slot, generation, first, last, _ in told
    )
    assert 0.8 < exact / len(told) < 1
    rows = list(surveyed(made))
    assert {"CMP", "GON"} <= {r["tulos"] for r in rows}
    assert all(re.fullmatch(r"\d{1,2}\.\d{1,2}\.\d{4}", r["viim_yhteys"]) for r in rows)
    assert all(r["kielto"] == "kyllä" for r in rows if r["tulos"] == "OPT")
    assert any(r["yhteyshenkilo_sukunimi"] and r["sahkoposti"] for r in rows)


def test_areas_come_in_three_forms(made: Path) -> None:
    folder = made / "survey" / DAYS[0]
    cati = table((folder / "cati_20260102.csv").read_bytes().decode("utf-8-sig"))
    panel = table((folder / "panel_20260102.csv").read_bytes().decode("latin-1"))
    assert any(re.fullmatch(r"\d+(,\d+)+", r["vastuualue"]) for r in cati)
    assert {r[f"alue_{n:02}"] for r in panel for n in range(1, 17)} >= {"1", "0"} and "vastuualue" not in panel[0]
    assert b"\r\n" in (folder / "cati_20260102.csv").read_bytes()
    book = openpyxl.load_workbook(folder / "web_20260102.xlsx", read_only=True)
    header, *rows = book.active.iter_rows(values_only=True)
    areas = {str(row[header.index("vastuualue")]) for row in rows} - {"None"}
    assert rows and any("Talous ja rahoitus" in area for area in areas)
    assert all(isinstance(cell, str) for row in rows for cell in row if cell is not None)


def test_bounces_hit_those_who_left(made: Path) -> None:
    rows = table((made / "bounces" / f"{DAYS[0]}.csv").read_bytes().decode("utf-8-sig"))
    assert {r["tapahtuma"] for r in rows} <= {"hard", "soft", "autoreply", "left", "objection"} and len(rows) > 10
    gone = {
        e for (e,) in truth(made, "roles", "SELECT DISTINCT work_email FROM truth WHERE slot >= 16 AND ended_on IS NOT NULL")
    }
    hard = [r["sahkoposti"].lower() in gone for r in rows if r["tapahtuma"] == "hard"]
    assert sum(hard) > len(hard) / 2


def test_ban_lists(made: Path) -> None:
    folder = made / "external_lists" / DAYS[0]
    for kind, header in [("email_ban", "sahkoposti"), ("phone_ban", "puhelin"), ("organisation_ban", "y_tunnus")]:
        rows = table((folder / f"{kind}_20260102.csv").read_text())
        assert rows and list(rows[0]) == [header, "päivitetty"] and all(len(r[header]) > 6 for r in rows)


def test_the_truth_knows_lives(made: Path) -> None:
    married = truth(made, "roles", "SELECT count(*) FROM truth WHERE last_name <> birth_surname AND married_on <= '2026-01-02'")
    several = truth(
        made, "roles", "SELECT count(*) FROM (SELECT person FROM truth GROUP BY person HAVING count(DISTINCT number) > 1)"
    )
    moved = truth(made, "roles", "SELECT count(*) FROM truth WHERE started_on = '2026-01-03' AND generation > 1", DAYS[1])
    assert married[0][0] > 100 and several[0][0] > 100 and moved[0][0] > 3
    assert truth(made, "roles", "SELECT bool_and(is_synthetic) FROM truth") == [(True,)]


@pytest.fixture(scope="module")
def server(made: Path) -> Iterator[RegistryServer]:
    with RegistryServer(made) as running:
        yield running


def test_the_server_pages_public_bodies(server: RegistryServer, made: Path) -> None:
    with httpx2.Client(base_url=server.ptv_url, timeout=60) as client:
        page = client.get("/Organization", params={"page": 1}).json()
        assert page["pageCount"] == 1 and page["pageSize"] == 1000 and page["pageNumber"] == 1
        ids = [item["id"] for item in page["itemList"]]
        assert client.get("/Organization/list", params={"guids": ",".join(ids[:100])}).json() == bodies(made, DAYS[1])[:100]
        assert client.get("/Organization/list", params={"guids": ",".join([ids[0]] * 101)}).status_code == 400
        assert client.get(f"/Organization/{ids[0]}").json()["id"] == ids[0]
        assert client.get("/Organization/nobody").status_code == 404
        assert client.get("/Organization", params={"page": 9}).json()["itemList"] == []
        changed = client.get("/Organization", params={"date": f"{DAYS[1]}T00:00:00"}).json()["itemList"]
        assert 0 < len(changed) < len(ids)


def test_the_server_pages_notices(server: RegistryServer, made: Path) -> None:
    with httpx2.Client(base_url=server.notices_url, timeout=60) as client:
        query = {"noticeRegistrationDateStart": DAYS[1], "noticeRegistrationDateEnd": DAYS[1], "entryCode": "TOIM"}
        answer = client.get("/", params=query).json()
        expected = {
            i
            for i, r in noticed(made, DAYS[1]).items()
            if any(n["registrationDate"] == DAYS[1] and "TOIM" in n["entryCodes"] for n in r["publicNotices"])
        }
        assert {c["businessId"]["value"] for c in answer["companies"]} == expected and answer["totalResults"] == len(expected)
        everything = client.get("/").json()
        assert everything["totalResults"] == len(noticed(made, DAYS[0]).keys() | noticed(made, DAYS[1]).keys())
        assert len(everything["companies"]) == 50
        assert client.get("/", params={"page": 99999}).json() == everything
        one = client.get(f"/{min(expected)}").json()
        assert one["totalResults"] == 1
        notice = one["companies"][0]["publicNotices"][0]
        assert client.get(f"/publicnotices/{notice['recordNumber']}").json()["entryCodes"] == notice["entryCodes"]
        assert "TOIM\tToimitusjohtajat" in client.get("/description", params={"code": "EC", "lang": "FI"}).text
        assert client.get("/description", params={"code": "EC", "lang": "fi"}).status_code == 400
        assert client.get("/", params={"noticeRegistrationDateStart": "1.1.2026"}).status_code == 400


def test_faults_reach_the_other_services(server: RegistryServer) -> None:
    server.faults.add(PTV_BASE + "/Organization", "503")
    server.faults.add(NOTICES_BASE + "/*", "429", retry_after="1")
    assert httpx2.get(server.ptv_url + "/Organization").status_code == 503
    assert httpx2.get(server.notices_url + "/").status_code == 429
    assert httpx2.get(server.ptv_url + "/Organization").status_code == 200
