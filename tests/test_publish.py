"""Publication: what is copied, and that a reader never sees less than a whole version."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import pytest

from ledger import store
from orchestration import publish as publishing
from orchestration.publish import connect, current, publish, versions
from orchestration.state import BuildState, Refused, Status, writer

CONTRACT = """
CREATE TABLE organisations (
  business_id VARCHAR NOT NULL CHECK (length(business_id) = 9),
  name VARCHAR NOT NULL,
  sector VARCHAR,
  caretaker VARCHAR,
  CHECK (sector IN ('a', 'b')),
  CHECK (caretaker <> name)
);
COMMENT ON TABLE organisations IS 'One row per organisation''s business id';
COMMENT ON COLUMN organisations.name IS 'Name in force';
CREATE TABLE organisation_history (business_id VARCHAR NOT NULL, valid_from DATE NOT NULL, valid_to DATE);
CREATE TABLE marketing_contacts (business_id VARCHAR NOT NULL, value VARCHAR CHECK (value <> ''), suppression_version VARCHAR);
COMMENT ON TABLE marketing_contacts IS 'Past every gate';
CREATE TABLE marketing_organisations (business_id VARCHAR NOT NULL);
CREATE TABLE gate_audit (business_id VARCHAR NOT NULL, gate VARCHAR);
CREATE SCHEMA enriched;
CREATE TABLE enriched.enr_gate_head (version VARCHAR);
CREATE SCHEMA staging;
CREATE SCHEMA reference;
CREATE TABLE reference.sectors AS SELECT 'a' AS code, 'Alkutuotanto' AS name;
CREATE MACRO organisations_as_of(day) AS TABLE
  SELECT * FROM "warehouse"."main"."organisation_history"
  CROSS JOIN reference.sectors
  WHERE valid_from <= day AND (valid_to IS NULL OR valid_to > day);
