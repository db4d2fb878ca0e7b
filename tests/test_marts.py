"""The marts: true to what was landed, and the same whether built day by day or at once."""

import contextlib
import json
import re
import shutil
import threading
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ingest import lake as zone
from ingest.sources.ytj import loader
from orchestration import lineage, publish
from orchestration import settings as house
from orchestration.build import build, dbt_arguments, landed, parse, run_dbt
from orchestration.dictionary import PAGE, mart_dictionary
from orchestration.state import BuildState

MARTS = ["organisations", "organisation_history", "changes_daily"]
DAY = date(2026, 1, 2)
Record = dict[str, Any]
Row = dict[str, Any]

# Facts of a real record with every trap that it shows: versions of the name, languages in arbitrary order, empty texts.
NOKIA: Record = {
    "businessId": {"value": "0112038-9", "registrationDate": "1978-03-15", "source": "3"},
    "euId": {"value": "FIFPRO.0112038-9", "source": "1"},
    "names": [
        {
            "name": "Oy Nokia Ab",
            "type": "1",
            "registrationDate": "1966-06-10",
            "endDate": "1997-08-31",
            "version": 2,
            "source": "1",
        },
        {"name": "Nokia Oyj", "type": "1", "registrationDate": "1997-09-01", "version": 1, "source": "1"},
        {"name": "Vertu", "type": "3", "registrationDate": "2006-03-08", "version": 1, "source": "1"},
        {"name": "Nokia Corporation", "type": "2", "registrationDate": "1997-09-01", "version": 1, "source": "1"},
        {"name": "Nokia Abp", "type": "2", "registrationDate": "1997-09-01", "version": 1, "source": "1"},
    ],
    "mainBusinessLine": {
        "type": "70100",
        "descriptions": [{"languageCode": "3", "description": "Activities of head offices"}],
        "typeCodeSet": "TOIMI4",
        "registrationDate": "2026-01-01",
        "source": "2",
    },
    "website": {"url": "www.nokia.com", "registrationDate": "2019-07-01", "source": "0"},
    "companyForms": [{"type": "17", "registrationDate": "1997-09-01", "version": 1, "source": "1"}],
    "companySituations": [],
    "registeredEntries": [
        {"type": "1", "registrationDate": "1896-12-19", "register": "1", "authority": "2"},
        {"type": "55", "registrationDate": "1995-03-01", "register": "5", "authority": "1"},
        {"type": "80", "registrationDate": "1994-06-01", "register": "6", "authority": "1"},
        {"type": "41", "registrationDate": "1944-01-01", "register": "7", "authority": "1"},
    ],
    "addresses": [
        {
            "type": 1,
            "street": "Karakaari",
            "postCode": "02610",
            "postOffices": [
                {"city": "ESBO", "languageCode": "2", "municipalityCode": "049"},
                {"city": "ESPOO", "languageCode": "1", "municipalityCode": "049"},
            ],
            "buildingNumber": "7",
            "entrance": "",
            "apartmentNumber": "",
            "apartmentIdSuffix": "",
            "co": "",
            "registrationDate": "2019-07-01",
            "source": "0",
        },
        {
            "type": 2,
            "street": "",
            "postCode": "00045",
            "postOffices": [
                {"city": "NOKIA GROUP", "languageCode": "1", "municipalityCode": "091"},
                {"city": "NOKIA GROUP", "languageCode": "2", "municipalityCode": "091"},
            ],
            "postOfficeBox": "226",
            "buildingNumber": "",
            "entrance": "",
            "apartmentNumber": "",
            "co": "c/o Matti Meikäläinen",
            "registrationDate": "2014-09-30",
            "source": "0",
        },
    ],
    "tradeRegisterStatus": "1",
    "status": "2",
    "registrationDate": "1896-12-19",
    "lastModified": "2026-05-04T07:31:50",
}


def business_id(number: int) -> str:
    """The nth valid business id from 9000000 up (weights 7 9 10 5 8 4 2, modulo 11; remainder 1 is never issued)."""
    valid = []
    for body in range(9_000_000, 9_000_000 + 2 * number + 10):
        remainder = sum(w * int(d) for w, d in zip((7, 9, 10, 5, 8, 4, 2), str(body), strict=True)) % 11
        if remainder != 1:
            valid.append(f"{body}-{(11 - remainder) % 11}")
    return valid[number]


