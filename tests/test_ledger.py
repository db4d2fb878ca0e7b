"""The ledger: decisions are added, never changed, and land as a snapshot once."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml

from ingest.sources.ledger import loader
from ledger import store
from orchestration import settings
from orchestration.build import plan_build
from tests.staging import build_staging, staged

ONE, OTHER = "survey:decision_makers:b", "prh_officers:officers:0112038-9|HAL|PJ|a"


def judge(home: Path, verdict: str = "same", first: str = ONE, second: str = OTHER, **told: str) -> int:
    return store.judge(home, verdict, first, second, told.get("by", "tester"), told.get("reason", "asked them"))


def test_a_judgement_is_a_row_with_who_when_and_why(tmp_path: Path) -> None:
    assert (judge(tmp_path), judge(tmp_path, "unsure")) == (1, 2)
    first, second = store.rows(tmp_path, store.Judgement)
    assert (first["mention_a"], first["mention_b"], first["verdict"]) == (OTHER, ONE, "same"), "a pair is written one way"
    assert (first["by_whom"], first["reason"], second["verdict"]) == ("tester", "asked them", "unsure")
    assert first["judged_at"] <= second["judged_at"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("maybe", ONE, OTHER, "a", "b"), "no verdict"),
        (("same", ONE, ONE, "a", "b"), "against itself"),
        (("same", ONE, "Matti", "a", "b"), "source:dataset:key"),
        (("same", ONE, OTHER, " ", "b"), "by whom and why"),
        (("same", ONE, OTHER, "a", ""), "by whom and why"),
    ],
)
def test_a_judgement_without_sense_is_refused(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(store.LedgerRefused, match=said):
        store.judge(tmp_path, *arguments)
    assert not store.exists(tmp_path)


def test_a_correction_is_about_somebody_and_some_column(tmp_path: Path) -> None:
    assert store.correct(tmp_path, "phone", None, "a", "b", business_id="0112038-9") == 1
    assert store.correct(tmp_path, "last_name", "Oikea", "a", "b", person_id="p_1x", business_id="0112038-9") == 2
    assert [row["value"] for row in store.rows(tmp_path, store.Correction)] == [None, "Oikea"]
    with pytest.raises(store.LedgerRefused, match="which"):
        store.correct(tmp_path, "phone", "1", "a", "b")
    with pytest.raises(store.LedgerRefused, match="cannot be corrected"):
        store.correct(tmp_path, "phone; drop table", "1", "a", "b", business_id="0112038-9")


@pytest.mark.parametrize(
    "statement", ["update judgement set verdict = 'not_same'", "delete from judgement", "delete from correction"]
)
def test_the_database_itself_refuses_to_change_a_row(tmp_path: Path, statement: str) -> None:
    judge(tmp_path)
    store.correct(tmp_path, "phone", None, "a", "b", business_id="0112038-9")
    engine = sa.create_engine(store.url(tmp_path))
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()
    assert [row["verdict"] for row in store.rows(tmp_path, store.Judgement)] == ["same"]


def test_migrations_make_what_the_models_say(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    judge(tmp_path)
    engine = sa.create_engine(store.url(tmp_path))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), store.Base.metadata) == []
    store.migrate(engine)
    engine.dispose()


def test_a_ledger_out_of_reach_tells_no_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOHDE_LEDGER_URL", f"sqlite:////{tmp_path}/nowhere/secret-name.db")
    with pytest.raises(store.LedgerRefused) as refused:
        judge(tmp_path)
    assert "secret-name" not in str(refused.value) and len(str(refused.value).splitlines()) == 1


def test_the_snapshot_lands_once(tmp_path: Path) -> None:
    (head,) = loader.land(None, None, tmp_path)
    assert store.exists(tmp_path) and head.dataset == "heads", "an empty ledger is made: a state that gates are proven against"
    judge(tmp_path)
    first, _ = loader.land(None, None, tmp_path)
    assert first.counts.inserted == 1 and first.as_of == str(store.rows(tmp_path, store.Judgement)[0]["judged_at"].date())
    again, _ = loader.land(None, None, tmp_path)
    assert again.load_id == first.load_id, "nothing was decided since, so nothing lands"
    judge(tmp_path, "not_same")
    second, _ = loader.land(None, None, tmp_path)
    assert (second.counts.inserted, second.counts.unchanged) == (1, 1)
    assert not list((tmp_path / "archive").rglob(".*")), "nothing half-written is left"


def test_a_ledger_that_is_missing_or_another_is_refused(tmp_path: Path) -> None:
    judge(tmp_path)
    judge(tmp_path, "unsure")
    mark = (tmp_path / store.MARK).read_text()

    def lose() -> None:
        for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)

    lose()
    with pytest.raises(store.LedgerRefused, match="missing, and this lake had 2 entries"):
        loader.land(None, None, tmp_path)
    with pytest.raises(store.LedgerRefused, match="missing"):
        judge(tmp_path)
    (tmp_path / store.MARK).unlink()
    judge(tmp_path)
    (tmp_path / store.MARK).write_text(mark)
    with pytest.raises(store.LedgerRefused, match="set back or replaced"):
        loader.land(None, None, tmp_path)
    (tmp_path / store.MARK).unlink()
    judge(tmp_path)
    (tmp_path / store.MARK).write_text(mark)
    with pytest.raises(store.LedgerRefused, match="another one than was seen here"):
        loader.land(None, None, tmp_path)


def test_a_build_takes_new_decisions_in_first(tmp_path: Path) -> None:
    from orchestration.build import building

    judge(tmp_path)
    with building(tmp_path) as plan:
        assert "ledger.judgements" in plan.loads
        plan.whole = False
    assert plan_build(tmp_path).loads == plan.loads


def test_staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge(tmp_path)
    store.correct(tmp_path, "phone", "+358481234567", "a", "b", business_id="0112038-9")
    loader.land(None, None, tmp_path)
    build_staging(tmp_path, "ledger", monkeypatch)
    (judgement,) = staged(tmp_path, "select mention_a, mention_b, verdict, as_of from stg_ledger__judgements")
    assert (judgement["mention_a"], judgement["verdict"]) == (OTHER, "same") and isinstance(judgement["as_of"], date)
    (correction,) = staged(tmp_path, 'select field_name, "value" from stg_ledger__corrections')
    assert correction == {"field_name": "phone", "value": "+358481234567"}


def kohde(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"KOHDE_HOME": str(home)}
    command = [sys.executable, "-m", "orchestration.cli", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_commands(tmp_path: Path) -> None:
    done = kohde(tmp_path, "judge", "not-same", ONE, OTHER, "--by", "me", "--reason", "two people", "--json")
    assert done.returncode == 0 and json.loads(done.stdout) == {"judgement": 1}, done.stderr
    assert store.rows(tmp_path, store.Judgement)[0]["verdict"] == "not_same"
    done = kohde(tmp_path, "correct", "phone", "--by", "me", "--reason", "gone", "--business-id", "0112038-9", "--json")
    assert done.returncode == 0 and json.loads(done.stdout) == {"correction": 1}, done.stderr
    refused = kohde(tmp_path, "judge", "same", ONE, ONE, "--by", "me", "--reason", "x")
    assert refused.returncode == 1 and refused.stderr.strip().endswith("a mention cannot be judged against itself")


def test_the_models_let_the_same_fields_be_corrected() -> None:
    told = yaml.safe_load((settings.DBT_PROJECT / "dbt_project.yml").read_text())["vars"]
    assert told["correctable"] == list(store.ORGANISATION_FIELDS)
    assert told["correctable_of_persons"] == list(store.PERSON_FIELDS)
