"""Lives in the made-up Finland: whoever is named can be told from the truth, under however many names; people move and rise."""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.sources.prh_officers import loader as officers
from ingest.sources.survey import loader as survey
from ingest.synthetic import generate
from ingest.synthetic.outreach import Outreach
from ingest.synthetic.registers import Registers
from ingest.synthetic.society import Society
from ingest.synthetic.world import world
from ingest.synthetic.ytj import Ytj

START, STEPS, EVERY = date(2026, 1, 2), 8, 60
DAYS = [START + timedelta(days=EVERY * step) for step in range(STEPS)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Over a year in steps of two months."""
    folder = tmp_path_factory.mktemp("lives")
    generate(3000, 5, STEPS, folder, start=START, sources=["prh_officers", "survey", "bounces"], every=EVERY)
    return folder


@pytest.fixture(scope="module")
def landed(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("lake")
    for day in (DAYS[0], DAYS[-1]):
        officers.land(made / "prh_officers" / day.isoformat(), None, home)
        survey.land(made / "survey" / day.isoformat(), day, home)
    return home


def truth(made: Path, name: str, query: str, day: date | None = None) -> list[tuple[Any, ...]]:
    """Rows of a query over a truth file (of all days without one), FROM truth standing for it."""
    files = made / "truth" / name / f"{day or '*'}.parquet"
    source = f"(SELECT *, right(parse_filename(filename, true), 10)::DATE AS day FROM read_parquet('{files}', filename = true))"
    return duckdb.execute(query.replace("FROM truth", f"FROM {source}")).fetchall()


def number(rows: list[tuple[Any, ...]]) -> float:
    ((value,),) = rows
    return float(value)


# --- who is who -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["prh_officers", "survey"])
def test_every_mention_means_one_person(made: Path, source: str) -> None:
    query = f"""SELECT count(*), count(*) FILTER (people <> 1) FROM (
        SELECT mention_id, count(DISTINCT person) + max(is_firm::INT) AS people FROM truth
        WHERE source = '{source}' GROUP BY 1)"""
    ((mentions, ambiguous),) = truth(made, "mentions", query)
    assert mentions > 1000 and ambiguous == 0


@pytest.mark.parametrize(("source", "dataset"), [("prh_officers", "officers"), ("survey", "decision_makers")])
def test_the_keys_of_mentions_are_those_that_land(made: Path, landed: Path, source: str, dataset: str) -> None:
    raw = f"read_parquet('{landed}/raw/{source}/{dataset}/load=*/*.parquet', union_by_name = true)"
    for day in (DAYS[0], DAYS[-1]):
        keys = {key for (key,) in duckdb.execute(f"SELECT _key FROM {raw} WHERE _as_of = '{day}' AND _op <> 'D'").fetchall()}
        told = {key for (key,) in truth(made, "mentions", f"SELECT record_key FROM truth WHERE source = '{source}'", day)}
        assert keys and keys <= told
        if day == DAYS[0]:
            quarantine = landed / "quarantine" / source / dataset
            refused = (
                duckdb.execute(f"SELECT record_key FROM read_parquet('{quarantine}/load=*/*.parquet')").fetchall()
                if quarantine.exists()
                else []
            )
            assert told - keys <= {key for (key,) in refused}


def test_a_mention_is_of_somebody_who_holds_or_held_that_place(made: Path) -> None:
    for day in (DAYS[0], DAYS[-1]):
        places = set(truth(made, "roles", "SELECT number, slot, generation, person FROM truth", day))
        mentions = truth(made, "mentions", "SELECT number, slot, generation, person FROM truth WHERE NOT is_firm", day)
        assert set(mentions) <= places


def spellings(name: str) -> Iterator[str]:
    """A name, and how it may be told: parts of it left out, then one error."""
    ways = {name}
    if "-" in name:
        ways |= {*name.split("-"), name.replace("-", " ")}
    if re.match("(von|af|de) ", name):
        ways |= {name.split(" ", 1)[1], name[0].upper() + name[1:]}
    for way in ways:
        yield way
        yield way.replace("ä", "ae").replace("ö", "oe").replace("å", "aa")
        yield way.translate(str.maketrans("äöå", "aoa"))
        yield way.upper()
        yield way[:2] + way[3:]
        yield way[0] + way[2:3] + way[1:2] + way[3:]


def test_names_differ_by_the_stated_errors_only(made: Path) -> None:
    people = {
        person: (call, {born, last})
        for person, call, born, last in truth(
            made, "roles", "SELECT DISTINCT person, first_name, birth_surname, last_name FROM truth", DAYS[-1]
        )
    }
    told = truth(made, "survey", "SELECT DISTINCT person, etunimi, sukunimi FROM truth WHERE person IS NOT NULL")
    kinds = dict.fromkeys(["right", "wrong", "swapped", "initial", "half", "particle"], 0)
    for person, first, last in told:
        call, surnames = people[person]
        firsts = {*spellings(call)} | {way[0] + stop for way in spellings(call) for stop in ("", ".")}
        lasts = {way for name in surnames for way in spellings(name)}
        assert (first in firsts and last in lasts) or (first in lasts and last in firsts), (call, surnames, first, last)
        kinds["right" if first == call and last in surnames else "wrong"] += 1
        kinds["swapped"] += last in firsts and first not in firsts
        kinds["initial"] += len(first.rstrip(".")) == 1
        kinds["half"] += "-" in call and first in call.split("-")
        kinds["particle"] += last in {name.split(" ", 1)[-1] for name in surnames if name[0].islower()}
    assert 0.7 < kinds["right"] / len(told) < 0.95
    assert all(kinds.values()), kinds


def test_several_names_of_one_person_are_told(made: Path) -> None:
    names = defaultdict(set)
    for person, name in truth(made, "survey", "SELECT person, etunimi || ' ' || sukunimi FROM truth WHERE person IS NOT NULL"):
        names[person].add(name)
    assert sum(len(told) > 1 for told in names.values()) > 100


def test_who_marries_is_told_by_the_new_name(made: Path) -> None:
    query = """SELECT DISTINCT person, last_name, birth_surname FROM truth
        WHERE ended_on IS NULL AND is_told AND organ IS NOT NULL AND NOT is_firm
        AND married_on BETWEEN '2026-01-03' AND '2027-01-15' AND last_name <> birth_surname"""
    married = truth(made, "roles", query, DAYS[-1])
    assert len(married) > 5
    first, last = (
        {
            (person, key.split("|")[3])
            for person, key in truth(
                made, "mentions", "SELECT person, record_key FROM truth WHERE source = 'prh_officers'", day
            )
        }
        for day in (DAYS[0], DAYS[-1])
    )
    # Those the register has no number of go by a digest of the name, so a wedding shows.
    unnumbered = {person for person, key in first if key.startswith("n-")} & {person for person, *_ in married}
    assert all(
        {k for p, k in first if p == person} != {k for p, k in last if p == person} for person in unnumbered
    )  # fmt: skip


# --- what happens -----------------------------------------------------------------------------------------------------


def test_places_change_hands_at_the_stated_pace(made: Path) -> None:
    """In a year: one in six positions, one in ten managing directors, one in fourteen places on a board."""
    year = DAYS[0] + timedelta(days=365)
    for what, pace in [("organ IS NULL", 0.167), ("organ = 'TJ'", 0.104), ("organ = 'HAL'", 0.07)]:
        held = f"{what} AND started_on <= '{DAYS[0]}' AND (ended_on IS NULL OR ended_on > '{DAYS[0]}') AND NOT stays"
        share = number(
            truth(made, "roles", f"SELECT avg((ended_on <= '{year}' IS TRUE)::INT) FROM truth WHERE {held}", DAYS[-1])
        )
        assert share == pytest.approx(pace, abs=0.05), what


def test_people_move_between_organisations(made: Path) -> None:
    # Who moved held a place of the same kind elsewhere, left it before, and is the same person.
    query = """SELECT count(*), count(*) FILTER (NOT EXISTS (
            SELECT 1 FROM truth AS b
            WHERE b.person = a.person AND b.slot = a.slot AND b.number <> a.number AND b.ended_on < a.started_on
        )) FROM truth AS a WHERE arrival = 'moved' AND (slot > 16 OR slot = 6)"""
    ((moved, from_nowhere),) = truth(made, "roles", query, DAYS[-1])
    assert moved > 100 and from_nowhere == 0
    later = dict(
        truth(
            made, "roles",
            f"SELECT arrival, count(*) FROM truth WHERE slot > 16 AND started_on > '{DAYS[0]}' GROUP BY 1",
            DAYS[-1],
        )
    )  # fmt: skip
    share = later["moved"] / (later["moved"] + later["new"])
    assert share == pytest.approx(0.35, abs=0.12)


def test_people_are_promoted(made: Path) -> None:
    in_place = truth(
        made, "roles",
        """SELECT b.level, a.level, b.area_codes, a.area_codes, a.person = b.person, b.ended_on + 1 = a.started_on
        FROM truth AS a
        INNER JOIN (FROM truth) AS b ON a.number = b.number AND a.slot = b.slot AND a.generation = b.generation + 1
        WHERE a.arrival = 'promoted' AND a.slot > 16""",
        DAYS[-1],
    )  # fmt: skip
    ranks = ["specialist", "supervisor", "manager", "director"]
    assert len(in_place) > 10
    for before, after, _, _, is_same, follows in in_place:
        assert ranks.index(after) > ranks.index(before) and is_same and follows
    heirs = number(
        truth(
            made, "roles",
            """SELECT count(*) FROM truth AS a WHERE arrival = 'promoted' AND slot = 6 AND EXISTS (
                SELECT 1 FROM truth AS b
                WHERE b.number = a.number AND b.person = a.person AND b.slot > 16 AND b.ended_on < a.started_on AND b.stays)""",
            DAYS[-1],
        )
    )  # fmt: skip
    assert heirs > 0


def test_a_managing_director_leads_and_leaves_as_one(made: Path) -> None:
    query = """SELECT count(*), count(*) FILTER (lead.ended_on IS DISTINCT FROM md.ended_on)
        FROM truth AS lead INNER JOIN (FROM truth) AS md ON lead.number = md.number AND lead.person = md.person
        WHERE lead.slot = 16 AND md.slot = 6 AND lead.started_on = md.started_on AND NOT lead.stays
            AND lead.arrival <> 'promoted'"""
    ((both, apart),) = truth(made, "roles", query, DAYS[-1])
    assert both > 50 and apart == 0
    # And one successor takes both places.
    query = f"""SELECT count(*), count(*) FILTER (next_lead.person IS DISTINCT FROM next_md.person)
        FROM truth AS lead
        INNER JOIN (FROM truth) AS md ON lead.number = md.number AND lead.person = md.person AND lead.ended_on = md.ended_on
        INNER JOIN (FROM truth) AS next_md ON md.number = next_md.number AND next_md.slot = 6
            AND next_md.generation = md.generation + 1
        LEFT JOIN (FROM truth) AS next_lead ON lead.number = next_lead.number AND next_lead.slot = 16
            AND next_lead.generation = lead.generation + 1
        WHERE lead.slot = 16 AND md.slot = 6 AND lead.ended_on > '{DAYS[0]}'"""
    ((followed, by_two),) = truth(made, "roles", query, DAYS[-1])
    assert followed > 3 and by_two == 0


def test_no_place_is_held_by_two_and_no_tenure_ends_before_it_began(made: Path) -> None:
    ((wrong,),) = truth(made, "roles", "SELECT count(*) FROM truth WHERE ended_on < started_on", DAYS[-1])
    ((twice,),) = truth(
        made, "roles",
        """SELECT count(*) FROM (
            SELECT started_on <= lag(ended_on) OVER w OR (lag(number) OVER w = number AND lag(ended_on) OVER w IS NULL) AS clash
            FROM truth WINDOW w AS (PARTITION BY number, slot ORDER BY generation)) WHERE clash""",
        DAYS[-1],
    )  # fmt: skip
    future = [number(truth(made, "roles", f"SELECT count(*) FROM truth WHERE started_on > '{day}'", day)) for day in DAYS]
    assert (wrong, twice, sum(future)) == (0, 0, 0)
    within = truth(made, "roles", f"SELECT count(DISTINCT started_on) FROM truth WHERE started_on > '{DAYS[0]}'", DAYS[-1])
    assert number(within) > 100, "dated within the gaps"


# --- what the law and the extract ask ---------------------------------------------------------------------------------


def test_boards_are_as_the_law_asks(made: Path) -> None:
    boards = truth(
        made, "roles",
        """SELECT count(*) FILTER (role <> 'VJ'), count(*) FILTER (role = 'VJ') FROM truth
        WHERE organ = 'HAL' AND is_told AND ended_on IS NULL AND number < 1000000 GROUP BY number""",
        DAYS[0],
    )  # fmt: skip
    assert len(boards) > 500
    assert all(members >= 1 and (members >= 3 or deputies) for members, deputies in boards)
    partnerships = truth(
        made, "roles", "SELECT list_sort(list(role)) FROM truth WHERE organ = 'YHM' AND started_on <= '2026-01-02' "
        "AND (ended_on IS NULL OR ended_on > '2026-01-02') GROUP BY number", DAYS[0],
    )  # fmt: skip
    assert {tuple(roles) for (roles,) in partnerships} == {("YHM", "YHMÄ"), ("YHM", "YHM"), ("YHM", "YHM", "YHM")}


def test_a_million_companies_would_have_a_million_and_a_half_roles(made: Path) -> None:
    ((now, ended),) = truth(
        made, "roles", "SELECT count(*) FILTER (ended_on IS NULL), count(ended_on) FROM truth WHERE is_told", DAYS[0]
    )
    assert now / 3000 == pytest.approx(1.5, abs=0.12) and ended < 0.15 * now


# --- the survey -------------------------------------------------------------------------------------------------------


def test_the_same_organisations_are_asked_again_after_a_year(made: Path) -> None:
    asked = defaultdict(set)
    for business_id, case_id, said_on in truth(made, "survey", "SELECT number, case_id, called_on FROM truth"):
        if case_id.startswith("W"):
            asked[business_id].add(said_on)
    gaps = [(later - earlier).days for days in asked.values() for earlier, later in pairwise(sorted(days))]
    assert len(gaps) > 50
    assert 280 < sum(gaps) / len(gaps) < 420 and min(gaps) > 250
    # Every step has its wave.
    assert all(truth(made, "survey", "SELECT count(*) FROM truth", day)[0][0] > 10 for day in DAYS)


def test_some_are_asked_twice_to_check(made: Path) -> None:
    checks = truth(
        made, "survey",
        """SELECT min(c.called_on - w.called_on), any_value(c.haastattelija <> w.haastattelija)
        FROM truth AS c
        INNER JOIN (FROM truth) AS w ON c.number = w.number AND starts_with(w.case_id, 'W') AND w.called_on < c.called_on
        WHERE starts_with(c.case_id, 'T') GROUP BY c.case_id""",
    )  # fmt: skip
    assert len(checks) > 5 and all(14 <= days <= 28 and other for days, other in checks)


def test_calls_and_what_customers_report_are_dated_within_the_gap(made: Path) -> None:
    for name, column in [("survey", "called_on"), ("bounces", "bounced_on")]:
        late = truth(
            made, name, f"SELECT count(*) FROM truth WHERE {column} > day OR (day > '{START}' AND {column} < day - {EVERY} - 1)"
        )
        assert number(late) == 0, name


def test_a_person_who_has_left_is_now_and_then_not_missed(made: Path) -> None:
    ended = {
        (number, slot, generation): ended_on
        for number, slot, generation, ended_on in truth(
            made, "roles", "SELECT number, slot, generation, ended_on FROM truth WHERE ended_on IS NOT NULL", DAYS[-1]
        )
    }
    told = truth(made, "survey", "SELECT number, slot, generation, called_on, tulos FROM truth WHERE slot IS NOT NULL")
    noticed = [outcome == "GON" for *place, called_on, outcome in told if ended.get(tuple(place), called_on) < called_on]
    assert sum(noticed) > 10 * (len(noticed) - sum(noticed)) > 0


def test_two_of_one_name_in_one_interview_are_told_once(tmp_path: Path) -> None:
    """Nobody could tell them apart afterwards: their reports would have one key."""
    with world(20, 1, START, 0.01) as made_up:
        society = Society(made_up)
        Ytj(made_up, tmp_path)
        Registers(society, tmp_path)
        outreach = Outreach(society, tmp_path)
        made_up.connection.execute("""CREATE TABLE survey_row AS
            SELECT * FROM (VALUES (1, 16, 1, 10, 'W1', 'Aino', 'Mäki'), (1, 17, 1, 11, 'W1', 'Aino', 'Maeki'),
                (1, 18, 1, 12, 'W1', 'Eva', 'Ek'), (2, 16, 1, 13, 'W2', 'Aino', 'Mäki'), (3, 0, 1, NULL, 'W3', '', ''))
            AS t(number, slot, generation, person, case_id, etunimi, sukunimi)""")
        outreach._tell_apart()
        told = made_up.connection.execute("SELECT person FROM survey_row ORDER BY number, slot").fetchall()
    assert told == [(10,), (12,), (13,), (None,)]
