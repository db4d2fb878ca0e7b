"""Who is who: evidence ties, names alone never do, judgements outrank all, and ids stay. Who must not be reached cannot be."""

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest import lake, synthetic
from ingest.sources.ledger import loader as promises
from ingest.sources.prh_officers import loader as officers
from ingest.sources.survey import loader as survey
from ledger import store
from ledger.tables import Judgement
from orchestration import judging, landing, publish, settings
from orchestration.build import dbt_arguments, parse, run_dbt
from orchestration.state import Refused
from tests.builds import build_models
from tests.test_marts import business_id

DAYS = (date(2026, 3, 2), date(2026, 6, 1))
MODELS = ["enr_registered_roles", "enr_person_mentions", "enr_person_*", "person_review", "person_redirects"]
HEADER = "y_tunnus;toimielin;rooli;sukunimi;etunimet;syntymaaika;kansalaisuus;asuinmaa;alkupvm;loppupvm;henkilo_id\n"


@dataclass(frozen=True)
class Role:
    """A place in the register. `who`: the person it is in truth; `at`: which of the case's organisations; `days`: told when."""

    who: str
    first: str
    last: str
    born: str = ""
    number: str = ""
    at: int = 0
    organ: str = "HAL"
    role: str = "J"
    ended: str = ""
    days: tuple[int, ...] = (0, 1)


@dataclass(frozen=True)
class Report:
    """A row of a survey. `wave`: on which of the days; `case`: rows of one organisation and case are of one interview."""

    who: str
    first: str
    last: str
    email: str = ""
    phone: str = ""
    at: int = 0
    wave: int = 0
    case: str = ""


@dataclass(frozen=True)
class Case:
    """A few mentions, and what must come of them: same `who`, same person; otherwise not."""

    name: str
    rows: list[Role | Report] = field(default_factory=list)


