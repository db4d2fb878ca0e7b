"""Organisations of many sources: whose word counts, what is carried forward, and that the order of landing does not matter."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingest.sources.associations import loader as associations
from ingest.sources.ledger import loader as promises
from ingest.sources.vero import loader as vero
from ingest.synthetic import generate
from ledger import store
from orchestration.build import build
from orchestration.worlds import land_day
from tests.test_marts import Lake, business_id, company, differences, seeded
from tests.test_yrtti import body, write

__all__ = ["seeded"]  # the fixture

FIRST = date(2026, 1, 2)
DAYS = [FIRST + timedelta(days=n) for n in range(3)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("everybody")
    generate(1_000, 7, 3, folder, start=FIRST, change_share=0.05)
    return folder


@pytest.fixture(scope="module")
def everybody(made: Path, seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Three days of all sources, built each day."""
    lake = Lake(tmp_path_factory.mktemp("organisations") / "lake", seeded)
    for day in DAYS:
        land_day(made, day, lake.home)
        report = build(lake.home)
        assert report.full_refresh == (day == FIRST)
    return lake


def told(made: Path, name: str, day: date = DAYS[-1]) -> str:
    return f"read_parquet('{made}/truth/{name}/{day}.parquet')"


def test_everybody_with_a_business_id_is_an_organisation(everybody: Lake, made: Path) -> None:
    (counts,) = everybody.rows(f"""
        select count(*) as known, count(o.business_id) as found, count(distinct kind) as kinds,
            count(*) filter (o.status = 'ceased') as ceased
        from {told(made, "entities")} as t left join organisations as o using (business_id)
        where t.status <> 'ceased' and t.registered_on <= date '2026-01-02' and not business_id in (
            -- Nobody tells of an association without an id of its own, nor of a company that search alone would find.
            select business_id from {told(made, "entities")} where kind = 'association')
            and business_id in (select business_id from {told(made, "entities", FIRST)})""")
    assert counts["kinds"] >= 8 and counts["known"] > 1_200
    assert counts["found"] == counts["known"]
    groups = {
        row["legal_form_group"]: row["n"]
        for row in everybody.rows("select legal_form_group, count(*) as n from organisations group by all")
    }
    assert {"company", "sole_trader", "association", "foundation", "public"} <= groups.keys()


def test_every_column_that_a_source_tells_is_filled(everybody: Lake) -> None:
    (filled,) = everybody.rows("""
        select count(phone) as phone, count(email) as email, count(language) as language, count(staff_band) as staff_band,
            count(taxed_income_eur) as tax, count(*) filter (municipality_source = 'domicile') as domicile
        from organisations""")
    assert min(filled.values()) > 30, filled


def test_contacts_agree_with_the_truth(everybody: Lake, made: Path) -> None:
    wrong = everybody.rows(f"""
        select business_id, sources from organisations join {told(made, "contacts")} as t using (business_id)
        where list_contains(sources, 'ytj_extract') and (organisations.phone <> t.phone or organisations.email <> t.email)""")
    assert wrong == []
    assert everybody.value("select count(*) from organisations where phone is not null and legal_form_group = 'company'") > 50


def test_no_organisation_bears_a_persons_contact(everybody: Lake, made: Path) -> None:
    """Neither a mobile number of a sole trader or association, nor a mailbox with a name."""
    assert (
        everybody.rows("""
        select business_id from organisations
        where phone like '+35848%' and legal_form_group in ('sole_trader', 'association', 'foundation', 'public')""")
        == []
    )
    assert (
        everybody.rows(f"""
        select email from organisations where email in (select work_email from {told(made, "roles")})""")
        == []
    )


def test_of_tax_only_nobody_is_a_target(everybody: Lake) -> None:
    (found,) = everybody.rows("""
        select count(*) as n, count(*) filter (is_marketing_target) as targets, count(taxed_income_eur) as taxed
        from organisations where sources in (['vero'], ['statfi_business', 'vero'], ['survey', 'vero'])""")
    assert found["n"] > 20 and found["taxed"] == found["n"] and not found["targets"]


def test_day_by_day_equals_at_once(everybody: Lake, tmp_path: Path) -> None:
    whole = everybody.copy(tmp_path / "lake")
    whole.dbt("run", full=True)
    assert differences(everybody, whole) == {}


def test_the_order_of_sources_does_not_matter(made: Path, seeded: Path, everybody: Lake, tmp_path: Path) -> None:
    """Staff and tax land days after the register, or before it: what is known in the end is the same."""
    late = Lake(tmp_path / "lake", seeded)
    land_day(made, FIRST, late.home, ["vero", "associations"])
    late.increment()
    land_day(made, FIRST, late.home, ["ytj"])
    late.increment()
    land_day(made, DAYS[1], late.home, ["statfi_business"])
    late.increment()
    history = late.rows("""
        select business_id, list(valid_from order by valid_from) as days, list(sources order by valid_from) as told
        from organisation_history group by business_id having count(*) > 1""")
    assert len(history) > 300
    assert all(row["days"] == [FIRST, DAYS[1]] and "statfi_business" in row["told"][1] for row in history)
    whole = late.copy(tmp_path / "whole")
    whole.dbt("run", full=True)
    assert differences(late, whole) == {}


# --- one organisation, told by hand --------------------------------------------------------------------------------------

ASSOCIATION, OTHER, FIRM = map(business_id, (40, 41, 42))


def land_associations(lake: Lake, day: date, *records: dict[str, Any]) -> None:
    folder = lake.home.parent / f"associations-{day}"
    write(folder, body("900.001", BusinessId=None, AssociationNameInfo=NAMED), *records)
    associations.land(folder, day, lake.home, accept_bounds="a register made for a test")