def company(identifier: str, name: str, **more: Any) -> Record:
    """A small sound record."""
    return {
        "businessId": {"value": identifier, "registrationDate": "2020-01-01", "source": "3"},
        "names": [{"name": name, "type": "1", "registrationDate": "2020-01-01", "version": 1, "source": "1"}],
        "companyForms": [{"type": "16", "registrationDate": "2020-01-01", "version": 1, "source": "1"}],
        "registeredEntries": [{"type": "1", "registrationDate": "2020-01-01", "register": "1", "authority": "2"}],
        "tradeRegisterStatus": "1",
        "status": "2",
        "registrationDate": "2020-01-01",
        "lastModified": "2026-01-01T00:00:00",
        **more,
    }


def ceased(identifier: str, name: str) -> Record:
    """The same as the search tells of it after its end."""
    return company(identifier, name, tradeRegisterStatus="4", endDate="2025-12-31")


@contextlib.contextmanager
def serving(answer: Record) -> Iterator[str]:
    """A register on this machine that has one answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@dataclass
class Lake:
    """A scratch lake, with a build that can be cut anywhere. `seeded`: a warehouse that holds the code lists only."""

    home: Path
    seeded: Path
    watermarks: dict[str, str] = field(default_factory=dict)

    def land_bulk(self, day: date, records: Sequence[Record], accept_bounds: str | None = "a register made for a test") -> None:
        path = self.home.parent / f"{self.home.name}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"data_{day:%Y%m%d}.json", json.dumps(records, ensure_ascii=False))
        loader.land(path, day, self.home, accept_bounds=accept_bounds)

    def land_search(self, day: date, records: Sequence[Record]) -> None:
        query = {"name": f"search {len(zone.manifests(self.home))}"}
        with serving({"totalResults": len(records), "companies": records}) as url:
            loader.land(url, day, self.home, datasets=["companies_search"], query=query, accept_bounds="a test")

    def dbt(self, command: str, *more: str, full: bool = False) -> None:
        house.export(self.home)
        zone.prepare(self.home)
        if full:
            shutil.copyfile(self.seeded, self.home / "warehouse.duckdb")
        # Only what these marts are made of: the views of other sources would double the time of each run.
        more = more or ("--select", *(f"+{mart}" for mart in [*MARTS, "source_health"]))
        # The first build has made the views of staging, and no later one would make others.
        more = more if full else (*more, "--exclude", "path:models/staging")
        run_dbt(self.home, [*dbt_arguments(self.home, command=command, full_refresh=full, watermarks=self.watermarks), *more])

    def increment(self) -> None:
        """What a day's build does; the first one makes the warehouse."""
        if self.watermarks != landed(self.home):
            self.dbt("run", full=not self.watermarks)
        self.watermarks = landed(self.home)

    def rows(self, query: str, *parameters: Any) -> list[Row]:
        with duckdb.connect(str(self.home / "warehouse.duckdb"), read_only=True) as db:
            cursor = db.execute(query, list(parameters))
            names = [column[0] for column in cursor.description or []]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def value(self, query: str, *parameters: Any) -> Any:
        return next(iter(self.rows(query, *parameters)[0].values()))

    def organisation(self, identifier: str) -> Row:
        (row,) = self.rows("from organisations where business_id = ?", identifier)
        return row

    def copy(self, home: Path, warehouse: str | None = None) -> "Lake":
        """The same landed files in another lake; with a warehouse only if one is named."""
        for part in ("raw", "manifests"):
            shutil.copytree(self.home / part, home / part)
        if warehouse:
            shutil.copyfile(self.home / warehouse, home / "warehouse.duckdb")
        return Lake(home, self.seeded, dict(self.watermarks))


