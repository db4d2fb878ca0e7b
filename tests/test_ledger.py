"""The ledger: decisions are added, never changed, and land as a snapshot once."""

import gzip
import json
import os
import re
import stat
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml

from ingest.sources.ledger import loader
from ledger import backup, disclosures, keys, objections, recipients, rotation, store, subjects, tables
from ledger.subjects import Told
from orchestration import settings
from orchestration.build import plan_build
from tests.ledgers import lose, tamper
from tests.servers import new_database
from tests.staging import build_staging, staged

MATTI = Told(email="matti.makinen@firma.fi", phone="0401234567", name="Matti Mäkinen", business_id="0112038-9")
ONE, OTHER = "survey:decision_makers:b", "prh_officers:officers:0112038-9|HAL|PJ|a"


def judge(home: Path, verdict: str = "same", first: str = ONE, second: str = OTHER, **told: str) -> int:
    return store.judge(home, verdict, first, second, told.get("by", "tester"), told.get("reason", "asked them"))


def test_a_judgement_is_a_row_with_who_when_and_why(ledger_home: Path) -> None:
    assert (judge(ledger_home), judge(ledger_home, "unsure")) == (1, 2)
    first, second = store.rows(ledger_home, store.Judgement)
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


def test_a_correction_is_about_somebody_and_some_column(ledger_home: Path) -> None:
    assert store.correct(ledger_home, "phone", None, "a", "b", business_id="0112038-9") == 1
    assert store.correct(ledger_home, "last_name", "Oikea", "a", "b", person_id="p_1x", business_id="0112038-9") == 2
    assert [row["value"] for row in store.rows(ledger_home, store.Correction)] == [None, "Oikea"]
    with pytest.raises(store.LedgerRefused, match="which"):
        store.correct(ledger_home, "phone", "1", "a", "b")
    with pytest.raises(store.LedgerRefused, match="cannot be corrected"):
        store.correct(ledger_home, "phone; drop table", "1", "a", "b", business_id="0112038-9")


@pytest.mark.parametrize(
    "statement", ["update judgement set verdict = 'not_same'", "delete from judgement", "delete from correction"]
)
def test_the_database_itself_refuses_to_change_a_row(ledger_home: Path, statement: str) -> None:
    judge(ledger_home)
    store.correct(ledger_home, "phone", None, "a", "b", business_id="0112038-9")
    engine = sa.create_engine(store.url(ledger_home))
    with pytest.raises(sa.exc.DatabaseError, match="append-only"), engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()
    assert [row["verdict"] for row in store.rows(ledger_home, store.Judgement)] == ["same"]


def test_migrations_make_what_the_models_say(ledger_home: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    judge(ledger_home)
    engine = sa.create_engine(store.url(ledger_home))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), store.Base.metadata) == []
    store.migrate(engine)
    engine.dispose()


def test_a_ledger_out_of_reach_tells_no_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOHDE_LEDGER_URL", f"sqlite:////{tmp_path}/nowhere/secret-name.db")
    with pytest.raises(store.LedgerRefused) as refused:
        judge(tmp_path)
    assert "secret-name" not in str(refused.value) and len(str(refused.value).splitlines()) == 1


def test_the_snapshot_lands_once(ledger_home: Path) -> None:
    (head,) = loader.land(None, None, ledger_home)
    assert store.exists(ledger_home) and head.dataset == "heads", "an empty ledger: gates are proven against it"
    judge(ledger_home)
    first, _ = loader.land(None, None, ledger_home)
    assert first.counts.inserted == 1 and first.as_of == str(store.rows(ledger_home, store.Judgement)[0]["judged_at"].date())
    again, _ = loader.land(None, None, ledger_home)
    assert again.load_id == first.load_id, "nothing was decided since, so nothing lands"
    judge(ledger_home, "not_same")
    second, _ = loader.land(None, None, ledger_home)
    assert (second.counts.inserted, second.counts.unchanged) == (1, 1)
    assert not list((ledger_home / "archive").rglob(".*")), "nothing half-written is left"