CREATE VIEW staging.stg_companies AS SELECT * FROM organisations;
"""


def make_warehouse(home: Path, rows: int, status: Status = "built") -> Path:
    """A lake as a build leaves it: ledger, warehouse, dbt manifest and receipt, with `rows` organisations."""
    home.mkdir(parents=True, exist_ok=True)
    store.create(home)
    head = store.suppression_head(home).version
    (home / "warehouse.duckdb").unlink(missing_ok=True)
    with duckdb.connect(str(home / "warehouse.duckdb")) as db:
        db.execute(CONTRACT)
        db.execute(
            "INSERT INTO organisations SELECT printf('%07d-0', i), 'Yritys ' || i, 'a', 'N.N.' FROM range(?) t(i)",
            [rows],
        )
        db.execute(
            "INSERT INTO organisation_history VALUES "
            "('0000000-0', '2026-01-01', '2026-01-03'), ('0000000-0', '2026-01-03', NULL)"
        )
        db.execute("INSERT INTO enriched.enr_gate_head VALUES (?)", [head])
        db.execute("INSERT INTO marketing_contacts VALUES ('0000001-0', 'info@yritys.fi', ?)", [head])
        db.execute("INSERT INTO marketing_organisations VALUES ('0000001-0')")
        db.execute("INSERT INTO gate_audit VALUES ('0000002-0', 'STALE')")

    def node(name: str, /, kind: str = "model", schema: str = "main", **columns: dict[str, object]) -> dict[str, object]:
        return {"resource_type": kind, "schema": schema, "name": name, "columns": columns}

    nodes = {
        "model.kohde.organisations": node("organisations", name={}, caretaker={"config": {"meta": {"personal": True}}}),
        "model.kohde.organisation_history": node("organisation_history", business_id={"meta": {"personal": False}}),
        "seed.kohde.sectors": node("sectors", "seed", "reference"),
        "model.kohde.stg_companies": node("stg_companies", schema="staging"),
        "model.kohde.marketing_contacts": node("marketing_contacts", value={"meta": {"personal": "direct"}}),
        "model.kohde.marketing_organisations": node("marketing_organisations"),
        "model.kohde.gate_audit": node("gate_audit"),
    }
    (home / "dbt").mkdir(exist_ok=True)
    (home / "dbt" / "manifest.json").write_text(json.dumps({"nodes": nodes}))
    BuildState(
        status=status, loads={"ytj.companies": "ytj-companies-20260102-001"}, invocation_id="abc", built_at="2026-01-02"
    ).write(home)
    return home


def count(home: Path, file: str = "registry") -> int:
    """Organisations that a reader of the current version sees."""
    with connect(home, file) as db:
        return int(db.execute("SELECT count(*) FROM organisations").fetchall()[0][0])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_warehouse(tmp_path / "lake", 10)


def test_contract_comments_and_macro_are_published(home: Path) -> None:
    publish(home)
    with connect(home, "registry") as db:
        columns = dict(
            db.execute(
                "SELECT column_name, (is_nullable, comment) FROM duckdb_columns() WHERE table_name = 'organisations'"
            ).fetchall()
        )
        assert columns["business_id"] == (False, None)
        assert columns["name"] == (False, "Name in force")
        assert db.execute("SELECT comment FROM duckdb_tables() WHERE table_name = 'organisations'").fetchall() == [
            ("One row per organisation's business id",)
        ]
        checks = db.execute("SELECT count(*) FROM duckdb_constraints() WHERE constraint_type = 'CHECK'").fetchall()
        assert checks == [(4,)]
        assert db.execute("SELECT valid_to, name FROM organisations_as_of(DATE '2026-01-04')").fetchall() == [
            (None, "Alkutuotanto")
        ]
        assert db.execute("SELECT count(*) FROM duckdb_tables() WHERE schema_name <> 'main'").fetchall() == [(1,)]


def test_contract_still_refuses_in_a_copy_of_the_published_file(home: Path, tmp_path: Path) -> None:
    publish(home)
    copy = tmp_path / "copy.duckdb"
    copy.write_bytes((current(home) / "registry.duckdb").read_bytes())
    with duckdb.connect(str(copy)) as db, pytest.raises(duckdb.ConstraintException):
        db.execute("INSERT INTO organisations VALUES ('1', 'x', 'a', NULL)")


def test_macro_answers_when_the_file_is_attached_under_another_name(home: Path) -> None:
    # DuckDB looks a macro's tables up where the caller stands: hence USE.
    publish(home)
    with duckdb.connect() as db:
        db.execute(f"ATTACH '{current(home)}/registry.duckdb' AS kohde (READ_ONLY); USE kohde")
        assert db.execute("SELECT count(*) FROM organisations_as_of(DATE '2026-01-02')").fetchall() == [(1,)]


def test_analyst_has_no_personal_column(home: Path) -> None:
    publish(home)

    def columns(file: str) -> set[str]:
        with connect(home, file) as db:
            return {
                name
                for (name,) in db.execute(
                    "SELECT column_name FROM duckdb_columns() WHERE table_name = 'organisations'"
                ).fetchall()
            }

    assert columns("registry") - columns("analyst") == {"caretaker"}
    assert b"caretaker" not in (current(home) / "analyst.duckdb").read_bytes()


def test_nothing_is_published_when_nobody_knows_what_is_personal(home: Path) -> None:
    (home / "dbt" / "manifest.json").unlink()
    with pytest.raises(Refused, match="personal"):
        publish(home)
    assert list((home / "published").iterdir()) == []


def test_a_table_dbt_does_not_declare_is_refused(home: Path) -> None:
    with duckdb.connect(str(home / "warehouse.duckdb")) as db:
        db.execute("CREATE TABLE notes (text VARCHAR)")
    with pytest.raises(Refused, match="notes"):
        publish(home)


def test_receipt_tells_rows_loads_and_checksums(home: Path) -> None:
    receipt = publish(home)
    written = json.loads((current(home) / "manifest.json").read_text())
    rows = {"organisations": 10, "organisation_history": 2, "reference.sectors": 1, "gate_audit": 1}
    rows |= {f"{file}marketing_contacts": 1 for file in ("", "marketing.")}
    rows |= {"marketing_organisations": 1, "marketing.organisations": 1}
    assert written["tables"] == rows == receipt.tables
    assert written["suppression_version"] == store.suppression_head(home).version == "0-00000000"
    assert written["loads"] == {"ytj.companies": "ytj-companies-20260102-001"}
    assert written["invocation_id"] == "abc" and written["version"] == current(home).name
    for file in written["files"]:
        path = current(home) / file["name"]
        assert subprocess.check_output(["sha256sum", path], text=True).split()[0] == file["sha256"]


def test_files_are_sealed_and_no_wal_lies_beside_them(home: Path) -> None:
    publish(home)
    assert sorted(path.name for path in current(home).iterdir()) == [
        "analyst.duckdb",
        "manifest.json",
        "marketing.duckdb",
        "registry.duckdb",
    ]
    modes = {path.name: path.stat().st_mode & 0o777 for path in current(home).glob("*.duckdb")}
    assert modes == {"analyst.duckdb": 0o444, "marketing.duckdb": 0o440, "registry.duckdb": 0o440}
    assert current(home).stat().st_mode == (home / "published").stat().st_mode
    for path in current(home).glob("*.duckdb"):
        with duckdb.connect(str(path), read_only=True) as db:
            (tags,) = db.sql("select tags['storage_version'] from duckdb_databases() where not internal").fetchall()[0]
            assert tags.startswith("v1.4"), "other programs' drivers could not open it"


def test_files_belong_to_the_group_of_the_folder_and_are_shut_until_they_are_whole(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, int]] = []

    def look(step: str) -> None:
        drafts = [path for path in (home / "published").iterdir() if path.name.endswith(".part")]
        seen.extend((step, path.stat().st_mode & 0o077) for path in drafts)

    (home / "published").mkdir()
    if os.geteuid() == 0:  # others have no second group to give it
        os.chown(home / "published", -1, 4242)
    (home / "published").chmod(0o2750)
    monkeypatch.setattr(publishing, "_step", look)
    publish(home)
    assert {step for step, _ in seen} >= {"copied", "sealed", "held"} and {mode for _, mode in seen} == {0}
    group = (home / "published").stat().st_gid
    assert {path.stat().st_gid for path in current(home).glob("*.duckdb")} == {group}


@pytest.mark.parametrize("status", ["absent", "building", "failed"])
def test_a_bad_build_is_refused_and_the_old_version_stays(home: Path, status: Status) -> None:
    publish(home)
    before = current(home)
    make_warehouse(home, 20, status)
    with pytest.raises(Refused, match="not published"):
        publish(home)
    assert current(home) == before and count(home) == 10


def test_refused_without_a_warehouse_and_during_a_build(home: Path) -> None:
    with writer(home), pytest.raises(Refused, match="another build"):
        publish(home)
    (home / "warehouse.duckdb").unlink()
    with pytest.raises(Refused, match="missing"):
        publish(home)


def test_a_copy_that_differs_is_not_published(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(home)
    before = current(home)
    whole = publishing._copy_table
    monkeypatch.setattr(publishing, "_copy_table", lambda *arguments: whole(*arguments) + 1)
    with pytest.raises(Refused, match="rows"):
        publish(home)
    assert current(home) == before
    assert [path.name for path in (home / "published").iterdir() if path.name.startswith(".")] == []


def test_only_the_last_three_versions_are_kept_and_names_only_rise(home: Path) -> None:
    made = [publish(home).version for _ in range(5)]
    assert made == sorted(set(made), key=publishing._order)
    assert versions(home / "published") == made[-3:]
    assert current(home).name == made[-1]


def test_reading_before_the_first_publication_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="nothing is published"):
        current(tmp_path)


def test_published_sql_reaches_neither_files_nor_settings(home: Path) -> None:
    publish(home)
    with connect(home) as db:
        for attack in (
            "SELECT * FROM read_text('/etc/hostname')",
            f"ATTACH '{current(home)}/registry.duckdb' AS r",
            "SET enable_external_access = true",
            "SET memory_limit = '1GB'",
            "COPY organisations TO '/tmp/leak.csv'",
            "DELETE FROM organisations",
        ):
            with pytest.raises(duckdb.Error):
                db.execute(attack)


# A publisher that dies at its n-th durable step: every rename, link, fsync, chmod and removal is one.
DYING_PUBLISHER = """
import os, shutil, signal, sys
from pathlib import Path
from orchestration.publish import publish
left = int(sys.argv[2])
def dies(call):
    def step(*arguments, **options):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **options)
    return step