# Years; the day is the case's own, so that no date of birth ties two cases.
BORN, LATER = "1970", "1975"
CASES = [
    Case("the same number of the register in two organisations", [
        Role("a", "Aino Maria", "Mäki", BORN, "H1"), Role("a", "Aino Maria", "Mäki", BORN, "H1", at=1)]),
    Case("the same number under a married name", [
        Role("a", "Aino Maria", "Mäki", BORN, "H2"), Role("a", "Aino Maria", "Korpi", BORN, "H2", at=1)]),
    Case("different numbers are two people, whatever else is the same", [
        Role("a", "Aino Maria", "Mäki", BORN, "H3"), Role("b", "Aino Maria", "Mäki", BORN, "H4")]),
    Case("a date of birth and a name tie across organisations", [
        Role("a", "Eero Juhani", "Laine", BORN), Role("a", "Eero Juhani", "Laine", BORN, at=1)]),
    Case("another date of birth is another person", [
        Role("a", "Eero", "Laine", BORN), Role("b", "Eero", "Laine", LATER, organ="TJ", role="TJ")]),
    Case("a name alone ties nobody across organisations", [
        Role("a", "Matti", "Virtanen", BORN), Role("b", "Matti", "Virtanen", at=1), Report("c", "Matti", "Virtanen", at=2)]),
    Case("a married name: birth, forename and organisation", [
        Role("a", "Liisa Anneli", "Salo", BORN), Role("a", "Liisa Anneli", "Niemi", BORN, organ="TJ", role="TJ"),
        Role("b", "Liisa Anneli", "Koski", BORN, at=1)]),
    Case("spellings in one organisation", [
        Role("a", "Åke Östen", "Mäkinen", BORN, "H5"), Report("a", "Ake", "Maekinen"), Report("a", "ÅKE", "MÄKINEN", wave=1)]),
    Case("names exchanged, a particle left out, half of a double name", [
        Role("a", "Anna-Maija Kristiina", "von Wright-Salmi", BORN, "H6"), Report("a", "Wright", "Anna-Maija"),
        Report("a", "Anna", "Salmi", wave=1)]),
    Case("an initial that only one can be", [
        Role("a", "Matti", "Virtanen", BORN, "H7"), Role("b", "Pekka", "Virtanen", LATER, "H8"),
        Report("a", "M.", "Virtanen")]),
    Case("an initial that two can be", [
        Role("a", "Matti", "Virtanen", BORN, "H9"), Role("b", "Mikko", "Virtanen", LATER, "H10"),
        Report("c", "M.", "Virtanen")]),
    Case("a slip of the pen", [
        Role("a", "Valtteri", "Pellinen", BORN, "H11"), Report("a", "Vatteri", "Pellinen"),
        Report("a", "Valtteri", "Pelilnen", wave=1)]),
    Case("two names that differ by a letter are no slip", [
        Role("a", "Marja", "Korhonen", BORN, "H12"), Report("b", "Merja", "Korhonen")]),
    Case("father and son", [
        Role("a", "Jaakko", "Ilola", "1940", "H13"), Role("b", "Jaakko", "Ilola", LATER, "H14"),
        Report("c", "Jaakko", "Ilola"), Report("c", "Jaakko", "Ilola", wave=1)]),
    Case("a mobile number goes along to another organisation", [
        Report("a", "Kalle", "Rinne", phone="040 1234501"), Report("a", "Kalle", "Rinne", phone="+358401234501", at=1, wave=1),
        Report("b", "Ville", "Oja", phone="040 1234501", at=1)]),
    Case("a private mailbox goes along too, a house's does not", [
        Report("a", "Kirsi", "Rinne", "kirsi.rinne@gmail.com"),
        Report("a", "Kirsi", "Rinne", "kirsi.rinne@gmail.com", at=1, wave=1),
        Report("b", "Kari", "Oja", "info@firma.fi"), Report("c", "Kari", "Oja", "info@firma.fi", at=1)]),
    Case("married between two waves", [
        Report("a", "Henna", "Lampi", phone="040 1234502"), Report("a", "Henna", "Vuori", phone="040 1234502", wave=1)]),
    Case("two of one forename on one number", [
        Report("a", "Niko", "Lampi", phone="040 1234503", case="i"),
        Report("b", "Niko", "Vuori", phone="040 1234503", case="i")]),
    Case("half a forename and one's own mailbox", [
        Report("a", "Pasi", "Ryynänen", "pasi-niko.ryynanen@firma.fi"),
        Report("a", "Niko", "Ryynänen", "pasi-niko.ryynanen@firma.fi", wave=1)]),
]  # fmt: skip


def organisation(case: int, at: int) -> str:
    return business_id(case * 4 + at)


def began(case: int, row: int) -> date:
    """The start of a role, by which a test knows it again."""
    return date(2000, 1, 1) + timedelta(days=case * 20 + row)


def officer_file(cases: list[Case], day: int) -> str:
    lines = [HEADER]
    for c, case in enumerate(cases):
        for r, row in enumerate(case.rows):
            # Every organisation has an audit firm, so that the register knows it.
            lines.append(f"{organisation(c, row.at)};TIL;T;Tarkastus {c} {row.at} Oy;;;;FI;2019-01-01;;\n")
            if isinstance(row, Role) and day in row.days:
                born = row.born and f"{row.born}-{1 + c % 12:02d}-{1 + c // 12:02d}"
                who = f"{row.last};{row.first};{born};FI;FI;{began(c, r)};{row.ended};{row.number}"
                lines.append(f"{organisation(c, row.at)};{row.organ};{row.role};{who}\n")
    return "".join(dict.fromkeys(lines))


def survey_file(cases: list[Case], wave: int) -> str:
    names = (
        "case_id",
        "y_tunnus",
        "yritys",
        "etunimi",
        "sukunimi",
        "titteli",
        "sahkoposti",
        "puhelin",
        "aikaleima",
        "suostumus",
    )
    lines = [";".join(names)]
    for c, case in enumerate(cases):
        for r, row in enumerate(case.rows):
            if isinstance(row, Report) and row.wave == wave:
                told = (f"{c}-{row.case or r}", organisation(c, row.at), "Firma Oy", row.first, row.last, f"{c}:{r}", row.email,
                        row.phone, f"{DAYS[wave]:%d.%m.%Y} 10:00", "kyllä")  # fmt: skip
                lines.append(";".join(told))
    return "\n".join(lines) + "\n"


