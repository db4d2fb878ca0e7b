"""Register refresh: a customer's file made of the published lake's own organisations and people, messed up in known ways."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import polars as pl
import pytest
import xlsxwriter
from typer.testing import CliRunner

from base.refused import LandingRefused, Refused
from delivery import published
from delivery.refresh import answer, changes, columns, matching, persons, reading, refreshing
from ledger import disclosures, objections, recipients, store
from ledger.subjects import Told
from ledger.tables import Disclosure
from orchestration import cli

HEADERS = [
    "Y-tunnus",
    "Asiakas",
    "Katuosoite",
    "Postinumero",
    "Postitoimipaikka",
    "Puhelin",
    "Sähköposti",
    "Yhteyshenkilö",
    "Huom",
]
FIELDS = ["business_id", "name", "street", "postcode", "town", "phone", "email", "person", "note"]


@dataclass
class Case:
    """One row of the customer's, what it is about, and what of it must come back."""

    mess: str
    row: dict[str, str]
    business_id: str | None
    changes: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def home(published_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An own copy with a recipient."""
    home = tmp_path_factory.mktemp("refresh") / "lake"
    shutil.copytree(published_lake / "published", home / "published", symlinks=True)
    for path in published_lake.glob("ledger*"):
        shutil.copy2(path, home / path.name)
    recipients.add(home, "acme", "Acme Oy", by_whom="test")
    return home


@pytest.fixture(scope="module")
def db(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with published.desk(home) as desk:
        yield desk


def asked(db: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    found = db.execute(sql)
    names = [name for name, *_ in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def plain(one: dict[str, Any]) -> dict[str, str]:
    """The row as a careful customer would have it, without what identifies at once."""
    return {
        "name": one["name"], "street": one["visiting_street"] or "", "postcode": one["visiting_postcode"] or "",
        "town": one["visiting_town"] or "",
    }  # fmt: skip


CURRENT = """select o.* from registry.organisations as o where visiting_street is not null and status = 'active'
    and legal_form_group = 'company' and visiting_postcode is not null and visiting_street similar to '[^0-9]+ [0-9]+.*'
    and (select count(*) from registry.organisations as other where other.name = o.name) = 1"""


def typed(name: str) -> str:
    """Two letters of the longest word swapped."""
    word = max(name.split(), key=len)
    at = len(word) // 2
    return name.replace(word, word[:at] + word[at + 1] + word[at] + word[at + 2 :])


@pytest.fixture(scope="module")
def cases(db: duckdb.DuckDBPyConnection) -> list[Case]:
    ones = asked(db, f"{CURRENT} order by hash(o.business_id) limit 60")
    out: list[Case] = []

    def case(mess: str, change: Callable[[dict[str, Any]], dict[str, str]], count: int = 5) -> None:
        for _ in range(count):
            one = ones.pop()
            out.append(Case(mess, change(one), one["business_id"]))

    case("business id only", lambda o: {"business_id": o["business_id"]})
    case("VAT number", lambda o: {"business_id": "FI" + o["business_id"].replace("-", "")})
    case("without legal form, upper case", lambda o: plain(o) | {"name": o["name"].removesuffix(" Oy").upper()})
    case("typing error", lambda o: plain(o) | {"name": typed(o["name"])})
    case("a for ä", lambda o: plain(o) | {"name": o["name"].translate(str.maketrans("äöåÄÖÅ", "aoaAOA"))})
    case(
        "wrong check digit",
        lambda o: plain(o) | {"business_id": o["business_id"][:-1] + str((int(o["business_id"][-1]) + 1) % 10)},
    )
    case(
        "town in the postcode's cell",
        lambda o: plain(o) | {"postcode": f"{o['visiting_postcode']} {o['visiting_town']}", "town": ""},
    )
    case(
        "abbreviated street",
        lambda o: plain(o) | {"street": o["visiting_street"].replace("katu ", "k. ").replace("tie ", "t. ")},
    )
    for one in asked(db, "select * from registry.organisations where phone is not null order by business_id limit 5"):
        number = one["phone"]
        shared = asked(db, f"select 1 from registry.organisations where phone = '{number}'")
        if len(shared) == 1:
            told = {"name": one["name"], "phone": "0" + number[4:6] + " " + number[6:]}
            out.append(Case("name and telephone", told, one["business_id"]))
    for one in asked(
        db,
        """select o.*, h.name as old from registry.organisation_history as h inner join registry.organisations as o
            using (business_id) where h.name <> o.name order by all""",
    ):
        out.append(Case("former name", plain(one) | {"name": one["old"]}, one["business_id"], {"renamed"}))
    moved = asked(
        db,
        """select o.business_id, o.name, h.visiting_street, h.visiting_postcode, h.visiting_town
        from registry.organisation_history as h inner join registry.organisations as o using (business_id)
        where h.visiting_postcode <> o.visiting_postcode and h.visiting_street <> o.visiting_street and h.valid_to is not null
            and o.visiting_street is not null order by all""",
    )
    out += [Case("former address", plain(one), one["business_id"], {"moved"}) for one in moved]
    for status in ("ceased", "bankruptcy", "liquidation"):
        for one in asked(db, f"select * from registry.organisations where status = '{status}' order by business_id limit 3"):
            out.append(Case(status, plain(one) | {"business_id": one["business_id"]}, one["business_id"], {status}))
    for number in range(5):
        invented = {
            "name": f"Zyxwaro Quuxinen {number} Oy",
            "street": f"Olematonkuja {number + 1}",
            "town": "Olematon",
            "phone": "040 1112223",
        }
        out.append(Case("not there", invented, None))
    return out


def register(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerows([HEADERS, *([row.get(name, "") for name in FIELDS] for row in rows)])
    return path


def told(made: refreshing.Refreshed) -> list[dict[str, str]]:
    with (made.folder / made.files[0]).open(encoding="utf-8-sig", newline="") as file:
        say = {answer.words("en")[f"h_{column}"]: column for column in answer.COLUMNS}
        return [
            {say.get(header, header): value for header, value in row.items()} for row in csv.DictReader(file, delimiter=";")
        ]


@pytest.fixture(scope="module")
def made(home: Path, cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> refreshing.Refreshed:
    rows = [case.row | {"note": case.mess} for case in cases]
    file = register(tmp_path_factory.mktemp("customer") / "customers.csv", [*rows, rows[0]])
    return refreshing.refresh(home, file, "acme", language="en")


def test_every_kind_of_mess_finds_its_organisation(made: refreshing.Refreshed, cases: list[Case]) -> None:
    kinds = {case.mess for case in cases}
    assert kinds >= {"former name", "former address", "name and telephone", "bankruptcy", "not there"} and len(cases) > 60
    wrong = [
        (case.mess, case.row, row["status"], row["business_id"], row["why"])
        for case, row in zip(cases, told(made), strict=False)
        if (row["business_id"] or None) != case.business_id or row["status"] != ("matched" if case.business_id else "not found")
    ]
    assert not wrong


def test_what_has_changed_is_told(made: refreshing.Refreshed, cases: list[Case]) -> None:
    for case, row in zip(cases, told(made), strict=False):
        said = {
            key
            for key in ("moved", "renamed", "ceased", "bankruptcy", "liquidation")
            if answer.words("en")[key] in row["changes"].split(", ")
        }
        assert said >= case.changes, (case.mess, row)
        if case.mess in ("business id only", "typing error", "without legal form, upper case"):
            assert not said
    assert made.summary.changes["moved"] and made.summary.changes["renamed"]
    assert made.summary.filled_in["business_id"] == sum(
        bool(case.business_id) and (not case.row.get("business_id") or case.mess == "wrong check digit") for case in cases
    )


def test_a_moved_row_gets_the_address_of_today(
    made: refreshing.Refreshed, cases: list[Case], db: duckdb.DuckDBPyConnection
) -> None:
    now = {one["business_id"]: one for one in asked(db, "select * from registry.organisations")}
    found = [
        (case, row) for case, row in zip(cases, told(made), strict=False) if case.mess == "former address" and row["postcode"]
    ]
    assert found
    for case, row in found:
        one = now[case.business_id or ""]
        assert (row["street"], row["postcode"]) == (one["visiting_street"], one["visiting_postcode"])


def test_scores_are_the_sum_of_named_parts(made: refreshing.Refreshed) -> None:
    rows = [row for row in told(made) if row["status"] == "matched"]
    assert all("business id +" in row["why"] for row in rows if row["Y-tunnus"] and row["Huom"] != "wrong check digit")
    assert all("former name" in row["why"] for row in rows if row["Huom"] == "former name")
    # The score is the parts less what chance among all organisations would bring: the same for every row.
    parts = [sum(float(part.rsplit(" ", 1)[1]) for part in row["why"].split("; ") if part[-1].isdigit()) for row in rows]
    gaps = {round(part - float(row["score"]), 1) for part, row in zip(parts, rows, strict=True)}
    assert max(gaps) - min(gaps) <= 0.4


def test_rows_stay_as_they_were_and_a_second_one_is_told(made: refreshing.Refreshed, cases: list[Case]) -> None:
    rows = told(made)
    assert [row["Huom"] for row in rows] == [*(case.mess for case in cases), cases[0].mess]
    assert [row["Asiakas"] for row in rows[:-1]] == [case.row.get("name", "") for case in cases]
    assert rows[-1]["duplicate"] == "2" and rows[0]["duplicate"] == ""
    assert made.summary.duplicates >= 1 and made.summary.rows == len(rows)


PEOPLE = """select m.person_id, m.business_id, min(first_name) as first_name, min(last_name) as last_name, o.name,
        max(value) filter (channel = 'email') as email, max(value) filter (channel = 'phone') as phone, min(title) as title
    from registry.maintenance_contacts as m inner join registry.organisations as o using (business_id)
    where person_id is not null group by all having bool_and(restriction is {}) order by 1 limit {}"""


def person_row(one: dict[str, Any]) -> dict[str, str]:
    return {"business_id": one["business_id"], "person": f"{one['last_name']} {one['first_name']}"}


def test_persons_still_there_are_filled_in_and_written_down(home: Path, db: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    people = [one for one in asked(db, PEOPLE.format("null", 60)) if one["email"] or one["phone"]]
    made = refreshing.refresh(
        home, register(tmp_path / "people.csv", [person_row(one) for one in people]), "acme", language="en"
    )
    rows = told(made)
    assert len(people) > 5 and {row["person"] for row in rows} == {"still there"}
    for one, row in zip(people, rows, strict=True):
        assert (row["person_email"], row["person_phone"]) == (one["email"] or "", one["phone"] or "")
    given = disclosures.of(home, [people[0]["person_id"]])
    assert [(row["recipient_id"], row["purpose"], row["file"]) for row in given] == [("acme", "maintenance", made.files[0])]
    # Who is told of is written down, an organisation whose number was filled in among them; whoever is not is not.
    filled = {row["business_id"]: bool(row["street"] or row["phone"] or row["email"]) for row in rows}
    told_of = {row["business_id"] for row in disclosures.of(home, (), list(filled)) if row["delivery_id"] == made.folder.name}
    assert told_of == {firm for firm, yes in filled.items() if yes} and len(told_of) > 0
    again = refreshing.refresh(home, tmp_path / "people.csv", "acme", language="en")
    assert again.folder == made.folder and len(disclosures.of(home, [people[0]["person_id"]])) == 1


def test_an_objector_comes_back_as_kielto_and_nothing_else(home: Path, db: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    people = asked(db, PEOPLE.format("not null", 8))
    mailbox = asked(
        db,
        """select distinct d.email, d.person_id from registry.decision_makers as d
        semi join (from registry.maintenance_contacts where restriction is not null) as m using (person_id)
        where email is not null order by all limit 3""",
    )
    assert people and mailbox
    file = register(
        tmp_path / "objectors.csv", [*map(person_row, people), *({"email": one["email"].upper()} for one in mailbox)]
    )
    made = refreshing.refresh(home, file, "acme", language="en")
    for row in told(made):
        assert (row["restriction"], row["person"]) == ("kielto", "kielto")
        assert not any(row[column] for column in ("title", "person_email", "person_phone", "marketable")), row
    assert made.summary.kielto == len(people) + len(mailbox)
    # By name they come back without what they can be reached by, whatever the register knows.
    by_name = (made.folder / made.files[0]).read_text(encoding="utf-8-sig").splitlines()[1 : len(people) + 1]
    known = asked(
        db,
        """select distinct email, phone from registry.decision_makers as d
        semi join (from registry.maintenance_contacts where restriction is not null) as m using (person_id)""",
    )
    assert known and not [
        one for one in known for line in by_name if (one["email"] or "\0") in line or (one["phone"] or "\0") in line
    ]


def test_an_organisation_that_objects_is_not_made_reachable(home: Path, db: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    firms = asked(
        db,
        """select business_id from registry.maintenance_contacts where person_id is null
        group by business_id having bool_and(restriction is not null) order by 1 limit 5""",
    )
    assert firms
    made = refreshing.refresh(home, register(tmp_path / "firms.csv", firms), "acme", language="en")
    for row in told(made):
        assert row["restriction"] == "kielto" and "objects to marketing" in row["changes"]
        assert not any(row[column] for column in ("street", "postcode", "town", "phone", "email", "website", "marketable")), row


def test_who_left_is_told_of_public_roles_unless_withheld(home: Path, db: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    ended = """select distinct p.person_id, p.business_id, first_name, last_name from registry.responsible_persons as p
        where listing_basis = 'registered_role' and ended_on is not null
            and not exists (from registry.responsible_persons as q where q.person_id = p.person_id
                and q.business_id = p.business_id and q.ended_on is null)
            and not exists (from registry.decision_makers as q where q.person_id = p.person_id
            and q.business_id = p.business_id)
            and {} (select person_id from registry.withheld_persons) order by all limit 10"""
    left, withheld = asked(db, ended.format("person_id not in")), asked(db, ended.format("person_id in"))
    rows = told(
        refreshing.refresh(
            home, register(tmp_path / "left.csv", [person_row(one) for one in [*left, *withheld]]), "acme", language="en"
        )
    )
    assert left and {row["person"] for row in rows[: len(left)]} == {"person left"}
    assert {row["person"] for row in rows[len(left) :]} <= {"", "kielto"}
    assert not any(row["title"] or row["person_email"] or row["person_phone"] for row in rows)


def test_nothing_of_others_than_those_asked_for_is_told(made: refreshing.Refreshed, db: duckdb.DuckDBPyConnection) -> None:
    """The rows name no person, so that nothing of any person's may be there but what is an organisation's own as well."""
    text = (made.folder / made.files[0]).read_text(encoding="utf-8-sig")
    own = {
        value
        for (value,) in db.execute(
            "select value from registry.maintenance_contacts where person_id is null and value is not null"
        ).fetchall()
    }
    theirs = db.execute("select distinct unnest([email, phone]) from registry.decision_makers").fetchall()
    assert not [value for (value,) in theirs if value and value not in own and value in text]
    assert {row["person"] for row in told(made)} == {""}


def test_the_same_file_gives_the_same_bytes(home: Path, cases: list[Case], tmp_path: Path) -> None:
    file = register(tmp_path / "customers.csv", [case.row for case in cases])
    one, two = (refreshing.refresh(home, file, "acme", tmp_path / name) for name in ("one", "two"))
    assert one.folder.name == two.folder.name and one.files == two.files
    for name in one.files:
        assert (one.folder / name).read_bytes() == (two.folder / name).read_bytes()


def test_a_workbook_gives_what_its_csv_gives(home: Path, cases: list[Case], made: refreshing.Refreshed, tmp_path: Path) -> None:
    path = tmp_path / "customers.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("Ohje").write(0, 0, "Tästä alkaa")
        sheet = book.add_worksheet("Asiakkaat")
        for number, row in enumerate([HEADERS, *([case.row.get(name, "") for name in FIELDS] for case in cases)]):
            for at, cell in enumerate(row):
                sheet.write_string(number, at, cell)
    again = refreshing.refresh(home, path, "acme", tmp_path / "out", "en")
    assert [(row["status"], row["business_id"]) for row in told(again)] == [
        (row["status"], row["business_id"]) for row in told(made)[:-1]
    ]
    sheet = openpyxl.load_workbook(again.folder / again.files[1], read_only=True).worksheets[0]
    rows = [["" if cell is None else cell for cell in row] for row in sheet.iter_rows(values_only=True)]
    with (again.folder / again.files[0]).open(encoding="utf-8-sig", newline="") as file:
        written = list(csv.reader(file, delimiter=";"))
    assert len(rows) == len(written) and rows[0] == written[0] and rows[3] == written[3]


def test_an_objection_since_the_publication_stops_it(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "lake"
    shutil.copytree(home / "published", other / "published", symlinks=True)
    for path in home.glob("ledger*"):
        shutil.copy2(path, other / path.name)
    objections.add(other, Told(email="uusi.kieltaja@kieltaja.example"), evidence="letter", by_whom="test")
    file = register(tmp_path / "customers.csv", [{"name": "Jokin Oy"}])
    with pytest.raises(Refused, match="kohde publish"):
        refreshing.refresh(other, file, "acme")
    assert not (other / "deliveries").exists()


CHILD = """
import os, signal, sys
from pathlib import Path
from delivery.refresh import refreshing as r
from base import files
home, file, at = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
module, name = {"rendered": (r.answer, "write"), "recorded": (r.disclosures, "record"), "there": (files, "commit_folder")}[at]
real = getattr(module, name)
def dying(*a, **k):
    real(*a, **k)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(module, name, dying)
r.refresh(home, file, "acme")
"""


@pytest.mark.parametrize("at", ["rendered", "recorded", "there"])
def test_killed_at_any_step_a_refresh_is_whole_and_written_down_once(desk_lake: Path, tmp_path: Path, at: str) -> None:
    recipients.add(desk_lake, "acme", "Acme Oy", by_whom="test")
    with published.desk(desk_lake) as db:
        query = """select business_id, first_name || ' ' || last_name from registry.maintenance_contacts
            where restriction is null and person_id is not null order by all limit 20"""
        people = db.execute(query).fetchall()
    file = register(tmp_path / "customers.csv", [{"business_id": firm, "person": name} for firm, name in people])
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    killed = subprocess.run([sys.executable, "-c", CHILD, str(desk_lake), str(file), at], env=environment)
    assert killed.returncode == -signal.SIGKILL
    folder = desk_lake / "deliveries" / "acme"
    assert {path.name for path in folder.glob("refresh-*/*")} in (
        (set(), {"customers-refreshed.csv", "customers-refreshed.xlsx", "summary.json"})[at == "there"],
    )
    made = refreshing.refresh(desk_lake, file, "acme")
    assert not list(folder.glob(".refresh-*")), "what the killed one left is gone"
    assert [path.name for path in folder.glob("refresh-*")] == [made.folder.name] and len(list(made.folder.iterdir())) == 3
    told_of = [(row["person_id"], row["business_id"]) for row in store.rows(desk_lake, Disclosure)]
    assert len(told_of) == len(set(told_of)) > 10 and store.verify(desk_lake) == []


def test_unknown_recipients_and_languages_are_refused(home: Path, tmp_path: Path) -> None:
    file = register(tmp_path / "customers.csv", [{"name": "Jokin Oy"}])
    with pytest.raises(Refused, match="recipient 'nobody'"):
        refreshing.refresh(home, file, "nobody")
    with pytest.raises(Refused, match="fi, sv, en"):
        refreshing.refresh(home, file, "acme", language="de")


def test_the_command_tells_the_summary(home: Path, cases: list[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOHDE_HOME", str(home))
    file = register(tmp_path / "customers.csv", [cases[0].row])
    result = CliRunner().invoke(
        cli.app, ["refresh", str(file), "--recipient", "acme", "--out", str(tmp_path / "out"), "--json"]
    )
    assert result.exit_code == 0, result.output
    shown = json.loads(result.output)
    assert shown["summary"] == json.loads((Path(shown["folder"]) / "summary.json").read_text())
    assert shown["summary"]["results"] == {"matched": 1, "ambiguous": 0, "not_found": 0}


WRONG = {
    "empty.csv": (b"", "empty"),
    "header only.csv": (b"Y-tunnus;Nimi\r\n", "empty"),
    "utf-16.csv": ("Nimi;Puhelin\nÄiti Oy;0401234567\n".encode("utf-16"), "encoding"),
    "mixed.csv": ("Nimi;Ptp\nÄiti;Oulu\n".encode() + "Öljy;Vasa\n".encode("cp1252"), "mixed_encoding"),
    "page.csv": (b"<html><table></table></html>", "not_tabular"),
    "not.xlsx": (b"PK\x03\x04nothing of the kind", "bad_zip"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_register_is_refused_with_one_line(name: str, tmp_path: Path) -> None:
    content, reason = WRONG[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LandingRefused) as refused:
        reading.read(tmp_path / name)
    assert refused.value.reason == reason and "\n" not in str(refused.value)


def read(tmp_path: Path, text: str, encoding: str = "utf-8") -> reading.Register:
    (tmp_path / "register.csv").write_bytes(text.encode(encoding))
    return reading.read(tmp_path / "register.csv")


def test_rows_that_cannot_be_read_are_listed_and_the_others_go_on(tmp_path: Path) -> None:
    long = "x" * 40_000
    told = read(
        tmp_path, f'Nimi;Puhelin;Puhelin\nYksi Oy;1;2\nKaksi {long};1;2\n"Kolme;1;2\nNeljä Oy;1;2;3\nViisi Oy\nKuusi\x01;;\n'
    )
    assert told.headers == ["Nimi", "Puhelin", "Puhelin (2)"]
    assert told.rows["c0"].to_list() == ["Yksi Oy", "Viisi Oy"] and told.rows["line"].to_list() == [2, 6]
    assert told.unread == [(3, "cell_too_long"), (4, "unbalanced_quote"), (5, "ragged"), (7, "control_char")]
    assert len(told.warnings) == 2 and long not in str(told.warnings)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_encodings_delimiters_and_titles_above_the_header(tmp_path: Path, encoding: str) -> None:
    for delimiter in ";\t,|":
        told = read(tmp_path, f"Asiakasluettelo\n\nNimi{delimiter}Sähköposti\nÄly Oy{delimiter}a@b.fi\n", encoding)
        assert told.headers == ["Nimi", "Sähköposti"] and told.rows["c0"].to_list() == ["Äly Oy"]


def find(headers: list[str], rows: list[list[str]]) -> dict[str, str]:
    frame = pl.DataFrame(
        {f"c{at}": [row[at] or None for row in rows] for at in range(len(headers))},
        schema={f"c{at}": pl.String for at in range(len(headers))},
    )
    return columns.find(headers, frame)


def test_columns_are_found_by_header_and_by_content(tmp_path: Path) -> None:
    rows = [
        ["0112038-9", "Nokia Oyj", "02610", "010 448 8000", "info@nokia.com"],
        ["FI01120389", "Äly Oy", "00100", "+358401234567", ""],
    ]
    assert find(["Y-TUNNUS", "Asiakkaan nimi", "Postinro", "Puh.", "E-mail"], rows) == find(["a", "b", "c", "d", "e"], rows)
    assert find(["FO-nummer", "Företag", "Postnr", "Telefon", "E-post"], rows)["name"] == "c1"
    # A header over customer numbers is not believed; the ids stand under another.
    lying = [["10023", "0112038-9", "Äly Oy"], ["10024", "0112038-9", "Taika Oy"]]
    assert find(["Y-tunnus", "Viite", "Nimi"], lying) == {"business_id": "c1", "name": "c2"}
    bare = read(tmp_path, "0112038-9;Nokia Oyj;02610\nFI01120389;Äly Oy;00100\n")
    assert bare.rows.height == 2 and columns.find(bare.headers, bare.rows)["business_id"] == "c0" and bare.warnings
    with pytest.raises(Refused, match="nothing to match"):
        find(["Väri", "Koko"], [["punainen", "iso"], ["sininen", "pieni"]])


def test_no_cell_becomes_a_formula(home: Path, tmp_path: Path) -> None:
    rows = [{"name": "=HYPERLINK(1)", "phone": "+358401234567", "note": "@SUM(A1)"}, {"name": "+1 Oy", "note": "-5 %"}]
    made = refreshing.refresh(home, register(tmp_path / "formulas.csv", rows), "acme", tmp_path / "out")
    with (made.folder / made.files[0]).open(encoding="utf-8-sig", newline="") as file:
        _, one, two = csv.reader(file, delimiter=";")
    assert (one[1], one[5], one[8]) == ("'=HYPERLINK(1)", "+358401234567", "'@SUM(A1)") and (two[1], two[8]) == (
        "'+1 Oy",
        "'-5 %",
    )
    sheet = openpyxl.load_workbook(made.folder / made.files[1]).worksheets[0]
    assert sheet["B2"].data_type == "s" and sheet["B2"].value == "=HYPERLINK(1)"


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[duckdb.DuckDBPyConnection]:
    """A registry of four organisations by hand: for persons and objections that the lake of the tests has none of."""
    with duckdb.connect() as db:
        db.execute("attach ':memory:' as registry")
        db.execute("create schema registry.restricted")
        place = "'Koivukatu 1' as visiting_street, '00100' as visiting_postcode, 'HELSINKI' as visiting_town,"
        place += " null::varchar as postal_street, null::varchar as postal_postcode, null::varchar as postal_town"
        db.execute(f"""create table registry.organisations as select business_id, name, []::varchar[] as trade_names, {place},
            'active' as status, null::varchar as phone, null::varchar as email, 'www.firma.example' as website
            from (values ('0112038-9', 'Alfa Oy'), ('1927400-1', 'Beeta Oy')) as told(business_id, name)""")
        db.execute("""create table registry.organisation_history as select *, date '2026-01-01' as valid_from,
            null::date as valid_to
            from registry.organisations where false""")
        db.execute("""create table registry.maintenance_contacts (person_id varchar, business_id varchar, channel varchar,
            value varchar, first_name varchar, last_name varchar, title varchar, restriction varchar)""")
        db.execute("""insert into registry.maintenance_contacts values
            ('p_part', '0112038-9', 'email', null, 'Osmo', 'Osittainen', 'johtaja', 'kielto'),
            ('p_part', '0112038-9', 'phone', '+358401000001', 'Osmo', 'Osittainen', 'johtaja', null),
            ('p_one', '0112038-9', 'phone', '+358401000002', 'Anna', 'Kaksonen', null, null),
            ('p_two', '0112038-9', 'phone', '+358401000003', 'Anna', 'Kaksonen', null, null),
            ('p_here', '0112038-9', 'email', 'liisa@firma.example', 'Liisa Maria', 'Läsnä', 'johtaja', null),
            (null, '1927400-1', 'phone', null, null, null, null, 'kielto'),
            (null, '1927400-1', 'post', 'Koivukatu 1, 00100 HELSINKI', null, null, null, null)""")
        db.execute("""create table registry.marketing_contacts as select person_id, business_id, channel
            from registry.maintenance_contacts where restriction is null""")
        db.execute("""create table registry.responsible_persons (person_id varchar, business_id varchar, first_name varchar,
            last_name varchar, listing_basis varchar, ended_on date)""")
        db.execute("""insert into registry.responsible_persons values
            ('p_left', '0112038-9', 'Leo', 'Lähtenyt', 'registered_role', date '2025-01-01'),
            ('p_gone', '0112038-9', 'Salli', 'Salattu', 'registered_role', date '2025-01-01'),
            ('p_limited', '0112038-9', 'Riku', 'Rajattu', 'registered_role', null)""")
        db.execute("create table registry.withheld_persons as select 'p_gone' as person_id, 'ERASED' as gate")
        db.execute("create table registry.decision_makers (person_id varchar, business_id varchar)")
        db.execute("""create table registry.restricted.subject_keys
            (kind varchar, key varchar, person_id varchar, business_id varchar, holders bigint)""")
        yield db


def persons_of(db: duckdb.DuckDBPyConnection, rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    names = ("business_id", "name", "street", "postcode", "town", "phone", "email", "person")
    cells = {f"c{at}": pl.Series([row.get(name) for row in rows], dtype=pl.String) for at, name in enumerate(names)}
    matching.match(db, pl.DataFrame({"row_id": range(len(rows)), **cells}), {name: f"c{at}" for at, name in enumerate(names)})
    persons.find(db)
    changes.make(db)
    return asked(db, "from answer order by row_id")


def test_whoever_may_not_be_told_of_is_not_found(tiny: duckdb.DuckDBPyConnection) -> None:
    """Erased though gone, restricted (in no mart of contacts), of two with one name: nothing. Partly forbidden: all of it."""
    names = [
        "Osmo Osittainen",
        "Anna Kaksonen",
        "Salli Salattu",
        "Riku Rajattu",
        "Leo Lähtenyt",
        "läsnä liisa",
        "Läsnä",
        "Olli Outo",
    ]
    rows = persons_of(tiny, [{"business_id": "0112038-9", "person": name} for name in names])
    assert [row["person"] for row in rows] == ["kielto", None, None, None, "left", "present", None, None]
    assert (rows[5]["person_id"], rows[5]["person_email"]) == ("p_here", "liisa@firma.example")
    told_of = ("title", "person_email", "person_phone")
    assert not any(row[column] for row in rows if row["person"] != "present" for column in told_of)
    assert rows[0]["channels"] == []


def test_an_organisation_that_objects_on_one_channel_is_closed_on_all(tiny: duckdb.DuckDBPyConnection) -> None:
    rows = persons_of(tiny, [{"business_id": "1927400-1"}, {"business_id": "0112038-9"}])
    assert [row["is_closed"] for row in rows] == [True, False] and rows[0]["name"] == "Beeta Oy"
    assert not any(rows[0][column] for column in ("street", "postcode", "town", "phone", "email", "website", "channels"))
    assert rows[1]["website"] == "www.firma.example"