def differences(one: Lake, other: Lake, marts: Iterable[str] = MARTS) -> dict[str, tuple[int, int]]:
    """Mart -> rows only in one, rows only in the other."""
    found = {}
    with duckdb.connect() as db:
        db.execute(
            f"attach '{one.home}/warehouse.duckdb' as a (read_only); attach '{other.home}/warehouse.duckdb' as b (read_only)"
        )
        for mart in marts:
            sides = [
                db.execute(f"select count(*) from (from {x}.main.{mart} except all from {y}.main.{mart})").fetchall()[0][0]
                for x, y in ("ab", "ba")
            ]
            if any(sides):
                found[mart] = (sides[0], sides[1])
    return found


# --- a made-up Finland, built day by day ------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with the code lists, made once: every new one starts as a copy of it."""
    home = house.export(tmp_path_factory.mktemp("seeded"))
    run_dbt(home, dbt_arguments(home, command="seed", full_refresh=True))
    return home / "warehouse.duckdb"


@pytest.fixture(scope="session")
def daily(bulk: list[Path], seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Three days, each landed and built as `kohde build` does, tests and all; the warehouse of day two is kept."""
    home = tmp_path_factory.mktemp("daily") / "lake"
    lake = Lake(home, seeded)
    for number, path in enumerate(bulk, 1):
        loader.land(path, None, home)
        if number == 3:
            shutil.copyfile(home / "warehouse.duckdb", home / "warehouse.day2")
            lake.watermarks = BuildState.read(home).loads
        report = build(home)
        assert report.full_refresh == (number == 1) and not report.warnings
    return lake


@pytest.fixture(scope="session")
def truth(finland: Path) -> str:
    return f"read_parquet('{finland}/truth/organisations/*.parquet')"


def test_the_marts_agree_with_the_truth(daily: Lake, truth: str) -> None:
    """What the register cannot tell apart is compared as the register has it: whoever has gone from the bulk is ceased."""
    (counts,) = daily.rows(f"""
        with truth as (select * from {truth} where day = '2026-01-04'),
             ever as (select distinct business_id from {truth} where in_bulk)
        select count(*) as organisations,
            count(*) filter (t.business_id is null or e.business_id is null or o.business_id is null) as strangers,
            count(*) filter (o.status is distinct from if(t.in_bulk, t.status, 'ceased')) as status,
            count(*) filter (o.municipality_code is distinct from t.municipality_code) as municipality,
            count(*) filter (o.legal_form_code is distinct from t.legal_form_code) as form,
            count(*) filter (o.legal_form_letters is distinct from t.legal_form_letters) as letters,
            count(*) filter (t.in_bulk and o.is_employer <> t.is_employer) as employer,
            count(*) filter (o.name is distinct from trim(t.name)) as name,
            count(*) filter (o.website is distinct from nullif(t.website, '')) as website,
            count(*) filter (t.registered_on is not null and o.registered_on <> t.registered_on) as registered,
            count(*) filter (
                t.written_industry_code_set = 'TOIMI4'
                and o.industry_code is distinct from t.written_industry_code) as industry,
            count(*) filter (
                o.industry_code_source = 'crosswalk' and o.industry_2008_codes <> [t.written_industry_code]) as industry_2008
        from organisations as o full join ever as e using (business_id) left join truth as t using (business_id)
    """)
    assert counts.pop("organisations") >= 2000
    assert not any(counts.values()), counts


def test_as_of_equals_the_truth_of_each_day(daily: Lake, truth: str) -> None:
    for day in (DAY + timedelta(days=n) for n in range(3)):
        columns = "business_id, status, municipality_code, legal_form_code, name"
        known = f"select {columns} from organisations_as_of(date '{day}')"
        true = f"""
            select business_id, if(in_bulk, status, 'ceased') as status, municipality_code, legal_form_code, trim(name)
            from {truth} where day = '{day}'
            and business_id in (select business_id from {truth} where in_bulk and day <= '{day}')"""
        assert daily.value(f"select count(*) from (({known} except {true}) union all ({true} except {known}))") == 0
        assert daily.value(f"select count(*) from ({known})") == daily.value(f"select count(*) from ({true})")
    assert daily.rows("select * from organisations_as_of(date '2026-01-01')") == []
    last = "select * exclude (first_seen_on, age_years) from"
    assert daily.rows(f"({last} organisations_as_of(date '2026-01-04')) except ({last} organisations)") == []


def test_changes_equal_the_events(daily: Lake, truth: str) -> None:
    told = {(r["date"], r["op"]): r["n"] for r in daily.rows("select date, op, count(*) as n from changes_daily group by all")}
    events = daily.rows(f"""
        select day as date, n, case
            when not was_living and is_living then 'LISAYS'
            when was_living and not is_living then 'POISTO' else 'MUUTOS' end as op
        from (
            select t.day, count(*) as n, t.in_bulk and t.status <> 'ceased' as is_living,
                coalesce(y.in_bulk and y.status <> 'ceased', false) as was_living
            from {truth} as t left join {truth} as y on y.business_id = t.business_id and y.day = t.day - 1
            where t.event <> 'none' and t.day > '2026-01-02' and (is_living or was_living)
            group by all)
    """)
    wanted: Counter[tuple[date, str]] = Counter()
    for event in events:
        wanted[event["date"], event["op"]] += event["n"]
    assert {key: n for key, n in told.items() if key[0] > DAY} == dict(wanted)
    assert {key: n for key, n in told.items() if key[0] == DAY} == {(DAY, "LISAYS"): 2000}


def test_day_by_day_equals_at_once(daily: Lake, tmp_path: Path) -> None:
    whole = daily.copy(tmp_path / "lake")
    whole.dbt("run", full=True)
    assert differences(daily, whole) == {}


def test_running_again_changes_nothing(daily: Lake, tmp_path: Path) -> None:
    again = daily.copy(tmp_path / "lake", "warehouse.duckdb")
    again.dbt("run")
    assert differences(daily, again) == {}
    again.watermarks = {}
    again.dbt("run")
    assert differences(daily, again) == {}


def test_a_build_killed_half_way_is_made_whole(daily: Lake, tmp_path: Path) -> None:
    killed = daily.copy(tmp_path / "lake", "warehouse.day2")
    killed.dbt("run", "--select", "+organisation_history")
    assert differences(daily, killed).keys() >= {"organisations", "changes_daily"}
    killed.dbt("run")
    assert differences(daily, killed) == {}


def test_an_increment_touches_what_it_was_told_of_only(daily: Lake, tmp_path: Path) -> None:
    """Every row is marked before the third day: those that still bear the mark afterwards were not written."""
    marked = daily.copy(tmp_path / "lake", "warehouse.day2")
    with duckdb.connect(str(marked.home / "warehouse.duckdb")) as db:
        db.execute("update organisations set last_changed_on = '1900-01-01'")
        db.execute("update organisation_history set first_seen_on = '1900-01-01'")
        db.execute("update changes_daily set load_id = 'marked'")
        known = {row[0] for row in db.execute("select business_id from organisations").fetchall()}
    marked.dbt("run")
    (receipt,) = zone.manifests(marked.home, "ytj", "companies")[2:]
    told = {
        row["_key"]
        for row in marked.rows(
            f"select _key from read_parquet('{marked.home}/raw/ytj/companies/load={receipt.load_id}/*.parquet')"
        )
    }
    assert len(told) == receipt.counts.landed + receipt.counts.disappeared > 0
    assert {row["business_id"] for row in marked.rows("from enriched.enr_affected_organisations")} == told
    for mart, column in (("organisations", "last_changed_on"), ("organisation_history", "first_seen_on")):
        left = marked.rows(f"select business_id from {mart} where {column} = '1900-01-01'")
        assert {row["business_id"] for row in left} == known - told
    assert {row["business_id"] for row in marked.rows("from organisations")} == known | told
    assert {row["entity_id"] for row in marked.rows("from changes_daily where load_id = 'marked'")} >= known - told


def test_no_care_of_name_in_any_text(daily: Lake, bulk: list[Path]) -> None:
    """`co` is where private persons leak in: neither the name nor the mark may be in a mart or a published file."""
    people = set()
    for path in bulk:
        with zipfile.ZipFile(path) as archive:
            addresses = [a for r in json.loads(archive.read(archive.namelist()[0])) for a in r.get("addresses", [])]
        told = (re.sub(r"(?i)^c/o\s*", "", a["co"]) for a in addresses if a.get("co"))
        people |= {name for name in told if not name.startswith("Isännöinti") and len(name.split()) > 1}
    assert len(people) > 100
    folder = Path(publish.publish(daily.home).path)
    searched = 0
    for path in [daily.home / "warehouse.duckdb", folder / "registry.duckdb", folder / "analyst.duckdb"]:
        with duckdb.connect(str(path), read_only=True) as db:
            columns = db.execute("""
                select table_name, column_name, data_type from duckdb_columns()
                where schema_name = 'main' and data_type in ('VARCHAR', 'VARCHAR[]') and not internal""").fetchall()
            for table, column, kind in columns:
                texts = (
                    f'select unnest("{column}") as text from {table}'
                    if kind.endswith("[]")
                    else f'select "{column}" as text from {table}'
                )
                marks = db.execute(rf"select text from ({texts}) where regexp_matches(text, '(?i)\bc\s*/\s*o')").fetchall()
                assert marks == [], (table, column)
                found = {t for (t,) in db.execute(f"select distinct text from ({texts}) where text is not null").fetchall()}
                assert not people & found
                if column.startswith(("visiting_street", "postal_")):
                    assert not [t for t in found for name in people if name in t], (table, column)
                searched += len(found)
    assert searched > 20_000


@pytest.mark.parametrize(
    ("mart", "bad"),
    [
        ("organisations", {"business_id": "'123456-7'"}),
        ("organisations", {"business_id": "null"}),
        ("organisations", {"status": "'bankcruptcy'"}),
        ("organisations", {"status": "null"}),
        ("organisations", {"legal_form_group": "'company ltd'"}),
        ("organisations", {"is_employer": "null"}),
        ("organisations", {"postal_lines": "null"}),
        ("organisations", {"is_marketing_target": "true", "status": "'active'", "legal_form_group": "'housing'"}),
        ("organisations", {"is_marketing_target": "true", "status": "'bankruptcy'", "legal_form_group": "'company'"}),
        ("organisations", {"is_marketing_target": "true", "status": "'liquidation'", "legal_form_group": "'company'"}),
        ("organisations", {"is_marketing_target": "true", "status": "'ceased'", "legal_form_group": "'company'"}),
        ("organisation_history", {"valid_to": "valid_from"}),
        ("organisation_history", {"valid_from": "null"}),
        ("organisation_history", {"is_marketing_target": "true", "status": "'ceased'"}),
        ("changes_daily", {"op": "'DELETE'"}),
        ("changes_daily", {"changed_fields": "null"}),
        ("source_health", {"last_verdict": "null"}),
    ],
)
def test_a_contract_refuses_bad_rows(daily: Lake, tmp_path: Path, mart: str, bad: Mapping[str, str]) -> None:
    shutil.copyfile(daily.home / "warehouse.duckdb", tmp_path / "copy.duckdb")
    replaced = ", ".join(f"{value} as {column}" for column, value in bad.items())
    with duckdb.connect(str(tmp_path / "copy.duckdb")) as db:
        db.execute(f"insert into {mart} select * from {mart} limit 1")
        with pytest.raises(duckdb.ConstraintException):
            db.execute(f"insert into {mart} select * replace ({replaced}) from {mart} limit 1")


# --- a small register, told company by company -----------------------------------------------------------------------

STEADY, BACK, TWICE, OLD, BRIEF, GONE = map(business_id, range(6))


@pytest.fixture(scope="module")
def small(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Three days: one company goes and comes back, one is told twice a day, one is known by search only."""
    lake = Lake(tmp_path_factory.mktemp("small") / "lake", seeded)
    first = [
        NOKIA,
        company(STEADY, "Vakaa Oy"),
        company(BACK, "Paluu Oy"),
        company(TWICE, "Aamu Oy"),
        company(GONE, "Poissa Oy"),
    ]
    lake.land_bulk(DAY, first)
    lake.increment()
    second = [NOKIA, first[1]]
    third = [*second, first[2]]
    lake.land_search(DAY + timedelta(days=1), [ceased(OLD, "Entinen Oy"), company(TWICE, "Haettu Oy")])
    lake.increment()
    lake.land_bulk(DAY + timedelta(days=1), [*second, first[4], company(TWICE, "Aamupäivä Oy")])
    lake.increment()
    lake.land_bulk(DAY + timedelta(days=1), [*second, first[4], company(TWICE, "Ilta Oy")])
    lake.increment()
    lake.land_bulk(DAY + timedelta(days=2), [*third, company(TWICE, "Yö Oy"), company(BRIEF, "Hetki Oy")])
    lake.increment()
    lake.land_bulk(DAY + timedelta(days=2), [*third, company(TWICE, "Aamuyö Oy")])
    lake.increment()
    lake.land_search(DAY + timedelta(days=1), [company(GONE, "Uusi Nimi Oy")])
    lake.increment()
    return lake


def changes(lake: Lake, identifier: str) -> list[tuple[int, str, list[str]]]:
    rows = lake.rows("select date, op, changed_fields from changes_daily where entity_id = ? order by date", identifier)
    return [((row["date"] - DAY).days, row["op"], row["changed_fields"]) for row in rows]


def test_a_real_company_comes_out_right(small: Lake) -> None:
    row = small.organisation("0112038-9")
    wanted = {
        "name": "Nokia Oyj",
        "trade_names": ["Nokia Abp", "Nokia Corporation", "Vertu"],
        "legal_form_code": "17",
        "legal_form_letters": "OYJ",
        "legal_form_group": "company",
        "legal_form_name_en": "Public limited company",
        "status": "active",
        "industry_code": "70100",
        "industry_code_source": "registry",
        "industry_name_en": "Activities of head offices",
        "industry_2008_codes": ["70100"],
        "municipality_code": "049",
        "municipality_source": "visiting_address",
        "municipality_name_sv": "Esbo",
        "region_name_fi": "Uusimaa",
        "visiting_street": "Karakaari 7",
        "visiting_postcode": "02610",
        "visiting_town": "ESPOO",
        "postal_street": "PL 226",
        "postal_postcode": "00045",
        "postal_town": "NOKIA GROUP",
        "postal_country": None,
        "postal_lines": ["Nokia Oyj", "PL 226", "00045 NOKIA GROUP"],
        "website": "www.nokia.com",
        "is_employer": True,
        "is_vat_registered": True,
        "is_prepayment_registered": True,
        "registered_on": date(1896, 12, 19),
        "age_years": 129,
        "is_marketing_target": True,
        "sources": ["ytj"],
        **dict.fromkeys(["phone", "email", "language", "staff_band", "taxed_income_eur", "ended_on"]),
    }
    assert {key: row[key] for key in wanted} == wanted
    assert changes(small, "0112038-9") == [(0, "LISAYS", [])]


def test_gone_and_back(small: Lake) -> None:
    assert changes(small, BACK) == [
        (0, "LISAYS", []),
        (1, "POISTO", ["status", "is_marketing_target"]),
        (2, "LISAYS", ["status", "is_marketing_target"]),
    ]
    on = [
        small.rows("select name, status from organisations_as_of(?::date) where business_id = ?", DAY + timedelta(days=n), BACK)
        for n in (1, 2)
    ]
    assert on == [[{"name": "Paluu Oy", "status": "ceased"}], [{"name": "Paluu Oy", "status": "active"}]]


def test_of_one_day_the_last_load_is_true(small: Lake) -> None:
    """The search, landed first, outweighs the bulk of its day; of two bulks of a day the later one is true."""
    names = small.rows(
        "select name, valid_from, load_id from organisation_history where business_id = ? order by valid_from", TWICE
    )
    assert [(row["name"], (row["valid_from"] - DAY).days) for row in names] == [
        ("Aamu Oy", 0),
        ("Haettu Oy", 1),
        ("Aamuyö Oy", 2),
    ]
    assert [row["load_id"][-12:] for row in names] == ["20260102-001", "20260103-001", "20260104-002"]


def test_seen_in_one_load_of_a_day_only(small: Lake) -> None:
    """What has gone by the next load of the same day is known all the same, as ceased."""
    row = small.organisation(BRIEF)
    assert (row["name"], row["status"], row["first_seen_on"]) == ("Hetki Oy", "ceased", DAY + timedelta(days=2))
    assert changes(small, BRIEF) == [(2, "LISAYS", [])]


def test_a_late_search_of_a_day_that_has_passed(small: Lake) -> None:
    """What it tells holds from its own day on: the later disappearance is of the company as it was by then."""
    rows = small.rows(
        "select name, status, valid_from from organisation_history where business_id = ? order by valid_from", GONE
    )
    assert [(row["name"], row["status"], (row["valid_from"] - DAY).days) for row in rows] == [
        ("Poissa Oy", "active", 0),
        ("Uusi Nimi Oy", "active", 1),
        ("Uusi Nimi Oy", "ceased", 2),
    ]


def test_known_by_search_as_ceased(small: Lake) -> None:
    row = small.organisation(OLD)
    assert (row["status"], row["ended_on"], row["is_marketing_target"]) == ("ceased", date(2025, 12, 31), False)


def test_the_small_register_at_once(small: Lake, tmp_path: Path) -> None:
    whole = small.copy(tmp_path / "lake")
    whole.dbt("run", full=True)
    assert differences(small, whole) == {}


def test_source_health_tells_of_every_dataset(small: Lake) -> None:
    rows = small.rows("from source_health order by dataset_name")
    assert [(r["dataset_name"], r["in_service_load_id"], r["last_verdict"], r["rows_read"]) for r in rows] == [
        ("companies", "ytj-companies-20260104-002", "accepted", 4),
        ("companies_search", "ytj-companies_search-20260103-002", "accepted", 1),
    ]


# --- any history -------------------------------------------------------------------------------------------------------

IDS = [business_id(n) for n in range(10, 22)]
# What a load may say of a company: nothing, or one of a few states (name, has ended).
States = st.dictionaries(st.sampled_from(IDS), st.tuples(st.sampled_from("AB"), st.booleans()))
Loads = st.lists(
    st.tuples(st.sampled_from(["bulk", "bulk", "search"]), st.integers(0, 1), States, st.booleans()), min_size=3, max_size=4
)
Told = tuple[str, int, dict[str, tuple[str, bool]], bool]


def replayed(loads: list[tuple[str, int, dict[str, tuple[str, bool]]]]) -> dict[int, dict[str, tuple[str, str]]]:
    """Day -> organisation -> (name, status), by brute force: compare each load with the last of its dataset, then walk through
    the days, on each through the bulks and then the searches in the order of their landing."""
    last: dict[str, dict[str, tuple[str, bool]]] = {"bulk": {}, "search": {}}
    told: list[tuple[int, str, int, str, tuple[str, bool] | None]] = []
    for number, (dataset, day, states) in enumerate(loads):
        news: dict[str, tuple[str, bool] | None] = {i: s for i, s in states.items() if last[dataset].get(i) != s}
        if dataset == "bulk":
            news |= dict.fromkeys(last[dataset].keys() - states.keys())
        last[dataset] = states if dataset == "bulk" else last[dataset] | states
        told += [(day, dataset, number, identifier, state) for identifier, state in news.items()]
    known: dict[str, tuple[str, str]] = {}
    days = {}
    for day in range(max(day for _, day, _ in loads) + 1):
        for when, _, _, identifier, state in sorted(told, key=lambda row: row[:3]):
            if when == day:
                name = f"{state[0]} Oy" if state else known[identifier][0]
                known[identifier] = name, "active" if state and not state[1] else "ceased"
        days[day] = dict(known)
    return days


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("histories")


@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking would build for an hour
    suppress_health_check=list(HealthCheck),
)
@given(drawn=Loads)
def test_any_history(scratch: Path, seeded: Path, drawn: list[Told]) -> None:
    """Whatever is landed in whatever order: no gaps, as-of equals a replay, and day by day equals at once."""
    shutil.rmtree(scratch / "lake", ignore_errors=True)
    lake, loads = Lake(scratch / "lake", seeded), []
    # Each dataset has days of its own: a search may speak of a day that the bulk has passed.
    days = {"bulk": 0, "search": 0}
    anchor = business_id(30)
    for number, (dataset, later, states, is_built) in enumerate([("bulk", 0, {}, True), *drawn]):
        days[dataset] += later
        day = DAY + timedelta(days=days[dataset])
        records = [(ceased if ended else company)(i, f"{name} Oy") for i, (name, ended) in states.items()]
        # The same bytes twice a day would rightly not be landed again.
        land = lake.land_bulk if dataset == "bulk" else lake.land_search
        land(day, [*records, company(anchor, f"Ankkuri {number} Oy")])
        loads.append((dataset, days[dataset], states))
        if is_built:
            lake.increment()
    lake.increment()
    for day_number, wanted in replayed(loads).items():
        found = lake.rows(
            "select business_id, name, status from organisations_as_of(?::date) where business_id <> ?",
            DAY + timedelta(days=day_number),
            anchor,
        )
        assert {row["business_id"]: (row["name"], row["status"]) for row in found} == wanted
    assert (
        lake.value("""
        select count(*) from (
            select valid_to is distinct from lead(valid_from) over (partition by business_id order by valid_from) as is_broken
            from organisation_history) where is_broken""")
        == 0
    )
    shutil.rmtree(scratch / "whole", ignore_errors=True)
    whole = lake.copy(scratch / "whole")
    whole.dbt("run", full=True)
    assert differences(lake, whole) == {}


