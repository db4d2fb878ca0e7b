"""The frame around dbt, on a project of three files: what makes a build whole, an increment, or refused."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
import yaml

from orchestration import build as building
from orchestration import settings
from orchestration.build import BuildFailed, build, fingerprint, landed
from orchestration.publish import publish
from orchestration.state import BuildState, Refused, writer

PROJECT = """
name: kohde
profile: kohde
version: '1.0'
models: {kohde: {enriched: {+schema: enriched}}}
seeds: {kohde: {+schema: reference}}
"""
PROFILE = """
kohde:
  target: duckdb
  outputs:
    duckdb: {type: duckdb, path: "{{ env_var('KOHDE_HOME') }}/warehouse.duckdb"}
"""
MODEL = """
{{ config(materialized='incremental', unique_key='id') }}
select id, load_id from read_parquet('{{ env_var("KOHDE_HOME") }}/raw/ytj/companies/load=*/*.parquet', union_by_name=true)
{% if is_incremental() %} where load_id > '{{ var("watermarks")["ytj.companies"] }}' {% endif %}
"""
SCHEMA = """
models:
  - name: organisations
    columns: [{name: id, data_tests: [{not_null: {config: {severity: SEVERITY}}}]}]
"""

# What a build and a publication look for in any project: the gates, closed to nobody.
GATES = {
    "enriched/enr_gate_head": "select '0-00000000' as version",
    "enriched/enr_objection_closure": "select 1 as objection_id, 'email' as kind, 's_1' as key where false",
    "marketing_contacts": "select 'x' as value, '0-00000000' as suppression_version where false",
    "marketing_organisations": "select 'x' as name where false",
}

Land = Callable[[str, str], None]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dbt project beside a profiles.yml, in place of ours."""
    folder = tmp_path / "dbt_project"
    (folder / "models").mkdir(parents=True)
    (tmp_path / "profiles.yml").write_text(PROFILE)
    (folder / "dbt_project.yml").write_text(PROJECT)
    (folder / "models" / "organisations.sql").write_text(MODEL)
    for name, sql in GATES.items():
        (folder / "models" / name).parent.mkdir(exist_ok=True)
        (folder / "models" / f"{name}.sql").write_text("{{ config(materialized='table') }} " + sql)
    for kept in ("macros/generate_schema_name.sql", "seeds/source_purposes.csv"):
        (folder / kept).parent.mkdir()
        shutil.copyfile(settings.DBT_PROJECT / kept, folder / kept)
    (folder / "models" / "_models.yml").write_text(SCHEMA.replace("SEVERITY", "error"))
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    monkeypatch.setattr(settings, "DBT_PROJECT", folder)
    monkeypatch.setenv("KOHDE_HOME", str(tmp_path / "lake"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "lake" / "dagster"))
    return folder


@pytest.fixture
def home(project: Path) -> Path:
    return project.parent / "lake"


@pytest.fixture
def land(home: Path) -> Land:
    """Land one company of a day; `land("0102", "NULL")` lands one that no test lets through."""

    def put(day: str, identifier: str) -> None:
        load = f"ytj-companies-2026{day}-001"
        folder = home / "raw" / "ytj" / "companies" / f"load={load}"
        folder.mkdir(parents=True)
        duckdb.execute(f"COPY (SELECT {identifier}::INTEGER AS id, '{load}' AS load_id) TO '{folder}/part.parquet'")

    return put