def land(home: Path, cases: list[Case], order: Iterable[tuple[str, int]]) -> None:
    """Land files of the cases in an order: (source, day)."""
    for source, day in order:
        path = home.parent / f"{home.name}-{source}-{DAYS[day]}.csv"
        text = (officer_file if source == "officers" else survey_file)(cases, day)
        if text.count("\n") > 1:
            path.write_text(text, encoding="utf-8")
            (officers if source == "officers" else survey).land(path, DAYS[day], home, accept_bounds="a test")


def build_people(home: Path, full_refresh: bool = False) -> None:
    """dbt build of what tells who is who, with its tests; the warehouse is made anew on a full refresh."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KOHDE_HOME", str(home))
        if full_refresh:
            (home / "warehouse.duckdb").unlink(missing_ok=True)
        lake.prepare(home)
        promises.land(None, None, home)
        selected = ["--indirect-selection", "cautious", "--select", *(f"+{model}" for model in MODELS)]
        run_dbt(home, [*dbt_arguments(home, full_refresh=True), *selected])


def ask(home: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(home / "warehouse.duckdb", read_only=True) as con:
        return con.execute(sql).fetchall()


def people(home: Path) -> dict[str, str]:
    """mention -> person."""
    return dict(ask(home, "select mention_id, person_id from enriched.enr_person_of_mention"))


def found(home: Path) -> dict[tuple[int, int], tuple[str, str]]:
    """(case, row) -> (mention, person): roles are known by their start, reports by their title."""
    told = ask(home, """
        select m.mention_id, p.person_id, m.title, regexp_extract(m.mention_id, '[0-9-]{10}$')
        from enriched.enr_person_mentions as m join enriched.enr_person_of_mention as p using (mention_id)
    """)  # fmt: skip
    rows = {}
    for mention, person, title, start in told:
        if title:
            case, row = map(int, title.split(":"))
        else:
            case, row = divmod((date.fromisoformat(start) - date(2000, 1, 1)).days, 20)
        rows[case, row] = (mention, person)
    return rows


IN_ORDER = [("officers", 0), ("survey", 0), ("officers", 1), ("survey", 1)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("persons") / "lake"
    land(home, CASES, IN_ORDER)
    build_people(home)
    return home


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.name for case in CASES])
def test_who_is_who(home: Path, number: int) -> None:
    rows, case = found(home), CASES[number]
    persons = [rows[number, r][1] for r in range(len(case.rows))]
    for one, row in enumerate(case.rows):
        for other in range(one):
            assert (persons[one] == persons[other]) == (row.who == case.rows[other].who), (row, case.rows[other])


def test_nobody_is_in_two_cases(home: Path) -> None:
    cases: dict[str, set[int]] = {}
    for (case, _), (_, person) in found(home).items():
        cases.setdefault(person, set()).add(case)
    assert all(len(of) == 1 for of in cases.values())


def test_whom_nothing_tells_apart_is_listed_for_review(home: Path) -> None:
    rows = found(home)
    number = next(n for n, case in enumerate(CASES) if case.name == "father and son")
    listed = ask(home, "select mention_a, mention_b, why, evidence from restricted.person_review")
    pairs = {
        frozenset((a, b)) for a, b, why, evidence in listed if why == "ambiguous" and evidence == ["organisation_and_name"]
    }
    mention = {r: rows[number, r][0] for r in range(4)}
    assert pairs == {frozenset((mention[i], mention[r])) for i in (0, 1) for r in (2, 3)}


def test_the_order_of_loads_changes_nobody(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "lake"
    land(other, CASES, [("survey", 0), ("survey", 1), ("officers", 0), ("officers", 1)])
    build_people(other)
    assert people(other) == people(home)


def test_day_by_day_and_all_at_once_give_the_same_ids_and_who_joins_later_changes_none(home: Path, tmp_path: Path) -> None:
    daily = tmp_path / "lake"
    land(daily, CASES, IN_ORDER[:2])
    build_people(daily)
    first = people(daily)
    land(daily, CASES, IN_ORDER[2:])
    build_people(daily)
    second = people(daily)
    assert second == people(home)
    assert {mention: second[mention] for mention in first} == first
    build_people(daily, full_refresh=True)
    assert people(daily) == second


def judged(home: Path, verdict: str, one: str, other: str) -> None:
    store.judge(home, verdict, one, other, "tester", "asked them")


def test_a_judgement_counts_outlives_a_rebuild_and_can_be_changed(tmp_path: Path) -> None:
    home = tmp_path / "lake"
    namesakes = next(case for case in CASES if case.name.startswith("a name alone"))
    numbered = replace(CASES[0], rows=[*CASES[0].rows, Report("a", "Aino", "Mäki")])
    cases = [namesakes, numbered, CASES[2]]
    land(home, cases, IN_ORDER)
    build_people(home)
    before = found(home)
    one, other, third = (before[0, r][0] for r in range(3))
    judged(home, "same", one, other)
    judged(home, "unsure", one, third)
    judged(home, "not_same", before[1, 0][0], before[1, 1][0])
    judged(home, "same", before[2, 0][0], before[2, 1][0])
    build_people(home, full_refresh=True)
    after = found(home)
    assert after[0, 0][1] == after[0, 1][1] != after[0, 2][1]
    assert after[0, 0][1] in {before[0, 0][1], before[0, 1][1]}, "one of the two ids stays"
    redirects = dict(ask(home, "select former_person_id, person_id from restricted.person_redirects"))
    for row in [(0, 0), (0, 1), (2, 0), (2, 1)]:
        assert redirects.get(before[row][1], before[row][1]) == after[row][1], "whoever knew the other id finds them"
    assert not redirects.keys() & {person for _, person in after.values()}
    assert after[1, 0][1] != after[1, 1][1], "against the register's number"
    assert before[1, 0][1] in {after[1, 0][1], after[1, 1][1]}
    assert after[2, 0][1] == after[2, 1][1], "against two numbers"
    assert [
        (why, evidence)
        for why, evidence in ask(home, "select why, evidence from restricted.person_review where why = 'unsure'")
    ] == [("unsure", ["asked them"])]
    build_people(home, full_refresh=True)
    assert found(home) == after
    judged(home, "not_same", other, one)
    judged(home, "same", before[1, 1][0], before[1, 0][0])
    judged(home, "unsure", before[2, 1][0], before[2, 0][0])
    build_people(home)
    assert found(home) == before


def test_a_mention_that_no_build_knows_is_not_judged(home: Path) -> None:
    one = min(people(home))
    with pytest.raises(Refused, match="number 2") as refused:
        judging.judge(home, "same", (one, "survey:decision_makers:nobody"), "tester", "asked them")
    assert "nobody" not in str(refused.value) and store.rows(home, Judgement) == []
    with pytest.raises(store.LedgerRefused, match="against itself"):
        judging.judge(home, "same", (one, one), "tester", "asked them")


# --- the secret ---------------------------------------------------------------------------------------------------------


def test_the_secret_stands_nowhere(home: Path) -> None:
    secret = os.environ["KOHDE_SECRET"]
    seen = 0
    for path in (path for path in home.rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert secret.encode() not in content and bytes.fromhex(secret) not in content, path
        seen += path.suffix in (".sql", ".log", ".json")
    assert seen > 20


def test_another_secret_gives_other_ids_and_the_same_people(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "lake"
    land(other, CASES, IN_ORDER)
    monkeypatch.setenv("KOHDE_SECRET", "a1" * 32)
    build_people(other)
    mine, theirs = people(home), people(other)
    assert mine.keys() == theirs.keys() and not set(mine.values()) & set(theirs.values())
    assert (
        len({*zip(mine.values(), (theirs[m] for m in mine), strict=True)}) == len({*mine.values()}) == len({*theirs.values()})
    )


# --- roles and marts ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("manifest")
    parse(folder)
    return dict(json.loads((folder / "manifest.json").read_text()))


def test_no_mart_comes_from_what_is_restricted(manifest: dict[str, Any]) -> None:
    nodes, parents = manifest["nodes"], manifest["parent_map"]
    restricted = {name for name, node in nodes.items() if node["resource_type"] == "model" and node["schema"] == "restricted"}
    assert {nodes[name]["name"] for name in restricted} >= {"restricted_role_holders", "person_review"}
    for mart in (
        name for name, node in nodes.items() if node["resource_type"] == "model" and node["path"].startswith("marts/")
    ):
        above, todo = set(), [mart]
        while todo:
            for parent in parents.get(todo.pop(), []):
                if parent not in above:
                    above.add(parent)
                    todo.append(parent)
        assert not above & restricted, mart


def test_every_position_has_a_role_and_the_contracts_say_which_may_stand_where(manifest: dict[str, Any]) -> None:
    seeds = settings.DBT_PROJECT / "seeds"
    schema = dict(duckdb.sql(f"select role_code, schema_name from '{seeds}/roles.csv'").fetchall())
    positions = {row[0] for row in duckdb.sql(f"select distinct position_code from '{seeds}/officer_roles.csv'").fetchall()}
    assert positions <= schema.keys()

    def allowed(model: str) -> set[str]:
        column = manifest["nodes"][f"model.kohde.{model}"]["columns"]["role_code"]
        (check,) = [c["expression"] for c in column["constraints"] if c["type"] == "check"]
        return set(re.findall("'([A-Z_]+)'", check))

    assert allowed("responsible_persons") == {role for role, where in schema.items() if where == "main"}
    assert allowed("responsible_person_history") == allowed("responsible_persons")
    assert allowed("restricted_role_holders") == {role for role, where in schema.items() if where == "restricted"}
    never = duckdb.sql(
        f"select role_code from '{seeds}/roles.csv' where decision_maker in ('no', 'never') and schema_name = 'main'"
    )
    assert never.fetchall() == []


def test_every_reason_of_a_tie_is_in_its_list() -> None:
    models = settings.DBT_PROJECT / "models" / "enriched" / "30_resolve"
    text = (models / "enr_person_tie_groups.sql").read_text() + (models / "enr_person_ties.sql").read_text()
    listed = {row[0] for row in duckdb.sql(f"select reason from '{settings.DBT_PROJECT}/seeds/tie_reasons.csv'").fetchall()}
    assert set(re.findall(r"'([a-z]+(?:_[a-z]+)+)' as reason|'(organisation_and_[a-z_]+)'", text)) and listed >= {
        reason
        for pair in re.findall(r"'([a-z]+(?:_[a-z]+)+)' as reason|'(organisation_and_[a-z_]+)'", text)
        for reason in pair
        if reason
    }


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(lake, generated folder) of two days of a made-up Finland, built and published."""
    folder = tmp_path_factory.mktemp("made-up")
    synthetic.generate(400, 3, 2, folder / "source", sources=["ytj", "prh_officers", "survey"], every=60)
    home, register = folder / "lake", folder / "source" / "ytj"
    for day in sorted(path.name for path in register.glob("20*")):
        landing.land("ytj", str(register / day / "all_companies.zip"), date.fromisoformat(day), home, accept_bounds="a test")
        for source in ("prh_officers", "survey"):
            landing.land(source, str(folder / "source" / source / day), date.fromisoformat(day), home, accept_bounds="a test")
    before = dict(os.environ)
    try:
        build_models(home)
    finally:
        os.environ.clear()
        os.environ.update(before)
    publish.publish(home)
    return home, folder / "source"