for name in ("replace", "rename", "symlink", "fsync", "chmod", "unlink"):
    setattr(os, name, dies(getattr(os, name)))
shutil.rmtree = dies(shutil.rmtree)
publish(Path(sys.argv[1]))
"""


def test_killed_at_every_durable_step_the_pointer_is_whole(home: Path) -> None:
    for _ in range(3):
        publish(home)
    kills = 0
    for step in range(1, 60):
        rows = 10 + step
        seen = count(home)
        make_warehouse(home, rows)
        done = subprocess.run(
            [sys.executable, "-c", DYING_PUBLISHER, str(home), str(step)], check=False, capture_output=True, text=True
        )
        assert count(home) in (seen, rows), f"killed at step {step}"
        assert json.loads((current(home) / "manifest.json").read_text())["tables"]["organisations"] == count(home)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        kills += 1
    assert kills >= 10, "the publisher takes at least ten durable steps"
    publish(home)
    assert [path.name for path in (home / "published").iterdir() if path.name.startswith(".")] == []
    assert len(versions(home / "published")) == 3


def _poll(home: Path, seen: "multiprocessing.Queue[object]", stop: float) -> None:
    """A reader in a process of its own: note every number of rows, or the error."""
    found: set[int] = set()
    try:
        while time.monotonic() < stop and 15 not in found:
            found.add(count(home))
        seen.put(found)
    except Exception as error:
        seen.put(repr(error))


def test_readers_in_this_and_another_process_never_break(home: Path) -> None:
    publish(home)
    context = multiprocessing.get_context("spawn")
    seen: multiprocessing.Queue[object] = context.Queue()
    stop = time.monotonic() + 40
    other = context.Process(target=_poll, args=(home, seen, stop))
    other.start()
    here: list[int] = []
    failures: list[BaseException] = []
    finished = threading.Event()

    def poll() -> None:
        try:
            while not finished.is_set():
                here.append(count(home))
        except BaseException as error:
            failures.append(error)

    with connect(home, "registry") as old:  # held open over every publication, as an analyst's notebook would
        thread = threading.Thread(target=poll)
        thread.start()
        for rows in range(11, 16):
            make_warehouse(home, rows)
            publish(home)
            assert count(home) == rows, "the same process sees the new version after resolving anew"
            assert len(old.execute("SELECT * FROM organisations").fetchall()) == 10, "and keeps the old one while it holds it"
        finished.set()
        thread.join()
    found = seen.get(timeout=60)
    other.join()
    assert failures == []
    assert here == sorted(here) and here[-1] in (14, 15), "never back to an older version"
    assert isinstance(found, set) and 15 in found and found <= set(range(10, 16)), found


def test_the_lock_of_a_killed_writer_is_free(home: Path) -> None:
    script = "import os, signal, sys; from pathlib import Path; from orchestration.state import writer\n"
    script += "with writer(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    assert subprocess.run([sys.executable, "-c", script, str(home)], check=False, env=os.environ).returncode == -signal.SIGKILL
    with writer(home):
        pass