def test_a_ledger_that_is_missing_or_another_is_refused(ledger_home: Path) -> None:
    judge(ledger_home)
    judge(ledger_home, "unsure")
    mark = (ledger_home / store.MARK).read_text()

    lose(ledger_home)
    with pytest.raises(store.LedgerRefused, match="missing, and this lake had 2 entries"):
        loader.land(None, None, ledger_home)
    with pytest.raises(store.LedgerRefused, match="missing"):
        judge(ledger_home)
    (ledger_home / store.MARK).unlink()
    judge(ledger_home)
    (ledger_home / store.MARK).write_text(mark)
    with pytest.raises(store.LedgerRefused, match="set back or replaced"):
        loader.land(None, None, ledger_home)
    (ledger_home / store.MARK).unlink()
    judge(ledger_home)
    (ledger_home / store.MARK).write_text(mark)
    with pytest.raises(store.LedgerRefused, match="another one than was seen here"):
        loader.land(None, None, ledger_home)


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


# --- the chain -------------------------------------------------------------------------------------------------------------


def filled(home: Path) -> None:
    """A ledger with something in it of most kinds."""
    judge(home)
    store.correct(home, "phone", "+358401234567", "me", "told by phone", business_id="0112038-9")
    objections.add(home, MATTI, evidence="letter 1", by_whom="me")
    objections.absorb(home, [(1, "person", key_of("person|x"))])
    objections.add(home, Told(business_id="0112038-9"), scope="organisation", evidence="letter 2", by_whom="me")
    objections.revoke(home, 2, origin="person", told=Told(business_id="0112038-9"), evidence="letter 3", by_whom="me")
    recipients.add(home, "acme", "Acme Oy", by_whom="me")
    delivery = disclosures.Delivery("d1", "acme", "f.csv", "00", ["name"], "marketing")
    disclosures.record(home, delivery, [(key_of("a"), None), (key_of("b"), "0112038-9")])


def test_what_was_revoked_does_not_come_back_by_the_same_evidence(ledger_home: Path) -> None:
    """Silently answering with the number of one that counts no more would lose the new no; a list only repeats what it said."""
    filled(ledger_home)
    firm = Told(business_id="0112038-9")
    assert objections.add(ledger_home, MATTI, evidence="letter 1", by_whom="me") == 1
    with pytest.raises(store.LedgerRefused, match="objection 2, which was revoked"):
        objections.add(ledger_home, firm, scope="organisation", evidence="letter 2", by_whom="me")
    again = objections.Saying(firm, "letter 2", "me", scope="organisation")
    assert objections.add_all_numbered(ledger_home, [again]) == [2]
    assert objections.add(ledger_home, firm, scope="organisation", evidence="letter 4", by_whom="me") == 3


def key_of(text: str) -> str:
    return keys.keyed([text], "subject")[0] or ""


def test_a_chain_of_all_that_was_added(ledger_home: Path) -> None:
    filled(ledger_home)
    assert store.verify(ledger_home) == []
    assert store.head(ledger_home).seq == 9, "eight appends, and one entry that says which secret the keys are of"
    mark = json.loads((ledger_home / store.MARK).read_text())
    assert store.Head(**mark) == store.head(ledger_home)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("update objection set purpose = 'survey' where objection_id = 1", r"entry 4 \(objection\) are not those"),
        ("update objection_key set absorbed = true where objection_key_id = 1", "entry 4"),
        ("update correction set value = '1'", "correction 1: its text is not what was written"),
        ("update correction set value = null, reason = null, salt = null", "correction 1: its text is gone, and no entry"),
        ("delete from objection_key where objection_key_id = 2", "entry 4"),
        ("delete from revocation", "entry 7"),
        ("delete from disclosure where disclosure_id = 2", "entry 9"),
        ("update disclosure set seq = 7 where disclosure_id = 2", "entry 7"),
        ("update revocation set seq = 77", "an entry 77 that there is not"),
        ("update entry set at = '2020-01-01 00:00:00' where seq = 5", "entry 5 was changed"),
        ("update entry set kind = 'absorbed' where seq = 4", "entry 4 was changed"),
        ("delete from entry where seq = 5", "entry 5 is missing"),
        (
            "insert into notice (notice_id, person_id, sent_on, by_whom, seq) values (1, 'p_1x', '2026-01-01', 'x', 12)",
            "an entry 12 that there is not",
        ),
    ],
)
def test_verify_finds_what_was_changed_behind_its_back(ledger_home: Path, statement: str, said: str) -> None:
    filled(ledger_home)
    tamper(ledger_home, statement)
    faults = store.verify(ledger_home)
    assert faults and re.search(said, " ".join(faults)), faults