def truth(source: Path) -> str:
    return str(source / "truth" / "roles" / "*.parquet")


def test_the_analysts_file_holds_no_direct_identifier(published: tuple[Path, Path]) -> None:
    home, source = published
    told = duckdb.sql(f"""select distinct first_name || ' ' || last_name, first_names || ' ' || last_name, work_email, mobile
        from '{truth(source)}' where not is_firm""").fetchall()
    secrets = {value.lower() for row in told for value in row if value and len(value) > 6}
    secrets |= {value[4:] for value in secrets if value.startswith("+358")}
    with publish.connect(home, "analyst") as db:
        assert db.execute("select count(*) from responsible_persons").fetchall()[0][0] > 300
        tables = db.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        assert {schema for schema, _ in tables} == {"main", "reference"}
        for schema, table in tables:
            text = "\n".join(str(row).lower() for row in db.execute(f'from "{schema}"."{table}"').fetchall())
            assert [secret for secret in secrets if secret in text] == [], table
        columns = {
            row[0]
            for row in db.execute("select column_name from duckdb_columns() where table_name like 'responsible%'").fetchall()
        }
        assert not columns & {"first_name", "last_name", "birth_date"} and "person_id" in columns
        assert db.execute("select count(*) from responsible_persons_as_of(date '2026-01-02')").fetchall()[0][0] > 300
    with publish.connect(home, "registry") as db:
        assert db.execute("select count(last_name) from responsible_persons").fetchall()[0][0] > 300
        assert db.execute("select count(*) from restricted.restricted_role_holders").fetchall()[0][0] > 50