def land_tax(lake: Lake, day: date, year: int, *lines: str) -> None:
    header = (
        "Verovuosi;Y-tunnus;Verovelvollisen nimi;Verotuskunta;"
        "Verotettava tulo;Maksuunpannut verot yhteensä;Veronpalautus;Jäännösvero"
    )
    path = lake.home.parent / f"{year}.csv"
    path.write_bytes(
        "".join(f"{line}\r\n" for line in (header, *(f"{year};{line};0,00;0,00;0,00" for line in lines))).encode("latin-1")
    )
    vero.land(path, day, lake.home, accept_bounds="a file made for a test")


NAMED = [{"Type": "P", "Name": "Ankkuri ry", "Language": "FI", "Status": "R", "StartDate": "2001-02-03"}]


@pytest.fixture(scope="module")
def told_by_hand(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Day 0: an association, and the tax of 2023. Day 1: the register of companies knows the firm, too. Day 2: the tax of 2022
    comes late and that of 2024. Day 3: the association's record speaks of another id. Day 4: it has gone."""
    lake = Lake(tmp_path_factory.mktemp("by-hand") / "lake", seeded)
    days = [FIRST + timedelta(days=n) for n in range(5)]
    land_associations(lake, days[0], body("195.883", BusinessId=ASSOCIATION))
    land_tax(lake, days[0], 2023, f"{FIRM};Verotettu Oy;091 Helsinki;100,00", f"{OTHER};Ulkomainen;200 Ulkomaat;1,00")
    lake.increment()
    lake.land_bulk(days[1], [company(FIRM, "Rekisterin Nimi Oy")])
    lake.increment()
    land_tax(lake, days[2], 2022, f"{FIRM};Verotettu Oy;091 Helsinki;50,00")
    land_tax(lake, days[2], 2024, f"{FIRM};Verotettu Oy;091 Helsinki;200,00")
    lake.increment()
    land_associations(lake, days[3], body("195.883", BusinessId=OTHER))
    lake.increment()
    land_associations(lake, days[4])
    lake.increment()
    return lake


def history(lake: Lake, identifier: str, *columns: str) -> list[tuple[Any, ...]]:
    rows = lake.rows(
        f"select valid_from, {', '.join(columns)} from organisation_history where business_id = ? order by valid_from",
        identifier,
    )
    return [((row["valid_from"] - FIRST).days, *(row[column] for column in columns)) for row in rows]


def test_the_register_outweighs_the_tax_data_which_fills_in(told_by_hand: Lake) -> None:
    assert history(
        told_by_hand, FIRM, "name", "taxed_income_year", "taxed_income_eur", "is_marketing_target", "municipality_code"
    ) == [
        (0, "Verotettu Oy", 2023, Decimal(100), False, "091"),
        (1, "Rekisterin Nimi Oy", 2023, Decimal(100), True, "091"),
        (2, "Rekisterin Nimi Oy", 2024, Decimal(200), True, "091"),
    ]


def test_a_record_that_speaks_of_another_organisation_leaves_the_first(told_by_hand: Lake) -> None:
    assert history(told_by_hand, ASSOCIATION, "name", "status", "sources") == [
        (0, "Keksitty Yhdistys ry", "active", ["associations"]),
        (3, "Keksitty Yhdistys ry", "ceased", ["associations"]),
    ]
    assert history(told_by_hand, OTHER, "name", "status", "municipality_code", "sources") == [
        (0, "Ulkomainen", "active", None, ["vero"]),
        (3, "Keksitty Yhdistys ry", "active", "753", ["associations", "vero"]),
        (4, "Keksitty Yhdistys ry", "ceased", "753", ["associations", "vero"]),
    ]


def test_what_was_told_by_hand_at_once(told_by_hand: Lake, tmp_path: Path) -> None:
    whole = told_by_hand.copy(tmp_path / "lake")
    whole.dbt("run", full=True)
    assert differences(told_by_hand, whole) == {}


def test_a_correction_outranks_the_sources_until_one_agrees(seeded: Path, tmp_path: Path) -> None:
    """Made today; the register, which knows better a month later, is heard again from then on."""
    lake, today = Lake(tmp_path / "lake", seeded), datetime.now(UTC).date()
    lake.land_bulk(today - timedelta(days=1), [company(FIRM, "Väärä Oy"), company(OTHER, "Muu Oy")])
    lake.increment()
    store.correct(lake.home, "name", "Oikea Oy", "a tester", "they called", business_id=FIRM)
    store.correct(lake.home, "phone", "+358100000000", "a tester", "they called", business_id=FIRM)
    promises.land(None, None, lake.home)
    lake.increment()
    store.correct(lake.home, "phone", None, "a tester", "there is none after all", business_id=FIRM)
    promises.land(None, None, lake.home)
    lake.increment()
    later = [today + timedelta(days=days) for days in (30, 60, 90)]
    for day, name in zip(later, ("Yhä Väärä Oy", "Oikea Oy", "Uusin Oy"), strict=True):
        lake.land_bulk(day, [company(FIRM, name), company(OTHER, "Muu Oy")])
        lake.increment()
    rows = lake.rows("select name, phone, valid_from from organisation_history where business_id = ? order by valid_from", FIRM)
    assert [(row["name"], row["phone"], (row["valid_from"] - today).days) for row in rows] == [
        ("Väärä Oy", None, -1),
        ("Oikea Oy", None, 0),
        ("Uusin Oy", None, 90),
    ]
    whole = lake.copy(tmp_path / "whole")
    whole.dbt("run", full=True)
    assert differences(lake, whole) == {}
