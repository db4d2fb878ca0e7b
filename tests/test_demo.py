"""The demo, small, as a newcomer runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ledger import access
from orchestration import demo, settings
from orchestration.publish import connect
from orchestration.state import Refused


def kohde(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "KOHDE_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")}
    return subprocess.run(
        [sys.executable, "-m", "orchestration.cli", *arguments], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    home = tmp_path_factory.mktemp("demo") / "lake"
    done = kohde(home, "demo", "--organisations", "2000", "--json")
    assert done.returncode == 0, done.stderr
    return home, json.loads(done.stdout)


def test_two_days_are_landed_by_the_law_and_published(made: tuple[Path, dict[str, Any]]) -> None:
    _, report = made
    assert [day["day"] for day in report["days"]] == ["2026-01-02", "2026-01-03"]
    for day in report["days"]:
        for load in day["loads"]:
            counts = load["counts"]
            assert counts["read"] == counts["landed"] + counts["unchanged"] + counts["quarantined"]
            assert load["verdict"] == "accepted" and load["as_of"] == day["day"]
    register = [
        [load["counts"] for load in day["loads"] if (load["source"], load["dataset"]) == ("ytj", "companies")]
        for day in report["days"]
    ]
    (first,), (second,) = register
    assert first["inserted"] == first["read"] == 2000
    assert 0 < second["landed"] < 100 and second["disappeared"] > 0
    assert report["days"][0]["version"] < report["days"][1]["version"] < Path(report["published"]).name


def test_what_it_tells_to_ask_can_be_asked(made: tuple[Path, dict[str, Any]]) -> None:
    home, report = made
    assert len(report["queries"]) == 5
    for sql in report["queries"].values():
        done = kohde(home, "query", sql, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout), sql
    columns, rows = report["answer"]
    assert columns[0] == "legal_form_group" and rows
    with connect(home) as db:
        first_day = db.execute(
            "SELECT count(*) FROM organisations_as_of(DATE '2026-01-02') WHERE list_contains(sources, 'ytj')"
        ).fetchall()
    assert first_day == [(2000,)]


def test_who_objected_is_not_in_the_marketing_file(made: tuple[Path, dict[str, Any]]) -> None:
    home, report = made
    gates = dict(report["gates"])
    assert gates["to market: email"] > 100 and gates["withheld: OBJECTION_PERSON"] > 2
    assert gates["withheld: OBJECTION_ORGANISATION"] > 0 and report["told"]["objections"] == 4
    with connect(home, "marketing") as file, connect(home) as db:
        withheld = db.execute("SELECT count(*) FROM gate_audit").fetchall()[0][0]
        assert file.execute("SELECT count(*) FROM marketing_contacts").fetchall()[0][0] > 1000
    assert withheld == sum(count for what, count in gates.items() if what.startswith("withheld"))


def test_it_ends_by_letting_people_in(made: tuple[Path, dict[str, Any]]) -> None:
    home, report = made
    found = {who: access.by_key(home, key) for who, key in report["keys"].items()}
    assert {who: one and (one.role, one.recipient_id) for who, one in found.items()} == {
        "a customer": ("admin", "demo-asiakas"), "data protection": ("officer", None), "operations": ("operator", None)
    }  # fmt: skip


def test_chatter_is_in_the_log_and_nowhere_else(made: tuple[Path, dict[str, Any]]) -> None:
    home, report = made
    assert "RUN_SUCCESS" in Path(report["log"]).read_text()
    done = kohde(home, "status")
    assert done.returncode == 0 and "made up" in done.stdout


def test_a_lake_of_somebody_else_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(Refused, match="not made by the demo"):
        demo.run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_an_older_demo_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / settings.DEMO_MARK).touch()
    (tmp_path / "raw" / "old").mkdir(parents=True)
    (tmp_path / "warehouse.duckdb").touch()
    demo._fresh_lake(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".")) == [settings.DEMO_MARK]


def test_a_failure_is_one_line_that_names_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        print("chatter")
        raise ValueError("no world")

    monkeypatch.setattr(demo, "_run", broken)
    monkeypatch.setenv("KOHDE_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with pytest.raises(demo.DemoFailed, match=r"no world \(log: .*demo\.log\)"):
        demo.run(tmp_path / "lake")


def test_no_file_of_a_lake_holds_the_secret(made: tuple[Path, dict[str, Any]]) -> None:
    """Compiled SQL, logs, Dagster's storage, manifests, data: keys were made with it in all of them, and it is in none."""
    from ledger import keys, store, tables
    from tests.test_secrets import found_in, spellings

    home, _ = made
    assert found_in(home.parent, spellings(keys.current().secret)) == []
    assert store.rows(home, tables.KeyUse), "the ledger has keys made with it"
    assert list(home.rglob("*.sql")) and list(home.rglob("dbt.log")) and list(home.rglob("*.db"))