def test_a_redacted_text_is_gone_and_the_chain_holds(ledger_home: Path) -> None:
    filled(ledger_home)
    store.redact(ledger_home, tables.Correction, [1])
    store.redact(ledger_home, tables.Judgement, [1])
    store.redact(ledger_home, tables.Objection, [1, 1])
    before = store.head(ledger_home)
    store.redact(ledger_home, tables.Objection, [1])
    assert store.head(ledger_home) == before, "what is gone is not taken again"
    (correction,) = store.rows(ledger_home, tables.Correction)
    assert (correction["value"], correction["reason"], correction["salt"], correction["field"]) == (None, None, None, "phone")
    assert store.verify(ledger_home) == []
    if store.url(ledger_home).startswith("sqlite"):
        lying = b"".join(path.read_bytes() for path in ledger_home.glob("ledger.db*"))
        assert b"letter 2" in lying and not [
            text for text in (b"+358401234567", b"told by phone", b"letter 1") if text in lying
        ]


def test_the_database_lets_no_text_be_put_back(ledger_home: Path) -> None:
    filled(ledger_home)
    engine = sa.create_engine(store.url(ledger_home))
    for change in ("value = 'x'", "value = null, reason = null, salt = null, field = 'x'", "value = null, salt = null"):
        with pytest.raises(sa.exc.DatabaseError, match="append-only"), engine.begin() as connection:
            connection.execute(sa.text(f"update correction set {change}"))
    engine.dispose()


def test_rows_of_before_the_chain_join_it(ledger_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import command
    from alembic.config import Config

    ledger_home.mkdir()
    config = Config()
    config.set_main_option("script_location", str(store.MIGRATIONS))
    engine = sa.create_engine(store.url(ledger_home))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            sa.text(
                "insert into judgement (mention_a, mention_b, verdict, by_whom, judged_at, reason) "
                "values ('a', 'b', 'same', 'me', '2026-01-02 03:04:05', 'asked')"
            )
        )
    engine.dispose()
    assert [row["verdict"] for row in store.rows(ledger_home, store.Judgement)] == ["same"]
    judge(ledger_home)
    assert store.verify(ledger_home) == [] and store.head(ledger_home).seq == 2
    tamper(ledger_home, "update judgement set verdict = 'not_same' where judgement_id = 1")
    assert "entry 1" in store.verify(ledger_home)[0]


def test_nothing_is_added_by_others_while_it_is_held(tmp_path: Path) -> None:
    judge(tmp_path)
    with store.holding(tmp_path):
        before = store.head(tmp_path)
        slow = subprocess.Popen([sys.executable, "-c", ADD, str(tmp_path)], stdout=subprocess.PIPE)
        assert slow.stdout and slow.stdout.readline() == b"ready\n"
        time.sleep(2)
        assert slow.poll() is None and store.head(tmp_path) == before
        judge(tmp_path, "unsure")
    assert slow.wait(60) == 0
    assert [row["verdict"] for row in store.rows(tmp_path, store.Judgement)] == ["same", "unsure", "not_same"]


