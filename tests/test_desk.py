"""The analyst's desk: what `kohde query` gives, that other programs open what is published, that its pages are true."""

import ast
import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import polars as pl
import pytest

from base.refused import Refused
from delivery import published
from ledger import objections
from ledger.subjects import Told
from orchestration import querying, settings
from orchestration.publish import current
from tests.service import copied
from tests.test_cli import Kohde

HOW_TO = settings.ROOT / "docs" / "how-to"
QUESTIONS = HOW_TO / "questions.md"
TRIED = [HOW_TO / f"{name}.md" for name in ("query", "connect", "notebooks")]
NOT_RUN = {"r", "text"}
"""Blocks of programs that the tests do not have; the page says so beside each."""
CLI = Path(sys.executable).with_name("duckdb")

# Everything that has spoilt a file of somebody's: quotes, a formula, zeros, emptiness, a line's end, a list, umlauts.
NASTY = """
select * from (values
    (1, '00100', 'a "b", c', '=1+1', ['x', 'y,z'], 1.50::decimal(9, 2), date '2026-01-02', true, ''),
    (2, null, E'two\\nlines', '<r>@x</r>', [], null, null, false, 'Åäö'))
as t (number, code, text, formula, words, amount, day, is_it, rest)
"""


def blocks(page: Path) -> list[tuple[str, str]]:
    """(language, content) of every fenced block of a page."""
    return re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def db(published_lake: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with published.connect(published_lake) as opened:
        yield opened


@pytest.fixture
def kohde(capsys: pytest.CaptureFixture[str]) -> Kohde:
    return Kohde(capsys)


# --- kohde query ------------------------------------------------------------------------------------------------------


@pytest.fixture
def answer(db: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    return querying.ask(db, NASTY)


def test_csv_comes_back_as_it_was(answer: duckdb.DuckDBPyRelation, tmp_path: Path) -> None:
    assert querying.written(answer, tmp_path / "a.csv", "csv", is_shared=True) == 2
    text = (tmp_path / "a.csv").read_bytes().decode()
    assert text == "".join(part for part, _ in querying.csv_parts(answer))
    first, second = csv.DictReader(io.StringIO(text, newline=""))
    assert (first["code"], first["text"], first["formula"], first["amount"]) == ("00100", 'a "b", c', "=1+1", "1.50")
    assert json.loads(first["words"]) == ["x", "y,z"] and (first["day"], first["is_it"]) == ("2026-01-02", "true")
    assert second["text"] == "two\nlines" and ',"",' not in text.splitlines()[1] and text.splitlines()[1].endswith(',""')


def test_parquet_keeps_the_types(answer: duckdb.DuckDBPyRelation, tmp_path: Path) -> None:
    assert querying.written(answer, tmp_path / "a.parquet", "parquet", is_shared=True) == 2
    frame = pl.read_parquet(tmp_path / "a.parquet")
    assert frame.rows() == [(n, c, t, f, list(w), a, d, i, r) for n, c, t, f, w, a, d, i, r in answer.fetchall()]
    assert frame.schema["words"] == pl.List(pl.String) and frame.schema["amount"] == pl.Decimal(9, 2)


def test_a_workbook_has_texts_that_stay_texts(answer: duckdb.DuckDBPyRelation, tmp_path: Path) -> None:
    assert querying.written(answer, tmp_path / "a.xlsx", "xlsx", is_shared=True) == 2
    (sheet,) = openpyxl.load_workbook(tmp_path / "a.xlsx").worksheets
    header, first, second = sheet.iter_rows()
    assert [cell.value for cell in header] == answer.columns
    assert [cell.value for cell in first[1:5]] == ["00100", 'a "b", c', "=1+1", '["x","y,z"]']
    assert {cell.data_type for cell in (*first[1:5], *second[2:4])} == {"s"}
    assert (first[5].value, first[6].value.date(), first[7].value) == (1.5, date(2026, 1, 2), True)
    assert [cell.value for cell in second] == [2, None, "two\nlines", "<r>@x</r>", "[]", None, None, False, "Åäö"]


def test_a_sheet_that_would_lose_rows_is_refused(
    answer: duckdb.DuckDBPyRelation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(querying, "MAX_ROWS", 1)
    with pytest.raises(Refused, match="a sheet holds 1 rows"):
        querying.written(answer, tmp_path / "a.xlsx", "xlsx", is_shared=True)
    assert list(tmp_path.iterdir()) == []


def test_an_answer_without_rows_has_its_columns(db: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    empty = querying.ask(db, "select business_id, trade_names from organisations where false")
    for form in querying.FORMATS:
        assert querying.written(empty, tmp_path / f"a.{form}", form, is_shared=True) == 0
    assert (tmp_path / "a.csv").read_text() == "business_id,trade_names\n"
    assert pl.read_parquet(tmp_path / "a.parquet").columns == ["business_id", "trade_names"]


def test_the_command_writes_what_was_asked_for(
    kohde: Kohde,
    published_lake: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KOHDE_HOME", str(published_lake))
    counted = "select count(*) as n from organisations"
    (tmp_path / "q.sql").write_text(f"select 1;\n{counted};\n")
    code, out, _ = kohde("query", "--file", str(tmp_path / "q.sql"), "--json")
    (row,) = json.loads(out)
    assert code == 0 and row["n"] > 3_000
    monkeypatch.setattr(sys, "stdin", io.StringIO(counted))
    assert kohde("query", "-f", "-", "--format", "csv")[1] == f"n\n{row['n']}\n"
    code, out, _ = kohde("query", "from organisations", "--out", str(tmp_path / "all.parquet"))
    assert (
        code == 0
        and "row(s) in" in out
        and pl.scan_parquet(tmp_path / "all.parquet").select(pl.len()).collect().item() == row["n"]
    )
    told = kohde("query", "from organisations", "--rows", "7", "--out", str(tmp_path / "seven"), "--format", "csv", "--json")[1]
    assert json.loads(told) == {"file": str(tmp_path / "seven"), "rows": 7}
    shown = kohde("query", "select business_id from organisations")[1].splitlines()
    assert len(shown) == 102 and "the first 100 rows, there are more" in shown[-1]
    assert "there are more" not in kohde("query", "select business_id from organisations limit 100")[1]
    kohde("query", "--registry", "select first_name from decision_makers", "--out", str(tmp_path / "people.csv"))
    assert {name: (tmp_path / name).stat().st_mode & 0o077 for name in ("people.csv", "seven")} == {
        "people.csv": 0,
        "seven": 0o044,
    }


def test_no_answer_takes_the_place_of_the_ledger(kohde: Kohde, desk_lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOHDE_HOME", str(desk_lake))
    monkeypatch.chdir(desk_lake)
    ledger = (desk_lake / "ledger.db").read_bytes()
    code, _, err = kohde("query", "select 1", "--out", "ledger.db", "--format", "csv")
    assert code == 2 and "no place for answers" in " ".join(err.replace("│", " ").split())
    assert (desk_lake / "ledger.db").read_bytes() == ledger


def test_no_file_of_people_is_written_that_is_older_than_an_objection(
    kohde: Kohde, published_lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copied(published_lake, tmp_path / "lake")
    monkeypatch.setenv("KOHDE_HOME", str(home))
    asked = ("query", "--marketing", "from marketing_contacts", "--out", str(tmp_path / "people.csv"))
    assert kohde(*asked)[0] == 0
    (tmp_path / "people.csv").unlink()
    objections.add(home, Told(email="nobody@nowhere.example"), evidence="a", by_whom="a test")
    code, _, err = kohde(*asked)
    assert code == 1 and "somebody has objected since" in err and not (tmp_path / "people.csv").exists()
    code, told, err = kohde("query", "--marketing", "from marketing_contacts", "--format", "csv")
    assert code == 1 and told == "" and "somebody has objected since" in err, "standard output may be a file"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "one of"),
        (["select 1", "--file", "q.sql"], 2, "one of"),
        (["select 1", "--registry", "--marketing"], 2, "one of"),
        (["select 1", "--format", "parquet"], 2, "--out"),
        (["select 1", "--out", "a.pdf"], 2, "none of"),
        (["select 1", "--json", "--format", "csv"], 2, "one of"),
        (["--file", "not-there.sql"], 1, "cannot be read"),
        ([";"], 1, "asks nothing"),
        (["copy (select 1) to 'x.csv'"], 1, ""),
        (["create table t as select 1", "--out", "a.csv"], 1, ""),
    ],
)
def test_what_cannot_be_answered_is_refused(
    kohde: Kohde, published_lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    arguments: list[str], code: int, said: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("KOHDE_HOME", str(published_lake))
    monkeypatch.chdir(tmp_path)
    ended, out, err = kohde("query", *arguments)
    assert (ended, out) == (code, "") and said in " ".join(err.replace("│", " ").split())
    assert list(tmp_path.iterdir()) == []


# --- who may read what --------------------------------------------------------------------------------------------------


@contextmanager
def nobody() -> Iterator[None]:
    """As a user who owns nothing and is in no group; root alone can become one."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_stranger_opens_what_names_nobody_and_nothing_else(published_lake: Path, tmp_path: Path) -> None:
    home = tmp_path / "lake"
    (home / "published").mkdir(parents=True)
    (home / "published" / "current").symlink_to(current(published_lake))
    # pytest keeps its folders shut: the way to the files is open in a lake of analysts.
    opened = [path for path in [*tmp_path.parents, *current(published_lake).parents] if path.stat().st_mode & 0o011 != 0o011]
    modes = {path: path.stat().st_mode for path in [tmp_path, *opened]}
    for path, mode in modes.items():
        path.chmod(mode | 0o011)
    try:
        with nobody():
            with published.connect(home) as db:
                assert db.sql("from organisations limit 1").fetchall()
            for file in ("registry", "marketing"):
                with pytest.raises(Refused, match=rf"^{file}\.duckdb is not yours to read"):
                    published.connect(home, file)
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


# --- the pages ------------------------------------------------------------------------------------------------------------


def test_duckdb_of_the_line_before_opens_every_file(published_lake: Path) -> None:
    version = subprocess.run([CLI, "-version"], capture_output=True, text=True, check=True).stdout
    assert version.startswith("v1."), "the library is DuckDB 2; this one stands for other programs' drivers"
    for path in sorted(current(published_lake).glob("*.duckdb")):
        with duckdb.connect(str(path), read_only=True) as opened:
            tables = opened.sql("select schema_name || '.' || table_name from duckdb_tables() order by 1").fetchall()
            macros = opened.sql(
                "select function_name from duckdb_functions() where function_type = 'table_macro' and not internal order by 1"
            ).fetchall()
            asked = [f"select count(*) as n from {table}" for (table,) in tables]
            asked += [f"select count(*) as n from {macro}(date '2026-01-02')" for (macro,) in macros]
            sql = " union all ".join(asked)
            ours = [n for (n,) in opened.sql(sql).fetchall()]
        done = subprocess.run([CLI, "-readonly", "-json", path, "-c", sql], capture_output=True, text=True, check=True)
        assert sum(row["n"] for row in json.loads(done.stdout)) == sum(ours) > 0


def test_every_kind_of_block_is_tried_or_said_not_to_be() -> None:
    for page in [*TRIED, QUESTIONS]:
        assert {language for language, _ in blocks(page)} <= {"sh", "sql", "python", *NOT_RUN}, page.name
    assert "CI has no R" in (HOW_TO / "connect.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", TRIED, ids=lambda page: page.stem)
def test_the_sql_of_a_page_runs(page: Path, db: duckdb.DuckDBPyConnection) -> None:
    for language, text in blocks(page):
        if language == "sql":
            assert db.sql(text).columns, text


@pytest.mark.parametrize("page", TRIED, ids=lambda page: page.stem)
def test_the_python_of_a_page_runs(
    page: Path, published_lake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KOHDE_HOME", str(published_lake))
    for language, text in blocks(page):
        if language == "python":
            exec(compile(ast.parse(text), page.name, "exec"), {})
            assert re.search(r"[1-9]", capsys.readouterr().out), text


@pytest.mark.parametrize("page", TRIED, ids=lambda page: page.stem)
def test_the_commands_of_a_page_run(page: Path, published_lake: Path, tmp_path: Path) -> None:
    (tmp_path / "lake").symlink_to(published_lake)
    environment = os.environ | {"KOHDE_HOME": str(published_lake), "PATH": f"{CLI.parent}:{os.environ['PATH']}"}
    for language, text in blocks(page):
        if language == "sh":
            done = subprocess.run(
                ["bash", "-euc", text], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0 and not done.stderr, done.stderr
    for path in tmp_path.glob("employers.*"):
        frame = pl.read_excel(path) if path.suffix == ".xlsx" else pl.read_parquet(path)
        with published.connect(published_lake) as opened:
            assert len(frame) == opened.sql("from organisations where is_employer").count("*").fetchall()[0][0]
            assert set(frame["business_id"]) == {
                i for (i,) in opened.sql("select business_id from organisations where is_employer").fetchall()
            }


def test_every_macro_is_told_of(db: duckdb.DuckDBPyConnection) -> None:
    text = (HOW_TO / "query.md").read_text(encoding="utf-8")
    macros = db.sql(
        "select function_name from duckdb_functions() where function_type = 'table_macro' and not internal"
    ).fetchall()
    assert len(macros) >= 8 and {name for (name,) in macros} == set(re.findall(r"^\| `(\w+)\(day\)`", text, re.MULTILINE))


def shown(value: Any) -> str:
    if value is None:
        return ""
    return (
        f"{value:,}".replace(",", " ")
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        else str(value)
    )


def test_the_twenty_questions_have_these_answers(db: duckdb.DuckDBPyConnection) -> None:
    text = QUESTIONS.read_text(encoding="utf-8")
    parts = re.split(r"(?m)^(?=## )", text)
    told = [parts[0]]
    for part in parts[1:]:
        (sql,) = re.findall(r"```sql\n(.*?)```", part, re.DOTALL)
        answer = db.sql(sql)
        rows = [f"| {' | '.join(map(shown, row))} |" for row in answer.fetchall()]
        assert rows, part.splitlines()[0]
        table = [f"| {' | '.join(answer.columns)} |", f"|{'---|' * len(answer.columns)}", *rows]
        told.append("\n".join([part[: part.index("```sql")] + f"```sql\n{sql}```\n", *table, "", ""]))
    assert len(parts) == 21
    made = "".join(told).rstrip() + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        QUESTIONS.write_text(made, encoding="utf-8")
        return
    assert text == made, "read the difference; UPDATE_SNAPSHOTS=1 writes the answers anew"