# --- what is said of them ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("manifest")
    parse(folder)
    return dict(json.loads((folder / "manifest.json").read_text()))


def test_every_column_of_every_mart_is_described_typed_and_under_contract(manifest: dict[str, Any]) -> None:
    marts = [n for n in manifest["nodes"].values() if n["resource_type"] == "model" and n["path"].startswith("marts/")]
    assert {mart["name"] for mart in marts} >= {*MARTS, "source_health"}
    for mart in marts:
        assert mart["config"]["contract"]["enforced"] and mart["access"] == "public", mart["name"]
        poor = [name for name, c in mart["columns"].items() if len(c["description"]) < 10 or not c["data_type"]]
        assert mart["columns"] and not poor, (mart["name"], poor)


def test_the_dictionary_is_up_to_date(manifest: dict[str, Any]) -> None:
    assert PAGE.read_text() == mart_dictionary(manifest), "renew it: python -m orchestration.dictionary"


def test_the_lineage_is_up_to_date_and_true(manifest: dict[str, Any]) -> None:
    told = "renew it: python -m orchestration.dictionary"
    assert lineage.PAGE.read_text() == lineage.page(manifest), told
    assert lineage.PICTURE.read_text() == lineage.picture(manifest), told
    marts = {mart.name: mart for mart in lineage.marts(manifest)}
    nodes = manifest["nodes"].values()
    assert len(marts) == sum(n["resource_type"] == "model" and n["schema"] in ("main", "restricted") for n in nodes)
    organisations = marts["organisations"]
    assert "ptv" in organisations.direct and "bounces" not in organisations.direct + organisations.far
    assert organisations.is_delivered and not marts["decay_rate_history"].is_delivered
    # The ban lists reach a customer's file by the gates alone, and what is restricted reaches no analyst.
    assert "external_lists" in marts["marketing_contacts"].direct and "external_lists" not in marts["contact_points"].far
    assert {file for name, mart in marts.items() if name.startswith("restricted.") for file in mart.files} == {"registry"}
    assert {name for name, mart in marts.items() if "marketing" in mart.files} == {
        "marketing_contacts",
        "marketing_organisations",
    }
    assert marts["responsible_persons"].personal["last_name"] == "name" and not marts["decay_rates"].personal


def test_a_mart_without_a_grain_gets_no_page(manifest: dict[str, Any]) -> None:
    told = json.loads(json.dumps(manifest))
    told["nodes"]["model.kohde.organisations"]["description"] = "Organisations."
    with pytest.raises(ValueError, match="organisations does not state its grain"):
        mart_dictionary(told)


# --- rules in the words of dbt ----------------------------------------------------------------------------------------


def test_the_unit_tests_of_the_models_hold(daily: Lake, tmp_path: Path) -> None:
    unit = daily.copy(tmp_path / "lake", "warehouse.duckdb")
    unit.watermarks = {}
    unit.dbt("test", "--select", "test_type:unit")