def test_who_must_not_be_reached_is_in_no_mart(published: tuple[Path, Path]) -> None:
    home, source = published
    never = {"AUDITOR", "LIQUIDATOR", "BOARD_DEPUTY", "PARTNER_SILENT", "SUPERVISORY", "UNMAPPED"}
    with publish.connect(home, "registry") as db:

        def roles(table: str) -> set[str]:
            return {row[0] for row in db.execute(f"select distinct role_code from {table}").fetchall()}

        assert roles("responsible_person_history") >= {"MD", "BOARD"} and not roles("responsible_person_history") & never
        assert roles("restricted.restricted_role_holders") >= {"AUDITOR", "BOARD_DEPUTY", "PARTNER_SILENT"}
        deciding = roles("responsible_persons where is_decision_maker")
        assert deciding >= {"MD"} and not deciding & {"BOARD", "CHAIR", "PROCURIST"}, "boards only if the project says so"
        named = db.execute("select count(*) from responsible_persons where role_name_sv = role_name_en").fetchall()
        assert named == [(0,)]
    # The contract holds when no dbt test is near.
    copy = source.parent / "copy.duckdb"
    copy.write_bytes((publish.current(home) / "registry.duckdb").read_bytes())
    with duckdb.connect(copy) as db, pytest.raises(duckdb.ConstraintException):
        db.execute("update responsible_persons set role_code = 'AUDITOR'")


def test_who_led_a_firm_on_a_date(published: tuple[Path, Path]) -> None:
    home, source = published
    first, last = (date(2026, 1, 2), date(2026, 3, 3))
    with publish.connect(home, "registry") as db:
        for day, truth_day in ((first, first), (last, last)):
            led = db.execute(
                f"select business_id, last_name from responsible_persons_as_of(date '{day}') where role_code = 'MD'"
            ).fetchall()
            file = source / "truth" / "roles" / f"{truth_day}.parquet"
            true = duckdb.sql(f"""select business_id, last_name from '{file}' where organ = 'TJ' and started_on <= date '{day}'
                and (ended_on is null or ended_on >= date '{day}')""").fetchall()
            # Some codes are told wrongly, and are in no mart.
            assert len(led) > 20 and set(led) <= set(true) and len(set(true) - set(led)) <= 2
        assert db.execute("select count(*) from responsible_persons_as_of(date '2020-01-01')").fetchall() == [(0,)], (
            "nothing was known"
        )
        assert db.execute("select count(*) from responsible_persons_in_office(date '2020-01-01')").fetchall()[0][0] > 20