ADD = "import sys; from pathlib import Path; from ledger import store; print('ready', flush=True); " + (
    "store.judge(Path(sys.argv[1]), 'not_same', 'a:b:c', 'a:b:d', 'x', 'y')"
)


# --- backup ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["sqlite", "postgresql"])
def test_a_backup_comes_back_into_either_database(
    ledger_home: Path, other: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(ledger_home)
    store.redact(ledger_home, tables.Correction, [1])
    head = backup.backup(ledger_home, tmp_path / "copy.gz")
    assert head == store.head(ledger_home) and stat.S_IMODE((tmp_path / "copy.gz").stat().st_mode) == 0o600
    with pytest.raises(store.LedgerRefused, match="already there"):
        backup.backup(ledger_home, tmp_path / "copy.gz")
    before = {name: store.rows(ledger_home, table) for name, table in tables.ROWS.items()}
    with pytest.raises(store.LedgerRefused, match="not empty"):
        backup.restore(ledger_home, tmp_path / "copy.gz")
    if other == "postgresql":
        monkeypatch.setenv("KOHDE_LEDGER_URL", new_database(request.getfixturevalue("postgres_server")))
    else:
        monkeypatch.delenv("KOHDE_LEDGER_URL", raising=False)
    elsewhere = tmp_path / "elsewhere"
    assert backup.restore(elsewhere, tmp_path / "copy.gz") == head == store.head(elsewhere)
    assert {name: store.rows(elsewhere, table) for name, table in tables.ROWS.items()} == before
    assert store.verify(elsewhere) == [] and objections.add(elsewhere, MATTI, evidence="letter 1", by_whom="me") == 1


def test_a_damaged_backup_is_refused_and_leaves_nothing(ledger_home: Path, tmp_path: Path) -> None:
    filled(ledger_home)
    whole = tmp_path / "whole.gz"
    backup.backup(ledger_home, whole)
    lines = gzip.decompress(whole.read_bytes()).decode().splitlines()
    damages = {
        "cut": whole.read_bytes()[:-20],
        "no end": gzip.compress("\n".join(lines[:-1]).encode()),
        "a row less": gzip.compress("\n".join([*lines[:3], *lines[4:-1], f'{{"rows":{len(lines) - 3}}}']).encode()),
        "another word": gzip.compress("\n".join(lines).replace("marketing", "survey").encode()),
        "not ours": gzip.compress(b'{"format":"x"}'),
        "no gzip": b"hello",
    }
    lose(ledger_home)
    for name, damage in damages.items():
        (tmp_path / "damaged.gz").write_bytes(damage)
        with pytest.raises(store.LedgerRefused):
            backup.restore(ledger_home, tmp_path / "damaged.gz")
        with pytest.raises(store.LedgerRefused):
            store.head(ledger_home)
        assert name
    backup.restore(ledger_home, whole)
    assert store.verify(ledger_home) == []


def test_an_older_backup_is_taken_only_with_a_reason_and_loses_no_landed_objection(ledger_home: Path, tmp_path: Path) -> None:
    judge(ledger_home)
    backup.backup(ledger_home, tmp_path / "old.gz")
    filled(ledger_home)
    loader.land(None, None, ledger_home)
    known = {(row["objection_id"], row["kind"], row["key"]) for row in store.rows(ledger_home, tables.ObjectionKey)}
    lose(ledger_home)
    with pytest.raises(store.LedgerRefused, match="--accept-loss"):
        backup.restore(ledger_home, tmp_path / "old.gz", landed=loader.landed(ledger_home))
    with pytest.raises(store.LedgerRefused):
        store.head(ledger_home)
    backup.restore(
        ledger_home, tmp_path / "old.gz", accept_loss="the disk is gone", landed=loader.landed(ledger_home), by_whom="me"
    )
    assert {(r["objection_id"], r["kind"], r["key"]) for r in store.rows(ledger_home, tables.ObjectionKey)} == known
    assert [bool(row["revoked_at"]) for row in objections.every(ledger_home)] == [False, True]
    assert store.verify(ledger_home) == [] and store.suppression_head(ledger_home) == store.head(ledger_home)
    loader.land(None, None, ledger_home)
    objections.revoke(ledger_home, 1, origin="person", told=MATTI, evidence="letter 9", by_whom="me")


# --- rotation --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def secret_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A secret in a file of its own."""
    monkeypatch.delenv("KOHDE_SECRET")
    monkeypatch.setenv("KOHDE_SECRET_FILE", str(tmp_path / "secret"))
    return keys.create()


def test_a_rotation_loses_no_objection(ledger_home: Path, secret_file: Path) -> None:
    filled(ledger_home)
    store.redact(ledger_home, tables.Objection, [1])
    old = {(row["kind"], row["key"]) for row in store.rows(ledger_home, tables.ObjectionKey)}
    assert rotation.rotate(ledger_home) == 2
    new = {(row["kind"], row["key"]) for row in store.rows(ledger_home, tables.ObjectionKey)}
    assert not old & new and len(old) == len(new)
    assert set(subjects.keys(MATTI)) <= new and store.verify(ledger_home) == []
    assert objections.add(ledger_home, MATTI, evidence="letter 1", by_whom="me") == 1, "told again, it is the same"
    (disclosed,) = disclosures.of(ledger_home, [key_of("a")])
    assert disclosed["delivery_id"] == "d1"
    tamper(ledger_home, "update objection_key set kind = 'phone' where objection_key_id = 1")
    assert "before the rotation" in store.verify(ledger_home)[0]
    assert rotation.rotate(ledger_home) == 3


def test_a_rotation_that_was_cut_off_goes_on(ledger_home: Path, secret_file: Path) -> None:
    filled(ledger_home)
    rotation.add_version(secret_file, keys.current())
    with pytest.raises(store.LedgerRefused, match=r"keys of version 1 .* run `kohde key rotate`"):
        loader.land(None, None, ledger_home)
    with pytest.raises(store.LedgerRefused, match="kohde key rotate"):
        objections.add(ledger_home, MATTI, evidence="letter 5", by_whom="me")
    assert rotation.rotate(ledger_home) == 2 and len(secret_file.read_text().split()) == 2
    loader.land(None, None, ledger_home)


def test_another_secret_is_refused(ledger_home: Path, secret_file: Path) -> None:
    filled(ledger_home)
    secret_file.write_text(f"1:{'cd' * 32}\n")
    with pytest.raises(store.LedgerRefused, match="another secret"):
        loader.land(None, None, ledger_home)
    secret_file.write_text(f"1:{'cd' * 32}\n2:{'ef' * 32}\n")
    with pytest.raises(store.LedgerRefused, match="no earlier version"):
        rotation.rotate(ledger_home)


def test_a_secret_in_the_environment_is_not_ours_to_change(ledger_home: Path) -> None:
    filled(ledger_home)
    with pytest.raises(store.LedgerRefused, match="add a line `2:`"):
        rotation.rotate(ledger_home)


def test_commands_of_the_ledger(tmp_path: Path) -> None:
    filled(tmp_path / "lake")
    done = kohde(tmp_path / "lake", "ledger", "verify", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["entries"] == 9, done.stderr
    assert kohde(tmp_path / "lake", "ledger", "backup", str(tmp_path / "b.gz")).returncode == 0
    lose(tmp_path / "lake")
    gone = kohde(tmp_path / "lake", "ledger", "verify")
    assert gone.returncode == 1 and "the ledger is missing" in gone.stderr and len(gone.stderr.splitlines()) == 1
    assert kohde(tmp_path / "lake", "ledger", "create").returncode == 1
    assert kohde(tmp_path / "lake", "ledger", "restore", str(tmp_path / "b.gz")).returncode == 0
    tamper(tmp_path / "lake", "delete from revocation")
    assert kohde(tmp_path / "lake", "ledger", "verify").returncode == 1
    assert kohde(tmp_path / "lake", "key", "rotate").returncode == 1
