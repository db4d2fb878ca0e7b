"""Decision makers, their contact points and how sure we are of them: a made-up year of survey waves against what was told."""

import math
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bench.calibration import classes, logistic
from ingest import synthetic
from ledger import objections, store
from ledger.subjects import Told
from orchestration import publish
from orchestration.build import build
from orchestration.worlds import land_day
from tests.builds import build_models

FIRST, EVERY, STEPS = date(2026, 1, 2), 75, 7
DAYS = [FIRST + timedelta(days=EVERY * step) for step in range(STEPS)]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("waves")
    synthetic.generate(700, 23, STEPS, folder, start=FIRST, every=EVERY)
    return folder


@pytest.fixture(scope="module")
def home(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A year of waves; registers on the first day and the last."""
    home = tmp_path_factory.mktemp("people") / "lake"
    land_day(source, DAYS[0], home)
    for day in DAYS[1:]:
        land_day(source, day, home, ["survey", "bounces"])
    land_day(
        source, DAYS[-1], home, ["ytj", "prh_officers", "prh_notices", "ytj_extract", "ptv", "associations", "external_lists"]
    )
    report = build(home)
    assert report.warnings == []
    return home


def ask(home: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as db:
        db.execute("use main")
        return db.execute(sql).fetchall()


def one(home: Path, sql: str) -> Any:
    ((value,),) = ask(home, sql)
    return value


# --- who is listed --------------------------------------------------------------------------------------------------------


def test_everybody_listed_was_told_of(home: Path, source: Path) -> None:
    """The areas a survey coded are those of the report in force; the rest come from titles or registered roles."""
    assert one(home, "select count(*) from decision_makers where list_contains(sources, 'survey')") > 300
    assert one(home, "select count(*) from decision_makers where list_contains(sources, 'prh_officers')") > 200
    strangers = f"""
        select count(*) from decision_makers as d
        where list_contains(d.sources, 'survey') and not exists (
            select 1 from enriched.enr_surveyed_links as links
            inner join read_parquet('{source}/truth/mentions/*.parquet') as truth using (mention_id)
            where links.person_id = d.person_id and links.business_id = d.business_id)"""
    assert one(home, strangers) == 0


def test_who_may_not_be_reached_is_nobodys_decision_maker(home: Path) -> None:
    held = {role for (roles,) in ask(home, "select distinct registered_roles from decision_makers") for role in roles}
    excluded = {code for (code,) in ask(home, "select role_code from reference.roles where schema_name = 'restricted'")}
    assert held and excluded and not held & excluded


def test_whom_a_firm_says_to_have_left_is_listed_there_no_more(home: Path) -> None:
    left = """
        select reports.reported_on, links.person_id, reports.business_id from enriched.enr_survey_reports as reports
        inner join enriched.enr_person_of_mention as links using (mention_id) where reports.is_left"""
    assert one(home, f"select count(*) from ({left})") > 5
    still = f"""
        select count(*) from ({left}) as gone inner join decision_makers as d using (person_id, business_id)
        where list_contains(d.sources, 'survey') and not exists (
            select 1 from enriched.enr_surveyed_links as later
            where later.person_id = gone.person_id and later.business_id = gone.business_id
            and later.valid_from >= gone.reported_on)"""
    assert one(home, still) == 0


def test_a_full_round_ends_whom_it_does_not_name_and_a_check_does_not(home: Path) -> None:
    ended = ask(
        home,
        """
        select links.valid_to, list(distinct reports.disposition_code), list(distinct cases.wave_id)
        from enriched.enr_surveyed_links as links
        inner join enriched.enr_survey_reports as reports
            on links.business_id = reports.business_id and links.valid_to = reports.reported_on
        inner join staging.stg_survey__cases as cases using (case_id)
        where links.ended_by = 'not_named' group by links.person_id, links.business_id, links.valid_to""",
    )
    assert len(ended) > 5
    for _, dispositions, waves in ended:
        assert {"CMP", "CNC"} & set(dispositions)
        assert any(not wave.endswith("-T") for wave in waves)


def test_the_history_has_no_overlap_and_today_is_what_is_listed(home: Path) -> None:
    overlaps = """
        select count(*) from (
            select valid_to, lead(valid_from) over (
                partition by person_id, business_id, area_code, source_name order by valid_from) as next_from
            from decision_maker_history where source_name = 'survey')
        where next_from < coalesce(valid_to, date '9999-01-01')"""
    assert one(home, overlaps) == 0
    as_of = """
        select count(*) from (
            (select person_id, business_id, area_code from decision_makers
             where person_id not in (select person_id from withheld_persons))
            except
            (select person_id, business_id, area_code from decision_makers_as_of((select today from enriched.enr_today))))"""
    assert one(home, as_of) == 0
    first = one(home, "select min(valid_from) from decision_maker_history where source_name = 'survey'")
    assert one(home, f"select count(*) from decision_makers_as_of(date '{first}') where source_name = 'survey'") > 0


def test_what_the_firm_said_beats_what_the_title_suggests(home: Path) -> None:
    """Where a report named areas, no area of the link comes from the title."""
    assert one(home, "select count(*) from decision_makers where area_source = 'title' and area_code <> 'UNCLASSIFIED'") > 20
    mixed = """
        select count(*) from enriched.enr_surveyed_links as links inner join enriched.enr_link_areas as areas
            using (person_id, business_id, valid_from)
        where (len(links.area_codes) > 0) = (areas.area_source = 'title')"""
    assert one(home, mixed) == 0


# --- contact points ---------------------------------------------------------------------------------------------------------


def test_no_address_was_made_up(home: Path) -> None:
    """Every value stands in a landed record, as told or in its normal form (DOMAIN L-09)."""
    told = f"""
        select email as value from read_parquet('{home}/raw/survey/decision_makers/load=*/*.parquet')
        union select phone_e164 from read_parquet('{home}/raw/survey/decision_makers/load=*/*.parquet')
        union select email from read_parquet('{home}/raw/associations/associations/load=*/*.parquet')
        union select phone_e164 from read_parquet('{home}/raw/associations/associations/load=*/*.parquet')
        union select email from read_parquet('{home}/raw/foundations/foundations/load=*/*.parquet')
        union select phone_e164 from read_parquet('{home}/raw/foundations/foundations/load=*/*.parquet')
        union select unnest(list_transform(contacts, lambda c: c.normal))
            from read_parquet('{home}/raw/ytj_extract/companies/load=*/*.parquet')
        union select unnest(list_transform(emails, lambda e: e.address))
            from read_parquet('{home}/raw/ptv/organisations/load=*/*.parquet')
        union select unnest(list_transform(phoneNumbers, lambda p: p.e164))
            from read_parquet('{home}/raw/ptv/organisations/load=*/*.parquet')"""
    assert one(home, "select count(*) from contact_points") > 500
    assert (
        one(
            home, f"select count(*) from contact_points where value not in (select value from ({told}) where value is not null)"
        )
        == 0
    )
    assert one(home, "select count(*) from contact_points where value like 'etunimi.sukunimi%' or value_kind = 'pattern'") == 0


def test_whom_a_message_reaches(home: Path) -> None:
    rows = ask(
        home,
        """
        select c.value_kind, c.owner, o.legal_form_group, c.source_name, c.subject_kind, count(*)
        from contact_points as c left join organisations as o using (business_id) group by all""",
    )
    seen = defaultdict(set)
    for kind, owner, group, told_by, subject, _ in rows:
        seen[kind, owner, group == "sole_trader", told_by].add(subject)
    for (kind, owner, is_trader, told_by), subjects in seen.items():
        if is_trader or kind == "free_mail":
            assert subjects == {"natural_person"}
        elif owner == "person":
            assert subjects == {"natural_person_work"}
        elif kind in ("role", "organisation", "fixed"):
            assert subjects == {"legal_person_generic"}
        elif kind == "personal" or (kind == "mobile" and told_by == "ptv"):
            assert subjects == {"natural_person_work"}
    assert {("role", "organisation", True, "ytj_extract"), ("personal", "person", False, "survey")} <= seen.keys()


def test_an_address_that_bounced_is_not_handed_on(home: Path) -> None:
    assert one(home, "select count(*) from contact_points where invalid_reason = 'failed'") > 3
    failed = """
        select count(*) from decision_makers as d inner join contact_points as c
            on d.person_id = c.person_id and d.business_id = c.business_id and d.email = c.value
        where c.invalid_at is not null"""
    assert one(home, failed) == 0
    too_early = """
        select count(*) from contact_points where invalid_reason = 'failed' and invalid_at <= verified_on"""
    assert one(home, too_early) == 0


def test_the_contact_points_of_a_day(home: Path) -> None:
    """Those told by then and not yet known to fail; what a register tells no more is withdrawn, not forgotten."""
    of_day = f"select * from contact_points_as_of(date '{DAYS[3]}')"
    assert one(home, f"select count(*) from ({of_day})") > 200
    late = f"select count(*) from ({of_day}) where first_seen_on > date '{DAYS[3]}' or invalid_at <= date '{DAYS[3]}'"
    assert one(home, late) == 0
    still = """
        select count(*) from contact_points
        where (invalid_at is null or invalid_at > (select today from enriched.enr_today))
            and (person_id is null or person_id not in (select person_id from withheld_persons))"""
    assert one(home, "select count(*) from contact_points_as_of((select today from enriched.enr_today))") == one(home, still)
    assert one(home, "select count(*) from contact_points where invalid_reason = 'withdrawn' and owner = 'organisation'") > 3


# --- how sure we are ------------------------------------------------------------------------------------------------------


def expected_rates(intervals: list[tuple[float, bool]], yearly: float, weight: float) -> float:
    """The rate of a channel by the words of the rule: what failed was at risk for the mean of a truncated exponential."""
    rate = yearly / 365.25
    for _ in range(5):
        at_risk = sum(1 / rate - days / math.expm1(rate * days) if failed else days for days, failed in intervals)
        rate = (sum(failed for _, failed in intervals) + weight) / (at_risk + weight / (yearly / 365.25))
    return rate * 365.25


@pytest.mark.parametrize("channel", ["link", "email", "phone"])
def test_the_rate_of_a_channel_is_estimated_as_said(home: Path, channel: str) -> None:
    looked_at = ask(
        home,
        f"select to_day - from_day, is_failed from enriched.enr_decay_intervals where channel = '{channel}' and not has_signal",
    )
    ((yearly, weight),) = ask(home, f"select yearly_rate, weight from reference.decay_seeds where code = '{channel}'")
    found = one(home, f"select yearly_rate from decay_rates where channel = '{channel}' and staff_band = '*'")
    assert len(looked_at) > 50
    assert found == pytest.approx(
        expected_rates([(float(days), failed) for days, failed in looked_at], yearly, weight), rel=1e-9
    )
    assert found != pytest.approx(yearly, rel=0.01)


def test_a_cell_is_shrunk_towards_its_channel(home: Path) -> None:
    """Whatever a cell has seen, its rate lies between what it saw and the whole."""
    rows = ask(
        home,
        """
        select cell.events, cell.exposure_days, cell.yearly_rate, whole.yearly_rate
        from decay_rates as cell inner join decay_rates as whole
            on cell.channel = whole.channel and whole.staff_band = '*' where cell.staff_band <> '*'""",
    )
    assert len(rows) > 100
    for events, days, rate, whole in rows:
        seen = events / days * 365.25 if days else whole
        assert min(seen, whole) - 1e-9 <= rate <= max(seen, whole) + 1e-9


def test_p_current_falls_with_time_and_with_signals(home: Path) -> None:
    rows = ask(
        home,
        """
        select d.p_current, t.today - d.verified_on, exists(
            select 1 from enriched.enr_link_signals as s
            where s.person_id = d.person_id and s.business_id = d.business_id and s.signalled_on > d.verified_on)
        from decision_makers as d cross join enriched.enr_today as t""",
    )
    sure = [p for p, days, doubt in rows if days == 0 and not doubt]
    old = [p for p, days, doubt in rows if days > 200 and not doubt]
    doubted = [p for p, _, doubt in rows if doubt]
    assert min(sure) == 1 and max(old) < 0.97 and len(doubted) > 5
    assert max(doubted) <= one(home, "select max(remaining) from enriched.enr_signal_strength") < 0.9


def test_the_predictions_of_the_last_wave_did_not_know_it(home: Path) -> None:
    looks = """
        select count(*) from enriched.enr_decay_intervals
        where channel = 'link' and to_day > (select today - interval 90 days from enriched.enr_today)"""
    events = "select sum(events) from {} where channel = 'link' and staff_band = '*'"
    later = one(home, f"{looks} and is_failed and not has_signal")
    assert later > 0
    assert later == one(home, events.format("decay_rates")) - one(home, events.format("enriched.enr_decay_rates_held_out"))
    assert one(home, "select sum(looked_at) from calibration where channel = 'link'") == one(home, looks)


def test_the_logistic_calibration_knows_what_is_right() -> None:
    """A sure prediction has slope 1 and intercept 0, one that is too sure of itself a smaller slope."""
    import numpy as np

    random = np.random.default_rng(7)
    p = random.uniform(0.05, 0.95, 40_000)
    happened = (random.uniform(size=p.size) < p).astype(float)
    slope, intercept, error = logistic(p, happened)
    assert slope == pytest.approx(1, abs=4 * error) and intercept == pytest.approx(0, abs=0.06)
    logit = 2 * np.log(p / (1 - p))
    assert logistic(1 / (1 + np.exp(-logit)), happened)[0] == pytest.approx(0.5, abs=0.05)
    assert all(abs(one.predicted - one.observed) < 0.03 for one in classes(p, happened))


# --- where it comes from --------------------------------------------------------------------------------------------------


def test_every_value_says_who_told_it(home: Path) -> None:
    for field in ("name", "phone", "email", "staff_band", "taxed_income_eur", "language"):
        bare = f"""
            select count(*) from organisations as o where {field} is not null and not exists (
                select 1 from field_provenance as p
                where p.entity_type = 'organisation' and p.entity_id = o.business_id and p.field = '{field}')"""
        assert one(home, bare) == 0, field
    told_twice = "select count(*) from field_provenance where len(outweighed) > 0"
    assert one(home, told_twice) > 20
    assert one(home, "select count(*) from field_provenance where list_contains(outweighed, source_name)") == 0
    unsaid = """
        select count(*) from decision_makers as d where not exists (
            select 1 from field_provenance as p
            where p.entity_id = d.person_id || '|' || d.business_id and p.field = 'name')"""
    assert one(home, unsaid) == 0


def test_a_survey_outweighs_the_register_that_told_otherwise(home: Path) -> None:
    of_persons = "from field_provenance where entity_type = 'decision_maker' and outweighed <> []"
    found = ask(home, f"select distinct source_name, outweighed {of_persons}")
    assert found == [("survey", ["prh_officers"])]
    bare = """
        select count(*) from decision_makers as d inner join field_provenance as p
            on p.entity_id = d.person_id || '|' || d.business_id and p.field = 'title' and len(p.outweighed) = 0
        inner join decision_maker_history as held using (person_id, business_id)
        where held.source_name = 'prh_officers' and held.valid_to is null and held.valid_from <= p.valid_from
            and p.source_name = 'survey' and d.title <> held.title"""
    assert one(home, bare) == 0


@pytest.mark.parametrize("day", ["2026-03-18", "2026-06-01", "2026-12-31"])
def test_who_had_told_what_on_a_day(home: Path, day: str) -> None:
    """One teller of each field; of a link that a survey had verified by then, and of no link it had not heard of."""
    as_of = f"field_provenance_as_of(date '{day}')"
    assert one(home, f"select count(*) - count(distinct (entity_type, entity_id, field)) from {as_of}") == 0
    links = f"""
        select count(*) from enriched.enr_surveyed_links as l
        where l.valid_from <= date '{day}' and (l.valid_to is null or l.valid_to > date '{day}')
            and not exists (select 1 from {as_of} as p where p.entity_id = l.person_id || '|' || l.business_id
                and p.field = 'name' and p.source_name = 'survey' and p.load_id = l.load_id)"""
    assert one(home, links) == 0
    early = f"select count(*) from {as_of} where verified_on > date '{day}'"
    assert one(home, early) == 0


def test_today_is_a_day_like_others(home: Path) -> None:
    today = "(select today from enriched.enr_today)"
    for mart, ended in (("field_provenance", "null::date as valid_to"), ("decay_rates", "")):
        columns = "* exclude (valid_from, valid_to)" if mart == "decay_rates" else "*"
        now = f"select *{', ' + ended if ended else ''} from {mart}"
        then = f"select {columns} from {mart}_as_of({today})"
        assert one(home, f"select count(*) from {mart}") > 100
        assert ask(home, f"({now} except all {then}) union all ({then} except all {now})") == []


def test_rates_of_a_day_knew_no_more_than_the_day(home: Path) -> None:
    for day in ("2026-05-01", "2026-11-01"):
        failed = "from enriched.enr_decay_intervals where channel = 'link' and is_failed and not has_signal"
        told = f"select sum(events) from decay_rates_as_of(date '{day}') where channel = 'link' and staff_band = '*'"
        assert one(home, f"select count(*) {failed} and to_day <= date '{day}'") == one(home, told)
    assert one(home, told) > 0


def test_the_next_build_knows_what_people_said(home: Path) -> None:
    """A correction stands. A look back leaves out whoever objects today: they were there on the day and are counted; another
    objection, of one channel, hides nobody."""
    ((person, organisation, title),) = ask(
        home,
        "select person_id, business_id, title from decision_makers where list_contains(sources, 'survey') order by all limit 1",
    )
    store.correct(home, "title", "Talousjohtaja", "a tester", "they wrote", business_id=organisation, person_id=person)
    store.correct(home, "phone", None, "a tester", "there is none", business_id=organisation, person_id=person)
    day = "date '2026-06-01'"
    listed = f"select distinct person_id from decision_makers_as_of({day}) order by all"
    before = ask(home, listed)
    (one_of_them,), (other,), *_ = (row for row in before if row != (person,))
    counted = f"select people from withheld_as_of({day}) where gate = 'OBJECTION_PERSON'"
    already = one(home, counted)
    contacts = f"select count(*) from contact_points_as_of({day}) where person_id = '{one_of_them}'"
    told = {"evidence": "a letter", "by_whom": "a tester"}
    objections.add(home, Told(person_id=one_of_them), **told)
    objections.add(home, Told(person_id=other), channel="phone", **told)
    build_models(home)
    where = f"where person_id = '{person}' and business_id = '{organisation}'"
    assert title != "Talousjohtaja"
    assert ask(home, f"select distinct title, phone from decision_makers {where}") == [("Talousjohtaja", None)]
    assert ask(home, listed) == [row for row in before if row != (one_of_them,)]
    assert one(home, counted) == already + 1
    assert one(home, contacts) == 0
    assert one(home, f"select count(*) from decision_maker_history where person_id = '{one_of_them}'") > 0


def test_what_is_published_can_be_asked_by_day(home: Path) -> None:
    folder = Path(publish.publish(home).path)
    for file in ("registry", "analyst"):
        with duckdb.connect(str(folder / f"{file}.duckdb"), read_only=True) as db:
            (count,) = db.execute("select count(*) from decision_makers_as_of(date '2026-06-01')").fetchall()[0]
            assert count > 100