def rows(home: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as db:
        return db.execute("SELECT id, load_id FROM organisations ORDER BY load_id").fetchall()


def test_nothing_landed_is_refused(home: Path) -> None:
    with pytest.raises(Refused, match="nothing has landed"):
        build(home)


def test_first_whole_then_what_landed_then_nothing(home: Path, land: Land) -> None:
    land("0102", "1")
    first = build(home)
    assert (first.status, first.full_refresh, first.reason) == ("built", True, "first build")
    assert first.results == {"success": 2 + len(GATES), "pass": 1}
    # An increment asks for later loads only: a row changed behind its back must still be there afterwards.
    with duckdb.connect(str(home / "warehouse.duckdb")) as db:
        db.execute("UPDATE organisations SET id = 100")
    land("0103", "2")
    second = build(home)
    assert (second.status, second.full_refresh) == ("built", False)
    assert [row[0] for row in rows(home)] == [100, 2]
    assert second.invocation_id != first.invocation_id
    third = build(home)
    assert (third.status, third.invocation_id) == ("nothing new", "")
    assert BuildState.read(home).invocation_id == second.invocation_id
    assert build(home, full_refresh=True).reason == "asked for"
    assert [row[0] for row in rows(home)] == [1, 2]


def test_a_changed_model_makes_a_new_warehouse(home: Path, land: Land, project: Path) -> None:
    land("0102", "1")
    build(home)
    (project / "models" / "organisations.sql").write_text(MODEL.replace("select id,", "select id + 1 as id,"))
    report = build(home)
    assert report.reason == "the dbt project has changed"
    assert [row[0] for row in rows(home)] == [2]
    (project / "models" / "organisations.sql").rename(project / "models" / "companies.sql")
    (project / "models" / "_models.yml").unlink()
    build(home)
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as db:
        tables = {table for (table,) in db.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    assert "companies" in tables and "organisations" not in tables, "nothing of the old project is left"


def test_a_failing_test_fails_the_build_and_nothing_is_published(home: Path, land: Land) -> None:
    land("0102", "1")
    build(home)
    version = publish(home)
    land("0103", "NULL")
    with pytest.raises(BuildFailed, match="not_null_organisations_id") as failure:
        build(home)
    assert "\n" not in str(failure.value)
    state = BuildState.read(home)
    assert state.status == "failed" and state.loads["ytj.companies"] == "ytj-companies-20260102-001"
    with pytest.raises(Refused, match="last build failed"):
        publish(home)
    assert (home / "published" / "current").resolve().name == version.version
    load = "ytj-companies-20260103-001"
    part = home / f"raw/ytj/companies/load={load}/part.parquet"
    duckdb.execute(f"COPY (SELECT 2 AS id, '{load}' AS load_id) TO '{part}'")
    assert build(home).reason == "the last build failed"
    assert [row[0] for row in rows(home)] == [1, 2]


def test_a_warning_is_told_and_lets_the_build_through(home: Path, land: Land, project: Path) -> None:
    (project / "models" / "_models.yml").write_text(SCHEMA.replace("SEVERITY", "warn"))
    land("0102", "NULL")
    report = build(home)
    assert report.status == "built" and "not_null_organisations_id" in report.warnings[0]


def test_a_broken_model_is_one_line(home: Path, land: Land, project: Path) -> None:
    (project / "models" / "organisations.sql").write_text("select {{ nonsense(")
    land("0102", "1")
    with pytest.raises(BuildFailed, match="organisations") as failure:
        build(home)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("harm", ["missing", "garbage"])
def test_a_damaged_warehouse_is_made_anew(home: Path, land: Land, harm: str) -> None:
    land("0102", "1")
    build(home)
    warehouse = home / "warehouse.duckdb"
    warehouse.unlink()
    if harm == "garbage":
        warehouse.write_bytes(b"not a database" * 1000)
    assert build(home).reason == "the warehouse is missing or damaged"
    assert [row[0] for row in rows(home)] == [1]


def test_a_killed_build_is_known_as_such(home: Path, land: Land, project: Path) -> None:
    land("0102", "1")
    build(home)
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from orchestration import settings; from orchestration.build import building\n"
        "settings.DBT_PROJECT = Path(sys.argv[2])\n"
        "with building(Path(sys.argv[1]), always=True): os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", script, home, project], check=False).returncode == -signal.SIGKILL
    with pytest.raises(Refused, match="interrupted"):
        publish(home)
    assert build(home).reason == "the last build was interrupted"


def test_a_second_builder_is_refused_in_one_line(home: Path, land: Land) -> None:
    land("0102", "1")
    with writer(home), pytest.raises(Refused, match="another build"):
        build(home)


def test_a_part_of_the_models_is_never_published(home: Path, land: Land) -> None:
    land("0102", "1")
    with building.building(home) as plan:
        plan.whole = False
    with pytest.raises(Refused, match="only a part"):
        publish(home)


def test_a_load_that_has_gone_makes_a_new_warehouse(home: Path, land: Land) -> None:
    land("0102", "1")
    land("0103", "2")
    build(home)
    gone = home / "raw/ytj/companies/load=ytj-companies-20260103-001"
    gone.rename(home / "aside")
    assert build(home).reason == "a load that was built has gone from the lake"
    assert [row[0] for row in rows(home)] == [1]


def test_the_working_directory_stays(home: Path, land: Land) -> None:
    land("0102", "1")
    before = Path.cwd()
    build(home)
    assert Path.cwd() == before


def test_fingerprint_sees_sql_yaml_and_seeds_and_not_dbts_own_output(project: Path) -> None:
    first = fingerprint()
    (project / "target").mkdir()
    (project / "target" / "compiled.sql").write_text("select 1")
    (project / "README.md").write_text("text")
    assert fingerprint() == first
    (project / "models" / "seed.csv").write_text("a\n1\n")
    assert fingerprint() != first


def test_a_load_kept_aside_is_something_new(tmp_path: Path) -> None:
    """Else source_health would go on saying that all is well."""
    (tmp_path / "raw" / "ytj" / "companies" / "load=ytj-companies-20260102-001").mkdir(parents=True)
    (tmp_path / "raw" / "ytj" / "companies" / "load=schema").mkdir()
    assert landed(tmp_path) == {"ytj.companies": "ytj-companies-20260102-001"}
    (tmp_path / "aside" / "ytj" / "companies" / "load=ytj-companies-20260103-001").mkdir(parents=True)
    assert landed(tmp_path) == {"ytj.companies": "ytj-companies-20260103-001"}


def test_what_duckdb_takes_once_is_given_once(tmp_path: Path) -> None:
    """dbt repeats `settings` on every connection; once DuckDB has spilled it refuses even the same temp_directory."""
    output = yaml.safe_load((settings.ROOT / "profiles.yml").read_text())["kohde"]["outputs"]["duckdb"]
    assert "temp_directory" in output["config_options"] and "settings" not in output
    options = output["config_options"] | {"temp_directory": str(tmp_path / "spill"), "memory_limit": "150MB"}
    with duckdb.connect(str(tmp_path / "a.duckdb"), config=options) as db:
        db.execute(
            "create table t as select md5(i::varchar) as a, md5((i * 7)::varchar) as b from range(4000000) r(i) order by 1"
        )
        assert (tmp_path / "spill").exists()
        with pytest.raises(duckdb.Error, match="Cannot switch temporary directory"):
            db.execute(f"set temp_directory = '{tmp_path / 'spill'}'")
